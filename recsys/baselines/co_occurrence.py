r"""What people liked soon after what this person liked lately, counted.

After the sequential rules of Ludewig and Jannach, "Evaluation of session-based recommendation algorithms", 2018,
doi 10.1007/s11257-018-9209-6, which look at one item alone and do not divide by how much is liked anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Self

import numpy as np

from recsys.baselines.base import Interactions
from recsys.settings import require_number

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

_LONGEST = 1_000


class CoOccurrence:
    r"""Scores items by how often they follow those of the history, the latest of which count most.

    Let C_ij be the sum of exp(−(d − 1) / ``next_decay``) over every user whose d-th like after i is j, for
    d = 1 … ``num_next``, and n_i the users who like i. The history's last item has t = 0, the one before it t = 1:

        s_j = Σ_i exp(−t_i / ``past_decay``) · C_ij / (n_i · n_j^``popularity_power``).

    A power of 0 asks what follows most often, 1 what follows more often than it is liked at all. Unlike item-kNN it
    reads the order of likes, and unlike SLIT its matrix is sparse.

    Attributes:
        item_ids: Column → item id, the most liked first.
        coverage: The share of training likes that are of items kept.
    """

    name = "co-occurrence"

    def __init__(self, interactions: Interactions, follows: csr_array, past_decay: float) -> None:
        self.item_ids = interactions.item_ids
        self.coverage = interactions.coverage
        self._interactions = interactions
        self._follows = follows
        self._past_decay = past_decay

    @classmethod
    def fit(
        cls,
        likes: Mapping[int, Sequence[int]],
        *,
        past_decay: float = 2.0,
        num_next: int = 8,
        next_decay: float = 4.0,
        popularity_power: float = 0.0,
        min_likes: int = 3,
    ) -> Self:
        """Counts what follows what; the defaults are chosen by user folds (docs/LOG.md).

        Args:
            likes: Liked item ids of each training user, in time order.
            past_decay: Likes over which the weight of the past falls by a factor of e.
            num_next: How many likes after a like follow it.
            next_decay: Likes over which their weight falls by a factor of e.
            popularity_power: How much less is expected of what is much liked, 0 to 1.
            min_likes: Leave out items that fewer users like.

        Raises:
            SettingsError: when a setting is out of range.
        """
        require_number("past_decay", past_decay, 0, 1e9, open_low=True)
        require_number("num_next", num_next, 1, _LONGEST, integer=True)
        require_number("next_decay", next_decay, 0, 1e9, open_low=True)
        require_number("popularity_power", popularity_power, 0, 1)
        interactions = Interactions(likes, min_likes=min_likes)
        follows = _count(interactions, likes.values(), num_next, next_decay)
        popularity = interactions.counts.astype(np.float64)
        rows = np.repeat(popularity, np.diff(follows.indptr))
        follows.data /= rows * popularity[follows.indices] ** popularity_power
        return cls(interactions, follows.astype(np.float32), past_decay)

    def scores(self, histories: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Weighted sums of what follows each item, of shape (len(histories), len(item_ids))."""
        latest = self._interactions.encode_latest(histories, self._past_decay)
        scored: NDArray[np.float32] = (latest @ self._follows).toarray()
        return scored


def _count(interactions: Interactions, users: Iterable[Sequence[int]], num_next: int, next_decay: float) -> csr_array:
    """C, items × items: what follows a row's item."""
    from scipy.sparse import csr_array

    liked = list(users)
    # Items that were left out keep their place, so that the others are as far apart as they were for the person.
    columns = np.array([interactions.column_of.get(item, -1) for item in chain.from_iterable(liked)], dtype=np.int64)
    user = np.repeat(np.arange(len(liked)), np.array([len(items) for items in liked], dtype=np.int64))
    shape = (len(interactions.item_ids), len(interactions.item_ids))
    follows = csr_array(shape, dtype=np.float64)
    for distance in range(1, min(num_next, max(map(len, liked), default=0) - 1) + 1):
        before, after = columns[:-distance], columns[distance:]
        both = (user[:-distance] == user[distance:]) & (before >= 0) & (after >= 0)
        weights = np.full(int(both.sum()), np.exp(-(distance - 1) / next_decay))
        follows = follows + csr_array((weights, (before[both], after[both])), shape=shape)
    return follows
