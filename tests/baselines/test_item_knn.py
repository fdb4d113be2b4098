import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.baselines import item_knn
from recsys.baselines.base import rank
from recsys.baselines.item_knn import ItemKnn
from recsys.errors import SettingsError

LIKES = {1: [1, 2], 2: [1, 2], 3: [1, 3]}


def test_three_items_by_hand():
    # n = 3, 2, 1: cos(1,2) = 2/√6, cos(1,3) = 1/√3, cos(2,3) = 0.
    knn = ItemKnn.fit(LIKES, min_likes=1)
    assert knn.item_ids.tolist() == [1, 2, 3]
    one_two, one_three = 2 / math.sqrt(6), 1 / math.sqrt(3)
    np.testing.assert_allclose(
        knn.scores([[1], [2], [2, 3], []]),
        [[0, one_two, one_three], [one_two, 0, 0], [one_two + one_three, 0, 0], [0, 0, 0]],
        rtol=1e-6,
    )


def test_only_the_nearest_neighbours_of_the_candidate_count():
    # Item 1 keeps item 2 alone; items 2 and 3 keep item 1, their only neighbour.
    knn = ItemKnn.fit(LIKES, min_likes=1, num_neighbours=1)
    one_two, one_three = 2 / math.sqrt(6), 1 / math.sqrt(3)
    np.testing.assert_allclose(knn.scores([[1], [2, 3]]), [[0, one_two, one_three], [one_two, 0, 0]], rtol=1e-6)


@settings(deadline=None)
@given(
    likes=st.dictionaries(
        st.integers(1, 20), st.lists(st.integers(1, 9), min_size=1, max_size=6, unique=True), min_size=1, max_size=20
    ),
    history=st.lists(st.integers(1, 9), max_size=4, unique=True),
    block=st.integers(1, 5),
)
def test_scores_are_the_summed_cosines_whatever_the_block_size(likes, history, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(item_knn, "_BLOCK", block)
        knn = ItemKnn.fit(likes, min_likes=1)
    liked_by = {item: {user for user, items in likes.items() if item in items} for item in knn.item_ids.tolist()}
    expected = [
        sum(
            len(users & liked_by[other]) / math.sqrt(len(users) * len(liked_by[other]))
            for other in history
            if other in liked_by and other != item
        )
        for item, users in liked_by.items()
    ]
    np.testing.assert_allclose(knn.scores([history])[0], expected, rtol=1e-5, atol=1e-7)


def test_items_that_few_like_are_left_out():
    knn = ItemKnn.fit(LIKES, min_likes=2)
    assert knn.item_ids.tolist() == [1, 2]
    assert knn.coverage == 5 / 6


def test_an_empty_or_unknown_history_ranks_by_popularity():
    assert rank(ItemKnn.fit(LIKES, min_likes=1), [[], [404]], n=3) == [(1, 2, 3), (1, 2, 3)]


def test_no_likes_give_no_recommendations():
    assert rank(ItemKnn.fit({}), [[1]], n=4) == [()]


@pytest.mark.parametrize("wrong", [{"num_neighbours": 0}, {"min_likes": 0}])
def test_a_setting_out_of_range_is_refused(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        ItemKnn.fit(LIKES, **wrong)
