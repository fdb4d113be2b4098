"""Whether a difference between two systems, alone or among several, may be chance, and how small a one could be seen.

Records of one user resemble each other, so the user is the unit here as in intervals.py: the two systems
change places on all records of a user, or on none. This module knows numbers and user ids only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.evaluation.intervals import clustered_standard_error, sums_by_user

SIGNIFICANT: Final = 0.05
"""A p-value from which on a difference is told to be none that is clear."""
NUM_PERMUTATIONS: Final = 9_999
MOST_ENUMERATED: Final = 16
"""Users up to which all patterns of signs are looked at: 65,536 of them."""

_FLIPS_AT_ONCE: Final = 2_000_000
_ROUNDING: Final = 1e-10
"""Sums that differ by less than this share of all differences are equal: they were added in another order."""

SIGNIFICANCE_METHOD: Final = (
    "p: two-sided paired permutation test; the signs of whole users' differences are flipped, in all patterns with up "
    f"to {MOST_ENUMERATED} users that differ, else in {NUM_PERMUTATIONS:,} drawn ones, where p = (b + 1) / (m + 1). "
    "Adjusted p: Holm's step-down correction over all baselines of the report, which keeps the chance of one false "
    "finding among them or more below the level; verdicts go by it. Smallest visible: a true difference of that size "
    "is found (p < 0.05, uncorrected) in 80% of such studies; (1.96 + 0.84) · standard error clustered by user."
)


@dataclass(frozen=True)
class PermutationTest:
    """What a paired permutation test found.

    Attributes:
        p_value: The share of sign patterns with a mean difference at least as far from zero as the one seen.
        num_permutations: Patterns looked at.
        is_exact: Whether these are all that there are; else they were drawn.
    """

    p_value: float
    num_permutations: int
    is_exact: bool


def paired_permutation_test(
    values: Sequence[float],
    other_values: Sequence[float],
    user_ids: Sequence[int],
    *,
    num_permutations: int = NUM_PERMUTATIONS,
    seed: int = 0,
) -> PermutationTest | None:
    """The two-sided permutation test of the mean of ``values - other_values``, clustered by user.

    Were the two systems alike, they could change places on all records of a user without anybody noticing, which
    flips the sign of the user's sum of differences D. The statistic is |Σ D| over users, the mean over records up to
    a constant. p = b / 2^users where all patterns are counted, b of them at least as extreme as the one seen, which
    is one of them; p = (b + 1) / (m + 1) where m are drawn, so that p is never 0 and the test keeps its level.

    Args:
        values: One value for each record.
        other_values: Those of the other system on the same records in the same order.
        user_ids: The user of each record.
        num_permutations: Patterns drawn where more than MOST_ENUMERATED users differ.
        seed: Same seed and data, same p.

    Returns:
        The test, or None with fewer than two users: one user says nothing about the others.

    Source:
        Good, Permutation, Parametric and Bootstrap Tests of Hypotheses (2005), chapter 3. Smucker, Allan and
        Carterette, A Comparison of Statistical Significance Tests for Information Retrieval Evaluation (CIKM 2007).
        Phipson and Smyth, Permutation P-values Should Never Be Zero (2010), for (b + 1) / (m + 1).

    >>> paired_permutation_test([0.5, 0.5, 0.75], [0.25, 0.25, 0.5], [7, 8, 9])  # +++ and --- of 8 patterns
    PermutationTest(p_value=0.25, num_permutations=8, is_exact=True)
    """
    differences = [mine - other for mine, other in zip(values, other_values, strict=True)]
    sums, _ = sums_by_user(differences, user_ids)
    if len(sums) < 2:
        return None
    # A user without a difference is the same with either sign.
    sums = sums[np.abs(sums) > _ROUNDING * np.abs(sums).max()] if sums.any() else sums[:0]
    if len(sums) <= MOST_ENUMERATED:
        num_patterns = 2 ** len(sums)
        return PermutationTest(_num_extreme(_all_patterns(len(sums)), sums) / num_patterns, num_patterns, True)
    extreme = _num_extreme_drawn(sums, num_permutations, seed)
    return PermutationTest((extreme + 1) / (num_permutations + 1), num_permutations, False)


def holm_adjusted(p_values: Sequence[float]) -> tuple[float, ...]:
    """The p-values of several comparisons, each corrected for there being several.

    With the m values in ascending order p₁ ≤ … ≤ pₘ, the j-th becomes max over i ≤ j of min(1, (m − i + 1) · pᵢ).
    Calling significant what is then at most α makes one false finding or more with a chance of at most α, however
    the comparisons depend on each other, as those of one model with several baselines do.

    Args:
        p_values: One for each comparison, 0 to 1.

    Returns:
        The adjusted values in the order of ``p_values``; none is below its own.

    Source:
        Holm, A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of Statistics 6 (1979).

    >>> holm_adjusted([0.02, 0.01, 0.5])  # 2 · 0.02, 3 · 0.01 and 1 · 0.5
    (0.04, 0.03, 0.5)
    """
    adjusted = [0.0] * len(p_values)
    least = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        least = max(least, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = least
    return tuple(adjusted)


def minimum_detectable_effect(
    values: Sequence[float],
    other_values: Sequence[float],
    user_ids: Sequence[int],
    *,
    power: float = 0.8,
    level: float = 0.95,
) -> float | None:
    """The smallest true difference that a study with these records finds with that power.

    MDE = (z(1 - α/2) + z(power)) · SE = 2.80 · SE for α = 5% and 80% power, where SE is the standard error of the
    paired mean difference, clustered by user, and the mean is taken as normal. A difference that was not found may
    still be there when it is smaller than this.

    Args:
        values: One value for each record.
        other_values: Those of the other system on the same records in the same order.
        user_ids: The user of each record.
        power: The chance to find it.
        level: 1 - α, two-sided.

    Returns:
        The difference, or None with fewer than two users.

    Source:
        Bloom, Minimum Detectable Effects, Evaluation Review 19(5) (1995). The standard error: see
        intervals.clustered_standard_error.
    """
    differences = [mine - other for mine, other in zip(values, other_values, strict=True)]
    error = clustered_standard_error(differences, user_ids)
    if error is None:
        return None
    normal = NormalDist()
    return (normal.inv_cdf(0.5 + level / 2) + normal.inv_cdf(power)) * error


def _all_patterns(num_users: int) -> NDArray[np.uint8]:
    """Every pattern of users that change places, one a row: 1 where they do."""
    numbers = np.arange(2**num_users, dtype=np.uint32)
    return ((numbers[:, None] >> np.arange(num_users, dtype=np.uint32)) & 1).astype(np.uint8)


def _num_extreme_drawn(sums: NDArray[np.float64], num_permutations: int, seed: int) -> int:
    """As _num_extreme of drawn patterns, in pieces so that memory stays small with many users."""
    rng = np.random.default_rng(seed)
    rows = max(1, _FLIPS_AT_ONCE // len(sums))
    extreme = 0
    for start in range(0, num_permutations, rows):
        size = (min(rows, num_permutations - start), len(sums))
        extreme += _num_extreme(rng.integers(0, 2, size=size, dtype=np.uint8), sums)
    return extreme


def _num_extreme(flipped: NDArray[np.uint8], sums: NDArray[np.float64]) -> int:
    """How many patterns have a sum at least as far from zero as the one seen."""
    total = sums.sum()
    permuted = total - 2.0 * (flipped @ sums)
    return int(np.count_nonzero(np.abs(permuted) >= abs(total) - _ROUNDING * np.abs(sums).sum()))
