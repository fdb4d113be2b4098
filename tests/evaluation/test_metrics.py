"""Metrics of one record, against fractions worked by hand and against ranx."""

import math
import random
import warnings
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.errors import InputError, SettingsError
from recsys.evaluation.metrics import (
    HEADLINE,
    METRICS,
    average_precision,
    hit_rate,
    ndcg,
    precision,
    recall,
    reciprocal_rank,
    score_record,
)

RELEVANT = [1, 5443, 321, 514]
RETRIEVED = [1, 43, 321, 3513]

items = st.integers(1, 12)
relevants = st.lists(items, min_size=1, max_size=8, unique=True)
ranks = st.lists(st.one_of(st.none(), items), max_size=8)
cuts = st.integers(1, 10)


def test_the_pinned_example_scores_one_half_and_five_twelfths():
    assert precision(RELEVANT, RETRIEVED, 4) == 0.5
    assert average_precision(RELEVANT, RETRIEVED, 4) == pytest.approx(float(Fraction(5, 12)), abs=1e-15)
    assert recall(RELEVANT, RETRIEVED, 4) == 0.5
    assert hit_rate(RELEVANT, RETRIEVED, 4) == 1.0
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4) + 1 / math.log2(5)
    assert ndcg(RELEVANT, RETRIEVED, 4) == pytest.approx((1 + 1 / math.log2(4)) / ideal)


@pytest.mark.parametrize(
    ("relevant", "ranked", "k", "expected"),
    [
        ([1, 2, 3, 4], [1, 2, 3, 4], 4, Fraction(1)),
        ([1, 2, 3, 4], [9, 9, 9, 4], 4, Fraction(1, 4) / 4),
        ([1, 2, 3, 4], [None, 1], 4, Fraction(1, 2) / 4),
        ([1, 2, 3, 4], [1], 2, Fraction(1) / 2),
        ([1], [9, 1, 8, 7], 4, Fraction(1, 2)),
        ([1, 2], [9, 1, 2], 3, (Fraction(1, 2) + Fraction(2, 3)) / 2),
        ([1, 2, 3, 4, 5, 6], [1, 2], 2, Fraction(1)),
    ],
)
def test_average_precision_is_the_fraction_worked_by_hand(relevant, ranked, k, expected):
    assert average_precision(relevant, ranked, k) == pytest.approx(float(expected), abs=1e-15)


def test_precision_divides_by_k_and_recall_by_what_is_relevant():
    assert precision([1, 2], [1], 4) == 0.25
    assert recall([1, 2], [1], 4) == 0.5


def test_an_empty_list_scores_zero():
    assert score_record(RELEVANT, [], 4) == dict.fromkeys(METRICS, 0.0)


def test_an_item_written_twice_counts_once():
    assert average_precision([1, 2], [1, 1], 2) == average_precision([1, 2], [1, None], 2) == 0.5
    assert precision([1, 2], [1, 1], 2) == 0.5


def test_what_stands_below_the_cut_does_not_count():
    assert score_record([1], [9, 8, 1], 2) == dict.fromkeys(METRICS, 0.0)


@pytest.mark.parametrize("k", [0, -1, 1.5, True, None])
def test_a_cut_that_is_no_whole_number_from_one_is_refused(k):
    for metric in METRICS.values():
        with pytest.raises(SettingsError, match="k "):
            metric.function(RELEVANT, RETRIEVED, k)


def test_a_record_without_relevant_items_is_refused():
    for metric in METRICS.values():
        with pytest.raises(InputError, match="no relevant items"):
            metric.function([], RETRIEVED, 4)


def test_each_definition_names_its_cut():
    assert METRICS[HEADLINE].label(4) == "MAP@4"
    assert METRICS["ndcg"].definition(10).startswith("NDCG@10: Σ 1/log₂(i+1) over the ranks i ≤ 10")
    assert "min(4, |relevant|)" in METRICS["map"].definition(4)
    assert list(METRICS) == ["map", "precision", "recall", "ndcg", "mrr", "hit_rate"]


@given(relevants, ranks, cuts)
def test_every_metric_is_from_zero_to_one(relevant, ranked, k):
    assert all(0.0 <= value <= 1.0 + 1e-12 for value in score_record(relevant, ranked, k).values())


