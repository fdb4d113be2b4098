import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from recsys.baselines.base import Interactions, rank
from recsys.errors import SettingsError


class Fixed:
    """Gives the scores that it was made with."""

    name = "fixed"
    coverage = 1.0

    def __init__(self, scores, item_ids=None):
        self.table = np.asarray(scores, dtype=np.float32)
        self.item_ids = np.array(item_ids or range(self.table.shape[1]), dtype=np.int64)
        self.given = 0

    def scores(self, histories):
        rows = self.table[self.given : self.given + len(histories)]
        self.given += len(histories)
        return rows


def test_the_highest_scores_come_first_by_item_id():
    assert rank(Fixed([[0.1, 0.9, 0.5]], [70, 80, 90]), [[]], n=2) == [(80, 90)]


def test_equal_scores_keep_the_order_of_the_columns():
    assert rank(Fixed([[1, 2, 1, 2, 1, 1]]), [[]], n=4) == [(1, 3, 0, 2)]


def test_what_was_liked_is_left_out_unless_it_is_wanted():
    assert rank(Fixed([[3, 2, 1]]), [[0, 404]], n=2) == [(1, 2)]
    assert rank(Fixed([[3, 2, 1]]), [[0, 404]], n=2, exclude_history=False) == [(0, 1)]


def test_a_list_is_shorter_when_fewer_items_are_left():
    assert rank(Fixed([[3, 2, 1]]), [[1]], n=10) == [(0, 2)]
    assert rank(Fixed(np.empty((1, 0))), [[1]], n=10) == [()]
    assert rank(Fixed([[1.0]]), [], n=3) == []


def test_ranking_does_not_alter_the_scores_of_the_recommender():
    recommender = Fixed([[3, 2, 1]])
    rank(recommender, [[0]], n=1)
    assert recommender.table.tolist() == [[3, 2, 1]]


@pytest.mark.parametrize("n", [0, -1, 1.5, True])
def test_a_length_that_is_no_positive_whole_number_is_refused(n):
    with pytest.raises(SettingsError, match="n "):
        rank(Fixed([[1.0]]), [[]], n=n)


TABLES = hnp.arrays(
    np.float32, st.tuples(st.integers(1, 600), st.integers(1, 9)), elements=st.sampled_from([-1, 0, 0.5, 2])
)


@given(scores=TABLES, n=st.integers(1, 10), liked=st.sets(st.integers(0, 11)))
def test_any_ranking_equals_a_plain_sort(scores, n, liked):
    ranked = rank(Fixed(scores), [sorted(liked)] * len(scores), n=n)
    for row, items in zip(scores.tolist(), ranked, strict=True):
        expected = sorted((item for item in range(len(row)) if item not in liked), key=lambda item: (-row[item], item))
        assert list(items) == expected[:n]


def test_columns_run_from_the_most_liked_item_and_by_id_where_that_ties():
    interactions = Interactions({1: [30, 10, 20], 2: [30, 20], 3: [30, 5]})
    assert interactions.item_ids.tolist() == [30, 20, 5, 10]
    assert interactions.counts.tolist() == [3, 2, 1, 1]
    assert interactions.matrix().toarray().tolist() == [[1, 1, 0, 1], [1, 1, 0, 0], [1, 0, 1, 0]]


def test_rare_items_are_left_out_and_the_coverage_says_so():
    likes = {1: [30, 10, 20], 2: [30, 20], 3: [30, 5]}
    assert Interactions(likes, min_likes=2).item_ids.tolist() == [30, 20]
    assert Interactions(likes, min_likes=2).coverage == 5 / 7
    assert Interactions(likes, max_items=1).coverage == 3 / 7
    assert Interactions({}).coverage == 0


def test_a_repeated_like_counts_once_and_an_unknown_item_not_at_all():
    interactions = Interactions({1: [7, 7], 2: [8]})
    assert interactions.counts.tolist() == [1, 1]
    assert interactions.encode([[8, 8, 404], []]).toarray().tolist() == [[0, 1], [0, 0]]


def test_the_latest_like_weighs_most_and_unknown_ones_keep_their_place():
    interactions = Interactions({1: [5, 6], 2: [5]})
    half = 1 / np.log(2)
    rows = interactions.encode_latest([[5, 6], [6, 404, 5], [5, 6, 5], []], half).toarray()
    np.testing.assert_allclose(rows, [[1 / 2, 1], [1, 1 / 4], [1, 1 / 2], [0, 0]], rtol=1e-6)
