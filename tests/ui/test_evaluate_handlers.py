import json
import threading
import time

import pytest

from recsys.errors import DataFormatError, InputError, ModelBusyError, SettingsError
from recsys.evaluation.request import EvaluationRequest
from recsys.settings import EvaluationSettings
from recsys.ui.evaluate_handlers import EvaluateHandlers
from recsys.ui.evaluation_view import comparison_bars, is_comparable, running_points
from tests.ui.fake_evaluation import ScriptedWorkbench, report_of, result, title

FOUR = EvaluationRequest(evaluation=EvaluationSettings(num_records=4, batch_size=2), baselines=("popularity",))


@pytest.fixture
def workbench(tmp_path):
    return ScriptedWorkbench(tmp_path / "runs")


@pytest.fixture
def handlers(workbench):
    return EvaluateHandlers(workbench)


def finished(handlers, request=FOUR):
    job = handlers.start(request)
    assert job.wait(60).phase == "done", job.state().message
    return job


def slow(workbench, seconds=20.0):
    workbench.generator.seconds = seconds


def until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_before_the_first_job_there_is_nothing_to_watch(handlers):
    snapshot = handlers.snapshot(None)
    assert (snapshot.job_id, snapshot.is_running, snapshot.status) == (None, False, "")
    assert handlers.running_figure() is None
    assert handlers.newest() is None


def test_all_716_test_records_may_be_evaluated(handlers):
    assert handlers.num_available("test") == 716


def test_a_public_page_allows_its_limit(tmp_path):
    assert EvaluateHandlers(ScriptedWorkbench(tmp_path, public=True)).num_available("test") == 100


def test_a_finished_run_is_shown_with_its_records_and_files(handlers):
    job = finished(handlers)
    snapshot = handlers.snapshot(None)
    assert not snapshot.is_running
    assert snapshot.shown == handlers.newest()
    run = handlers.result(snapshot.shown)
    assert run.report == job.state().report
    assert len(run.results) == 4
    json_path, csv_path, markdown_path = run.files
    assert json.loads(json_path.read_text())["num_records"] == 4
    assert len(csv_path.read_text().strip().splitlines()) >= 5
    assert markdown_path.read_text().startswith("# smollm2-135m on ")


def test_a_run_that_is_started_while_another_runs_is_refused(handlers, workbench):
    slow(workbench)
    job = handlers.start(FOUR)
    with pytest.raises(ModelBusyError, match="already running"):
        handlers.start(FOUR)
    job.cancel()
    assert job.wait(20).phase == "cancelled"


def test_a_run_can_be_watched_stopped_and_taken_up_again(handlers, workbench):
    slow(workbench, 0.4)
    job = handlers.start(FOUR)
    until(lambda: job.state().done >= 2)
    snapshot = handlers.snapshot(None)
    assert snapshot.is_running
    assert snapshot.may_cancel
    assert "2 of 4 records" in snapshot.status
    assert "MAP@4 so far, 2 records" in snapshot.headline
    slow(workbench, 20.0)
    handlers.cancel(job.id, None)
    assert job.wait(20).phase == "cancelled"
    stopped = handlers.snapshot(None)
    assert not stopped.is_running
    assert "go on from there" in stopped.status
    assert stopped.headline
    slow(workbench, 0.0)
    assert finished(handlers).state().report.num_records == 4


def test_a_second_page_sees_the_same_job(workbench):
    slow(workbench)
    job = EvaluateHandlers(workbench).start(FOUR)
    elsewhere = EvaluateHandlers(workbench).snapshot(None)
    assert elsewhere.job_id == job.id
    assert elsewhere.is_running
    job.cancel()
    job.wait(20)


def test_on_a_public_page_only_the_one_who_started_may_stop(tmp_path):
    workbench = ScriptedWorkbench(tmp_path, seconds=20.0, public=True)
    handlers = EvaluateHandlers(workbench)
    job = handlers.start(FOUR)
    assert not handlers.snapshot("someone else").may_cancel
    with pytest.raises(InputError, match="someone else"):
        handlers.cancel(job.id, None)
    assert handlers.snapshot(job.id).may_cancel
    handlers.cancel(job.id, job.id)
    assert job.wait(20).phase == "cancelled"


