"""Sweeps and searches in the server: one at a time, stopped and gone on with, saved after every cell."""

import json
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from recsys.errors import InputError, ModelBusyError, SettingsError
from recsys.evaluation.evaluation import run_evaluation
from recsys.evaluation.jobs import EvaluationJobs
from recsys.evaluation.request import EvaluationRequest
from recsys.settings import EvaluationSettings, GenerationSettings
from recsys.tuning.axes import Axis
from recsys.tuning.jobs import TuningJobs
from recsys.tuning.kept import KeptResults, KeptStudy, KeptSweep
from recsys.tuning.space import Span
from recsys.tuning.study import Study
from recsys.tuning.sweep import Sweep
from recsys.workbench_options import WorkbenchOptions
from tests.evaluation.answers import CATALOGUE, SPLIT, FakeSystem, make_answer

PATIENCE = 30.0
EVERYBODY = replace(SPLIT, records={**SPLIT.records, "validation": SPLIT.records["test"]})
BASE = EvaluationRequest(
    EvaluationSettings("validation", 0, batch_size=12), GenerationSettings(temperature=1), baselines=()
)
SWEEP = Sweep(BASE, (Axis("temperature", (0.0, 0.5, 1.0)), Axis("num_beams", (1, 2))))
STUDY = Study(BASE, (Span("temperature", 0, 1.5), Axis("num_beams", (1, 2))), "ndcg", 4)


class _NothingShipped(WorkbenchOptions):
    """Options of a repository without sweeps of its own."""

    @property
    def shipped_reports(self):
        return self.runs_folder / "nothing-shipped"


class Bench:
    """Cold it names the four true movies, hot fewer; ``hold`` makes it wait at the cell of that number."""

    def __init__(self, folder, *, public=False):
        self.options = _NothingShipped(runs=folder, public=public)
        self.jobs = EvaluationJobs(folder)
        self.data = SimpleNamespace(number=1, content_hash="0123456789abcdef")
        self.data_name = "small"
        self.asked = []
        self.hold, self.holds, self.go_on = None, threading.Event(), threading.Event()

    def check_prompt(self, choice, prompt):
        pass

    def start_evaluation(self, request, *, group=""):
        return self.jobs.start(request, self.work, group=group)

    def work(self, job):
        if len(self.asked) + 1 == self.hold:
            go_on = self.go_on
            self.holds.set()
            while not (go_on.is_set() or job.cancel_event.is_set()):
                time.sleep(0.01)
        num_true = 4 - int(job.request.generation.temperature / 0.5)
        fingerprint = job.request.fingerprint(data_name="small", weight_hash="w", precision="fp32")

        def answer(record):
            self.asked.append(job.request)
            return make_answer([*range(1, num_true + 1)])

        return run_evaluation(
            job.request, EVERYBODY, FakeSystem(answer), job.open_store(fingerprint), dataset_name="small",
            precision="fp32", watcher=job, cancel=job.cancel_event, catalogue=CATALOGUE,
        )  # fmt: skip


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path / "runs")


@pytest.fixture
def jobs(bench):
    return TuningJobs(bench)


def records_asked(bench, cells):
    return len(bench.asked) == cells * 12


def test_a_sweep_ends_with_all_its_cells_saved_and_listed(jobs, bench):
    name = jobs.start_sweep(SWEEP)
    state = jobs.wait(PATIENCE)
    assert (state.task.phase, state.kind, state.name, state.done, state.total) == ("done", "sweep", name, 6, 6)
    (kept,) = jobs.kept.all()
    assert isinstance(kept, KeptSweep)
    assert (kept.name, kept.done, kept.total) == (name, 6, 6)
    assert kept.result.sweep == SWEEP
    assert (bench.options.runs_folder / "tuning" / "sweeps" / f"{name}.json").exists()
    assert TuningJobs(bench).kept.find("sweep", name) == kept, "another process finds it too"


def test_a_stop_keeps_what_is_done_and_the_same_sweep_goes_on_from_there(jobs, bench):
    bench.hold = 25  # the first record of the third cell
    name = jobs.start_sweep(SWEEP)
    assert bench.holds.wait(PATIENCE)
    assert jobs.state().done == 2
    assert jobs.kept.find("sweep", name).done == 2
    jobs.stop()
    assert jobs.state().is_stopping
    state = jobs.wait(PATIENCE)
    assert (state.task.phase, state.is_stopping) == ("cancelled", False)
    assert jobs.kept.find("sweep", name).done == 2
    bench.hold = None
    assert jobs.start_sweep(SWEEP) == name
    assert jobs.wait(PATIENCE).task.phase == "done"
    assert jobs.kept.find("sweep", name).done == 6
    assert records_asked(bench, 6), "no record was asked twice"


def test_one_at_a_time(jobs, bench):
    bench.hold = 1
    name = jobs.start_sweep(SWEEP)
    assert bench.holds.wait(PATIENCE)
    for start in (lambda: jobs.start_sweep(replace(SWEEP, axes=SWEEP.axes[:1])), lambda: jobs.start_search(STUDY)):
        with pytest.raises(ModelBusyError, match="under way already"):
            start()
    assert jobs.state().name == name
    bench.go_on.set()
    assert jobs.wait(PATIENCE).task.phase == "done"


