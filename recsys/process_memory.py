"""What another process's memory peaks at while it runs, as Linux tells it.

Private memory is what would be free if the process ended: what it wrote, and file pages that it alone has mapped.
The kernel can drop the latter without that process's knowing, so anonymous memory, which it cannot, is told too.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recsys.errors import SettingsError

_SECONDS_BETWEEN_LOOKS = 0.05


@dataclass
class PhasePeaks:
    """The peaks of one phase of a process, in bytes.

    Attributes:
        private: Private memory, file pages included.
        anonymous: Private memory that no file stands behind.
        told: What the process told at the end of the phase.
    """

    private: int = 0
    anonymous: int = 0
    told: dict[str, Any] = field(default_factory=dict)


def watch_process(
    command: Sequence[str], *, must_end: Callable[[], bool] = lambda: False
) -> tuple[dict[str, PhasePeaks], int]:
    """Runs a command to its end and tells its peaks in each of its phases.

    Args:
        command: What to run. Each line that it prints ends a phase: a JSON object with the phase's name as "phase".
        must_end: Asked after each look; once it says so the process is killed.

    Returns:
        The peaks by phase, those after the last line under "", and the exit status.

    Raises:
        SettingsError: where the system does not tell a process's private memory.
    """
    phases: dict[str, PhasePeaks] = {}
    now, lines = PhasePeaks(), list[str]()
    with subprocess.Popen(list(command), stdout=subprocess.PIPE, text=True) as process:
        reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()), daemon=True)
        reader.start()
        while process.poll() is None:
            _look(process.pid, now)
            if must_end():
                process.kill()
            now = _end_phases(lines, phases, now)
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        reader.join()
    phases[""] = _end_phases(lines, phases, now)
    return phases, process.returncode


def _end_phases(lines: Sequence[str], phases: dict[str, PhasePeaks], now: PhasePeaks) -> PhasePeaks:
    """Files what was seen under the phase that ended since the last look, if one did."""
    for line in lines[len(phases) :]:
        now.told = json.loads(line)
        phases[str(now.told["phase"])] = now
        now = PhasePeaks()
    return now


def _look(process_id: int, peaks: PhasePeaks) -> None:
    try:
        text = Path(f"/proc/{process_id}/smaps_rollup").read_text(encoding="utf-8")
    except ProcessLookupError:
        return  # it ended meanwhile
    except OSError as error:
        mend = "measure on Linux"
        raise SettingsError("this system does not tell a process's private memory", seen=error, mend=mend) from error
    found: dict[str, int] = {}
    for line in text.splitlines()[1:]:
        name, _, rest = line.partition(":")
        found[name] = int(rest.split()[0]) * 1024
    peaks.private = max(peaks.private, found["Private_Clean"] + found["Private_Dirty"])
    peaks.anonymous = max(peaks.anonymous, found["Anonymous"])
