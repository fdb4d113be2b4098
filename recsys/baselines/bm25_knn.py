"""Item-based nearest neighbours on likes that BM25 weighs, as a search engine weighs the words of documents.

Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009,
doi 10.1561/1500000019; for recommenders, ``bm25_weight`` of Ben Frederickson's package implicit, whose formula and
constants are taken. The package itself is not needed for ten lines on matrices that we have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self

import numpy as np

from recsys.baselines.base import Interactions
from recsys.baselines.item_knn import ItemKnn, nearest_neighbours
from recsys.settings import require_number

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class Bm25Knn(ItemKnn):
    r"""Scores item j by Σ s(i, j) over the history's items i that are among j's nearest neighbours.

    Items are documents and the users who like them their words. Of N items, n_i users like item i, their mean is n̄,
    and user u likes m_u items. A like weighs

        w_ui = (K₁ + 1) / (K₁ (1 − B + B n_i / n̄) + 1) · ln(N / (1 + m_u)),

    and s(i, j) = Σ_u w_ui w_uj: likes of much liked items and of users who like much count less. Unlike a cosine s is
    not divided by lengths. Each item keeps its ``num_neighbours`` most similar others.

    Attributes:
        item_ids: Column → item id, the most liked first.
        coverage: The share of training likes that are of items kept.
    """

    name = "bm25-knn"

    @classmethod
    def fit(
        cls,
        likes: Mapping[int, Sequence[int]],
        *,
        num_neighbours: int = 200,
        min_likes: int = 3,
        k1: float = 100.0,
        b: float = 0.2,
    ) -> Self:
        """Computes the similarities, a block of items at a time.

        Args:
            likes: Liked item ids of each training user.
            num_neighbours: Neighbours kept for each item.
            min_likes: Leave out items that fewer users like.
            k1: K₁, 0 or more: at 0 popularity does not count. implicit's default.
            b: B, how much popularity counts, 0 to 1. implicit's default, 0.8, is for counts of plays; on likes of 0
                and 1 it falls below popularity by user folds (docs/LOG.md), so this is lower.

        Raises:
            SettingsError: when a setting is out of range.
        """
        require_number("k1", k1, 0, 1e9)
        require_number("b", b, 0, 1)
        interactions = Interactions(likes, min_likes=min_likes)
        weighted = _weigh(interactions, k1, b)
        return cls(interactions, nearest_neighbours(weighted, num_neighbours))


def _weigh(interactions: Interactions, k1: float, b: float) -> csr_array:
    """The likes, one user a row, each with its weight."""
    matrix = interactions.matrix()
    if not matrix.nnz:
        return matrix
    counts = interactions.counts
    of_item = (k1 + 1) / (k1 * (1 - b + b * counts / counts.mean()) + 1)
    likes_of_user = np.diff(matrix.indptr)
    of_user = np.log(len(counts) / (1 + likes_of_user))
    matrix.data = (of_item[matrix.indices] * np.repeat(of_user, likes_of_user)).astype(np.float32)
    return matrix
