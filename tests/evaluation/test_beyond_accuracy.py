"""What lists are like, worked by hand and against other ways to count."""

import math
from dataclasses import replace
from fractions import Fraction
from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.evaluation.beyond_accuracy import (
    BEYOND_ACCURACY,
    RecommendedList,
    catalogue_coverage,
    decade_drift,
    gini,
    intra_list_diversity,
    measure_lists,
    novelty,
    serendipity,
)
from recsys.evaluation.results import RecordResult
from recsys.evaluation.scores import Measure
from tests.evaluation.answers import CATALOGUE, CONTEXT, MADE_MOVIES, make_answer, make_record, title

SIZE = len(MADE_MOVIES)
movies = st.sampled_from([movie.item_id for movie in MADE_MOVIES])
lists_of_items = st.lists(st.lists(movies, max_size=4, unique=True), max_size=12)


def recommended(record_id, *item_ids, history=(1, 2), relevant=(3,)):
    return RecommendedList(record_id, int(record_id.split("-")[0]), history, relevant, item_ids)


def test_novelty_is_the_mean_number_of_bits_of_the_shares_of_training_users():
    assert novelty([1, 2], CONTEXT) == 1.5  # 8 and 4 of 16 users: 1 and 2 bits
    assert novelty([6], CONTEXT) == 0.0  # everybody likes it


def test_an_item_that_no_training_user_likes_is_as_novel_as_one_that_one_user_likes():
    assert novelty([4], CONTEXT) == novelty([3], CONTEXT) == 4.0


def test_a_list_without_items_or_users_has_no_novelty():
    assert novelty([], CONTEXT) is None
    assert novelty([1], replace(CONTEXT, num_train_users=0)) is None


@given(st.lists(movies, min_size=1, max_size=4, unique=True))
def test_novelty_lies_between_nobody_and_everybody(item_ids):
    assert 0.0 <= novelty(item_ids, CONTEXT) <= 4.0
    shares = [Fraction(max(CONTEXT.popularity.get(item, 0), 1), 16) for item in item_ids]
    assert novelty(item_ids, CONTEXT) == pytest.approx(-math.log2(math.prod(shares)) / len(shares), abs=1e-12)


def test_diversity_is_one_minus_the_mean_overlap_of_genres():
    assert intra_list_diversity([1, 2], CONTEXT) == 0.5
    assert intra_list_diversity([1, 2, 3], CONTEXT) == pytest.approx(2 / 3)
    assert intra_list_diversity([1, 6], CONTEXT) == 1.0
    assert intra_list_diversity([1, 4], CONTEXT) is None  # the genres of 4 are not known


@given(st.lists(movies, max_size=5, unique=True))
def test_diversity_is_a_share_and_none_without_a_pair(item_ids):
    got = intra_list_diversity(item_ids, CONTEXT)
    pairs = list(combinations([item for item in item_ids if item != 4], 2))
    assert (got is None) == (not pairs)
    assert got is None or -1e-12 <= got <= 1.0


def test_coverage_counts_each_movie_of_the_catalogue_once():
    assert catalogue_coverage([(1, 2), (2,)], SIZE) == pytest.approx(2 / 6)
    assert catalogue_coverage([], SIZE) == 0.0
    assert catalogue_coverage([], 0) is None


def test_gini_of_two_movies_shown_twice_each_is_worked_by_hand():
    """0, 0, 0, 0, 2 and 2 of n = 6: ((2·5 - 7)·2 + (2·6 - 7)·2) / (5 · 4) = 16/20."""
    assert gini([(1, 2), (1, 2)], SIZE) == pytest.approx(0.8)


def test_gini_is_zero_for_all_movies_equally_often_and_one_for_only_ever_one():
    assert gini([(1, 2, 3), (4, 5, 6)], SIZE) == 0.0
    assert gini([(3,)] * 7, SIZE) == 1.0


def test_nothing_recommended_has_no_gini():
    assert gini([(), ()], SIZE) is None
    assert gini([(1,)], 1) is None


@given(lists_of_items)
def test_gini_is_half_the_relative_mean_difference_between_movies(lists):
    """The definition by pairs, Σ Σ |cᵢ - cⱼ| / (2 n Σ c), times n / (n - 1)."""
    shown = list(chain.from_iterable(lists))
    counts = [shown.count(movie.item_id) for movie in MADE_MOVIES]
    if not shown:
        assert gini(lists, SIZE) is None
        return
    expected = Fraction(sum(abs(a - b) for a in counts for b in counts), 2 * SIZE * sum(counts)) * SIZE / (SIZE - 1)
    assert gini(lists, SIZE) == pytest.approx(float(expected), abs=1e-12)


