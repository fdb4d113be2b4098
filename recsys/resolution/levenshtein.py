"""The default resolver: the name that takes the fewest edits, relative to its length.

Edits are counted between normalised names, so case, accents, punctuation and articles cost nothing.
Similarity is 1 - edits / length of the longer name.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recsys.catalogue import Catalogue
from recsys.resolution.base import Candidate, Match
from recsys.resolution.names import NameTable
from recsys.titles import normalise_title

SHORT_NAME_SIMILARITY = 0.95
"""What a short name's similarity is multiplied with: the part before a subtitle is not the whole title."""

_CELLS_AT_ONCE = 8_000_000


class LevenshteinResolver:
    """Finds the name with the highest normalised Levenshtein similarity.

    Args:
        catalogue: What can be found. Its names are prepared at the first call.
    """

    name: str = "levenshtein"
    match: Match = "fuzzy"
    default_threshold: float = 0.75
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

    def nearest(self, titles: Sequence[str], years: Sequence[int | None]) -> list[Candidate]:
        """The nearest item for each title (given without its year); the year decides among equally near ones.

        An empty catalogue gives candidates without items.
        """
        names = [normalise_title(title) for title in titles]
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
        found = []
        for name, year, row in zip(names, years, edits, strict=True):
            similarity = (1 - row / np.maximum(self._lengths, max(len(name), 1))) * self._weights
            best = float(similarity.max())
            places = np.flatnonzero(similarity >= best - 1e-6)
            item_ids = self._table.order(places.tolist(), year)
            found.append(Candidate(item_ids, float(row[places].min()), max(best, 0.0)))
        return found
