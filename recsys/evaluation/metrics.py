"""Ranking metrics of one record: what the person liked next against what was recommended.

Every metric takes the same three things: the relevant items, the ranked items (None keeps the rank of a
title that counts as a miss: unresolved, repeated or already liked) and k, the cut. An item counts once, at
its first rank; an empty list scores 0. This module knows neither titles nor models, nor how records are
averaged: that is intervals.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from recsys.errors import InputError
from recsys.settings import require_number

Ranked = Sequence[int | None]
"""Recommended item ids, the best first; None keeps the rank of a miss."""

MetricFunction = Callable[[Collection[int], Ranked, int], float]

_LARGEST_K = 1_000_000


def precision(relevant: Collection[int], ranked: Ranked, k: int) -> float:
    """P@K = hits in the first K / K; a list shorter than K is not excused.

    >>> precision([1, 5443, 321, 514], [1, 43, 321, 3513], 4)
    0.5
    """
    return sum(_hits(relevant, ranked, k)) / k


def recall(relevant: Collection[int], ranked: Ranked, k: int) -> float:
    """R@K = hits in the first K / |relevant|.

    >>> recall([1, 5443, 321, 514, 7], [1, 43, 321, 3513], 4)
    0.4
    """
    return sum(_hits(relevant, ranked, k)) / len(set(relevant))


def average_precision(relevant: Collection[int], ranked: Ranked, k: int) -> float:
    """AP@K = 1 / min(K, |relevant|) · Σ P@i over the ranks i ≤ K that hit; MAP@K is its mean over records.

    Libraries differ in the denominator. This one makes 1 reachable for every K: the first K places can hold no
    more than min(K, |relevant|) hits.

    >>> round(average_precision([1, 5443, 321, 514], [1, 43, 321, 3513], 4), 4)  # (1/1 + 2/3) / 4 = 5/12
    0.4167
    """
    found, total = 0, 0.0
    for rank, hit in enumerate(_hits(relevant, ranked, k), start=1):
        if hit:
            found += 1
            total += found / rank
    return total / min(k, len(set(relevant)))


def ndcg(relevant: Collection[int], ranked: Ranked, k: int) -> float:
    """NDCG@K = Σ 1/log₂(i+1) over the ranks i ≤ K that hit / the same sum over the ranks 1 … min(K, |relevant|).

    >>> round(ndcg([1, 2], [9, 1, 2], 3), 4)  # (1/log2(3) + 1/log2(4)) / (1 + 1/log2(3))
    0.6934
    """
    gain = sum(_discount(rank) for rank, hit in enumerate(_hits(relevant, ranked, k), start=1) if hit)
    return gain / sum(_discount(rank) for rank in range(1, min(k, len(set(relevant))) + 1))


def reciprocal_rank(relevant: Collection[int], ranked: Ranked, k: int) -> float:
    """RR@K = 1 / the rank of the first hit, 0 without a hit in the first K; MRR@K is its mean over records.

    Source:
        Voorhees, The TREC-8 Question Answering Track Report (1999).

    >>> round(reciprocal_rank([321, 514], [1, 43, 321, 514], 4), 4)  # the first hit has rank 3
    0.3333
    """
    return next((1.0 / rank for rank, hit in enumerate(_hits(relevant, ranked, k), start=1) if hit), 0.0)


def hit_rate(relevant: Collection[int], ranked: Ranked, k: int) -> float:
    """HR@K = 1 where the first K hold at least one relevant item, else 0.

    >>> hit_rate([1, 5443, 321, 514], [None, 43, 321, 3513], 4)
    1.0
    """
    return float(any(_hits(relevant, ranked, k)))


@dataclass(frozen=True)
class MetricDefinition:
    """A metric as pages and documents name it.

    Attributes:
        name: Key in reports and files.
        title: Short title; ``label(4)`` makes "MAP@4" of it.
        formula: The definition in one line.
        function: Scores one record.
    """

    name: str
    title: str
    formula: str
    function: MetricFunction

    def label(self, k: int) -> str:
        return f"{self.title}@{k}"

    def definition(self, k: int) -> str:
        """The line that stands beside the figure.

        >>> METRICS["recall"].definition(4)
        'R@4: hits in the first 4 / |relevant|'
        """
        return f"{self.label(k)}: {self.formula.replace('K', str(k))}"


METRICS: Final[Mapping[str, MetricDefinition]] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            MetricDefinition(
                "map",
                "MAP",
                "mean over records of 1 / min(K, |relevant|) · Σ P@i over the ranks i ≤ K that hit",
                average_precision,
            ),
            MetricDefinition("precision", "P", "hits in the first K / K", precision),
            MetricDefinition("recall", "R", "hits in the first K / |relevant|", recall),
            MetricDefinition(
                "ndcg",
                "NDCG",
                "Σ 1/log₂(i+1) over the ranks i ≤ K that hit / the same sum over the ranks 1 … min(K, |relevant|)",
                ndcg,
            ),
            MetricDefinition(
                "mrr",
                "MRR",
                "mean over records of 1 / the rank of the first hit, 0 where none of the first K hits",
                reciprocal_rank,
            ),
            MetricDefinition("hit_rate", "HR", "share of records with at least one hit in the first K", hit_rate),
        )
    }
)
"""Every metric by name, the headline first."""

HEADLINE: Final = "map"


def score_record(relevant: Collection[int], ranked: Ranked, k: int) -> dict[str, float]:
    """Every metric of one record, by name.

    Raises:
        SettingsError: when k is not a whole number from 1.
        InputError: when nothing is relevant.
    """
    return {name: metric.function(relevant, ranked, k) for name, metric in METRICS.items()}


def _hits(relevant: Collection[int], ranked: Ranked, k: int) -> list[bool]:
    """For each of the first k ranks whether it holds a relevant item that stands at no rank above it."""
    require_number("k", k, 1, _LARGEST_K, integer=True)
    if not relevant:
        raise InputError("a record has no relevant items, so nothing can be scored", mend="leave the record out")
    awaited = set(relevant)
    hits = []
    for item_id in ranked[:k]:
        hits.append(item_id in awaited)
        awaited.discard(item_id)
    return hits


def _discount(rank: int) -> float:
    return 1.0 / math.log2(rank + 1)
