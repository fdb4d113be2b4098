"""Overlaps, spreads, orders and decades, by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.tuning.effects.numbers import Spread, jaccard, kendall_tau, mean_overlap, one_decade_share
from recsys.tuning.effects.sampling import overlap_score
from tests.tuning.effects.made_figures import record

ITEMS = st.lists(st.none() | st.integers(1, 9), max_size=6)


def test_two_answers_overlap_by_the_movies_of_both_over_those_of_either():
    assert jaccard([1, 2, 3, 4], [3, 4, 5, 6]) == pytest.approx(2 / 6)
    assert jaccard([1, None, None, 2], [2, 1]) == 1
    assert jaccard([], [None]) == 0


@given(ITEMS, ITEMS)
def test_an_overlap_is_a_share_and_the_same_both_ways(one, other):
    assert 0 <= jaccard(one, other) == jaccard(other, one) <= 1
    assert jaccard(one, one) == (1 if set(one) - {None} else 0)


def test_several_answers_overlap_by_the_mean_of_their_pairs():
    # 1 ∩ 2 = {2}, of three; 1 ∩ 3 = {1, 2}, of two; 2 ∩ 3 = {2}, of three
    assert mean_overlap([[1, 2], [2, 3], [2, 1]]) == pytest.approx((1 / 3 + 1 + 1 / 3) / 3)


def test_the_overlap_of_seeds_is_a_mean_over_records():
    first = (record("1-0", 1, items=(1, 2)), record("2-0", 2, items=(1, 2)))
    second = (record("1-0", 1, items=(1, 2)), record("2-0", 2, items=(3, 4)))
    score = overlap_score([first, second])
    assert score.mean == 0.5
    assert (score.interval.low, score.interval.high) == (0, 1)


def test_a_spread_has_the_deviation_of_one_less():
    spread = Spread.of([0.1, 0.2, 0.6])
    assert (spread.low, spread.high, spread.count) == (0.1, 0.6, 3)
    assert spread.width == pytest.approx(0.5)
    assert spread.deviation == pytest.approx(math.sqrt((0.04 + 0.01 + 0.09) / 2))
    assert Spread.of([0.3]).deviation == 0


def test_orders_agree_by_their_pairs():
    assert kendall_tau([1, 2, 3], [4, 5, 6]) == 1
    assert kendall_tau([1, 2, 3], [6, 5, 4]) == -1
    assert kendall_tau([1, 2, 2], [1, 2, 3]) == pytest.approx(2 / 3)  # a tie is neither
    assert kendall_tau([1], [1]) == 0


def test_the_commonest_decade_of_a_list_takes_two_years_at_least():
    assert one_decade_share([1980, 1989, 1990, 2001]) == 0.5
    assert one_decade_share([1994, 1995]) == 1
    assert math.isnan(one_decade_share([1994, None]))
