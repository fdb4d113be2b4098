"""How sure a mean over records is, when a few users hold most of the records.

Records of one user resemble each other, so users are resampled, not records (the cluster bootstrap): every
resample draws as many users as there are, with all their records. The interval is the percentile interval
of the resampled means. This module knows numbers and user ids only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

NUM_RESAMPLES = 10_000
_DRAWS_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Interval:
    """A confidence interval.

    Attributes:
        low: Lower end.
        high: Upper end.
        level: Confidence, 0.95 for 95%.
    """

    low: float
    high: float
    level: float = 0.95

    @classmethod
    def from_dict(cls, values: Mapping[str, float] | None) -> Self | None:
        """The interval of plain values; None for none."""
        return None if values is None else cls(values["low"], values["high"], values["level"])

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def mean_over_records(values: Sequence[float]) -> float:
    """The plain mean, every record weighing the same; 0 for no records."""
    return float(np.mean(values)) if len(values) else 0.0


def mean_over_users(values: Sequence[float], user_ids: Sequence[int]) -> float:
    """The mean of each user's own mean, every user weighing the same; 0 for no records.

    >>> mean_over_users([1.0, 1.0, 1.0, 0.0], [7, 7, 7, 8])
    0.5
    """
    sums, counts = sums_by_user(values, user_ids)
    return float(np.mean(sums / counts)) if len(sums) else 0.0


def sums_by_user(values: Sequence[float], user_ids: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum of values and number of records of each user, in ascending order of user id.

    Raises:
        ValueError: when there are not as many user ids as values.
    """
    if len(values) != len(user_ids):
        raise ValueError(f"{len(values)} values but {len(user_ids)} user ids")
    users, inverse = np.unique(np.asarray(user_ids, dtype=np.int64), return_inverse=True)
    sums = np.zeros(len(users))
    np.add.at(sums, inverse, np.asarray(values, dtype=np.float64))
    counts = np.bincount(inverse, minlength=len(users)).astype(np.float64)
    return sums, counts


def clustered_interval(
    values: Sequence[float],
    user_ids: Sequence[int],
    *,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> Interval | None:
    """The percentile bootstrap interval of the mean over records, users resampled.

    Args:
        values: One value for each record.
        user_ids: The user of each record.
        num_resamples: Resamples of the users.
        seed: Same seed and data, same interval.
        level: Confidence.

    Returns:
        The interval, or None with fewer than two users: one user says nothing about the others.

    Source:
        Davison and Hinkley, Bootstrap Methods and their Application (1997), section 3.8 (resampling clusters
        whole) and 5.3 (percentile interval).
    """
    sums, counts = sums_by_user(values, user_ids)
    if len(sums) < 2:
        return None
    means = _resampled_means(sums, counts, num_resamples, seed)
    tail = (1.0 - level) / 2
    low, high = np.quantile(means, [tail, 1.0 - tail])
    return Interval(float(low), float(high), level)


def paired_interval(
    values: Sequence[float],
    other_values: Sequence[float],
    user_ids: Sequence[int],
    *,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> Interval | None:
    """The interval of the mean of ``values - other_values``, two systems on the same records in the same order.

    Pairing takes out what makes a record easy or hard for both, so it is far narrower than the two
    intervals side by side.
    """
    differences = [mine - other for mine, other in zip(values, other_values, strict=True)]
    return clustered_interval(differences, user_ids, num_resamples=num_resamples, seed=seed, level=level)


def clustered_standard_error(values: Sequence[float], user_ids: Sequence[int]) -> float | None:
    """The standard error of the mean over records, records of one user not being independent.

    SE² = G / (G - 1) · Σ (Sᵤ - nᵤ·m)² / N² over the G users u, where Sᵤ is the sum of u's nᵤ values, N the number of
    records and m the mean over records. With one record a user it is the usual s / √N.

    Returns:
        The standard error, or None with fewer than two users.

    Source:
        Liang and Zeger, Longitudinal Data Analysis Using Generalized Linear Models (1986); with G / (G - 1) in
        Cameron and Miller, A Practitioner's Guide to Cluster-Robust Inference (2015), section II.
    """
    sums, counts = sums_by_user(values, user_ids)
    num_users = len(sums)
    if num_users < 2:
        return None
    residuals = sums - counts * (sums.sum() / counts.sum())
    return math.sqrt(num_users / (num_users - 1) * float(residuals @ residuals)) / float(counts.sum())


@lru_cache(maxsize=2)
def _resample(
    counts: tuple[float, ...], num_resamples: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The users of each resample and how many records they have; kept, since a report asks for every metric of them.

    A third of the time of a report of 700 records went into drawing the same users again. Two are 32 MB at most.
    """
    drawn = np.random.default_rng(seed).integers(0, len(counts), size=(num_resamples, len(counts)))
    totals = np.array(counts)[drawn].sum(axis=1)
    for kept in (drawn, totals):
        kept.flags.writeable = False
    return drawn, totals


def _resampled_means(
    sums: NDArray[np.float64], counts: NDArray[np.float64], num_resamples: int, seed: int
) -> NDArray[np.float64]:
    """Means over the records of resampled users, in pieces so that memory stays small with many users."""
    num_users = len(sums)
    rows = max(1, _DRAWS_AT_ONCE // num_users)
    if num_resamples <= rows:
        drawn, totals = _resample(tuple(counts.tolist()), num_resamples, seed)
        few: NDArray[np.float64] = sums[drawn].sum(axis=1) / totals
        return few
    rng = np.random.default_rng(seed)
    means = np.empty(num_resamples)
    for start in range(0, num_resamples, rows):
        drawn = rng.integers(0, num_users, size=(min(rows, num_resamples - start), num_users))
        means[start : start + len(drawn)] = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    return means
