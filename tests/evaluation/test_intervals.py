"""Clustered intervals, against a case worked by hand and against the normal approximation."""

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.evaluation import intervals
from recsys.evaluation.intervals import (
    Interval,
    clustered_interval,
    clustered_standard_error,
    mean_over_records,
    mean_over_users,
    paired_interval,
    sums_by_user,
)


def test_the_mean_over_users_weighs_every_user_the_same():
    values, users = [1.0, 0.0, 0.5, 0.5], [7, 7, 8, 9]
    assert mean_over_records(values) == 0.5
    assert mean_over_users(values, users) == pytest.approx((0.5 + 0.5 + 0.5) / 3)
    assert mean_over_users([1, 1, 1, 0], [7, 7, 7, 8]) == 0.5
    assert mean_over_records([1, 1, 1, 0]) == 0.75


def test_no_records_have_mean_zero_and_no_interval():
    assert mean_over_records([]) == mean_over_users([], []) == 0.0
    assert clustered_interval([], []) is None


def test_one_user_alone_has_no_interval():
    assert clustered_interval([0.1, 0.9, 0.4], [5, 5, 5]) is None


def test_two_users_resample_to_three_means_worked_by_hand():
    """User 1 has three records of 1, user 2 one of 0: means 1, 3/4 and 0 with chances 1/4, 1/2 and 1/4."""
    values, users = [1.0, 1.0, 1.0, 0.0], [1, 1, 1, 2]
    wide = clustered_interval(values, users)
    assert (wide.low, wide.high, wide.level) == (0.0, 1.0, 0.95)
    middle = clustered_interval(values, users, level=0.4)  # from the 30% to the 70% quantile: only the middle mean
    assert (middle.low, middle.high) == (0.75, 0.75)
    assert 0.75 in middle


def test_many_independent_users_give_the_normal_interval():
    rng = np.random.default_rng(3)
    values = rng.beta(2, 5, size=800)
    got = clustered_interval(values, np.arange(800))
    half = 1.959964 * values.std(ddof=1) / math.sqrt(800)
    assert got.low == pytest.approx(values.mean() - half, abs=0.06 * half)
    assert got.high == pytest.approx(values.mean() + half, abs=0.06 * half)


def test_users_with_alike_records_widen_the_interval_as_the_cluster_formula_says():
    """40 users with 10 records that are all the user's own value: as wide as for 40 records, not 400."""
    rng = np.random.default_rng(4)
    own = rng.normal(size=60)
    values, users = np.repeat(own, 10), np.repeat(np.arange(60), 10)
    clustered = clustered_interval(values, users)
    half = 1.959964 * own.std(ddof=1) / math.sqrt(60)
    assert (clustered.high - clustered.low) / 2 == pytest.approx(half, rel=0.06)
    as_if_independent = clustered_interval(values, np.arange(600))
    assert clustered.high - clustered.low > 2.5 * (as_if_independent.high - as_if_independent.low)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(5)
    users = np.repeat(np.arange(60), 3)
    covered = 0
    for _ in range(200):
        values = np.repeat(rng.normal(size=60), 3) + rng.normal(size=180)
        covered += 0.0 in clustered_interval(values, users, num_resamples=400)
    assert 0.88 <= covered / 200 <= 0.99


def test_the_same_seed_gives_the_same_interval_and_another_seed_nearly_so():
    rng = np.random.default_rng(6)
    values, users = rng.random(300), rng.integers(0, 50, 300)
    assert clustered_interval(values, users) == clustered_interval(values, users)
    other = clustered_interval(values, users, seed=1)
    assert other != clustered_interval(values, users)
    assert other.low == pytest.approx(clustered_interval(values, users).low, abs=0.005)


def test_a_paired_difference_is_narrower_than_its_sides():
    rng = np.random.default_rng(7)
    hard = rng.normal(size=200)
    ours, theirs = hard + 0.1 + rng.normal(scale=0.1, size=200), hard
    users = np.arange(200)
    paired = paired_interval(ours, theirs, users)
    assert paired.low > 0  # the difference is plain although both sides' intervals overlap
    ours_alone, theirs_alone = clustered_interval(ours, users), clustered_interval(theirs, users)
    assert ours_alone.low < theirs_alone.high


