"""Several recommenders as one, by their standardised scores; and the one blend that is used here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from recsys.baselines.dense import most_dense_items
from recsys.baselines.ease import Ease
from recsys.baselines.slit import Slit
from recsys.errors import SettingsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recsys.baselines.base import Recommender

_WEIGHT_OF_EASE = 0.5
"""Beside SLIT's of 1; chosen by five user folds of training and validation users (docs/LOG.md)."""


class Blend:
    """Scores item j by Σ w (s_j − mean of s) / (standard deviation of s) over its parts' scores s of the history.

    A part whose scores are all equal, as with an empty history, says nothing.

    Args:
        parts: Recommenders, each with its weight w; all of them know the same items.

    Attributes:
        item_ids: Column → item id, as in the parts.
        coverage: As in the first part: they know the same items.

    Raises:
        SettingsError: when there is no part, or parts know different items.
    """

    name = "blend"

    def __init__(self, parts: Sequence[tuple[Recommender, float]]) -> None:
        if not parts:
            raise SettingsError("a blend has no parts", seen=0, mend="give a recommender with its weight")
        self.item_ids: NDArray[np.int64] = parts[0][0].item_ids
        self.coverage = parts[0][0].coverage
        for part, _ in parts:
            if not np.array_equal(part.item_ids, self.item_ids):
                mend = "fit them on the same likes with the same min_likes and max_items"
                raise SettingsError("parts of a blend know different items", seen=part.name, mend=mend)
        self._parts = tuple(parts)

    def scores(self, histories: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Weighted sums of standardised scores, of shape (len(histories), len(item_ids))."""
        total = np.zeros((len(histories), len(self.item_ids)), dtype=np.float32)
        if not total.size:
            return total
        for part, weight in self._parts:
            scores = part.scores(histories)
            centred = scores - scores.mean(axis=1, keepdims=True)
            spread = centred.std(axis=1, keepdims=True)
            total += weight * np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
        return total


def fit_blend(likes: Mapping[int, Sequence[int]], *, max_items: int | None = None) -> Blend:
    """SLIT, which reads the order of likes, blended with EASE, which does not.

    Args:
        likes: Liked item ids of each user, in time order.
        max_items: Know only that many of the most liked items, and no more than memory has room for; None is no
            limit of its own.
    """
    # Asked once: parts of a blend know the same items, and SLIT's weights stay while EASE fits.
    most = most_dense_items() if max_items is None else min(max_items, most_dense_items())
    return Blend([(Slit.fit(likes, max_items=most), 1.0), (Ease.fit(likes, max_items=most), _WEIGHT_OF_EASE)])
