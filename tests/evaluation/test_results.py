"""What one record leaves behind."""

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.evaluation.results import RecordResult
from tests.evaluation.answers import make_answer, make_record, title

RECORD = make_record("7-0", relevant=[1, 2, 3, 4])


def test_a_result_scores_what_was_resolved_and_what_was_written_exactly():
    answer = make_answer([1, title(2, "fuzzy", distance=2.0), title(None, "none"), title(1, "exact", "repeated")])
    got = RecordResult.from_recommendation(RECORD, answer, k=4)
    assert got.item_ids == (1, 2, None, None)
    assert got.exact_item_ids == (1, None, None, None)
    assert got.metrics["precision"] == 0.5
    assert got.raw_metrics["precision"] == 0.25
    assert got.metrics["map"] == pytest.approx((1 + 1) / 4)
    assert got.titles[3].flags == ("repeated",)


def test_the_seconds_of_a_batch_are_shared_by_its_records():
    got = RecordResult.from_recommendation(RECORD, make_answer([1], seconds=6.0, tokens=31), k=4, num_in_batch=3)
    assert got.seconds == 2.0
    assert got.tokens == 31


def test_a_result_is_one_line_and_survives_it():
    text = "a\nb\r\u2028\u0085 \x00 “ü” 🎬 \ud800"
    answer = make_answer([title(None, "none", distance=None, name=text), 3], text=text, problem="prose")
    result = RecordResult.from_recommendation(RECORD, answer, k=4)
    line = result.to_json()
    assert line.isascii()
    assert line.splitlines() == [line]
    assert RecordResult.from_json(line) == result


@given(st.text(), st.lists(st.one_of(st.none(), st.integers(1, 9)), max_size=5))
def test_any_text_and_any_items_survive_a_line(text, items):
    titles = [title(None, "none", name=text) if item is None else item for item in items]
    result = RecordResult.from_recommendation(RECORD, make_answer(titles, text=text), k=4)
    assert RecordResult.from_json(result.to_json()) == result


def test_plain_values_are_those_of_every_part():
    answer = make_answer([1, title(2, "fuzzy", "ambiguous"), title(None, "none")])
    for result in (RecordResult.from_recommendation(RECORD, answer, k=k) for k in (1, 4)):
        assert result.to_dict() == asdict(result)
        assert list(result.to_dict()) == list(asdict(result))


def test_what_is_exact_throughout_scores_the_same_raw():
    got = RecordResult.from_recommendation(RECORD, make_answer([9, 1]), k=4)
    assert got.raw_metrics == got.metrics
    assert got.metrics["map"] == pytest.approx(1 / 2 / 4)


def test_a_result_of_an_older_release_gets_the_metrics_that_it_lacks():
    result = RecordResult.from_recommendation(RECORD, make_answer([9, title(1, "fuzzy"), 2]), k=4)
    old = replace(
        result, metrics={"map": 0.25, "precision": 0.5}, raw_metrics={"map": 0.125}
    )  # 0.25 is not what we would compute: what is there stays
    filled = old.with_every_metric(4)
    assert filled.metrics == {**result.metrics, "map": 0.25}
    assert filled.raw_metrics["mrr"] == pytest.approx(1 / 3)
    assert filled.metrics["mrr"] == 0.5
    assert result.with_every_metric(4) is result


@pytest.mark.parametrize("line", ["", "{}", "[]", "null", '"x"', '{"record_id": "1-0"}', "{"])
def test_a_line_that_is_no_result_is_told_by_one_error(line):
    with pytest.raises(ValueError):
        RecordResult.from_json(line)


def test_an_unknown_part_of_a_line_is_an_error_not_ignored():
    values = RecordResult.from_recommendation(RECORD, make_answer([1]), k=4).to_dict()
    with pytest.raises(ValueError, match="colour"):
        RecordResult.from_json(json.dumps({**values, "colour": "red"}))
