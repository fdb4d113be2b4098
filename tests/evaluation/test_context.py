"""What is known of movies and people: overlaps of genres, years and likes, worked by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.evaluation.baseline_scores import score_baseline
from recsys.evaluation.context import EvaluationContext
from tests.evaluation.answers import CATALOGUE, CONTEXT, MADE_MOVIES, SPLIT, TEST_RECORDS

items = st.lists(st.sampled_from([movie.item_id for movie in MADE_MOVIES]), max_size=6, unique=True)


def test_the_similarity_of_genres_is_the_mean_over_pairs():
    assert CONTEXT.genre_similarity([1, 2]) == 1 / 2  # Drama of Drama and Comedy
    assert CONTEXT.genre_similarity([1, 2, 3]) == pytest.approx((1 / 2 + 0 + 1 / 2) / 3)
    assert CONTEXT.genre_similarity([2, 5]) == pytest.approx(2 / 3)


def test_movies_without_genres_are_unknown_not_unlike():
    assert CONTEXT.genre_similarity([1, 2, 4]) == 1 / 2
    assert CONTEXT.genre_similarity([1, 4]) is None
    assert CONTEXT.genre_similarity([]) is None


def test_the_mean_year_leaves_out_movies_without_one():
    assert CONTEXT.mean_year([1, 3, 4]) == 2000.0
    assert CONTEXT.mean_year([4]) is None
    assert CONTEXT.mean_year([77]) is None  # no movie of the catalogue


def test_the_mean_log_popularity_counts_an_unknown_item_as_liked_by_nobody():
    assert CONTEXT.mean_log_popularity([1, 4]) == pytest.approx((math.log(9) + 0) / 2)
    assert CONTEXT.mean_log_popularity([]) is None


@given(items, st.randoms(use_true_random=False))
def test_no_average_depends_on_the_order_of_the_movies(item_ids, rng):
    shuffled = [*item_ids]
    rng.shuffle(shuffled)
    assert CONTEXT.genre_similarity(shuffled) == CONTEXT.genre_similarity(item_ids)
    assert CONTEXT.mean_year(shuffled) == CONTEXT.mean_year(item_ids)
    assert CONTEXT.mean_log_popularity(shuffled) == CONTEXT.mean_log_popularity(item_ids)


def test_only_training_users_are_counted():
    run = score_baseline("popularity", TEST_RECORDS, SPLIT, evaluated="test", k=4)
    context = EvaluationContext.of_split(SPLIT, CATALOGUE, TEST_RECORDS, run)
    assert context.num_train_users == 2
    assert context.popularity == {1: 2, 2: 2, 8: 1, 4: 1}  # 9 is liked by a validation user alone
    assert context.num_likes == {5: 7, 6: 7, 7: 7}
    assert context.popularity_lists["5-0"] == (1, 2, 4, 8)
    assert context.popularity_lists.keys() == {record.record_id for record in TEST_RECORDS}
