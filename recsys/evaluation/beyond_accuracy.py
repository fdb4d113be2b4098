"""What the recommended lists are like, hits or not: novel, varied, wide, even, of which years, surprising.

A recommender can score well by showing everybody the same few well-known movies. These figures tell. They are
of the same first K ranks as the metrics; a rank that is a miss without a movie (unresolved, repeated, already
liked) recommends nothing, so it counts in no figure. This module compares nothing and writes nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Self

from recsys.catalogue import Catalogue
from recsys.evaluation.context import EvaluationContext
from recsys.evaluation.intervals import clustered_interval, mean_over_records
from recsys.evaluation.metrics import Ranked
from recsys.evaluation.results import RecordResult
from recsys.evaluation.scores import Measure


@dataclass(frozen=True)
class MeasureDefinition:
    """A measure as pages and documents name it.

    Attributes:
        name: Key in reports and files.
        title: Short title; ``label(4)`` makes "Novelty@4" of it.
        formula: The definition in one line.
        of: What its denominator counts.
    """

    name: str
    title: str
    formula: str
    of: str

    def label(self, k: int) -> str:
        return f"{self.title}@{k}"

    def definition(self, k: int) -> str:
        """The line that stands beside the figure, its denominator included."""
        return f"{self.label(k)}: " + f"{self.formula}; denominator: {self.of}".replace("K", str(k))


BEYOND_ACCURACY: Final[Mapping[str, MeasureDefinition]] = MappingProxyType(
    {
        measure.name: measure
        for measure in (
            MeasureDefinition(
                "novelty",
                "Novelty",
                "mean over records of the mean over the movies in the first K of "
                "−log₂(training users who like it / training users), where nobody counts as one",
                "records with a movie in the first K",
            ),
            MeasureDefinition(
                "intra_list_diversity",
                "Diversity",
                "mean over records of the mean over pairs of movies in the first K of "
                "1 − |common genres| / |genres of either|",
                "records with two movies that have genres in the first K",
            ),
            MeasureDefinition(
                "catalogue_coverage",
                "Coverage",
                "distinct movies in all first K / movies of the catalogue; it grows with the number of records",
                "movies of the catalogue",
            ),
            MeasureDefinition(
                "gini",
                "Gini",
                "Σ (2j − n − 1) · cⱼ / ((n − 1) · Σ cⱼ), where the j-th least recommended of all n movies stands "
                "cⱼ times in a first K: 0 all equally often, 1 only ever one",
                "movies of the catalogue",
            ),
            MeasureDefinition(
                "decade_drift",
                "Decade drift",
                "mean over records of the mean year of the movies in the first K − that of the history, in years",
                "records with a year on both sides",
            ),
            MeasureDefinition(
                "serendipity",
                "Serendipity",
                "hits in the first K that are not in the first K of the popularity baseline, per record",
                "records",
            ),
        )
    }
)
"""Every measure by name."""


@dataclass(frozen=True)
class RecommendedList:
    """What one record's person was recommended.

    Attributes:
        record_id: The record.
        user_id: Its user.
        history: What the person liked.
        relevant: What they liked next.
        item_ids: The movies among the first k ranks, each once.
    """

    record_id: str
    user_id: int
    history: tuple[int, ...]
    relevant: tuple[int, ...]
    item_ids: tuple[int, ...]

    @classmethod
    def of(cls, result: RecordResult, ranked: Ranked, catalogue: Catalogue, *, k: int) -> Self:
        """The list of any system on the record of a result; what is no movie of the catalogue is left out."""
        items = dict.fromkeys(item for item in ranked[:k] if item is not None and item in catalogue)
        return cls(result.record_id, result.user_id, result.history, result.relevant, tuple(items))


def measure_lists(lists: Sequence[RecommendedList], context: EvaluationContext, *, k: int) -> dict[str, Measure]:
    """Every measure of one system by name.

    Args:
        lists: One for each record, empty ones included.
        context: Of the same records.
        k: The rank cut, for the popularity baseline's lists.
    """
    user_ids = [one.user_id for one in lists]
    items = [one.item_ids for one in lists]
    size = len(context.catalogue)
    popular = [context.popularity_lists[one.record_id][:k] for one in lists]
    hits = [float(serendipity(one.item_ids, one.relevant, known)) for one, known in zip(lists, popular, strict=True)]
    return {
        "novelty": _mean_measure([novelty(one, context) for one in items], user_ids),
        "intra_list_diversity": _mean_measure([intra_list_diversity(one, context) for one in items], user_ids),
        "catalogue_coverage": Measure(catalogue_coverage(items, size), None, size),
        "gini": Measure(gini(items, size), None, size),
        "decade_drift": _mean_measure([decade_drift(one.item_ids, one.history, context) for one in lists], user_ids),
        "serendipity": _mean_measure(hits, user_ids),
    }


def novelty(item_ids: Sequence[int], context: EvaluationContext) -> float | None:
    """The mean of −log₂(training users who like the item / training users), in bits; None without an item.

    An item that no training user likes counts as liked by one, so that the figure stays finite.

    Source:
        Zhou et al., Solving the apparent diversity-accuracy dilemma of recommender systems (PNAS 2010),
        self-information. Castells, Hurley and Vargas, Novelty and Diversity in Recommender Systems (2015).
    """
    if not item_ids or not context.num_train_users:
        return None
    counts = (max(context.popularity.get(item, 0), 1) for item in item_ids)
    return math.fsum(math.log2(context.num_train_users / count) for count in counts) / len(item_ids)


def intra_list_diversity(item_ids: Sequence[int], context: EvaluationContext) -> float | None:
    """The mean over pairs of 1 − |common genres| / |genres of either|; None with fewer than two movies that have any.

    Source:
        Ziegler et al., Improving Recommendation Lists Through Topic Diversification (WWW 2005), as a mean over pairs.
    """
    similarity = context.genre_similarity(item_ids)
    return None if similarity is None else 1.0 - similarity


def catalogue_coverage(lists: Iterable[Sequence[int]], catalogue_size: int) -> float | None:
    """Distinct items in all lists / movies of the catalogue; None for an empty catalogue.

    R lists of K cover no more than R · K movies, so compare it on the same records only.

    Source:
        Ge, Delgado-Battenfeld and Jannach, Beyond Accuracy (RecSys 2010).

    >>> catalogue_coverage([(1, 2), (2, 3)], 12)
    0.25
    """
    return len({item for items in lists for item in items}) / catalogue_size if catalogue_size else None


def gini(lists: Iterable[Sequence[int]], catalogue_size: int) -> float | None:
    """How unevenly the movies of the catalogue are recommended, those never recommended included.

    G = Σ (2j − n − 1) · cⱼ / ((n − 1) · Σ cⱼ), where cⱼ is how often the j-th least recommended of all n movies stands
    in a list: 0 where all stand there equally often, 1 where it is only ever one movie.

    Returns:
        G, or None where nothing is recommended or there are fewer than two movies.

    Source:
        Shani and Gunawardana, Evaluating Recommendation Systems (2011), section 3.6 (sales diversity).

    >>> gini([(1,), (1,), (2,)], 2)  # (2 − 1) / (1 · 3): one movie twice, the other once
    0.3333333333333333
    """
    counts = sorted(Counter(item for items in lists for item in items).values())
    if not counts or catalogue_size < 2:
        return None
    first = catalogue_size - len(counts) + 1  # the movies before it are never recommended and add 0
    weighted = sum((2 * place - catalogue_size - 1) * count for place, count in enumerate(counts, start=first))
    return weighted / ((catalogue_size - 1) * sum(counts))


def decade_drift(item_ids: Sequence[int], history: Sequence[int], context: EvaluationContext) -> float | None:
    """Mean year of the items − mean year of the history: above 0 newer than what the person liked, in years.

    Movies without a year are left out; None where one side has no year.
    """
    recommended, liked = context.mean_year(item_ids), context.mean_year(history)
    return None if recommended is None or liked is None else recommended - liked


def serendipity(item_ids: Collection[int], relevant: Collection[int], popular: Collection[int]) -> int:
    """Relevant items of the list that a popularity list of the same length does not hold.

    Source:
        Ge, Delgado-Battenfeld and Jannach, Beyond Accuracy (RecSys 2010): useful and not what a primitive
        recommender shows.

    >>> serendipity([1, 2, 3], relevant=[1, 2, 9], popular=[2, 4])
    1
    """
    return len((set(item_ids) & set(relevant)) - set(popular))


def _mean_measure(values: Sequence[float | None], user_ids: Sequence[int]) -> Measure:
    """The mean over the records that have a value, with their number."""
    known = [(value, user) for value, user in zip(values, user_ids, strict=True) if value is not None]
    if not known:
        return Measure(None, None, 0)
    found, users = [value for value, _ in known], [user for _, user in known]
    return Measure(mean_over_records(found), clustered_interval(found, users), len(known))
