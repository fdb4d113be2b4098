"""Many records, asked in batches, stopped anywhere and taken up again."""

import json
import sqlite3
import tempfile
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.errors import CancelledError
from recsys.evaluation.results import RecordResult
from recsys.evaluation.run_database import FILE_NAME
from recsys.evaluation.runner import cut_history, evaluate_records, record_seeds, select_records
from recsys.evaluation.store import RunStore
from recsys.generation.seeds import derive_seed
from recsys.models.distributed import Processes
from recsys.settings import EvaluationSettings
from tests.evaluation.answers import FakeSystem, answer_by_id, make_answer, make_record

RECORDS = tuple(make_record(f"{user}-{window}") for user in (5, 6, 7) for window in range(4))[:11]


class KilledError(Exception):
    """Stands for a server that dies."""


def run(records=RECORDS, system=None, **changes):
    system = system or FakeSystem(answer_by_id)
    return list(evaluate_records(records, system, **{"k": 4, "batch_size": 4, **changes}))


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path, "0123456789abcdef")


def test_records_are_asked_in_batches_and_come_out_in_order():
    system = FakeSystem(answer_by_id)
    results = run(system=system)
    assert [len(batch) for batch in system.batches] == [4, 4, 3]
    assert [result.record_id for result in results] == [record.record_id for record in RECORDS]
    assert all(result.record_id in result.completion for result in results)


