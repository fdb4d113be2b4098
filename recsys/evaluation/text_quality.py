"""What a model's text is like, before any of it is right: list or prose, real titles or invented ones.

Every share carries its denominator, because some are of records (one completion each) and some of generated
titles (up to N for each record). This module judges no recommendation: that is metrics.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from recsys.evaluation.results import RecordResult, ResolvedTitle

ShareOf = Literal["records", "generated titles", "ranks asked for"]


@dataclass(frozen=True)
class Share:
    """A share with what it is a share of.

    Attributes:
        numerator: How many are so.
        denominator: Of how many.
        of: What is counted.
    """

    numerator: int
    denominator: int
    of: ShareOf

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        return cls(values["numerator"], values["denominator"], values["of"])

    def to_dict(self) -> dict[str, Any]:
        """The share as plain JSON values, its value included."""
        return {**asdict(self), "value": self.value}

    @property
    def value(self) -> float | None:
        """0 to 1; None where there is nothing to count."""
        return self.numerator / self.denominator if self.denominator else None

    def __str__(self) -> str:
        """The share in words: "12 of 200 generated titles (6.0%)"."""
        percent = "–" if self.value is None else f"{self.value:.1%}"
        return f"{self.numerator} of {self.denominator} {self.of} ({percent})"


_OF_RECORDS: dict[str, tuple[str, Callable[[RecordResult], bool]]] = {
    "well_formed": ("a list of titles and nothing else", lambda result: result.well_formed),
    "exactly_n": ("exactly N titles", lambda result: result.num_titles == result.num_asked),
    "empty": ("nothing written", lambda result: result.problem == "empty"),
    "code": ("code", lambda result: result.problem == "code"),
    "prose": ("prose", lambda result: result.problem == "prose"),
    "other_script": ("another script", lambda result: result.problem == "other_script"),
}
_OF_TITLES: dict[str, tuple[str, Callable[[ResolvedTitle], bool]]] = {
    "exact": ("written exactly as in the catalogue", lambda title: title.match == "exact"),
    "normalised": ("the same but for case, accents and signs", lambda title: title.match == "normalised"),
    "fuzzy": ("resolved to the nearest spelling", lambda title: title.match == "fuzzy"),
    "semantic": ("resolved to the nearest meaning", lambda title: title.match == "semantic"),
    "out_of_catalogue": ("out of catalogue", lambda title: title.match == "none"),
    "repeated": ("repeats a title above it", lambda title: "repeated" in title.flags),
    "already_liked": ("already liked", lambda title: "already_liked" in title.flags),
    "already_disliked": ("already disliked", lambda title: "already_disliked" in title.flags),
    "wrong_year": ("a real title with a wrong year", lambda title: "wrong_year" in title.flags),
    "ambiguous": ("several movies of that name", lambda title: "ambiguous" in title.flags),
}

MATCH_SHARES = ("exact", "normalised", "fuzzy", "semantic", "out_of_catalogue")
"""The shares of generated titles that add up to 1: the parts of one stacked bar."""

DESCRIPTIONS = {name: words for name, (words, _) in (*_OF_RECORDS.items(), *_OF_TITLES.items())}
"""Every share by name, in words."""


def text_quality(results: Sequence[RecordResult]) -> dict[str, Share]:
    """Every share by name, over all results."""
    titles = [title for result in results for title in result.titles]
    shares = {
        name: Share(sum(map(is_so, results)), len(results), "records") for name, (_, is_so) in _OF_RECORDS.items()
    }
    shares |= {
        name: Share(sum(map(is_so, titles)), len(titles), "generated titles") for name, (_, is_so) in _OF_TITLES.items()
    }
    return shares


@dataclass(frozen=True)
class DistanceHistogram:
    """How far the generated titles are from their nearest item.

    Attributes:
        edges: Lower edge of each bin; the last bin is open above.
        resolved: Titles in each bin that became an item.
        out_of_catalogue: Titles in each bin whose nearest item was too far to count.
        num_without: Titles near nothing at all.
    """

    edges: tuple[float, ...]
    resolved: tuple[int, ...]
    out_of_catalogue: tuple[int, ...]
    num_without: int

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        return cls(
            tuple(values["edges"]), tuple(values["resolved"]), tuple(values["out_of_catalogue"]), values["num_without"]
        )


_EDIT_EDGES = tuple(float(edits) for edits in range(13))
_SHARE_EDGES = tuple(tenths / 10 for tenths in range(10))


def distance_histogram(results: Sequence[RecordResult], *, resolver: str) -> DistanceHistogram:
    """Counts the distances of all generated titles, in edits (levenshtein) or in tenths (the other resolvers)."""
    edges = _EDIT_EDGES if resolver == "levenshtein" else _SHARE_EDGES
    width = edges[1] - edges[0]
    resolved, apart, without = [0] * len(edges), [0] * len(edges), 0
    for title in (title for result in results for title in result.titles):
        if title.distance is None:
            without += 1
            continue
        # A hair is added because 0.3 / 0.1 is just under 3.
        place = min(max(math.floor(title.distance / width + 1e-9), 0), len(edges) - 1)
        (apart if title.item_id is None else resolved)[place] += 1
    return DistanceHistogram(edges, tuple(resolved), tuple(apart), without)
