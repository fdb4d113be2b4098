"""Cells run one after another on a workbench, behind what people started, and apart from it."""

import threading

import pytest

from recsys.errors import CancelledError
from recsys.evaluation.jobs import EvaluationJobs
from recsys.tuning.cells import GROUP, CellEvaluator
from tests.evaluation.answers import FakeSystem, answer_by_id
from tests.evaluation.test_jobs import PATIENCE, REQUEST, Gate, work_with


class FakeWorkbench:
    def __init__(self, folder, system):
        self.jobs, self.system = EvaluationJobs(folder), system

    def start_evaluation(self, request, *, group=""):
        return self.jobs.start(request, work_with(self.system), group=group)


def test_a_cell_is_kept_apart_from_the_runs_that_people_started(tmp_path):
    bench = FakeWorkbench(tmp_path, FakeSystem(answer_by_id))
    ask = CellEvaluator(bench)
    report = ask(REQUEST, "1 of 1")
    assert bench.jobs.past_reports() == ()
    assert (tmp_path / GROUP / "runs.sqlite3").exists()
    results = ask.results(report)
    assert len(results) == 12
    assert [result.record_id for result in results] == sorted(result.record_id for result in results)


def test_a_cell_waits_for_the_evaluation_that_somebody_started(tmp_path):
    gate = Gate()
    bench = FakeWorkbench(tmp_path, FakeSystem(answer_by_id))
    theirs = bench.jobs.start(REQUEST, work_with(gate.system))
    gate.wait_until_asked()
    told, waits = [], threading.Event()

    def tell(fraction, message):
        told.append(message)
        waits.set()

    mine = threading.Thread(target=CellEvaluator(bench, tell), args=(REQUEST, "1 of 1"))
    mine.start()
    assert waits.wait(PATIENCE)
    assert told[0] == "1 of 1: waits for another evaluation"
    gate.let_through(3)
    mine.join(PATIENCE)
    assert theirs.state().phase == "done"
    assert not mine.is_alive()


def test_a_stop_while_waiting_or_running_is_heard(tmp_path):
    gate, cancel = Gate(), threading.Event()
    bench = FakeWorkbench(tmp_path, gate.system)
    ended = []

    def run():
        with pytest.raises(CancelledError):
            CellEvaluator(bench, cancel=cancel)(REQUEST, "1 of 1")
        ended.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    gate.wait_until_asked()
    cancel.set()
    assert bench.jobs.latest().cancel_event.wait(PATIENCE)
    gate.let_through(3)
    thread.join(PATIENCE)
    assert ended == [True]
    with pytest.raises(CancelledError, match=r"was stopped.*go on from there"):
        CellEvaluator(bench, cancel=cancel)(REQUEST, "1 of 1")
