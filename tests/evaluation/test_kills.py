"""A run that is killed, several times and at any moment, comes to the results of one that was left alone."""

import itertools
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from recsys.evaluation.store import RunStore
from tests.evaluation.slow_run import FINGERPRINT, RECORDS, evaluate

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


def start(runs, notes, seconds="0.02"):
    command = [sys.executable, "-m", "tests.evaluation.slow_run", str(runs), str(notes), seconds]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def asked(notes):
    return [line.split() for line in notes.read_text().splitlines()] if notes.exists() else []


def kill_after(process, notes, num_batches):
    """Kills without a warning once so many batches of this start were asked."""
    already, until = len(asked(notes)), time.monotonic() + PATIENCE
    while len(asked(notes)) < already + num_batches and process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(PATIENCE)
    assert process.returncode == -signal.SIGKILL


def without_clock(report):
    return replace(report, started_at="", finished_at="", systems=tuple(replace(s, seconds=0) for s in report.systems))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_run_killed_four_times_redoes_and_loses_no_batch_that_was_kept(tmp_path):
    runs, notes = tmp_path / "runs", tmp_path / "notes"
    kept: list[set[str]] = []
    for num_batches in (1, 3, 2, 4):
        kill_after(start(runs, notes), notes, num_batches)
        kept.append({result.record_id for result in RunStore(runs, FINGERPRINT).results()})
        assert len(kept[-1]) % 3 == 0  # a batch is there whole or not at all
    assert all(earlier <= later for earlier, later in itertools.pairwise(kept))
    assert 0 < len(kept[-1]) < len(RECORDS)

    before = len(asked(notes))
    last = start(runs, notes, "0")
    _, errors = last.communicate(timeout=PATIENCE)
    assert last.returncode == 0, errors
    done = {record_id for batch in asked(notes)[before:] for record_id in batch}
    assert done == {record.record_id for record in RECORDS} - kept[-1]

    alone = evaluate(tmp_path / "alone")
    store = RunStore(runs, FINGERPRINT)
    assert without_clock(store.report()) == without_clock(alone)
    by_id = {result.record_id: result for result in store.results()}
    assert by_id == {result.record_id: result for result in RunStore(tmp_path / "alone", FINGERPRINT).results()}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_run_that_is_held_by_a_process_is_free_once_that_is_killed(tmp_path):
    runs, notes = tmp_path / "runs", tmp_path / "notes"
    first = start(runs, notes, "1")
    until = time.monotonic() + PATIENCE
    while not asked(notes):
        assert time.monotonic() < until
        time.sleep(0.01)
    second = start(runs, notes)
    _, errors = second.communicate(timeout=PATIENCE)
    assert second.returncode == 1
    assert "ModelBusyError: this evaluation is already running elsewhere" in errors
    first.kill()
    first.wait(PATIENCE)
    third = start(runs, notes, "0")
    _, errors = third.communicate(timeout=PATIENCE)
    assert third.returncode == 0, errors
