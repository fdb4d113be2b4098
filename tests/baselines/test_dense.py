"""Matrices of all pairs of items: how many fit, and that fitting keeps to it."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.linalg import lapack
from scipy.sparse import csr_array

from recsys.baselines import dense
from recsys.baselines.dense import dense_product, factorise, mirror_lower, most_dense_items
from recsys.baselines.ease import Ease
from recsys.baselines.slit import Slit
from recsys.errors import SettingsError

LIKES = {1: [5, 6], 2: [5, 6], 3: [5, 7]}


@pytest.mark.parametrize(("left", "most"), [(320_000, 100), (319_999, 99), (32, 1), (0, 1)])
def test_half_of_what_is_left_holds_16_bytes_for_each_pair(monkeypatch, left, most):
    monkeypatch.setattr(dense, "machine_bytes_left", lambda: left)
    assert most_dense_items() == most


@pytest.mark.parametrize("recommender", [Ease, Slit])
def test_where_memory_is_short_only_the_most_liked_items_are_kept_and_the_coverage_tells(monkeypatch, recommender):
    monkeypatch.setattr(dense, "machine_bytes_left", lambda: 2 * 16 * 2**2)
    capped = recommender.fit(LIKES, min_likes=1)
    assert capped.item_ids.tolist() == [5, 6]
    assert capped.coverage == 5 / 6
    assert recommender.fit(LIKES, min_likes=1, max_items=3).coverage == 1.0, "a number that was set is kept to"


@pytest.mark.parametrize("recommender", [Ease, Slit])
def test_fitting_takes_no_more_than_16_bytes_for_each_pair(monkeypatch, recommender):
    assert lapack.dpotrf  # imported before memory is counted
    monkeypatch.setattr(dense, "_BLOCK", 8)
    num_items = 600
    likes = {user: list(range(user, num_items, 50)) for user in range(50)}
    tracemalloc.start()
    try:
        recommender.fit(likes, min_likes=1, max_items=num_items)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    likes_and_rows = 800_000
    assert peak < 16 * num_items**2 + likes_and_rows


SMALL = hnp.arrays(np.float64, st.tuples(st.just(4), st.integers(0, 7)), elements=st.integers(-3, 3))


@settings(deadline=None)
@given(left=SMALL, right=SMALL, block=st.integers(1, 4))
def test_a_product_is_that_of_full_matrices_whatever_the_block(left, right, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dense, "_BLOCK", block)
        np.testing.assert_array_equal(dense_product(csr_array(left), csr_array(right)), left.T @ right)


@settings(deadline=None)
@given(size=st.integers(0, 9), block=st.integers(1, 4))
def test_the_lower_half_is_mirrored_whatever_the_block(size, block):
    matrix = np.arange(size * size, dtype=np.float64).reshape(size, size)
    expected = np.tril(matrix) + np.tril(matrix, -1).T
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dense, "_BLOCK", block)
        mirror_lower(matrix)
    np.testing.assert_array_equal(matrix, expected)


def test_a_factor_takes_the_place_of_its_matrix():
    matrix = np.array([[4.0, 2.0], [2.0, 5.0]])
    factor = factorise(matrix)
    assert factor.tolist() == [[2, 1], [0, 2]]
    assert np.shares_memory(factor, matrix)


def test_a_regularisation_that_rounding_takes_away_is_refused():
    with pytest.raises(SettingsError, match="choose a larger reg"):
        Ease.fit({user: [5, 6] for user in range(3)}, reg=1e-300)