def test_the_clustered_standard_error_of_two_users_is_worked_by_hand():
    """Sums 3 and 0 of 3 and 1 records, mean 3/4: residuals ±3/4, so SE² = 2 · (9/16 + 9/16) / 4² = 9/64."""
    assert clustered_standard_error([1.0, 1.0, 1.0, 0.0], [1, 1, 1, 2]) == pytest.approx(3 / 8)
    assert clustered_standard_error([1.0, 0.0], [1, 1]) is None
    assert clustered_standard_error([], []) is None


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=20))
def test_with_one_record_a_user_the_standard_error_is_the_usual_one(values):
    expected = np.std(values, ddof=1) / math.sqrt(len(values))
    assert clustered_standard_error(values, range(len(values))) == pytest.approx(expected, abs=1e-12)


def test_the_standard_error_agrees_with_the_bootstrap_on_uneven_users():
    rng = np.random.default_rng(9)
    users = np.repeat(np.arange(80), rng.integers(1, 9, 80))
    values = rng.normal(size=80)[users] + rng.normal(size=len(users))
    interval = clustered_interval(values, users, level=0.6827)  # one standard error to either side
    assert (interval.high - interval.low) / 2 == pytest.approx(clustered_standard_error(values, users), rel=0.06)


def test_an_interval_comes_back_from_plain_values():
    assert Interval.from_dict({"low": 0.1, "high": 0.2, "level": 0.9}) == Interval(0.1, 0.2, 0.9)
    assert Interval.from_dict(None) is None


def test_a_paired_difference_needs_the_same_records():
    with pytest.raises(ValueError):
        paired_interval([1.0, 0.0], [1.0], [1, 2])
    with pytest.raises(ValueError, match="2 values but 1 user ids"):
        clustered_interval([1.0, 0.0], [1])


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(1, 5)), min_size=2, max_size=30))
def test_an_interval_lies_within_the_values_of_the_users(rows):
    values, users = [value for value, _ in rows], [user for _, user in rows]
    got = clustered_interval(values, users, num_resamples=200)
    if got is None:
        assert len(set(users)) == 1
    else:
        assert min(values) - 1e-9 <= got.low <= got.high <= max(values) + 1e-9


def test_ten_thousand_resamples_of_ninety_five_users_take_less_than_a_second():
    rng = np.random.default_rng(8)
    values, users = rng.random(716), rng.integers(0, 95, 716)
    fastest = math.inf
    for _ in range(3):
        started = time.perf_counter()
        clustered_interval(values, users)
        fastest = min(fastest, time.perf_counter() - started)
    assert fastest < 1.0


@pytest.mark.parametrize("seed", [0, 3])
def test_draws_that_are_kept_are_those_that_would_be_made_again(seed):
    users = [1, 1, 2, 3, 3, 3]
    for values in ([1.0, 0.0, 0.5, 0.25, 0.0, 0.0], [0.0, 0.5, 1.0, 0.0, 0.75, 1.0]):  # the second finds what is kept
        sums, counts = sums_by_user(values, users)
        drawn = np.random.default_rng(seed).integers(0, 3, size=(1000, 3))
        low, high = np.quantile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), [0.025, 0.975])
        got = clustered_interval(values, users, num_resamples=1000, seed=seed)
        assert (got.low, got.high) == (low, high)


def test_many_users_are_drawn_in_pieces_and_nothing_is_kept(monkeypatch):
    monkeypatch.setattr(intervals, "_DRAWS_AT_ONCE", 3000)
    intervals._resample.cache_clear()
    values, users = list(np.random.default_rng(1).random(40)), list(range(40))
    pieces = clustered_interval(values, users)
    assert intervals._resample.cache_info().currsize == 0
    monkeypatch.undo()
    whole = clustered_interval(values, users)
    assert (pieces.low, pieces.high) == pytest.approx((whole.low, whole.high), abs=0.01)