def test_time_left_goes_by_the_pace_of_the_cells_of_this_start(bench):
    now = [0.0]
    jobs = TuningJobs(bench, clock=lambda: now[0])
    bench.hold = 13
    jobs.start_sweep(SWEEP)
    assert bench.holds.wait(PATIENCE)
    now[0], before = 10.0, bench.go_on
    bench.hold, bench.holds, bench.go_on = 37, threading.Event(), threading.Event()
    before.set()
    assert bench.holds.wait(PATIENCE)
    now[0] = 12.0  # three cells took ten seconds, so three more take ten, of which two are over
    assert jobs.state().eta_seconds == pytest.approx(8.0)
    bench.go_on.set()
    jobs.wait(PATIENCE)
    assert jobs.state().eta_seconds is None


def test_what_cannot_be_swept_is_told_before_anything_starts(jobs):
    with pytest.raises(SettingsError, match="out of range"):
        jobs.start_sweep(Sweep(BASE, (Axis("temperature", (0.5, 9.0)),)))
    assert jobs.state().task.phase == "idle"


def test_another_data_set_ends_a_sweep_between_two_cells(jobs, bench):
    bench.hold = 1
    jobs.start_sweep(SWEEP)
    assert bench.holds.wait(PATIENCE)
    bench.data = SimpleNamespace(number=2, content_hash="fedcba9876543210")
    bench.go_on.set()
    state = jobs.wait(PATIENCE)
    assert state.task.phase == "failed"
    assert "another data set is in use now" in state.task.message


def test_a_public_page_starts_nothing_and_shows_what_there_is(tmp_path):
    jobs = TuningJobs(Bench(tmp_path, public=True))
    for start in (lambda: jobs.start_sweep(SWEEP), lambda: jobs.start_search(STUDY), lambda: jobs.prove("x")):
        with pytest.raises(SettingsError, match="public page"):
            start()
    assert jobs.refusal == "a public page runs no sweeps and no searches. Run your own copy."
    assert jobs.kept.all() == ()


def test_a_search_is_kept_with_what_was_asked_and_goes_on_with_more_trials(jobs, bench):
    pytest.importorskip("optuna")
    name = jobs.start_search(STUDY)
    state = jobs.wait(PATIENCE)
    assert (state.task.phase, state.kind, state.done, state.total) == ("done", "study", 4, 4)
    kept = jobs.kept.find("study", name)
    assert isinstance(kept, KeptStudy)
    assert (kept.study, kept.result.confirmation) == (STUDY, None)
    asked = len(bench.asked)
    assert jobs.start_search(replace(STUDY, num_trials=5)) == name
    jobs.wait(PATIENCE)
    assert len(jobs.kept.find("study", name).result.trials) == 5
    assert len(bench.asked) <= asked + 12


def test_the_winner_is_proved_on_test_users_when_asked_and_stays_so_while_it_is_the_winner(jobs, bench):
    pytest.importorskip("optuna")
    name = jobs.start_search(STUDY)
    jobs.wait(PATIENCE)
    jobs.prove(name)
    assert jobs.wait(PATIENCE).task.phase == "done"
    proof = jobs.kept.find("study", name).result.confirmation
    assert proof.winner.request.evaluation.split == "test"
    assert {request.evaluation.split for request in bench.asked} == {"validation", "test"}
    jobs.start_search(STUDY)
    jobs.wait(PATIENCE)
    assert jobs.kept.find("study", name).result.confirmation == proof


def test_a_search_may_prove_its_winner_at_once(jobs):
    pytest.importorskip("optuna")
    name = jobs.start_search(STUDY, prove=True)
    jobs.wait(PATIENCE)
    assert jobs.kept.find("study", name).result.confirmation is not None


def test_only_searches_of_these_data_are_proved(jobs, bench):
    with pytest.raises(InputError, match="no such search"):
        jobs.prove("nothing")
    pytest.importorskip("optuna")
    name = jobs.start_search(replace(STUDY, num_trials=2))
    jobs.wait(PATIENCE)
    bench.data_name = "another"
    with pytest.raises(SettingsError, match="made on another data set"):
        jobs.prove(name)


def test_shipped_results_are_listed_last_and_what_is_damaged_is_passed_over(jobs, bench, tmp_path):
    jobs.start_sweep(replace(SWEEP, axes=SWEEP.axes[:1]))
    jobs.wait(PATIENCE)
    (own,) = jobs.kept.all()
    shipped = tmp_path / "shipped"
    (shipped / "sweeps").mkdir(parents=True)
    (shipped / "sweeps" / "story.json").write_text(json.dumps(own.result.to_dict()))
    (shipped / "sweeps" / "torn.json").write_text('{"cells": [')
    (shipped / "sweeps" / "other.json").write_text('{"cells": 3}')
    kept = KeptResults(bench.options.runs_folder / "tuning", shipped)
    assert [(one.name, one.saved_at > 0) for one in kept.all()] == [(own.name, True), ("story", False)]
    assert kept.find("sweep", "story").result == own.result
    assert kept.find("sweep", "torn") is None
    assert kept.find("study", "story") is None


@pytest.mark.parametrize("name", ["../../etc/passwd", "", ".hidden", "a/b", "x" * 90])
def test_no_other_file_is_read_by_a_name(jobs, name):
    with pytest.raises(InputError, match="no such result"):
        jobs.kept.find("sweep", name)
