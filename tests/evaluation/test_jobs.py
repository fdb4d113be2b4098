"""Jobs that run beside the page: their states, one at a time, and what is left on the disk."""

import re
import sqlite3
import threading
from contextlib import closing

import pytest

from recsys.errors import CancelledError, InputError, ModelBusyError, RecsysError, SettingsError
from recsys.evaluation.evaluation import run_evaluation
from recsys.evaluation.export import write_json
from recsys.evaluation.job_state import JobState
from recsys.evaluation.jobs import NUM_LATEST, EvaluationJob, EvaluationJobs, estimate_seconds
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.results import RecordResult
from recsys.settings import EvaluationSettings
from tests.evaluation.answers import SPLIT, TEST_RECORDS, FakeSystem, answer_by_id

FINGERPRINT = "0123456789abcdef"
REQUEST = EvaluationRequest(EvaluationSettings(num_records=12, batch_size=4), baselines=("popularity",))
PATIENCE = 20.0


class Gate:
    """Lets a system answer one batch at a time, as the test says."""

    def __init__(self):
        self.system = FakeSystem(self.answer)
        self._open = threading.Semaphore(0)
        self._asked = threading.Semaphore(0)

    def answer(self, record):
        if record.record_id.endswith("-0"):  # the first of each batch of four
            self._asked.release()
            assert self._open.acquire(timeout=PATIENCE)
        return answer_by_id(record)

    def wait_until_asked(self):
        assert self._asked.acquire(timeout=PATIENCE)

    def let_through(self, num_batches=1):
        self._open.release(num_batches)


def work_with(system, fingerprint=FINGERPRINT):
    def work(job):
        return run_evaluation(
            job.request,
            SPLIT,
            system,
            job.open_store(fingerprint),
            dataset_name="a small one",
            precision="fp32",
            watcher=job,
            cancel=job.cancel_event,
        )

    return work


def execute(jobs, statement, *values):
    with closing(sqlite3.connect(jobs.runs_folder / "runs.sqlite3")) as connection, connection:
        return connection.execute(statement, values).fetchall()


def rewrite(jobs, table, column, change):
    for rowid, text in execute(jobs, f"SELECT rowid, {column} FROM {table}"):
        execute(jobs, f"UPDATE {table} SET {column} = ? WHERE rowid = ?", change(text), rowid)


def make_result(place):
    record = TEST_RECORDS[place]
    return RecordResult.from_recommendation(record, answer_by_id(record), k=4)


@pytest.fixture
def jobs(tmp_path):
    return EvaluationJobs(tmp_path / "runs")


def test_a_job_ends_with_its_report_kept_on_the_disk(jobs):
    job = jobs.start(REQUEST, work_with(FakeSystem(answer_by_id)))
    state = job.wait(PATIENCE)
    assert (state.phase, state.done, state.total, state.eta_seconds) == ("done", 12, 12, None)
    assert state.is_over
    assert state.metrics["map"].mean == pytest.approx(state.report.model.metrics["map"].mean)
    assert jobs.past_reports() == (state.report,)
    assert jobs.past_results(FINGERPRINT) == job.results()
    assert sorted(path.name for path in jobs.runs_folder.iterdir()) == ["locks", "runs.sqlite3"]


def test_the_records_of_a_run_of_an_older_release_get_the_metrics_added_since(jobs):
    job = jobs.start(REQUEST, work_with(FakeSystem(answer_by_id)))
    job.wait(PATIENCE)
    rewrite(jobs, "results", "result", lambda text: re.sub(r',?"mrr":[0-9.e-]+', "", text))
    assert '"mrr"' not in str(execute(jobs, "SELECT result FROM results"))
    assert jobs.past_results(FINGERPRINT) == job.results()
    execute(jobs, "UPDATE runs SET report = NULL")
    assert all("mrr" not in result.metrics for result in jobs.past_results(FINGERPRINT))  # k is not known


