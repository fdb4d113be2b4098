"""Classic recommenders on the very records that a model is evaluated on.

A figure such as MAP@4 = 0.02 means nothing alone. The baselines are fitted on users that the evaluated split
does not contain, and leave out what the history holds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from recsys.errors import SettingsError
from recsys.evaluation.fitted_baselines import FittedBaseline, FittedBaselines
from recsys.evaluation.metrics import score_record
from recsys.settings import SplitName

if TYPE_CHECKING:
    from recsys.baselines.base import Recommender
    from recsys.data.records import Record, SplitData

FitBaseline = Callable[["Mapping[int, Sequence[int]]"], "Recommender"]
"""Makes a recommender of the likes of some users."""

FITTED_ON: Final[Mapping[SplitName, tuple[SplitName, ...]]] = {
    "test": ("train", "validation"),
    "validation": ("train",),
    "train": ("train",),
}
"""The user sets that baselines are fitted on, by the split that is evaluated."""


@dataclass(frozen=True)
class BaselineScore:
    """One record's recommendations of a baseline.

    Attributes:
        record_id: The record.
        user_id: Its user.
        item_ids: The recommended items, the best first.
        metrics: Every metric at k.
    """

    record_id: str
    user_id: int
    item_ids: tuple[int, ...]
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class BaselineRun:
    """A baseline over all records.

    Attributes:
        name: As score_baseline was given it.
        scores: One for each record, in the order of the records.
        seconds: Fitting and ranking.
        coverage: The share of the likes it was fitted on that are of items it knows; None where it is not known.
        was_fitted: Whether an earlier evaluation had fitted it; ``seconds`` then holds what that took.
    """

    name: str
    scores: tuple[BaselineScore, ...]
    seconds: float
    coverage: float | None = None
    was_fitted: bool = False


def score_baseline(
    name: str,
    records: Sequence[Record],
    split: SplitData,
    *,
    evaluated: SplitName,
    k: int,
    num_titles: int = 0,
    others: Mapping[str, FitBaseline] = MappingProxyType({}),
    fitted: FittedBaselines | None = None,
) -> BaselineRun:
    """Fits a baseline and scores it on the records.

    Args:
        name: random, popularity, item_knn, bm25_knn, co_occurrence, ease, slit or one of ``others``.
        records: The records, all of the split ``evaluated``.
        split: Where the likes to fit on come from.
        evaluated: The split that the records are of; see FITTED_ON.
        k: The rank cut of every metric.
        num_titles: Items for each record where more than k are wanted; no metric reads those after the k-th.
        others: Recommenders that need more than likes, by name.
        fitted: Baselines kept of earlier calls with this split; ``others`` are fitted every time.

    Raises:
        SettingsError: for a baseline that is not known.
    """
    from recsys.baselines.base import rank

    kept = FittedBaselines() if fitted is None or name in others else fitted
    baseline = find_fitted(name, split, FITTED_ON[evaluated], kept, others=others)
    started = time.perf_counter()
    ranked = rank(baseline.recommender, [record.history for record in records], n=max(k, num_titles))
    scores = tuple(
        BaselineScore(record.record_id, record.user_id, item_ids, score_record(record.relevant, item_ids, k))
        for record, item_ids in zip(records, ranked, strict=True)
    )
    seconds = baseline.seconds + time.perf_counter() - started
    return BaselineRun(name, scores, seconds, baseline.recommender.coverage, baseline.was_kept)


def find_fitted(
    name: str,
    split: SplitData,
    splits: tuple[SplitName, ...],
    kept: FittedBaselines,
    *,
    others: Mapping[str, FitBaseline] = MappingProxyType({}),
) -> FittedBaseline:
    """A baseline that learnt from these sets of users, fitted unless it is kept.

    Raises:
        SettingsError: for a baseline that is not known.
    """
    fit = _find(name, others)
    return kept.find(name, splits, lambda: fit(split.likes_of(*splits)))


def _find(name: str, others: Mapping[str, FitBaseline]) -> FitBaseline:
    from recsys.baselines.bm25_knn import Bm25Knn
    from recsys.baselines.co_occurrence import CoOccurrence
    from recsys.baselines.ease import Ease
    from recsys.baselines.item_knn import ItemKnn
    from recsys.baselines.popularity import Popularity
    from recsys.baselines.random_ranking import RandomRanking
    from recsys.baselines.slit import Slit

    known: dict[str, FitBaseline] = {
        **others,
        "popularity": Popularity.fit,
        "ease": Ease.fit,
        "item_knn": ItemKnn.fit,
        "bm25_knn": Bm25Knn.fit,
        "co_occurrence": CoOccurrence.fit,
        "slit": Slit.fit,
        "random": RandomRanking.fit,
    }
    if name not in known:
        raise SettingsError("no such baseline", seen=name, mend=f"choose of {', '.join(known)}")
    return known[name]
