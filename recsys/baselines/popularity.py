"""The most liked items for everybody: the least that any other recommender must beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self

import numpy as np

from recsys.baselines.base import Interactions

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Popularity:
    """Scores each item by the number of users who like it, whatever the history.

    Attributes:
        item_ids: Column → item id, the most liked first.
        coverage: The share of training likes that are of items kept: 1.
    """

    name = "popularity"

    def __init__(self, interactions: Interactions) -> None:
        self.item_ids = interactions.item_ids
        self.coverage = interactions.coverage
        self._scores = interactions.counts.astype(np.float32)

    @classmethod
    def fit(cls, likes: Mapping[int, Sequence[int]]) -> Self:
        """Counts the likes of each item.

        Args:
            likes: Liked item ids of each training user.
        """
        return cls(Interactions(likes))

    def scores(self, histories: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """The same row for every history; a read-only view of shape (len(histories), len(item_ids))."""
        return np.broadcast_to(self._scores, (len(histories), len(self._scores)))
