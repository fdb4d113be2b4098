"""Items × items matrices that are held dense: how many items memory has room for, and products without copies."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING

import numpy as np

from recsys.errors import SettingsError
from recsys.machine_memory import machine_bytes_left

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

_BYTES_FOR_A_PAIR = 16
"""Two matrices of float64, the most that any fit of this room holds at once."""
_SHARE = 0.5
"""Of the memory that is left; the rest is for the likes themselves and for other work."""
_BLOCK = 512
"""Rows of a product that are held twice."""


def most_dense_items() -> int:
    """The n for which 16 n² bytes are half of the memory that is left; 1 at least."""
    return max(1, isqrt(int(machine_bytes_left() * _SHARE) // _BYTES_FOR_A_PAIR))


def dense_product(left: csr_array, right: csr_array) -> NDArray[np.float64]:
    """LᵀR as rows of float64, a block at a time: SciPy's own sparse product of full matrices takes twice as much."""
    by_column = left.T.tocsr()
    product = np.empty((left.shape[1], right.shape[1]), dtype=np.float64)
    for start in range(0, len(product), _BLOCK):
        product[start : start + _BLOCK] = (by_column[start : start + _BLOCK] @ right).toarray()
    return product


def factorise(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The upper Cholesky factor of a symmetric matrix in rows, in its place; laid out in columns, as LAPACK reads it.

    Raises:
        SettingsError: when the matrix is not positive definite but for rounding.
    """
    from scipy.linalg.lapack import dpotrf

    factor: NDArray[np.float64]
    factor, failed_at = dpotrf(matrix.T, lower=False, overwrite_a=True)
    if failed_at:
        seen = f"item {failed_at} of {len(matrix)} depends on those before it"
        raise SettingsError("the regularisation is lost in rounding", seen=seen, mend="choose a larger reg")
    return factor


def mirror_lower(matrix: NDArray[np.float64]) -> None:
    """Makes a square matrix symmetric in place, from its diagonal and what is below."""
    for start in range(0, len(matrix), _BLOCK):
        end = start + _BLOCK
        matrix[start:end, end:] = matrix[end:, start:end].T
        square = matrix[start:end, start:end]
        square[:] = np.tril(square) + np.tril(square, -1).T
