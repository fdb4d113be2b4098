r"""SLIT, a linear model from what was liked lately to what is liked next, with a closed form.

Source: Minjin Choi et al., "Session-aware Linear Item-Item Models for Session-based Recommendation", WWW 2021,
doi 10.1145/3442381.3450005. Theirs cuts each session at every place, as is done here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Self

import numpy as np

from recsys.baselines.base import Interactions
from recsys.baselines.dense import dense_product, factorise, most_dense_items
from recsys.settings import require_number

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

_LONGEST = 1_000


class Slit:
    r"""Scores items by a ridge regression from a person's last likes to their next.

    Every place between two likes of a user gives a row of S, their last ``num_past`` likes, and one of T, their
    next ``num_next``. The d-th of each, counted from 0 at the place, weighs exp(−d / ``past_decay``) and
    exp(−d / ``next_decay``). The weights that minimise ‖T − SB‖² + λ‖B‖² are

        B = (SᵀS + λI)⁻¹ SᵀT,

    and a history scores its own row of S times B. Unlike EASE it reads the order of likes, and items × items
    matrices are dense: n items need 16 n² bytes while fitting and 4 n² afterwards.

    Attributes:
        item_ids: Column → item id, the most liked first.
        weights: B, of shape (items, items), float32.
        coverage: The share of training likes that are of items kept.
    """

    name = "slit"

    def __init__(self, interactions: Interactions, weights: NDArray[np.float32], past_decay: float) -> None:
        self.item_ids = interactions.item_ids
        self.coverage = interactions.coverage
        self.weights = weights
        self._interactions = interactions
        self._past_decay = past_decay

    @classmethod
    def fit(
        cls,
        likes: Mapping[int, Sequence[int]],
        *,
        reg: float = 100.0,
        num_past: int = 6,
        past_decay: float = 2.0,
        num_next: int = 4,
        next_decay: float = 1.0,
        min_likes: int = 3,
        max_items: int | None = None,
    ) -> Self:
        """Solves for B.

        Args:
            likes: Liked item ids of each training user, in time order.
            reg: λ, above 0.
            num_past: Likes before a place that are read.
            past_decay: Likes over which the weight of the past falls by a factor of e.
            num_next: Likes after a place that are predicted.
            next_decay: The same for them.
            min_likes: Leave out items that fewer users like.
            max_items: Keep only that many of the most liked items; None keeps as many as half of the free
                memory has room for.

        Raises:
            SettingsError: when a setting is out of range, or reg so small that rounding takes it away.
        """
        require_number("reg", reg, 0, 1e9, open_low=True)
        require_number("num_past", num_past, 1, _LONGEST, integer=True)
        require_number("past_decay", past_decay, 0, 1e9, open_low=True)
        require_number("num_next", num_next, 1, _LONGEST, integer=True)
        require_number("next_decay", next_decay, 0, 1e9, open_low=True)
        max_items = most_dense_items() if max_items is None else max_items
        interactions = Interactions(likes, min_likes=min_likes, max_items=max_items)
        # Items that were left out keep their place among the likes, so the others decay as they did for the person.
        pasts = _decayed(interactions, likes.values(), num_past, past_decay, backwards=True)
        nexts = _decayed(interactions, likes.values(), num_next, next_decay, backwards=False)
        return cls(interactions, _solve(pasts, nexts, reg), past_decay)

    def scores(self, histories: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Each history, its last likes weighing most, times B; of shape (len(histories), len(item_ids))."""
        latest = self._interactions.encode_latest(histories, self._past_decay)
        scored: NDArray[np.float32] = latest @ self.weights
        return scored


def _decayed(
    interactions: Interactions, users: Iterable[Sequence[int]], num: int, decay: float, *, backwards: bool
) -> csr_array:
    """One row for each place between two likes of a user: the likes before it, or those after it."""
    from scipy.sparse import csr_array

    rows: list[NDArray[np.int64]] = []
    columns: list[NDArray[np.int64]] = []
    weights: list[NDArray[np.float64]] = []
    num_places = 0
    for liked in users:
        found = np.array([interactions.column_of.get(item, -1) for item in liked], dtype=np.int64)
        places = np.arange(1, len(found))
        for distance in range(min(num, len(found) - 1)):
            at = places - 1 - distance if backwards else places + distance
            there = (at >= 0) & (at < len(found))
            there[there] = found[at[there]] >= 0
            rows.append(num_places + places[there] - 1)
            columns.append(found[at[there]])
            weights.append(np.full(int(there.sum()), np.exp(-distance / decay)))
        num_places += len(places)
    shape = (num_places, len(interactions.item_ids))
    if not rows:
        return csr_array(shape, dtype=np.float64)
    return csr_array((np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))), shape=shape)


def _solve(pasts: csr_array, nexts: csr_array, reg: float) -> NDArray[np.float32]:
    """B by Cholesky, within two matrices: LAPACK works in place on what lies in columns, as transposed rows do."""
    gram = dense_product(pasts, pasts)
    right = dense_product(nexts, pasts).T
    if not len(gram):
        return right.astype(np.float32)
    from scipy.linalg.lapack import dpotrs

    gram[np.diag_indices_from(gram)] += reg
    factor = factorise(gram)
    solved, _ = dpotrs(factor, right, lower=False, overwrite_b=True)
    del gram, factor  # before the weights are made
    return np.ascontiguousarray(solved, dtype=np.float32)  # SciPy copies any other layout for each product
