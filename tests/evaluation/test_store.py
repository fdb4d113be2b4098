"""One run on disk: what a kill leaves is read again, and nothing is lost silently."""

import json

import pytest

from recsys.errors import DataFormatError, InputError, ModelBusyError
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.results import RecordResult
from recsys.evaluation.store import RunStore
from tests.evaluation.answers import answer_by_id, make_record


def make_result(record_id):
    record = make_record(record_id)
    return RecordResult.from_recommendation(record, answer_by_id(record), k=4)


FIRST, SECOND, THIRD = make_result("7-0"), make_result("7-1"), make_result("8-0")


@pytest.fixture
def store(tmp_path):
    return RunStore.open(tmp_path, "0123456789abcdef")


def test_results_come_back_in_the_order_of_their_writing(store):
    assert store.results() == ()
    store.append([FIRST, SECOND])
    store.append([THIRD])
    assert store.results() == RunStore(store.folder).results() == (FIRST, SECOND, THIRD)


@pytest.mark.parametrize("kept", [1, 10, -2, -1])
def test_a_line_cut_short_is_passed_over_and_the_next_one_starts_clean(store, kept):
    store.append([FIRST])
    with store.records_path.open("a") as file:
        file.write(SECOND.to_line()[:kept])
    assert store.results() == (FIRST,)
    store.repair()
    store.append([THIRD])
    assert store.results() == (FIRST, THIRD)
    assert store.records_path.read_text() == FIRST.to_line() + THIRD.to_line()


def test_zeros_that_a_power_cut_left_are_passed_over(store):
    store.append([FIRST])
    with store.records_path.open("ab") as file:
        file.write(b"\0" * 50 + b"\n")
    store.repair()
    assert store.records_path.read_text() == FIRST.to_line()


def test_repairing_a_whole_file_or_none_changes_nothing(store):
    store.repair()
    assert not store.records_path.exists()
    store.append([FIRST, SECOND])
    before = store.records_path.read_bytes()
    store.repair()
    assert store.records_path.read_bytes() == before


def test_a_bad_line_in_the_middle_names_file_and_line(store):
    store.append([FIRST])
    with store.records_path.open("a") as file:
        file.write("nonsense\n")
    store.append([SECOND])
    with pytest.raises(DataFormatError, match=r"records\.jsonl, line 2.*delete the file"):
        store.results()
    with pytest.raises(DataFormatError):
        store.repair()


def test_a_record_written_twice_counts_once(store):
    store.append([FIRST, SECOND])
    store.append([FIRST])
    assert store.results() == (FIRST, SECOND)


def test_the_first_start_is_remembered(store):
    started_at = store.begin(EvaluationRequest())
    assert started_at.endswith("+00:00")
    path = store.folder / "request.json"
    content = json.loads(path.read_text())
    assert EvaluationRequest.from_dict(content["request"]) == EvaluationRequest()
    path.write_text(json.dumps({**content, "started_at": "2020-01-01T00:00:00+00:00"}))
    assert store.begin(EvaluationRequest()) == "2020-01-01T00:00:00+00:00"


def test_a_broken_request_file_is_written_anew(store):
    store.folder.mkdir()
    (store.folder / "request.json").write_text("{")
    assert store.begin(EvaluationRequest()) == store.begin(EvaluationRequest())


@pytest.mark.parametrize(
    "name", ["..", "../../etc", "0123", "ABCDEF0123456789", "0123456789abcdef/..", "0123456789abcdef\n", ""]
)
def test_no_name_from_outside_leads_out_of_the_folder(tmp_path, name):
    with pytest.raises(InputError, match="fingerprint"):
        RunStore.open(tmp_path, name)


def test_a_run_is_held_by_one_at_a_time(store):
    other = RunStore(store.folder).hold()
    with store.hold(), pytest.raises(ModelBusyError, match="already running elsewhere"):
        other.__enter__()
    with store.hold():
        pass