def test_results_do_not_depend_on_the_batch_size_but_for_their_share_of_its_seconds():
    by_size = {size: run(batch_size=size) for size in (1, 3, 100)}
    for size, results in by_size.items():
        assert [result.metrics for result in results] == [result.metrics for result in by_size[1]]
        assert sum(result.seconds for result in results) == pytest.approx(-(-11 // size))


def test_a_batch_is_handed_on_only_once_it_is_kept(store):
    for place, _ in enumerate(evaluate_records(RECORDS, FakeSystem(answer_by_id), k=4, batch_size=4, store=store)):
        assert len(store.results()) == min(4 * (place // 4 + 1), 11)


@pytest.mark.parametrize("batches_before_the_kill", [0, 1, 2, 3])
def test_a_killed_run_goes_on_to_the_same_results(store, batches_before_the_kill):
    def die(num_batches):
        if num_batches > batches_before_the_kill:
            raise KilledError

    if batches_before_the_kill < 3:
        with pytest.raises(KilledError):
            run(system=FakeSystem(answer_by_id, die), store=store)
    else:
        run(store=store)
    kept = len(store.results())
    assert kept == min(4 * batches_before_the_kill, 11)
    system = FakeSystem(answer_by_id)
    resumed = run(system=system, store=store)
    alone = run(batch_size=4)
    assert [(r.record_id, r.completion, r.metrics, r.titles) for r in resumed] == [
        (r.record_id, r.completion, r.metrics, r.titles) for r in alone
    ]
    assert sum(map(len, system.batches)) == 11 - kept
    assert store.results() == tuple(resumed)


def test_a_finished_run_asks_the_model_nothing(store):
    first = run(store=store)
    system = FakeSystem(answer_by_id)
    assert run(system=system, store=store) == first
    assert system.batches == []


def test_a_run_of_an_older_release_goes_on_with_the_metrics_added_since(store, tmp_path):
    first = run(RECORDS[:4], store=store)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        for record_id, text in connection.execute("SELECT record_id, result FROM results").fetchall():
            old = json.loads(text)
            del old["metrics"]["mrr"], old["raw_metrics"]["mrr"]
            connection.execute("UPDATE results SET result = ? WHERE record_id = ?", (json.dumps(old), record_id))
    system = FakeSystem(answer_by_id)
    resumed = run(system=system, store=store)
    assert resumed[:4] == first
    assert sum(map(len, system.batches)) == 7


@settings(deadline=None, max_examples=30)  # each example writes two databases
@given(st.integers(1, 4), st.integers(1, 5), st.sets(st.sampled_from(RECORDS), max_size=11))
def test_processes_share_the_batches_that_one_would_make(count, batch_size, held):
    """Every waiting record is asked by one of them, in the very batch in which one process alone asks it."""
    with tempfile.TemporaryDirectory() as folder:
        alone, shared = (
            RunStore(Path(folder) / "a", "0123456789abcdef"),
            RunStore(Path(folder) / "b", "0123456789abcdef"),
        )
        for store in (alone, shared):
            store.append([RecordResult.from_recommendation(record, answer_by_id(record), k=4) for record in held])
        one, systems = FakeSystem(answer_by_id), [FakeSystem(answer_by_id) for _ in range(count)]
        run(system=one, store=alone, batch_size=batch_size)
        for rank, system in enumerate(systems):
            run(system=system, store=shared, batch_size=batch_size, processes=Processes(rank, count))
        shared.take_parts()
        assert sorted(one.batches) == sorted(batch for system in systems for batch in system.batches)
        assert {result.record_id: result for result in shared.results()} == {
            result.record_id: result for result in alone.results()
        }


def test_a_stop_during_a_batch_throws_that_batch_away(store):
    cancel = threading.Event()
    system = FakeSystem(answer_by_id, lambda num_batches: cancel.set() if num_batches == 2 else None)
    with pytest.raises(CancelledError, match=r"after 4 of 11 records.*go on from there"):
        run(system=system, store=store, cancel=cancel)
    assert [result.record_id for result in store.results()] == [record.record_id for record in RECORDS[:4]]


def test_a_stop_before_the_start_asks_nothing():
    cancel = threading.Event()
    cancel.set()
    system = FakeSystem(answer_by_id)
    with pytest.raises(CancelledError, match="after 0 of 11"):
        run(system=system, cancel=cancel)
    assert system.batches == []


def test_progress_ends_at_one_and_counts_what_was_held(store):
    run(RECORDS[:4], store=store)
    told = []
    run(store=store, progress=lambda fraction, sentence: told.append((fraction, sentence)))
    assert told == [(8 / 11, "8 of 11 records"), (1.0, "11 of 11 records")]


def test_a_system_that_loses_a_record_is_found_out():
    with pytest.raises(ValueError, match="zip"):
        run(system=lambda records: [make_answer([1])] * (len(records) - 1))


def test_drawing_takes_each_record_once_in_the_order_of_the_data():
    drawn = select_records(RECORDS, EvaluationSettings(num_records=6, seed=3))
    assert len(set(drawn)) == 6
    assert list(drawn) == sorted(drawn, key=RECORDS.index)
    assert drawn == select_records(RECORDS, EvaluationSettings(num_records=6, seed=3))
    assert drawn != select_records(RECORDS, EvaluationSettings(num_records=6, seed=4))


@pytest.mark.parametrize("num_records", [0, 11, 12, 1_000_000])
def test_none_or_more_than_there_are_takes_all(num_records):
    assert select_records(RECORDS, EvaluationSettings(num_records=num_records)) == RECORDS


@given(st.integers(1, 11), st.integers(1, 11), st.integers(0, 99))
def test_a_larger_draw_holds_the_smaller_one(one, other, seed):
    small, large = sorted((one, other))
    few = select_records(RECORDS, EvaluationSettings(num_records=small, seed=seed))
    many = select_records(RECORDS, EvaluationSettings(num_records=large, seed=seed))
    assert set(few) <= set(many)


def test_every_record_is_drawn_about_equally_often():
    counts = dict.fromkeys(RECORDS, 0)
    for seed in range(1100):
        for record in select_records(RECORDS, EvaluationSettings(num_records=1, seed=seed)):
            counts[record] += 1
    assert all(60 <= count <= 145 for count in counts.values())  # 100 each, within 4.5 standard deviations


def test_the_seed_of_a_record_does_not_depend_on_its_neighbours():
    settings = EvaluationSettings(seed=9)
    assert record_seeds(RECORDS, settings)[3:5] == record_seeds(RECORDS[3:5], settings)
    assert record_seeds(RECORDS[:1], settings) == [derive_seed(9, "5-0")]
    assert len(set(record_seeds(RECORDS, settings))) == 11


@pytest.mark.parametrize(
    ("length", "known"),
    [(None, (901, 902, 903)), (0, ()), (1, (903,)), (2, (902, 903)), (3, (901, 902, 903)), (50, (901, 902, 903))],
)
def test_the_latest_likes_of_each_record_are_shown_and_nothing_else_changes(length, known):
    record = replace(make_record("5-0"), disliked=(7, 8))
    assert cut_history(record, length) == replace(record, history=known)
    settings = EvaluationSettings(num_records=3, seed=3, history_length=length)
    drawn = select_records(RECORDS, settings)
    assert [one.record_id for one in drawn] == [
        one.record_id for one in select_records(RECORDS, settings.replace(history_length=None))
    ]
    assert {one.history for one in drawn} == {known}


def test_a_result_holds_the_likes_that_were_shown():
    (result,) = run(select_records(RECORDS[:1], EvaluationSettings(num_records=0, history_length=1)))
    assert result.history == (903,)
    assert result.relevant == (1, 2, 3, 4)
