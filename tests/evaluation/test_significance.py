"""The permutation test against every pattern counted one by one, and the detectable effect against its power."""

import math
from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.evaluation import significance
from recsys.evaluation.intervals import clustered_standard_error
from recsys.evaluation.significance import (
    PermutationTest,
    holm_adjusted,
    minimum_detectable_effect,
    paired_permutation_test,
)

eighths = st.integers(0, 8).map(lambda number: Fraction(number, 8))
rows = st.lists(st.tuples(eighths, eighths, st.integers(1, 6)), min_size=1, max_size=14)


def exact_by_hand(ours, theirs, users):
    """Every way to let whole users change places, in fractions."""
    seen = abs(sum(ours) - sum(theirs))
    names = sorted(set(users))
    extreme = 0
    for signs in product([1, -1], repeat=len(names)):
        sign = dict(zip(names, signs, strict=True))
        extreme += abs(sum(sign[u] * (a - b) for a, b, u in zip(ours, theirs, users, strict=True))) >= seen
    return Fraction(extreme, 2 ** len(names))


def as_floats(table):
    ours, theirs, users = zip(*table, strict=True)
    return [float(value) for value in ours], [float(value) for value in theirs], list(users)


def test_three_users_that_all_gain_have_two_of_eight_patterns_as_extreme():
    assert paired_permutation_test([1.0, 0.5, 0.5], [0.5, 0.25, 0.0], [1, 2, 3]) == PermutationTest(0.25, 8, True)


def test_records_of_a_user_change_places_together():
    """User 1 gains 1/2 on each of two records: with user 2 there are four patterns, not eight."""
    assert paired_permutation_test([0.5, 0.5, 0.5], [0.0, 0.0, 0.0], [1, 1, 2]) == PermutationTest(0.5, 4, True)


def test_a_user_whose_records_cancel_out_changes_nothing():
    with_them = paired_permutation_test([1, 1, 1, 0, 1], [0, 0, 0, 1, 0], [1, 2, 3, 4, 4])
    assert (
        with_them == paired_permutation_test([1, 1, 1, 0], [0, 0, 0, 0], [1, 2, 3, 4]) == PermutationTest(0.25, 8, True)
    )


@given(rows)
def test_the_p_of_few_users_is_the_share_of_all_patterns_counted_one_by_one(table):
    ours, theirs, users = zip(*table, strict=True)
    test = paired_permutation_test(*as_floats(table))
    if len(set(users)) < 2:
        assert test is None
        return
    assert test.is_exact
    assert test.p_value == pytest.approx(float(exact_by_hand(ours, theirs, users)), abs=1e-12)


@given(rows)
def test_it_does_not_matter_which_system_is_ours(table):
    ours, theirs, users = as_floats(table)
    assert paired_permutation_test(ours, theirs, users) == paired_permutation_test(theirs, ours, users)


def test_alike_systems_have_p_one():
    assert paired_permutation_test([0.5, 0.25], [0.5, 0.25], [1, 2]).p_value == 1.0


def test_one_user_alone_is_not_tested():
    assert paired_permutation_test([1.0, 1.0], [0.0, 0.0], [5, 5]) is None
    assert paired_permutation_test([], [], []) is None
    assert minimum_detectable_effect([1.0, 0.0], [0.0, 0.0], [5, 5]) is None


def test_drawn_patterns_come_near_all_patterns(monkeypatch):
    rng = np.random.default_rng(2)
    ours, theirs, users = rng.random(30) + 0.1, rng.random(30), rng.integers(0, 12, 30)
    exact = paired_permutation_test(ours, theirs, users)
    monkeypatch.setattr(significance, "MOST_ENUMERATED", 0)
    drawn = paired_permutation_test(ours, theirs, users)
    assert exact.is_exact
    assert (drawn.is_exact, drawn.num_permutations) == (False, 9_999)
    spread = math.sqrt(exact.p_value * (1 - exact.p_value) / 9_999)
    assert drawn.p_value == pytest.approx(exact.p_value, abs=4 * spread + 1e-4)


def test_the_p_of_drawn_patterns_is_never_zero_and_the_same_for_the_same_seed():
    users = list(range(60))
    assert paired_permutation_test([1.0] * 60, [0.0] * 60, users) == PermutationTest(1 / 10_000, 9_999, False)
    rng = np.random.default_rng(3)
    ours, theirs = rng.random(60), rng.random(60)
    first = paired_permutation_test(ours, theirs, users)
    assert first == paired_permutation_test(ours, theirs, users)
    assert first != paired_permutation_test(ours, theirs, users, seed=1)