@given(lists_of_items, lists_of_items)
def test_more_lists_never_cover_less(lists, more):
    assert 0.0 <= catalogue_coverage(lists, SIZE) <= catalogue_coverage([*lists, *more], SIZE) <= 1.0


def test_drift_is_the_mean_year_of_the_list_minus_that_of_the_history():
    assert decade_drift([3, 4], [1, 2], CONTEXT) == 2010 - 1995  # 4 has no year
    assert decade_drift([6], [1, 2], CONTEXT) == 1970 - 1995
    assert decade_drift([4], [1, 2], CONTEXT) is None
    assert decade_drift([1], [4], CONTEXT) is None


@given(st.lists(movies, min_size=1, max_size=4, unique=True), st.lists(movies, min_size=1, max_size=4, unique=True))
def test_drift_turns_round_with_its_sides(items, history):
    there, back = decade_drift(items, history, CONTEXT), decade_drift(history, items, CONTEXT)
    assert (there is None) == (back is None)
    assert there is None or there == -back


def test_serendipity_counts_the_hits_that_popularity_would_not_have_shown():
    assert serendipity([1, 2, 3], relevant=[1, 2, 9], popular=[2, 4]) == 1
    assert serendipity([1, 2], relevant=[1, 2], popular=[1, 2]) == 0
    assert serendipity([], relevant=[1], popular=[]) == 0


@given(st.lists(movies, max_size=4, unique=True), st.sets(movies), st.sets(movies))
def test_serendipity_is_from_nothing_to_all_hits_and_zero_for_popularity_itself(items, relevant, popular):
    assert 0 <= serendipity(items, relevant, popular) <= len(set(items) & relevant)
    assert serendipity(items, relevant, popular=items) == 0


def test_a_list_holds_the_movies_of_the_first_ranks_and_no_miss():
    answer = make_answer([1, title(None, "none"), title(1, "exact", "repeated"), 2, 3])
    result = RecordResult.from_recommendation(make_record("7-0"), answer, k=4)
    assert RecommendedList.of(result, result.item_ids, CATALOGUE, k=4).item_ids == (1, 2)
    assert RecommendedList.of(result, (1, 9999, 1, 2), CATALOGUE, k=4).item_ids == (1, 2)
    assert RecommendedList.of(result, (1, 2, 3), CATALOGUE, k=2).history == result.history


def test_the_measures_of_three_records_are_worked_by_hand():
    lists = [
        recommended("7-0", 1, 2, relevant=(1, 3)),
        recommended("8-0", 3, relevant=(3,)),
        recommended("9-0", relevant=(1,)),
    ]
    got = measure_lists(lists, CONTEXT, k=2)
    assert got.keys() == BEYOND_ACCURACY.keys()
    values = {name: (measure.value, measure.denominator) for name, measure in got.items()}
    assert values["novelty"] == ((1.5 + 4.0) / 2, 2)  # the empty list has none
    assert values["intra_list_diversity"] == (0.5, 1)  # one list has a pair
    assert values["catalogue_coverage"] == (pytest.approx(3 / 6), 6)
    assert values["gini"] == (pytest.approx((1 + 3 + 5) / (5 * 3)), 6)  # 0, 0, 0, 1, 1 and 1
    assert values["decade_drift"] == ((0 + 15) / 2, 2)
    assert values["serendipity"] == (pytest.approx(1 / 3), 3)  # 1 is popular for 7-0; 3 is not for 8-0
    assert got["novelty"].interval.low <= 2.75 <= got["novelty"].interval.high
    assert got["catalogue_coverage"].interval is got["gini"].interval is None
    assert got["intra_list_diversity"].interval is None  # of one user


def test_a_popularity_list_is_cut_at_the_same_rank():
    lists = [recommended("7-0", 1, relevant=(1,))]
    assert measure_lists(lists, CONTEXT, k=1)["serendipity"].value == 1.0  # of (6, 1) only 6 counts
    assert measure_lists(lists, CONTEXT, k=2)["serendipity"].value == 0.0


def test_no_records_have_no_measures():
    got = measure_lists([], CONTEXT, k=4)
    assert got["novelty"] == got["serendipity"] == Measure(None, None, 0)
    assert got["catalogue_coverage"] == Measure(0.0, None, 6)


def test_each_definition_names_its_cut_and_its_denominator():
    for measure in BEYOND_ACCURACY.values():
        assert measure.definition(7).startswith(f"{measure.title}@7: ")
        assert measure.definition(7).endswith(measure.of.replace("K", "7"))
        assert "K" not in measure.definition(7)
