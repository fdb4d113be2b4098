import numpy as np
import pytest

from recsys.baselines.base import rank
from recsys.baselines.blend import Blend, fit_blend
from recsys.baselines.ease import Ease
from recsys.baselines.popularity import Popularity
from recsys.baselines.slit import Slit
from recsys.errors import SettingsError


class Told:
    """Gives the same scores for every history."""

    name = "told"
    coverage = 0.75

    def __init__(self, scores, item_ids=(1, 2, 3)):
        self.item_ids = np.array(item_ids)
        self._scores = np.array(scores, dtype=np.float32)

    def scores(self, histories):
        return np.repeat(self._scores[None], len(histories), axis=0)


def test_scores_are_sums_of_standardised_scores_by_hand():
    # (0, 0, 3): mean 1, standard deviation √2. (10, 20, 30): mean 20, standard deviation √(200/3).
    blend = Blend([(Told([0, 0, 3]), 1.0), (Told([10, 20, 30]), 2.0)])
    first = np.array([-1, -1, 2]) / np.sqrt(2)
    second = np.array([-10, 0, 10]) / np.sqrt(200 / 3)
    np.testing.assert_allclose(blend.scores([[], [9]]), np.tile(first + 2 * second, (2, 1)), rtol=1e-6)
    assert blend.coverage == 0.75


def test_a_part_that_scores_all_alike_says_nothing():
    blend = Blend([(Told([5, 5, 5]), 1.0), (Told([0, 1, 2]), 1.0)])
    np.testing.assert_allclose(blend.scores([[]]), Blend([(Told([0, 1, 2]), 1.0)]).scores([[]]))
    assert not Blend([(Told([5, 5, 5]), 1.0)]).scores([[]]).any()


def test_the_scale_of_a_part_does_not_matter():
    likes = {1: [5, 6], 2: [5, 6, 7], 3: [5, 7, 8], 4: [8, 6]}
    ease = Ease.fit(likes, min_likes=1)
    assert rank(Blend([(ease, 3.0)]), [[5], [6, 7]], n=4) == rank(ease, [[5], [6, 7]], n=4)


def test_parts_that_know_different_items_and_no_parts_are_refused():
    with pytest.raises(SettingsError, match="different items"):
        Blend([(Told([1, 2, 3]), 1.0), (Told([1, 2, 3], item_ids=(3, 2, 1)), 1.0)])
    with pytest.raises(SettingsError, match="no parts"):
        Blend([])


def test_no_likes_give_no_recommendations():
    assert rank(Blend([(Popularity.fit({}), 1.0)]), [[1]], n=4) == [()]


def test_the_blend_that_is_used_adds_half_of_ease_to_slit_and_knows_the_most_liked_items():
    likes = {user: [1, 2, 3, user % 2 + 4] for user in range(8)} | {9: [6, 1], 10: [6, 1], 11: [6]}
    by_hand = Blend([(Slit.fit(likes), 1.0), (Ease.fit(likes), 0.5)])
    np.testing.assert_allclose(fit_blend(likes).scores([(1, 2), (6,)]), by_hand.scores([(1, 2), (6,)]))
    assert fit_blend(likes, max_items=3).item_ids.tolist() == [1, 2, 3]
