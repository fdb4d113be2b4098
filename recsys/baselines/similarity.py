"""Similar by meaning: the movies whose embeddings lie nearest to those of the history.

It reads no ratings at all, only what a language model makes of "title (year), genres"; ties and an empty history
fall back on popularity, as with every recommender here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from recsys.errors import SettingsError

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Similarity:
    """Scores item j by the mean cosine of its vector with those of the history's items.

    Args:
        item_ids: (items,) the items that have a vector.
        vectors: (items, hidden) their vectors, centred; lengths do not matter.
        popularity: How many like each item, for the order of ties; items may be missing.

    Attributes:
        item_ids: Column → item id, the most liked first.
        coverage: The share of likes in ``popularity`` that are of items with a vector; 0 without likes.

    Raises:
        SettingsError: when there is not one vector for each item.
    """

    name = "similarity"

    def __init__(self, item_ids: Sequence[int], vectors: NDArray[np.float32], popularity: Mapping[int, int]) -> None:
        if vectors.ndim != 2 or len(vectors) != len(item_ids):
            seen = f"{len(item_ids)} items, vectors of shape {vectors.shape}"
            raise SettingsError("there is not one vector for each item", seen=seen, mend="make the index again")
        order = sorted(range(len(item_ids)), key=lambda row: (-popularity.get(item_ids[row], 0), item_ids[row]))
        self.item_ids: NDArray[np.int64] = np.array([item_ids[row] for row in order], dtype=np.int64)
        num_likes = sum(popularity.values())
        self.coverage = sum(popularity.get(item, 0) for item in item_ids) / num_likes if num_likes else 0.0
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        self._unit: NDArray[np.float32] = (vectors / np.maximum(lengths, 1e-12))[order].astype(np.float32)
        self._row_of = {item: row for row, item in enumerate(self.item_ids.tolist())}

    def scores(self, histories: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Mean cosines, of shape (len(histories), len(item_ids)); 0 for a history without any item known."""
        means = np.zeros((len(histories), self._unit.shape[1]), dtype=np.float32)
        for row, history in enumerate(histories):
            known = [self._row_of[item] for item in dict.fromkeys(history) if item in self._row_of]
            if known:
                means[row] = self._unit[known].mean(axis=0)
        scored: NDArray[np.float32] = means @ self._unit.T
        return scored
