"""Item-based nearest neighbours: items liked by the same users as those of the history.

Source: Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW 2001,
doi 10.1145/371920.372071.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self

import numpy as np

from recsys.baselines.base import Interactions
from recsys.settings import require_number

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

_BLOCK = 512
"""Candidate items whose similarities are held dense at once."""


class ItemKnn:
    """Scores item j by Σ cos(i, j) over the history's items i that are among j's nearest neighbours.

    With n_i users who like i and n_ij who like both, cos(i, j) = n_ij / √(n_i n_j). Each item keeps its
    ``num_neighbours`` most similar others (the more liked first where similarities tie).

    Attributes:
        item_ids: Column → item id, the most liked first.
        coverage: The share of training likes that are of items kept.
    """

    name = "item-knn"

    def __init__(self, interactions: Interactions, similarity: csr_array) -> None:
        self.item_ids = interactions.item_ids
        self.coverage = interactions.coverage
        self._interactions = interactions
        self._neighbour_of = similarity.T.tocsr()

    @classmethod
    def fit(cls, likes: Mapping[int, Sequence[int]], *, num_neighbours: int = 200, min_likes: int = 3) -> Self:
        """Computes the similarities, a block of items at a time.

        Args:
            likes: Liked item ids of each training user.
            num_neighbours: Neighbours kept for each item.
            min_likes: Leave out items that fewer users like: two items of one user are alike by chance.

        Raises:
            SettingsError: when a setting is out of range.
        """
        interactions = Interactions(likes, min_likes=min_likes)
        lengths = np.sqrt(interactions.counts.astype(np.float32))
        return cls(interactions, nearest_neighbours(interactions.matrix(), num_neighbours, lengths=lengths))

    def scores(self, histories: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Summed similarities, of shape (len(histories), len(item_ids))."""
        scored: NDArray[np.float32] = (self._interactions.encode(histories) @ self._neighbour_of).toarray()
        return scored


def nearest_neighbours(
    weighted: csr_array, num_neighbours: int, *, lengths: NDArray[np.float32] | None = None
) -> csr_array:
    """The most similar others of each item, a row, by the inner products of columns; 0 for all other items.

    Args:
        weighted: Users × items.
        num_neighbours: Neighbours kept for each item.
        lengths: Divides each product by those of its two items, which makes it a cosine.

    Raises:
        SettingsError: when num_neighbours is out of range.
    """
    require_number("num_neighbours", num_neighbours, 1, 1_000_000, integer=True)
    from scipy.sparse import csr_array, vstack

    num_items = weighted.shape[1]
    by_item = weighted.T.tocsr()
    blocks = [csr_array((0, num_items), dtype=np.float32)]
    for start in range(0, num_items, _BLOCK):
        block: NDArray[np.float32] = (by_item[start : start + _BLOCK] @ weighted).toarray()
        if lengths is not None:
            block /= lengths[start : start + _BLOCK, None] * lengths
        rows = np.arange(len(block))
        block[rows, start + rows] = 0.0
        blocks.append(csr_array(_keep_nearest(block, num_neighbours)))
    return csr_array(vstack(blocks))


def _keep_nearest(similarities: NDArray[np.float32], num_neighbours: int) -> NDArray[np.float32]:
    """Sets all but each row's highest similarities to 0; of equal ones the first columns stay."""
    if num_neighbours >= similarities.shape[1]:
        return similarities
    nearest = np.argsort(-similarities, axis=1, kind="stable")[:, :num_neighbours]
    kept = np.zeros_like(similarities)
    np.put_along_axis(kept, nearest, np.take_along_axis(similarities, nearest, axis=1), axis=1)
    return kept
