import numpy as np

from recsys.baselines.base import rank
from recsys.baselines.popularity import Popularity

LIKES = {1: [10, 20, 30], 2: [20, 30], 3: [30]}


def test_every_history_gets_the_number_of_likes():
    popularity = Popularity.fit(LIKES)
    assert popularity.item_ids.tolist() == [30, 20, 10]
    np.testing.assert_array_equal(popularity.scores([[10], []]), [[3, 2, 1], [3, 2, 1]])


def test_the_most_liked_items_that_are_new_to_the_person_come_first():
    assert rank(Popularity.fit(LIKES), [[], [30]], n=2) == [(30, 20), (20, 10)]


def test_no_likes_give_no_recommendations():
    assert rank(Popularity.fit({}), [[1]], n=4) == [()]
