"""The clock is put back by a day, or jumps ahead by a year, in the middle: nothing is lost, stopped or hurried."""

import ast
import datetime
import os
import threading
import time
from pathlib import Path

import pytest

from recsys.errors import ModelBusyError
from recsys.evaluation.past_runs import PastRuns
from recsys.evaluation.store import RunStore
from recsys.limits import stopped_after
from recsys.models.adapter_adding import add_archive
from recsys.training import curves
from recsys.training.recorded_runs import list_recorded_runs
from recsys.training.run_folder import hold_run
from tests.evaluation import slow_run
from tests.faults.processes import ROOT
from tests.fixtures.adapter_zips import adapter_members, write_zip

DAY, YEAR = 86_400.0, 31_557_600.0
JUMPS = pytest.mark.parametrize("jump", [-DAY, YEAR], ids=["a-day-back", "a-year-ahead"])


class Clock:
    """The wall clock of this process, which can be put; the monotonic one cannot."""

    def __init__(self, patch):
        self.offset = 0.0
        real, moved = time.time, self

        class Moved(datetime.datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.datetime.fromtimestamp(real() + moved.offset, tz)

        patch.setattr(time, "time", lambda: real() + self.offset)
        for module in ("recsys.evaluation.store", "recsys.evaluation.evaluation"):
            patch.setattr(f"{module}.datetime", Moved)


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


@JUMPS
def test_an_evaluation_goes_on_and_tells_its_own_seconds(clock, jump, tmp_path, monkeypatch):
    real = slow_run.answer_by_id

    def answer(record):
        clock.offset = jump  # from the first record on
        return real(record)

    monkeypatch.setattr(slow_run, "answer_by_id", answer)
    report = slow_run.evaluate(tmp_path / "runs")
    assert (report.finished_at < report.started_at) == (jump < 0)
    clock.offset = 0
    monkeypatch.setattr(slow_run, "answer_by_id", real)
    assert report.seconds == slow_run.evaluate(tmp_path / "alone").seconds
    assert len(RunStore(tmp_path / "runs", slow_run.FINGERPRINT).results()) == len(slow_run.RECORDS)


@JUMPS
def test_every_run_is_listed_whatever_the_clock_said_when_it_ended(clock, jump, tmp_path, monkeypatch):
    first, second = "a" * 16, "b" * 16
    for name in (first, second):
        monkeypatch.setattr(slow_run, "FINGERPRINT", name)
        slow_run.evaluate(tmp_path)
        clock.offset = jump
    # The newest first by the clock of then: one that was put back puts the later run behind.
    expected = [first, second] if jump < 0 else [second, first]
    assert [report.fingerprint for report in PastRuns(tmp_path).reports()] == expected


@JUMPS
def test_a_limit_of_time_counts_seconds_that_pass(clock, jump):
    stop = threading.Event()
    with stopped_after(0.4, stop):
        clock.offset = jump
        assert not stop.wait(0.1)
        assert stop.wait(5)


@JUMPS
def test_a_run_that_is_held_stays_held(clock, jump, tmp_path):
    with hold_run(tmp_path / "run"), RunStore(tmp_path, slow_run.FINGERPRINT).hold():
        clock.offset = jump
        with pytest.raises(ModelBusyError), hold_run(tmp_path / "run"):
            pass
        with pytest.raises(ModelBusyError), RunStore(tmp_path, slow_run.FINGERPRINT).hold():
            pass


@JUMPS
def test_an_adapter_that_is_being_added_is_not_swept_for_its_age(clock, jump, tmp_path):
    archive, root = write_zip(tmp_path / "brought.zip", adapter_members()), tmp_path / "adapters"

    def fill_slowly(folder):
        from recsys.models.adapter_archive import unpack_archive

        name = unpack_archive(archive, folder)
        os.utime(folder.parent, (0, 0))
        clock.offset = jump
        add_archive(archive, root)  # which sweeps
        return name

    from recsys.models.adapter_adding import add_adapter

    add_adapter(fill_slowly, root)
    assert len([path for path in root.iterdir() if not path.name.startswith(".")]) == 2


@pytest.mark.parametrize(("jump", "phase"), [(-DAY, "stopped"), (YEAR, "stopped"), (-60, "running"), (60, "running")])
def test_a_training_run_counts_as_running_by_how_near_its_last_word_is(clock, jump, phase, tmp_path):
    planned = curves.Curves("mine", 10.0, 2.0, (curves.TrainPoint(1, 0.1, 5.0, 0.1, 1.0),))
    planned.save(tmp_path / "training" / "mine" / "curves.json")
    clock.offset = jump
    (run,) = list_recorded_runs(tmp_path / "none", models=tmp_path / "none", training=tmp_path / "training")
    assert run.phase() == phase
    now = time.time()
    os.utime(tmp_path / "training" / "mine" / "curves.json", (now, now))  # its next word
    (run,) = list_recorded_runs(tmp_path / "none", models=tmp_path / "none", training=tmp_path / "training")
    assert run.phase() == "running"


MAY_ASK = {
    "recsys/training/recorded_runs.py": "age of a file that another process writes",
    "recsys/evaluation/store.py": "when a run began, for people",
    "recsys/evaluation/evaluation.py": "when a run ended, for people",
    "recsys/remote/faults.py": "Retry-After as a date",
    "recsys/training/run_notes.py": "the day of a training run, for people",
    "recsys/server_log.py": "the time of a line of the log",
}
"""Who asks the wall clock, and what for; durations and limits are none of it."""


WALL_CLOCK = ("time.time", "datetime.now", ".now", "datetime.utcnow", ".utcnow", "date.today", "datetime.date.today")


def test_nobody_else_asks_the_wall_clock():
    asked = set()
    for path in (ROOT / "recsys").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).removeprefix("datetime.datetime") in WALL_CLOCK:
                asked.add(Path(path).relative_to(ROOT).as_posix())
    assert asked <= set(MAY_ASK), asked - set(MAY_ASK)
