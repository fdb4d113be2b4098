"""From which decades two runs recommend, beside those of what people liked before and next.

A model that likes new or old movies more than its users do shows here. This module knows years and nothing of
scores.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from recsys.catalogue import Catalogue
from recsys.evaluation.results import RecordResult

DecadesOf = Literal["history", "relevant", "a", "b"]


@dataclass(frozen=True)
class Decades:
    """Some movies of the common records by decade of release; a movie counts in every record that has it.

    Attributes:
        of: The histories, the relevant movies, or what A or B recommend in the first K.
        counts: Movies by first year of the decade, in ascending order.
        mean_year: None where no movie has a year.
        num_unknown: Movies without a year.
    """

    of: DecadesOf
    counts: Mapping[int, int]
    mean_year: float | None
    num_unknown: int

    @property
    def num_dated(self) -> int:
        return sum(self.counts.values())

    def share(self, decade: int) -> float:
        """The share of its movies with a year that are of the decade."""
        return self.counts.get(decade, 0) / self.num_dated if self.num_dated else 0.0


def count_decades(
    pairs: Sequence[tuple[RecordResult, RecordResult]], catalogue: Catalogue, *, k: int
) -> tuple[Decades, ...]:
    """The decades of what the persons liked, of what they liked next, and of what each run recommends in the first k.

    Args:
        pairs: Both results of each record.
        catalogue: Knows the years; what it lacks has none.
        k: The rank cut.
    """
    items: dict[DecadesOf, Iterable[int | None]] = {
        "history": (item for mine, _ in pairs for item in mine.history),
        "relevant": (item for mine, _ in pairs for item in mine.relevant),
        "a": (item for mine, _ in pairs for item in mine.item_ids[:k]),
        "b": (item for _, other in pairs for item in other.item_ids[:k]),
    }
    return tuple(_decades(of, found, catalogue) for of, found in items.items())


def _decades(of: DecadesOf, item_ids: Iterable[int | None], catalogue: Catalogue) -> Decades:
    movies = [catalogue.by_id.get(item_id) for item_id in item_ids if item_id is not None]
    years = [movie.year for movie in movies if movie is not None and movie.year is not None]
    counts = Counter(year // 10 * 10 for year in years)
    mean_year = sum(years) / len(years) if years else None
    return Decades(of, dict(sorted(counts.items())), mean_year, len(movies) - len(years))
