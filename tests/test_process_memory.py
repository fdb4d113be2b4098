"""Peaks of a process that takes known amounts of memory, phase by phase."""

import sys

import pytest

from recsys.process_memory import watch_process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")

MB = 1_000_000
SCRIPT = """
import json, mmap, sys, time
def tell(phase, **facts): print(json.dumps({"phase": phase, **facts}), flush=True); time.sleep(0.4)
tell("ready")
taken = b"x" * 200_000_000
time.sleep(0.4)
del taken
tell("taken", bytes=200)
time.sleep(0.4)
with open(sys.argv[1], "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
    sum(mapped[place] for place in range(0, len(mapped), 4096))
    time.sleep(0.4)
    tell("mapped")
sys.exit(int(sys.argv[2]))
"""


def test_each_phase_has_its_own_peak_and_mapped_files_are_told_apart(tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 150 * MB)
    phases, status = watch_process([sys.executable, "-c", SCRIPT, str(tmp_path / "file"), "3"])
    assert status == 3
    assert list(phases) == ["ready", "taken", "mapped", ""]
    assert phases["taken"].told["bytes"] == 200
    rest = phases["ready"].anonymous
    assert rest < 100 * MB
    assert phases["taken"].anonymous - rest == pytest.approx(200 * MB, abs=10 * MB)
    assert phases["mapped"].anonymous - rest < 20 * MB
    assert phases["mapped"].private - phases["mapped"].anonymous > 140 * MB


def test_a_process_that_must_end_is_killed(tmp_path):
    phases, status = watch_process([sys.executable, "-c", "import time; time.sleep(60)"], must_end=lambda: True)
    assert status < 0
    assert list(phases) == [""]
