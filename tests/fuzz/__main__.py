"""Fuzzes every reader of foreign input: ``python -m tests.fuzz --cases 1000000``.

Each target runs in a process of its own, by atheris where it is installed (coverage decides what is kept) and by random
mutation elsewhere. A case that fails is kept in ``build/fuzz/`` and runs again with ``--replay FILE --target NAME``.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

_SECONDS = 20
"""One case that takes longer hangs."""


def main() -> int:
    """Runs what the arguments ask for; 0 when nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=1_000_000, help="of all targets together (default: a million)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", help="one target alone")
    parser.add_argument("--out", type=Path, default=Path("build/fuzz"))
    parser.add_argument("--replay", type=Path, help="one case that was kept")
    parser.add_argument("--no-atheris", action="store_true", help="random mutation even where atheris is installed")
    options = parser.parse_args()
    if options.replay:
        _one(options.target)(options.replay.read_bytes())
        return 0
    if options.target and os.environ.get("FUZZ_CHILD"):
        return _run_target(options)
    return _run_all(options)


def _run_all(options: argparse.Namespace) -> int:
    from tests.fuzz.targets import TARGETS

    names = [options.target] if options.target else list(TARGETS)
    total = sum(TARGETS[name].share for name in names)
    failed = []
    options.out.mkdir(parents=True, exist_ok=True)
    for name in names:
        cases = options.cases * TARGETS[name].share // total
        words = [
            sys.executable,
            "-m",
            "tests.fuzz",
            "--target",
            name,
            "--cases",
            str(cases),
            "--seed",
            str(options.seed),
        ]
        words += ["--out", str(options.out)] + ["--no-atheris"] * options.no_atheris
        begun = time.monotonic()
        log = options.out / f"{name}.log"
        with log.open("wb") as file:
            done = subprocess.run(words, env=os.environ | {"FUZZ_CHILD": "1"}, stderr=file, stdout=file, check=False)
        outcome = "nothing found" if done.returncode == 0 else f"FAILED, see {log}"
        print(f"{name:<12} {cases:>9,} cases {time.monotonic() - begun:>7.1f} s  {outcome}", flush=True)
        failed += [name] * (done.returncode != 0)
    return 1 if failed else 0


def _one(name: str) -> Callable[[bytes], None]:
    from tests.fuzz.targets import EXPECTED, TARGETS

    def run(data: bytes) -> None:
        try:
            TARGETS[name].run(data)
        except EXPECTED:
            return

    return run


def _run_target(options: argparse.Namespace) -> int:
    if find_spec("atheris") and not options.no_atheris:
        return _by_coverage(options)
    return _by_mutation(options)


def _by_coverage(options: argparse.Namespace) -> int:
    import atheris

    with atheris.instrument_imports(include=["recsys"]):
        from tests.fuzz.targets import TARGETS
    corpus = options.out / options.target
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(TARGETS[options.target].seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    kept = f"-artifact_prefix={options.out}/{options.target}-"
    limits = [f"-runs={options.cases}", f"-seed={options.seed}", f"-timeout={_SECONDS}", "-max_len=4096", kept]
    atheris.Setup([sys.argv[0], *limits, str(corpus)], _one(options.target))
    atheris.Fuzz()  # ends the process
    return 0


def _by_mutation(options: argparse.Namespace) -> int:
    from tests.fuzz.mutation import cases
    from tests.fuzz.targets import TARGETS

    run = _one(options.target)
    signal.signal(signal.SIGALRM, _hangs)
    for number, case in enumerate(cases(TARGETS[options.target].seeds, options.cases, options.seed)):
        signal.alarm(_SECONDS)
        try:
            run(case)
        except BaseException:
            kept = options.out / f"{options.target}-case-{number}"
            kept.write_bytes(case)
            print(f"case {number} is kept in {kept}", flush=True)
            raise
    signal.alarm(0)
    return 0


def _hangs(number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"one case took longer than {_SECONDS} s")


if __name__ == "__main__":
    sys.exit(main())