def test_a_running_job_shows_its_records_and_metrics_so_far(jobs):
    gate = Gate()
    job = jobs.start(REQUEST, work_with(gate.system))
    gate.wait_until_asked()
    first = job.state()
    assert (first.phase, first.done, first.total, first.eta_seconds) == ("running", 0, 12, None)
    assert first.message == "Asking the model about 12 records"
    gate.let_through()
    gate.wait_until_asked()
    second = job.state()
    assert (second.done, len(second.latest), second.report) == (4, 4, None)
    assert second.eta_seconds > 0
    assert second.metrics["map"].mean == pytest.approx(sum(r.metrics["map"] for r in job.results()) / 4)
    assert second.metrics["map"].interval is None  # one user so far
    gate.let_through()
    gate.wait_until_asked()
    assert job.state().metrics["map"].interval is not None
    gate.let_through()
    assert job.wait(PATIENCE).phase == "done"
    assert first.done == 0  # a state is a picture: it does not change afterwards


def test_a_second_job_is_refused_while_the_first_runs_and_taken_afterwards(jobs):
    gate = Gate()
    first = jobs.start(REQUEST, work_with(gate.system))
    gate.wait_until_asked()
    with pytest.raises(ModelBusyError, match=r"already running.*0 of 12.*wait until it is done or cancel it"):
        jobs.start(REQUEST, work_with(FakeSystem(answer_by_id)))
    assert jobs.latest() is first
    gate.let_through(3)
    assert first.wait(PATIENCE).phase == "done"
    assert jobs.start(REQUEST, work_with(FakeSystem(answer_by_id))).wait(PATIENCE).phase == "done"


def test_a_cancelled_job_goes_on_when_the_same_request_is_started_again(jobs):
    gate = Gate()
    job = jobs.start(REQUEST, work_with(gate.system))
    gate.wait_until_asked()
    gate.let_through()
    gate.wait_until_asked()
    job.cancel()
    assert job.state().message == "Stopping after the tokens under way"
    gate.let_through()
    state = job.wait(PATIENCE)
    assert (state.phase, state.done, state.report) == ("cancelled", 4, None)
    assert isinstance(state.error, CancelledError)
    assert "after 4 of 12 records" in state.message
    assert jobs.past_reports() == ()
    system = FakeSystem(answer_by_id)
    again = jobs.start(REQUEST, work_with(system)).wait(PATIENCE)
    assert (again.phase, again.done) == ("done", 12)
    assert sum(map(len, system.batches)) == 8


def test_a_known_error_fails_the_job_with_its_words(jobs):
    def work(job):
        raise ModelBusyError("the model is taken", mend="come back later")

    state = jobs.start(REQUEST, work).wait(PATIENCE)
    assert (state.phase, state.message) == ("failed", "the model is taken. come back later.")
    assert isinstance(state.error, ModelBusyError)


def test_an_unexpected_error_fails_the_job_keeps_its_records_and_is_logged(jobs, caplog):
    def break_down(num_batches):
        if num_batches == 2:
            raise ZeroDivisionError("by zero")

    state = jobs.start(REQUEST, work_with(FakeSystem(answer_by_id, break_down))).wait(PATIENCE)
    assert (state.phase, state.done) == ("failed", 4)
    assert type(state.error) is RecsysError
    assert "ZeroDivisionError: by zero" in state.message
    assert len(jobs.past_results(FINGERPRINT)) == 4
    assert "Traceback" in caplog.text
    assert jobs.start(REQUEST, work_with(FakeSystem(answer_by_id))).wait(PATIENCE).done == 12


def test_the_time_left_follows_the_pace_of_this_start_alone(tmp_path):
    """Two records held already, then two fresh ones in 10 s: 5 s each, so 4 left take 20 s."""
    now = [100.0]
    job = EvaluationJob(REQUEST, tmp_path, clock=lambda: now[0])
    seen = []

    def work(job):
        now[0] += 30  # loading the model
        job.expect(8)
        now[0] += 7  # reading what is held
        for place in range(2):
            job.add(make_result(place), resumed=True)
        seen.append(job.state())
        for place in range(2, 4):
            now[0] += 5
            job.add(make_result(place), resumed=False)
        seen.append(job.state())
        raise ModelBusyError("enough")

    assert job.state() == JobState(job.id, "queued", 0, 0, 0.0, None, message="Waiting to begin")
    job.run(work)
    assert (seen[0].done, seen[0].eta_seconds) == (2, None)
    assert (seen[1].done, seen[1].eta_seconds, seen[1].seconds_elapsed) == (4, 20.0, 47.0)
    now[0] += 1000
    assert job.state().seconds_elapsed == 47.0
    assert job.state().eta_seconds is None


