import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.baselines.base import rank
from recsys.baselines.bm25_knn import Bm25Knn
from recsys.errors import SettingsError

LIKES = {1: [1, 2], 2: [1, 2, 3], 3: [1], 4: [4]}


def test_four_items_by_hand():
    # N = 4 items that 3, 2, 1 and 1 users like, 7/4 in the mean. With K₁ = B = 1 a like of item 1 weighs
    # 2 / (3 / (7/4) + 1) = 14/19, one of item 2 14/15; those of user 1, who likes two, ln(4/3), of user 2 ln 1 = 0.
    knn = Bm25Knn.fit(LIKES, min_likes=1, k1=1, b=1)
    assert knn.item_ids.tolist() == [1, 2, 3, 4]
    one_two = np.log(4 / 3) ** 2 * (14 / 19) * (14 / 15)
    np.testing.assert_allclose(
        knn.scores([[1], [2], [1, 2], [3], []]),
        [[0, one_two, 0, 0], [one_two, 0, 0, 0], [one_two, one_two, 0, 0], [0] * 4, [0] * 4],
        rtol=1e-5,
    )


def weight_as_implicit_does(counts, k1, b):
    """bm25_weight of the package implicit 0.4, rows items and columns users, on a dense array."""
    idf = np.log(float(counts.shape[0]) / (1 + (counts > 0).sum(axis=0)))
    row_sums = counts.sum(axis=1)
    length_norm = (1.0 - b) + b * row_sums / row_sums.mean()
    return counts * (k1 + 1.0) / (k1 * length_norm[:, None] + counts) * idf


@settings(deadline=None)
@given(
    likes=st.dictionaries(
        st.integers(1, 20), st.lists(st.integers(1, 9), min_size=1, max_size=6, unique=True), min_size=1, max_size=20
    ),
    history=st.lists(st.integers(1, 9), max_size=4, unique=True),
    k1=st.sampled_from([1.2, 100.0]),
    b=st.sampled_from([0.0, 0.75, 0.8, 1.0]),
)
def test_scores_are_products_of_what_the_package_implicit_makes_of_the_likes(likes, history, k1, b):
    knn = Bm25Knn.fit(likes, min_likes=1, k1=k1, b=b)
    items = knn.item_ids.tolist()
    counts = np.array([[float(item in liked) for liked in likes.values()] for item in items])
    weighted = weight_as_implicit_does(counts, k1, b)
    similarity = weighted @ weighted.T
    np.fill_diagonal(similarity, 0)
    expected = sum((similarity[items.index(item)] for item in history if item in items), np.zeros(len(items)))
    np.testing.assert_allclose(knn.scores([history])[0], expected, rtol=1e-4, atol=1e-6)


def test_only_the_nearest_neighbours_of_the_candidate_count():
    # Item 1 is liked with 2 by two users, with 3 by one: it keeps 2 alone. Items 2 and 3 keep 1.
    likes = {1: [1, 2], 2: [1, 2], 3: [1, 3], 4: [4], 5: [5]}
    knn = Bm25Knn.fit(likes, min_likes=1, num_neighbours=1)
    assert knn.scores([[3]])[0].tolist() == [0, 0, 0, 0, 0]
    assert knn.scores([[2]])[0, 0] > 0


def test_items_that_few_like_are_left_out_and_the_coverage_is_told():
    knn = Bm25Knn.fit(LIKES, min_likes=2)
    assert knn.item_ids.tolist() == [1, 2]
    assert knn.coverage == 5 / 7


def test_an_empty_or_unknown_history_ranks_by_popularity():
    assert rank(Bm25Knn.fit(LIKES, min_likes=1), [[], [404]], n=3) == [(1, 2, 3), (1, 2, 3)]


def test_no_likes_give_no_recommendations():
    assert rank(Bm25Knn.fit({}), [[1]], n=4) == [()]


@pytest.mark.parametrize("wrong", [{"num_neighbours": 0}, {"min_likes": 0}, {"k1": -1}, {"b": 1.1}])
def test_a_setting_out_of_range_is_refused(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        Bm25Knn.fit(LIKES, **wrong)