def test_drawing_in_pieces_changes_no_p(monkeypatch):
    rng = np.random.default_rng(4)
    ours, theirs, users = rng.random(40), rng.random(40), list(range(40))
    whole = paired_permutation_test(ours, theirs, users, num_permutations=999)
    monkeypatch.setattr(significance, "_FLIPS_AT_ONCE", 40 * 100)
    pieces = paired_permutation_test(ours, theirs, users, num_permutations=999)
    assert pieces.num_permutations == 999
    assert pieces.p_value == pytest.approx(whole.p_value, abs=0.06)


def test_alike_systems_are_told_apart_about_as_often_as_the_level_says():
    rng = np.random.default_rng(5)
    users = np.repeat(np.arange(25), 3)
    found = 0
    for _ in range(400):
        differences = np.repeat(rng.normal(size=25), 3) + rng.normal(size=75)
        found += paired_permutation_test(differences, np.zeros(75), users, num_permutations=199).p_value <= 0.05
    assert 0.02 <= found / 400 <= 0.09


def test_the_detectable_effect_of_four_users_is_worked_by_hand():
    """Differences 1, 0, 0, 1: s² = 1/3, SE = √(1/12), and z(0.975) + z(0.8) = 1.9600 + 0.8416."""
    got = minimum_detectable_effect([1, 0, 0, 1], [0, 0, 0, 0], [1, 2, 3, 4])
    assert got == pytest.approx((1.959964 + 0.841621) * math.sqrt(1 / 12), abs=1e-5)


def test_more_power_or_a_higher_level_needs_a_larger_effect():
    ours, theirs, users = [1, 0, 0, 1], [0, 0, 0, 0], [1, 2, 3, 4]
    usual = minimum_detectable_effect(ours, theirs, users)
    assert minimum_detectable_effect(ours, theirs, users, power=0.9) > usual
    assert minimum_detectable_effect(ours, theirs, users, level=0.99) > usual


def test_a_difference_of_the_detectable_size_is_found_four_times_of_five():
    """60 users with 2 records: their own effect and noise of variance 1 each, so that SE² = (1 + 1/2) / 60."""
    rng = np.random.default_rng(6)
    users = np.repeat(np.arange(60), 2)
    true_difference = (1.959964 + 0.841621) * math.sqrt(1.5 / 60)
    found, told = 0, []
    for _ in range(500):
        differences = true_difference + np.repeat(rng.normal(size=60), 2) + rng.normal(size=120)
        found += abs(differences.mean()) > 1.959964 * clustered_standard_error(differences, users)
        told.append(minimum_detectable_effect(differences, np.zeros(120), users))
    assert 0.74 <= found / 500 <= 0.86
    assert np.mean(told) == pytest.approx(true_difference, rel=0.03)


def test_a_test_needs_the_same_records():
    with pytest.raises(ValueError):
        paired_permutation_test([1.0, 0.0], [1.0], [1, 2])
    with pytest.raises(ValueError):
        minimum_detectable_effect([1.0, 0.0], [1.0], [1, 2])


hundredths = st.lists(st.integers(0, 100).map(lambda number: Fraction(number, 100)), max_size=6)


def closed_test(p_values):
    """Bonferroni in every set of comparisons: a comparison is rejected where every set that it is in is."""
    places = range(len(p_values))
    sets = [chosen for size in range(1, len(p_values) + 1) for chosen in combinations(places, size)]
    return [
        max(min(Fraction(1), len(chosen) * min(p_values[i] for i in chosen)) for chosen in sets if place in chosen)
        for place in places
    ]


def test_four_comparisons_are_adjusted_by_hand():
    """In order 0.005, 0.01, 0.03, 0.04: times 4, 3, 2 and 1 that is 0.02, 0.03, 0.06, 0.04, and none may fall again."""
    assert holm_adjusted([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


def test_one_comparison_is_left_alone_and_none_is_none():
    assert holm_adjusted([0.03]) == (0.03,)
    assert holm_adjusted([]) == ()


@given(hundredths)
def test_adjusted_values_are_those_of_the_closed_test_over_all_sets_of_comparisons(p_values):
    assert list(holm_adjusted(p_values)) == closed_test(p_values)


@given(hundredths)
def test_adjusting_keeps_the_order_and_stays_between_the_value_and_bonferroni(p_values):
    adjusted = holm_adjusted(p_values)
    for mine, told in zip(p_values, adjusted, strict=True):
        assert mine <= told <= min(1, len(p_values) * mine)
        assert all(told <= other for value, other in zip(p_values, adjusted, strict=True) if mine <= value)


@given(hundredths, st.integers(0, 5), st.integers(0, 100))
def test_a_smaller_value_makes_no_adjusted_one_larger(p_values, place, number):
    if place < len(p_values):
        smaller = [*p_values]
        smaller[place] = min(smaller[place], Fraction(number, 100))
        assert all(one <= other for one, other in zip(holm_adjusted(smaller), holm_adjusted(p_values), strict=True))
