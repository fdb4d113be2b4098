"""The default resolver: the name that takes the fewest edits, relative to its length.

Edits are counted between normalised names, so case, accents, punctuation and articles cost nothing.
Similarity is 1 - edits / length of the longer name, with two things that the letters cannot say: another
number is another movie ("Toy Story 4" is not "Toy Story 3"), and a year that agrees speaks for the match.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recsys.catalogue import Catalogue
from recsys.resolution.base import Candidate, Match
from recsys.resolution.names import NameTable, comparable_name

SHORT_NAME_SIMILARITY = 0.95
"""What a short name's similarity is multiplied with: the part before a subtitle is not the whole title."""

OTHER_NUMBER_SIMILARITY = 0.85
"""What the similarity is multiplied with when the title has numbers that the name does not have."""

YEAR_LETTERS = 4
"""Equal letters that an equal year counts as, once the nearest name is chosen."""

_CELLS_AT_ONCE = 8_000_000
_NUMBER = re.compile(r"\d+")


class LevenshteinResolver:
    """Finds the name with the highest normalised Levenshtein similarity.

    Args:
        catalogue: What can be found. Its names are prepared at the first call.
    """

    name: str = "levenshtein"
    match: Match = "fuzzy"
    default_threshold: float = 0.85
    """Chosen on tests/fixtures/hard_titles.csv: see the test of the thresholds."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    @cached_property
    def _table(self) -> NameTable:
        return NameTable.of(self.catalogue, short_names=True)

    @cached_property
    def _lengths(self) -> NDArray[np.float32]:
        return np.array([len(name) for name in self._table.names], dtype=np.float32)

    @cached_property
    def _weights(self) -> NDArray[np.float32]:
        return np.where(self._table.is_short, SHORT_NAME_SIMILARITY, 1.0).astype(np.float32)

    @cached_property
    def _numbers(self) -> NDArray[np.str_]:
        return np.array([_numbers_of(name) for name in self._table.names])

    def nearest(self, titles: Sequence[str], years: Sequence[int | None]) -> list[Candidate]:
        """The nearest item for each title (given without its year); the year decides among equally near ones.

        An empty catalogue gives candidates without items.
        """
        names = [comparable_name(title) for title in titles]
        if not len(self.catalogue):
            return [Candidate((), float(len(name)), 0.0) for name in names]
        rows = max(1, _CELLS_AT_ONCE // len(self._table.names))
        found: list[Candidate] = []
        for start in range(0, len(names), rows):
            found += self._nearest(names[start : start + rows], years[start : start + rows])
        return found

    def _nearest(self, names: Sequence[str], years: Sequence[int | None]) -> list[Candidate]:
        from rapidfuzz.distance import Levenshtein
        from rapidfuzz.process import cdist

        edits = cdist(names, self._table.names, scorer=Levenshtein.distance, dtype=np.uint16)
        return [self._choose(name, year, row) for name, year, row in zip(names, years, edits, strict=True)]

    def _choose(self, name: str, year: int | None, edits: NDArray[np.uint16]) -> Candidate:
        lengths = np.maximum(self._lengths, max(len(name), 1))
        similarity = (1 - edits / lengths) * self._weights
        numbers = _numbers_of(name)
        if numbers:
            similarity[self._numbers != numbers] *= OTHER_NUMBER_SIMILARITY
        best = float(similarity.max())
        places = np.flatnonzero(similarity >= best - 1e-6)
        item_ids = self._table.order(places.tolist(), year)
        place = int(places[edits[places].argmin()])
        if year is not None and self.catalogue[item_ids[0]].year == year:
            # The same factors, with the year as part of both names.
            best *= (1 - edits[place] / (lengths[place] + YEAR_LETTERS)) / max(1 - edits[place] / lengths[place], 1e-6)
        return Candidate(item_ids, float(edits[place]), min(max(float(best), 0.0), 1.0))


def _numbers_of(name: str) -> str:
    return " ".join(_NUMBER.findall(name))
