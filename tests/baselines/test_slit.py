import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.baselines.base import rank
from recsys.baselines.slit import Slit
from recsys.errors import SettingsError


def test_two_likes_by_hand():
    # Three users like 1, then 2: each gives the row (1, 0) of S and (0, 1) of T, so with λ = 1
    # SᵀS + λI = [[4, 0], [0, 1]], SᵀT = [[0, 3], [0, 0]] and B₁₂ = 3/4. Nothing is known to follow 2.
    slit = Slit.fit({user: [1, 2] for user in range(3)}, reg=1.0, min_likes=1)
    assert slit.item_ids.tolist() == [1, 2]
    np.testing.assert_allclose(slit.weights, [[0, 3 / 4], [0, 0]], rtol=1e-6)


def test_three_likes_by_hand():
    # One user, likes a b c, decays of 1/ln 2: a step back or ahead halves a weight.
    # S: (1, 0, 0) and (1/2, 1, 0). T: (0, 1, 1/2) and (0, 0, 1). λ = 1.
    half = 1 / np.log(2)
    slit = Slit.fit({1: [5, 6, 7]}, reg=1.0, min_likes=1, past_decay=half, next_decay=half)
    gram = np.array([[1 + 1 / 4 + 1, 1 / 2, 0], [1 / 2, 1 + 1, 0], [0, 0, 1]])
    cross = np.array([[0, 1, 1 / 2 + 1 / 2], [0, 0, 1], [0, 0, 0]])
    np.testing.assert_allclose(slit.weights, np.linalg.solve(gram, cross), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(slit.scores([[5, 6]])[0], slit.weights[0] / 2 + slit.weights[1], rtol=1e-6)
    np.testing.assert_allclose(slit.scores([[6, 5]])[0], slit.weights[0] + slit.weights[1] / 2, rtol=1e-6)


LIKES = st.dictionaries(
    st.integers(1, 20), st.lists(st.integers(1, 9), min_size=1, max_size=8, unique=True), min_size=1, max_size=12
)


@settings(deadline=None)
@given(
    likes=LIKES,
    reg=st.floats(0.5, 500),
    num_past=st.integers(1, 9),
    num_next=st.integers(1, 9),
    decays=st.tuples(st.floats(0.5, 50), st.floats(0.5, 50)),
    min_likes=st.integers(1, 2),
)
def test_the_weights_solve_the_ridge_regression_of_its_definition(likes, reg, num_past, num_next, decays, min_likes):
    slit = Slit.fit(
        likes,
        reg=reg,
        num_past=num_past,
        past_decay=decays[0],
        num_next=num_next,
        next_decay=decays[1],
        min_likes=min_likes,
    )
    items = slit.item_ids.tolist()
    pasts, nexts = [], []
    for liked in likes.values():
        for place in range(1, len(liked)):
            before, after = liked[:place][::-1][:num_past], liked[place:][:num_next]
            pasts.append([np.exp(-before.index(i) / decays[0]) if i in before else 0 for i in items])
            nexts.append([np.exp(-after.index(i) / decays[1]) if i in after else 0 for i in items])
    shape = (len(pasts), len(items))
    past, ahead = np.reshape(pasts, shape), np.reshape(nexts, shape)
    solved = np.linalg.solve(past.T @ past + reg * np.eye(len(items)), past.T @ ahead)
    np.testing.assert_allclose(slit.weights, solved, rtol=1e-4, atol=1e-6)


def test_what_follows_is_recommended_not_what_came_before():
    likes = {user: [1, 2, 3] for user in range(5)}
    assert rank(Slit.fit(likes), [[2]], n=1) == [(3,)]
    assert rank(Slit.fit({user: [3, 2, 1] for user in range(5)}), [[2]], n=1) == [(1,)]


def test_unknown_items_of_a_history_keep_their_place():
    slit = Slit.fit({user: [1, 2, 3] for user in range(5)}, past_decay=1.0)
    np.testing.assert_allclose(slit.scores([[2, 404]]), slit.scores([[2]]) * np.exp(-1), rtol=1e-6)


def test_an_empty_or_unknown_history_ranks_by_popularity():
    slit = Slit.fit({1: [5, 6], 2: [5, 6], 3: [5, 7]}, min_likes=1)
    assert rank(slit, [[], [404]], n=3) == [(5, 6, 7), (5, 6, 7)]


def test_a_large_catalogue_is_capped_by_popularity_and_the_coverage_is_told():
    likes = {1: [5, 6], 2: [5, 6], 3: [5, 7]}
    capped = Slit.fit(likes, min_likes=1, max_items=1)
    assert capped.item_ids.tolist() == [5]
    assert capped.coverage == 0.5


def test_users_without_two_likes_teach_nothing():
    assert rank(Slit.fit({}), [[1]], n=4) == [()]
    assert not Slit.fit({1: [5], 2: [5]}, min_likes=1).weights.any()


@pytest.mark.parametrize(
    ("name", "value"),
    [("reg", 0), ("num_past", 0), ("past_decay", 0), ("num_next", 1.5), ("next_decay", -1), ("min_likes", 0)],
)
def test_a_setting_out_of_range_is_refused_by_name(name, value):
    with pytest.raises(SettingsError, match=name):
        Slit.fit({1: [5, 6]}, **{name: value})
