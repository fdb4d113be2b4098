"""Movies in random order: the floor, which whatever has learnt anything at all lies above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self

import numpy as np

from recsys.baselines.base import Interactions
from recsys.settings import require_number

if TYPE_CHECKING:
    from numpy.typing import NDArray


class RandomRanking:
    """Ranks all items in an order drawn uniformly, one draw for each history.

    The draw is seeded by the history alone, so a record gets the same list whatever the order of records, and
    other likes in the history, or the same in another order, get another. Of n items of which h are in the
    history, each place of the list holds one of m relevant items with a probability of m / (n − h).

    Attributes:
        item_ids: Column → item id, the most liked first.
        coverage: The share of training likes that are of items kept: 1.
    """

    name = "random"

    def __init__(self, interactions: Interactions, seed: int) -> None:
        self.item_ids = interactions.item_ids
        self.coverage = interactions.coverage
        self._seed = seed

    @classmethod
    def fit(cls, likes: Mapping[int, Sequence[int]], *, seed: int = 0) -> Self:
        """Takes down which items there are.

        Args:
            likes: Liked item ids of each training user.
            seed: Another one gives other lists.

        Raises:
            SettingsError: when the seed is out of range.
        """
        require_number("seed", seed, 0, 2**32 - 1, integer=True)
        return cls(Interactions(likes), seed)

    def scores(self, histories: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """A random order of the items as scores 0 to n − 1, of shape (len(histories), len(item_ids))."""
        scored = np.empty((len(histories), len(self.item_ids)), dtype=np.float32)
        for row, history in enumerate(histories):
            # Places instead of random numbers: these would tie, and ties go to what is popular.
            scored[row] = np.random.default_rng([self._seed, *history]).permutation(scored.shape[1])
        return scored