@given(relevants, ranks, cuts, st.data())
def test_a_miss_in_place_of_a_title_never_raises_a_score(relevant, ranked, k, data):
    if not ranked:
        return
    place = data.draw(st.integers(0, len(ranked) - 1))
    if ranked[place] in ranked[:place] + ranked[place + 1 :]:
        return  # the same item further down may then count; a repeat is None before it gets here
    without = [None if i == place else item for i, item in enumerate(ranked)]
    before, after = score_record(relevant, ranked, k), score_record(relevant, without, k)
    assert all(after[name] <= before[name] + 1e-12 for name in METRICS)


@given(relevants, st.lists(st.one_of(st.none(), items), max_size=8, unique=True), cuts, st.data())
def test_moving_a_hit_above_a_miss_never_lowers_a_score(relevant, ranked, k, data):
    downs = [i for i in range(1, len(ranked)) if ranked[i] in relevant and ranked[i - 1] not in relevant]
    if not downs:
        return
    place = data.draw(st.sampled_from(downs))
    raised = list(ranked)
    raised[place - 1], raised[place] = raised[place], raised[place - 1]
    before, after = score_record(relevant, ranked, k), score_record(relevant, raised, k)
    assert all(after[name] >= before[name] - 1e-12 for name in METRICS)


@given(relevants, ranks, cuts, st.randoms(use_true_random=False))
def test_the_order_and_repeats_of_relevant_items_do_not_matter(relevant, ranked, k, rng: random.Random):
    shuffled = [*relevant, relevant[0]]
    rng.shuffle(shuffled)
    assert score_record(shuffled, ranked, k) == score_record(relevant, ranked, k)


@given(relevants, ranks, cuts)
def test_average_precision_is_the_sum_that_its_definition_writes(relevant, ranked, k):
    first = [item if item not in ranked[:i] else None for i, item in enumerate(ranked)][:k]
    hits = [int(item in relevant) for item in first]
    total = sum(Fraction(sum(hits[: i + 1]), i + 1) * hit for i, hit in enumerate(hits))
    expected = total / min(k, len(relevant))
    assert average_precision(relevant, ranked, k) == pytest.approx(float(expected), abs=1e-12)


@pytest.mark.parametrize(
    ("ranked", "k", "expected"),
    [([1, 9], 2, 1), ([9, 321, 1], 3, Fraction(1, 2)), ([None, 9, 514], 3, Fraction(1, 3)), ([9, 8, 1], 2, 0)],
)
def test_the_reciprocal_rank_is_that_of_the_first_hit_and_zero_below_the_cut(ranked, k, expected):
    assert reciprocal_rank(RELEVANT, ranked, k) == pytest.approx(float(expected), abs=1e-15)


@given(relevants, ranks, cuts)
def test_the_reciprocal_rank_is_the_largest_hit_share_of_any_rank(relevant, ranked, k):
    """An oracle without a search for the first hit: 1/rank falls, so the first hit has the largest one."""
    shares = [Fraction(1, rank) for rank, item in enumerate(ranked[:k], 1) if item in relevant]
    assert reciprocal_rank(relevant, ranked, k) == pytest.approx(float(max(shares, default=0)), abs=1e-15)


def test_ranx_agrees_on_hundreds_of_random_records(monkeypatch):
    """ranx divides AP by |relevant|, so the records compared have at most k relevant items.

    Its numba functions run as plain Python here: compiling them takes a minute, running them a moment.
    """
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ranx import Qrels, Run, evaluate

        k = 5
        rng = random.Random(20)
        relevant = {f"q{i}": rng.sample(range(20), rng.randint(1, k)) for i in range(300)}
        ranked = {query: rng.sample(range(20), rng.randint(1, 8)) for query in relevant}
        qrels = Qrels({query: {str(item): 1 for item in wanted} for query, wanted in relevant.items()})
        run = Run({q: {str(item): 1.0 / rank for rank, item in enumerate(r, 1)} for q, r in ranked.items()})
        evaluate(qrels, run, [f"{name}@{k}" for name in METRICS])
    for query, wanted in relevant.items():
        for name, value in score_record(wanted, ranked[query], k).items():
            theirs = run.scores[f"{name}@{k}"][query]
            assert value == pytest.approx(theirs, abs=1e-6), (name, wanted, ranked[query])
