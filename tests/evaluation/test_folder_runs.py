"""Runs of earlier releases, a folder each, are found again in the database."""

import json

from recsys.evaluation.evaluation import run_evaluation
from recsys.evaluation.folder_runs import import_folder_runs
from recsys.evaluation.jobs import EvaluationJobs
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.store import RunStore
from recsys.settings import EvaluationSettings
from tests.evaluation.answers import SPLIT, FakeSystem, answer_by_id

FINGERPRINT = "0123456789abcdef"
REQUEST = EvaluationRequest(EvaluationSettings(num_records=10, batch_size=4), baselines=())


def make_run(folder):
    """A finished run: its report and its results."""
    store = RunStore(folder / "made", FINGERPRINT)
    report = run_evaluation(REQUEST, SPLIT, FakeSystem(answer_by_id), store, dataset_name="small", precision="fp32")
    return report, store.results()


def write_folder(runs, name, results, report=None, *, end="\n"):
    folder = runs / name
    folder.mkdir(parents=True)
    started = {"started_at": "2026-11-22T10:00:00+00:00", "request": REQUEST.to_dict()}
    (folder / "request.json").write_text(json.dumps(started))
    (folder / "records.jsonl").write_text("\n".join(result.to_json() for result in results) + end)
    if report is not None:
        (folder / "report.json").write_text(json.dumps(report.to_dict()))


def test_a_finished_run_is_listed_with_its_records(tmp_path):
    report, results = make_run(tmp_path)
    write_folder(tmp_path / "runs", FINGERPRINT, results, report)
    jobs = EvaluationJobs(tmp_path / "runs")
    assert jobs.past_reports() == (report,)
    assert jobs.past_results(FINGERPRINT) == results
    assert (tmp_path / "runs" / FINGERPRINT / "records.jsonl").exists()


def test_an_unfinished_run_goes_on_without_the_line_that_a_kill_cut(tmp_path):
    _, results = make_run(tmp_path)
    write_folder(tmp_path / "runs", FINGERPRINT, results[:5], end=results[5].to_json()[:40])
    jobs = EvaluationJobs(tmp_path / "runs")
    assert jobs.past_reports() == ()
    assert jobs.past_results(FINGERPRINT) == results[:4]  # the fifth line has no line end: it may be cut too


def test_a_run_that_cannot_be_read_is_told_and_the_others_are_taken(tmp_path, caplog):
    report, results = make_run(tmp_path)
    for name in ("aaaaaaaa", "bbbbbbbb", "cccccccc"):
        write_folder(tmp_path / "runs", name, results, report)
    (tmp_path / "runs" / "aaaaaaaa" / "records.jsonl").write_text("nonsense\n" + results[0].to_json() + "\n")
    (tmp_path / "runs" / "bbbbbbbb" / "report.json").write_text("{")
    assert import_folder_runs(tmp_path / "runs") == 1
    assert "aaaaaaaa" in caplog.text
    assert "bbbbbbbb" in caplog.text
    assert RunStore(tmp_path / "runs", "cccccccc").results() == results
    assert RunStore(tmp_path / "runs", "bbbbbbbb").results() == ()


def test_folders_are_taken_once(tmp_path):
    report, results = make_run(tmp_path)
    write_folder(tmp_path / "runs", FINGERPRINT, results, report)
    assert import_folder_runs(tmp_path / "runs") == 1
    assert import_folder_runs(tmp_path / "runs") == 0
    assert import_folder_runs(tmp_path / "nothing") == 0
