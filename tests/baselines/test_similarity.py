"""Similar by meaning: hand-made vectors whose neighbours one can see."""

import numpy as np
import pytest

from recsys.baselines.base import rank
from recsys.baselines.similarity import Similarity
from recsys.errors import SettingsError

VECTORS = np.array([[1, 0], [0.8, 0.6], [0, 1], [-1, 0], [0, 0]], dtype=np.float32) * 7
LIKES = {10: 1, 20: 5, 30: 3, 40: 2}


@pytest.fixture
def similarity():
    return Similarity([10, 20, 30, 40, 50], VECTORS, LIKES)


def test_scores_are_cosines_with_the_most_liked_item_first(similarity):
    assert similarity.item_ids.tolist() == [20, 30, 40, 10, 50]
    np.testing.assert_allclose(similarity.scores([[10]]), [[0.8, 0.0, -1.0, 1.0, 0.0]], atol=1e-6)


def test_several_liked_items_count_alike_and_one_of_them_twice_counts_once(similarity):
    # Cosines with 10 are (0.8, 0, -1, 1, 0), with 30 (0.6, 1, 0, 0, 0).
    np.testing.assert_allclose(similarity.scores([[10, 30, 10]]), [[0.7, 0.5, -0.5, 0.5, 0.0]], atol=1e-6)


def test_the_nearest_come_first_and_what_is_liked_is_left_out(similarity):
    assert rank(similarity, [[10]], n=2) == [(20, 30)]
    assert rank(similarity, [[40]], n=4) == [(30, 50, 20, 10)]


def test_without_a_known_item_the_order_is_that_of_popularity(similarity):
    assert rank(similarity, [[], [999]], n=3) == [(20, 30, 40), (20, 30, 40)]


def test_vectors_that_do_not_fit_are_refused():
    with pytest.raises(SettingsError, match="not one vector for each item"):
        Similarity([1, 2], VECTORS, {})


def test_the_coverage_is_the_share_of_likes_of_items_with_a_vector(similarity):
    assert similarity.coverage == 1.0
    assert Similarity([10, 20], VECTORS[:2], LIKES).coverage == 6 / 11
    assert Similarity([10, 20], VECTORS[:2], {}).coverage == 0.0