def test_a_state_carries_the_last_results_only(tmp_path):
    job = EvaluationJob(REQUEST, tmp_path)
    for place in range(NUM_LATEST + 2):
        job.add(make_result(place), resumed=False)
    latest = [result.record_id for result in job.state().latest]
    assert latest == [record.record_id for record in TEST_RECORDS[2 : NUM_LATEST + 2]]
    assert len(job.results()) == NUM_LATEST + 2


def test_many_threads_may_look_while_the_job_runs(jobs):
    wrong, over = [], threading.Event()

    def look(job):
        while not over.is_set():
            state = job.state()
            if not state.done <= state.total or len(state.latest) != min(state.done, NUM_LATEST):
                wrong.append(state)

    many = EvaluationRequest(EvaluationSettings(num_records=12, batch_size=1), baselines=())
    job = jobs.start(many, work_with(FakeSystem(answer_by_id)))
    watchers = [threading.Thread(target=look, args=(job,)) for _ in range(4)]
    for watcher in watchers:
        watcher.start()
    assert job.wait(PATIENCE).phase == "done"
    over.set()
    for watcher in watchers:
        watcher.join()
    assert wrong == []


def test_past_reports_come_newest_first_and_a_broken_one_is_passed_over(jobs, caplog):
    for fingerprint in ("aaaaaaaa", "bbbbbbbb", "cccccccc"):
        jobs.start(REQUEST, work_with(FakeSystem(answer_by_id), fingerprint)).wait(PATIENCE)
    execute(jobs, "UPDATE runs SET report = '{' WHERE fingerprint = 'bbbbbbbb'")
    execute(
        jobs,
        'UPDATE runs SET report = replace(report, \'"finished_at": "20\', \'"finished_at": "19\') '
        "WHERE fingerprint = 'cccccccc'",
    )
    fresh = EvaluationJobs(jobs.runs_folder)
    assert [report.fingerprint for report in fresh.past_reports()] == ["aaaaaaaa", "cccccccc"]
    assert "bbbbbbbb" in caplog.text


def test_a_report_is_read_from_the_disk_once(jobs, monkeypatch):
    jobs.start(REQUEST, work_with(FakeSystem(answer_by_id))).wait(PATIENCE)
    first = jobs.past_reports()
    monkeypatch.setattr("recsys.evaluation.past_runs.read_report", None)
    assert jobs.past_reports()[0] is first[0]


def test_shipped_reports_come_last_the_best_first_until_they_are_made_here(jobs, tmp_path):
    shipped = tmp_path / "shipped"
    for fingerprint in ("aaaaaaaa", "bbbbbbbb"):
        made = jobs.start(REQUEST, work_with(FakeSystem(answer_by_id), fingerprint)).wait(PATIENCE).report
        write_json(made, shipped / f"{fingerprint}.json")
    (shipped / "cccccccc.json").write_text("{")
    here = EvaluationJobs(tmp_path / "here", shipped)
    assert [report.fingerprint for report in here.past_reports()] == ["aaaaaaaa", "bbbbbbbb"]
    assert here.past_results("aaaaaaaa") == ()
    mine = here.start(REQUEST, work_with(FakeSystem(answer_by_id), "bbbbbbbb")).wait(PATIENCE).report
    assert [report.fingerprint for report in here.past_reports()] == ["bbbbbbbb", "aaaaaaaa"]
    assert here.past_reports()[0] == mine


def test_before_the_first_job_there_is_nothing(jobs):
    assert jobs.latest() is None
    assert jobs.past_reports() == ()
    assert jobs.past_results(FINGERPRINT) == ()
    with pytest.raises(InputError, match="no such job"):
        jobs.find("abc")


def test_a_job_is_found_by_its_id(jobs):
    job = jobs.start(REQUEST, work_with(FakeSystem(answer_by_id)))
    assert jobs.find(job.id) is job
    job.wait(PATIENCE)


def test_the_results_of_no_other_folder_can_be_asked_for(jobs):
    with pytest.raises(InputError, match="fingerprint"):
        jobs.past_results("../secrets")


def test_the_estimate_is_records_times_seconds():
    assert estimate_seconds(50, 0.7) == pytest.approx(35.0)
    with pytest.raises(SettingsError):
        estimate_seconds(50, float("nan"))
    with pytest.raises(SettingsError):
        estimate_seconds(-1, 1.0)
