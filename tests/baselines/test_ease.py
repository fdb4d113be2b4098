import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.baselines.base import rank
from recsys.baselines.ease import Ease
from recsys.errors import SettingsError


def test_two_items_by_hand():
    # Three users like 1, two of them 2 as well: XᵀX + λI = [[3+λ, 2], [2, 2+λ]] and P is its adjugate over
    # the determinant, so B₁₂ = 2 / (3+λ) and B₂₁ = 2 / (2+λ): with λ = 1, 1/2 and 2/3.
    ease = Ease.fit({1: [1, 2], 2: [1, 2], 3: [1]}, reg=1.0, min_likes=1)
    assert ease.item_ids.tolist() == [1, 2]
    np.testing.assert_allclose(ease.weights, [[0, 1 / 2], [2 / 3, 0]], rtol=1e-6)
    np.testing.assert_allclose(ease.scores([[1], [2], [1, 2], []]), [[0, 1 / 2], [2 / 3, 0], [2 / 3, 1 / 2], [0, 0]])


def test_three_items_by_hand():
    # Users like {1,2}, {1,2}, {1,3}, λ = 1: G = [[4,2,1],[2,3,0],[1,0,2]], det G = 13, and
    # P = 1/13 · [[6,-4,-3],[-4,7,2],[-3,2,8]], so B_ij = -P_ij / P_jj.
    ease = Ease.fit({1: [1, 2], 2: [1, 2], 3: [1, 3]}, reg=1.0, min_likes=1)
    assert ease.item_ids.tolist() == [1, 2, 3]
    np.testing.assert_allclose(ease.weights, [[0, 4 / 7, 3 / 8], [4 / 6, 0, -2 / 8], [3 / 6, -2 / 7, 0]], rtol=1e-6)


LIKES = st.dictionaries(
    st.integers(1, 30), st.lists(st.integers(1, 12), min_size=1, max_size=8, unique=True), min_size=1, max_size=30
)


@settings(deadline=None)
@given(likes=LIKES, reg=st.floats(0.5, 500))
def test_each_column_solves_its_ridge_regression(likes, reg):
    ease = Ease.fit(likes, reg=reg, min_likes=1)
    matrix = np.array([[float(item in liked) for item in ease.item_ids] for liked in likes.values()])
    for j in range(len(ease.item_ids)):
        others = np.delete(matrix, j, axis=1)
        solved = np.linalg.solve(others.T @ others + reg * np.eye(others.shape[1]), others.T @ matrix[:, j])
        np.testing.assert_allclose(np.delete(ease.weights[:, j], j), solved, rtol=1e-4, atol=1e-6)
        assert ease.weights[j, j] == 0


def test_an_empty_or_unknown_history_ranks_by_popularity():
    ease = Ease.fit({1: [5, 6], 2: [5, 6], 3: [5, 7]}, min_likes=1)
    assert rank(ease, [[], [404]], n=3) == [(5, 6, 7), (5, 6, 7)]


def test_a_large_catalogue_is_capped_by_popularity_and_the_coverage_is_told():
    likes = {1: [5, 6], 2: [5, 6], 3: [5, 7]}
    assert Ease.fit(likes, min_likes=2).item_ids.tolist() == [5, 6]
    capped = Ease.fit(likes, min_likes=1, max_items=1)
    assert capped.item_ids.tolist() == [5]
    assert capped.coverage == 0.5


def test_no_likes_give_no_recommendations():
    assert rank(Ease.fit({}), [[1]], n=4) == [()]


@pytest.mark.parametrize("wrong", [{"reg": 0}, {"reg": float("nan")}, {"min_likes": 0}, {"max_items": 0}])
def test_a_setting_out_of_range_is_refused(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        Ease.fit({1: [1]}, **wrong)
