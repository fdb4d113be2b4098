"""The command line in this process and in others, files that were cut off or altered, and kills at a moment."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from recsys.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 240.0
ENDED_WELL = (0, 1, 2)
"""Done, failed, bad input: anything else is a traceback or a signal."""


@dataclass(frozen=True)
class End:
    """How a command ended: its exit code, what it printed, and the one sentence that it gave for an error."""

    code: int
    printed: str
    error: str


def run_here(arguments: Sequence[str], capsys) -> End:
    """Runs a command in this process, so that hundreds take seconds; whatever escapes fails the test."""
    capsys.readouterr()
    code = main(list(arguments))
    captured = capsys.readouterr()
    return End(code, captured.out, last_error(captured.err))


def last_error(said: str) -> str:
    errors = [line for line in said.splitlines() if line.startswith("Error: ")]
    return errors[-1] if errors else ""


def require_recovered_or_told(end: End) -> None:
    """Exit code 0, or 1 or 2 with one line that says what, and the mend after a full stop."""
    assert end.code in ENDED_WELL
    assert bool(end.error) == (end.code != 0), end
    if end.error:
        assert re.fullmatch(r"Error: .+\. .+\.", end.error), end.error


def start(arguments: Sequence[str], *, cache: Path, before: Sequence[str] = (), **environment: str):
    """Starts a command as a process of its own, with a cache of its own."""
    command = [*before, sys.executable, "-m", "recsys", *arguments]
    return start_program(command, RECSYS_CACHE=str(cache), **environment)


def start_program(command: Sequence[str], **environment: str) -> subprocess.Popen[str]:
    settings = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)} | environment
    kept = {name: value for name, value in os.environ.items() if name not in ("RECSYS_TRAINING", "RECSYS_RUNS")}
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=kept | settings
    )


def end_of(process: subprocess.Popen[str]) -> End:
    """Waits for a process; a traceback on its stderr fails the test."""
    printed, said = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in said, said
    return End(process.returncode, printed, last_error(said))


def kill_when(process: subprocess.Popen[str], is_so: Callable[[], bool], *, after: float = 0.0) -> bool:
    """SIGKILL so many seconds after something came true; whether the process was still there."""
    until = time.monotonic() + PATIENCE
    while not is_so() and process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.001)
    time.sleep(after)
    was_there = process.poll() is None
    if was_there:
        os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=PATIENCE)
    return was_there


def damaged(content: bytes, *, seed: int, cuts: int, alterations: int, head: int = 512) -> Iterator[tuple[str, bytes]]:
    """The content cut off at its ends and at random, and with bits turned at random, half of them in its head."""
    rng = random.Random(seed)
    lengths = {0, 1, len(content) // 2, len(content) - 1, *(rng.randrange(len(content)) for _ in range(cuts))}
    for length in sorted(lengths):
        yield f"cut to {length}", content[:length]
    for number in range(alterations):
        altered = bytearray(content)
        for _ in range(rng.choice((1, 1, 8, 64))):
            end = min(head, len(content)) if rng.random() < 0.5 else len(content)
            altered[rng.randrange(end)] ^= 1 << rng.randrange(8)
        yield f"alteration {number}", bytes(altered)
