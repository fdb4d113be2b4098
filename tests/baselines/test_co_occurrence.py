import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.baselines.base import rank
from recsys.baselines.co_occurrence import CoOccurrence
from recsys.errors import SettingsError

HALF = 1 / np.log(2)
"""A decay by which each step halves a weight."""
LIKES = {1: [5, 6, 7], 2: [5, 7]}


def test_two_people_by_hand():
    # After 5 comes 6 once, at distance 1, and 7 once at 2 and once at 1; after 6 comes 7 once, at 1.
    # Two people like 5, two 7, one 6.
    counted = CoOccurrence.fit(LIKES, min_likes=1, past_decay=HALF, next_decay=HALF, popularity_power=0)
    assert counted.item_ids.tolist() == [5, 7, 6]
    after_5, after_6 = np.array([0, 3 / 4, 1 / 2]), np.array([0, 1, 0])
    np.testing.assert_allclose(
        counted.scores([[5], [6], [5, 6], [6, 5], [7], []]),
        [after_5, after_6, after_5 / 2 + after_6, after_5 + after_6 / 2, [0, 0, 0], [0, 0, 0]],
        rtol=1e-6,
    )


def test_the_power_of_popularity_makes_less_of_what_is_much_liked():
    counted = CoOccurrence.fit(LIKES, min_likes=1, next_decay=HALF, popularity_power=1)
    np.testing.assert_allclose(counted.scores([[5]])[0], [0, 3 / 4 / 2, 1 / 2], rtol=1e-6)
    counted = CoOccurrence.fit(LIKES, min_likes=1, next_decay=HALF, popularity_power=0.5)
    np.testing.assert_allclose(counted.scores([[5]])[0], [0, 3 / 4 / np.sqrt(2), 1 / 2], rtol=1e-6)


@settings(deadline=None)
@given(
    likes=st.dictionaries(
        st.integers(1, 20), st.lists(st.integers(1, 9), max_size=8, unique=True), min_size=1, max_size=12
    ),
    history=st.lists(st.integers(1, 9), max_size=4, unique=True),
    decays=st.tuples(st.floats(0.5, 50), st.floats(0.5, 50)),
    num_next=st.integers(1, 9),
    power=st.floats(0, 1),
    min_likes=st.integers(1, 2),
)
def test_scores_are_the_sums_of_the_definition(likes, history, decays, num_next, power, min_likes):
    counted = CoOccurrence.fit(
        likes,
        past_decay=decays[0],
        num_next=num_next,
        next_decay=decays[1],
        popularity_power=power,
        min_likes=min_likes,
    )
    num_users = {item: sum(item in liked for liked in likes.values()) for item in range(1, 10)}
    kept = counted.item_ids.tolist()
    assert set(kept) == {item for item, users in num_users.items() if users >= min_likes}
    expected = [0.0] * len(kept)
    for column, j in enumerate(kept):
        for t, i in enumerate(reversed(history)):
            if i in kept:
                gaps = [liked.index(j) - liked.index(i) for liked in likes.values() if i in liked and j in liked]
                follows = sum(np.exp(-(gap - 1) / decays[1]) for gap in gaps if 1 <= gap <= num_next)
                expected[column] += np.exp(-t / decays[0]) * follows / (num_users[i] * num_users[j] ** power)
    np.testing.assert_allclose(counted.scores([history])[0], expected, rtol=1e-4, atol=1e-6)


def test_what_follows_is_recommended_not_what_came_before():
    assert rank(CoOccurrence.fit({user: [1, 2, 3] for user in range(5)}), [[2]], n=1) == [(3,)]
    assert rank(CoOccurrence.fit({user: [3, 2, 1] for user in range(5)}), [[2]], n=1) == [(1,)]


def test_the_last_like_of_a_person_is_not_followed_by_the_first_of_the_next():
    assert not CoOccurrence.fit({1: [1], 2: [2], 3: [1], 4: [2]}, min_likes=1).scores([[1], [2]]).any()


def test_items_that_were_left_out_keep_their_place():
    counted = CoOccurrence.fit(
        {1: [1, 8, 2], 2: [1, 9, 2]}, min_likes=2, past_decay=4.0, next_decay=HALF, popularity_power=0
    )
    np.testing.assert_allclose(counted.scores([[1]]), [[0, 1 / 2]], rtol=1e-6)
    np.testing.assert_allclose(counted.scores([[1, 404]]), counted.scores([[1]]) * np.exp(-1 / 4), rtol=1e-6)
    assert counted.coverage == 4 / 6


def test_an_empty_or_unknown_history_ranks_by_popularity():
    counted = CoOccurrence.fit({1: [5, 6], 2: [5, 6], 3: [5, 7]}, min_likes=1)
    assert rank(counted, [[], [404]], n=3) == [(5, 6, 7), (5, 6, 7)]


def test_no_likes_give_no_recommendations():
    assert rank(CoOccurrence.fit({}), [[1]], n=4) == [()]
    assert rank(CoOccurrence.fit({1: []}), [[1]], n=4) == [()]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("past_decay", 0),
        ("num_next", 0),
        ("next_decay", -1),
        ("popularity_power", 1.5),
        ("popularity_power", -0.1),
        ("min_likes", 0),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(name, value):
    with pytest.raises(SettingsError, match=name):
        CoOccurrence.fit(LIKES, **{name: value})