def test_a_job_that_is_over_cannot_be_stopped(handlers):
    job = finished(handlers)
    with pytest.raises(InputError, match="no evaluation to stop"):
        handlers.cancel(job.id, job.id)


def test_the_cells_of_a_sweep_are_no_runs_of_this_tab(handlers, workbench):
    own = finished(handlers)
    workbench.start_evaluation(FOUR, group="tuning").wait(60)
    snapshot = handlers.snapshot(None)
    assert snapshot.job_id == own.id
    assert snapshot.shown is not None


def test_a_failure_is_worded(handlers, workbench):
    workbench.error = DataFormatError("the file is broken", path="x.csv", mend="take another")
    assert handlers.start(FOUR).wait(20).phase == "failed"
    status = handlers.snapshot(None).status
    assert "The evaluation failed" in status
    assert "x.csv: the file is broken. Take another." in status


def test_too_many_records_on_a_public_page_are_refused(tmp_path):
    handlers = EvaluateHandlers(ScriptedWorkbench(tmp_path, public=True))
    with pytest.raises(SettingsError, match="too many records"):
        handlers.start(EvaluationRequest(evaluation=EvaluationSettings(num_records=0)))


def test_pages_beyond_the_last_show_the_last(handlers):
    finished(handlers)
    shown = handlers.newest()
    page, html, where = handlers.records_page(shown, "all", 99)
    assert page == 0
    assert html.count("<details") == 4
    assert "Page 1 of 1 · 4 records" in where


def test_a_run_that_was_deleted_is_told(handlers, workbench):
    finished(handlers)
    shown = handlers.newest()
    (workbench.jobs.runs_folder / "runs.sqlite3").unlink()
    with pytest.raises(DataFormatError, match="this run is not there any more"):
        handlers.result(shown)


def test_a_run_outside_the_list_cannot_be_opened(handlers):
    with pytest.raises(InputError, match="no such run"):
        handlers.past_run("../../secret")


def test_the_estimate_tells_its_basis(handlers):
    page = handlers.estimate_html(EvaluationRequest())
    assert "for 50 records" in page
    assert "tokens/s" in page


def test_a_snapshot_does_not_wait_for_the_model(handlers, workbench):
    slow(workbench)
    job = handlers.start(FOUR)
    seen = threading.Event()
    threading.Thread(target=lambda: (handlers.snapshot(None), seen.set()), daemon=True).start()
    assert seen.wait(5)
    job.cancel()
    job.wait(20)


RESULTS = [result("15-0", [title("Toy Story", 1)], (1, 2, 3, 4)), result("16-0", [], (1, 2, 3, 4))]


def test_running_points_end_at_the_present_mean():
    points = running_points(RESULTS, total=60)
    assert [point.num_records for point in points] == [2]
    assert points[-1].value == pytest.approx(0.125)
    assert (points[-1].low, points[-1].high) == (0.0, 0.25)


def test_running_points_stay_where_they_are():
    many = [result(f"{user}-0", [title("Toy Story", 1)], (1, 2, 3, 4)) for user in range(1, 101)]
    early, late = running_points(many[:50], total=300), running_points(many, total=300)
    assert [point.num_records for point in early] == [10, 20, 30, 40, 50]
    assert late[:5] == early
    assert running_points([], total=300) == []


def test_only_runs_on_the_same_records_are_compared():
    report = report_of(RESULTS, baseline=(0.5, 0.0))
    same = report_of(RESULTS, fingerprint="a" * 16)
    others = report_of(RESULTS[:1], fingerprint="b" * 16)
    assert is_comparable(same, report)
    assert not is_comparable(others, report)
    assert not is_comparable(report, report)
    bars = comparison_bars(report, [report, same, others])
    assert [(bar.role, bar.value) for bar in bars] == [
        ("model", 0.125),
        ("raw", 0.125),
        ("baseline", 0.25),
        ("past", 0.125),
    ]
