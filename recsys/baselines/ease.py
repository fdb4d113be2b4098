r"""EASE, the shallow autoencoder with a closed form.

Source: Harald Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019,
doi 10.1145/3308558.3313710.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self

import numpy as np

from recsys.baselines.base import Interactions
from recsys.baselines.dense import dense_product, factorise, mirror_lower, most_dense_items
from recsys.settings import require_number

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Ease:
    r"""Scores items by a linear model of all other items, which may not use the item itself.

    With users × items likes X, regularisation λ (``reg``) and P = (XᵀX + λI)⁻¹, the weights that minimise
    ‖X − XB‖² + λ‖B‖² under diag(B) = 0 are

        B_ij = −P_ij / P_jj  for i ≠ j,   B_jj = 0,

    and a history x scores xB. The items × items matrix is dense: n items need 12 n² bytes while fitting
    (0.1 GB for 2,700 items, 58 GB for 70,000) and 4 n² afterwards, so a large catalogue is capped by what memory has
    room for, and reports tell ``coverage``.

    Attributes:
        item_ids: Column → item id, the most liked first.
        weights: B, of shape (items, items), float32.
        coverage: The share of training likes that are of items kept.
    """

    name = "ease"

    def __init__(self, interactions: Interactions, weights: NDArray[np.float32]) -> None:
        self.item_ids = interactions.item_ids
        self.coverage = interactions.coverage
        self.weights = weights
        self._interactions = interactions

    @classmethod
    def fit(
        cls,
        likes: Mapping[int, Sequence[int]],
        *,
        reg: float = 300.0,
        min_likes: int = 3,
        max_items: int | None = None,
    ) -> Self:
        """Solves for B.

        Args:
            likes: Liked item ids of each training user.
            reg: λ, above 0.
            min_likes: Leave out items that fewer users like.
            max_items: Keep only that many of the most liked items; None keeps as many as half of the free
                memory has room for, counting 16 n² bytes.

        Raises:
            SettingsError: when a setting is out of range, or reg so small that rounding takes it away.
        """
        require_number("reg", reg, 0, 1e9, open_low=True)
        max_items = most_dense_items() if max_items is None else max_items
        interactions = Interactions(likes, min_likes=min_likes, max_items=max_items)
        matrix = interactions.matrix().astype(np.float64)
        gram = dense_product(matrix, matrix)
        gram[np.diag_indices_from(gram)] += reg
        inverse = _inverse(gram)
        # In rows: SciPy copies any other layout for each product.
        weights = np.empty(inverse.shape, dtype=np.float32)
        np.divide(inverse, -np.diag(inverse), out=weights, casting="same_kind")
        np.fill_diagonal(weights, 0.0)
        return cls(interactions, weights)

    def scores(self, histories: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Each history times B, of shape (len(histories), len(item_ids))."""
        scored: NDArray[np.float32] = self._interactions.encode(histories) @ self.weights
        return scored


def _inverse(positive_definite: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse by Cholesky, half the work of a general one; overwrites its argument."""
    if not len(positive_definite):
        return positive_definite
    from scipy.linalg.lapack import dpotri

    upper, _ = dpotri(factorise(positive_definite), lower=False, overwrite_c=True)
    inverse: NDArray[np.float64] = upper.T
    mirror_lower(inverse)
    return inverse
