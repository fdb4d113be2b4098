"""The few numbers that no other room has: overlaps of answers, spreads, orders and decades. Pure arithmetic."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from recsys.evaluation.metrics import Ranked


def jaccard(one: Ranked, other: Ranked) -> float:
    """|items of both| / |items of either|; ranks without an item count in neither, and two empty lists share nothing.

    Source:
        Jaccard, The Distribution of the Flora in the Alpine Zone, New Phytologist 11 (1912).

    >>> jaccard([1, 2, None, 3], [3, 4, 1, None])  # 1 and 3 of 1, 2, 3, 4
    0.5
    """
    mine, theirs = set(one) - {None}, set(other) - {None}
    either = mine | theirs
    return len(mine & theirs) / len(either) if either else 0.0


def mean_overlap(answers: Sequence[Ranked]) -> float:
    """The mean Jaccard overlap of all pairs of several answers to one question.

    >>> round(mean_overlap([[1, 2], [1, 2], [3, 4]]), 4)  # 1, 0 and 0
    0.3333
    """
    pairs = list(combinations(answers, 2))
    return sum(jaccard(one, other) for one, other in pairs) / len(pairs)


@dataclass(frozen=True)
class Spread:
    """How far some figures are apart.

    Attributes:
        low: The least.
        high: The greatest.
        deviation: Their standard deviation, of n − 1; 0 for one alone.
        count: How many.
    """

    low: float
    high: float
    deviation: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of one figure or more.

        >>> Spread.of([0.01, 0.02, 0.03])
        Spread(low=0.01, high=0.03, deviation=0.01, count=3)
        """
        mean = sum(values) / len(values)
        variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1) if len(values) > 1 else 0.0
        return cls(min(values), max(values), round(math.sqrt(variance), 12), len(values))

    @property
    def width(self) -> float:
        """The greatest less the least."""
        return self.high - self.low


def kendall_tau(one: Sequence[float], other: Sequence[float]) -> float:
    """(pairs in the same order − pairs in the other order) / pairs; ties count in neither. 0 without pairs.

    Source:
        Kendall, A New Measure of Rank Correlation, Biometrika 30 (1938): tau-a.

    >>> kendall_tau([1, 2, 3], [10, 30, 20])  # two pairs agree, one does not
    0.3333333333333333
    """
    pairs = list(combinations(zip(one, other, strict=True), 2))
    signs = [_sign(a - c) * _sign(b - d) for (a, b), (c, d) in pairs]
    return sum(signs) / len(pairs) if pairs else 0.0


def one_decade_share(years: Sequence[int | None]) -> float:
    """The share of some movies that are of their commonest decade; NaN with fewer than two years.

    >>> one_decade_share([1994, 1999, 2003, None])
    0.6666666666666666
    """
    decades = Counter(year // 10 for year in years if year is not None)
    total = sum(decades.values())
    return max(decades.values()) / total if total > 1 else math.nan


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
