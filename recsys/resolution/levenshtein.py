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

_LENGTH_RATIO = 0.65
"""Names shorter or longer than this share of a title are compared only where no other name is near."""

_NEAR_EDITS = 1 - _LENGTH_RATIO / (SHORT_NAME_SIMILARITY * OTHER_NUMBER_SIMILARITY)
"""Edits a letter up to which even the name with every factor against it beats all names of another length."""

_TITLES_AT_ONCE = 128
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
    def _number_codes(self) -> dict[str, int]:
        """One code for each distinct sequence of numbers in a name; comparing codes is far quicker than text."""
        return {numbers: code for code, numbers in enumerate(dict.fromkeys(map(_numbers_of, self._table.names)))}

    @cached_property
    def _numbers(self) -> NDArray[np.int32]:
        return np.array([self._number_codes[_numbers_of(name)] for name in self._table.names], dtype=np.int32)

    def nearest(self, titles: Sequence[str], years: Sequence[int | None]) -> list[Candidate]:
        """The nearest item for each title (given without its year); the year decides among equally near ones.

        An empty catalogue gives candidates without items.
        """
        names = [comparable_name(title) for title in titles]
        if not len(self.catalogue):
            return [Candidate((), float(len(name)), 0.0) for name in names]
        at_once = max(1, min(_TITLES_AT_ONCE, _CELLS_AT_ONCE // len(self._table.names)))
        by_length = sorted(range(len(names)), key=lambda row: len(names[row]))
        found: dict[int, Candidate] = {}
        for start in range(0, len(names), at_once):
            block = by_length[start : start + at_once]
            for row, edits in zip(block, self._edits([names[row] for row in block]), strict=True):
                found[row] = self._choose(names[row], years[row], edits)
        return [found[row] for row in range(len(names))]

    def _edits(self, names: Sequence[str]) -> NDArray[np.uint16]:
        """Edits from names, the shortest first, to all of the table; the most there can be where none is nearest."""
        from rapidfuzz.distance import Levenshtein
        from rapidfuzz.process import cdist

        def count(rows: Sequence[str], part: slice) -> NDArray[np.uint16]:
            found: NDArray[np.uint16] = cdist(
                rows, self._table.names[part], scorer=Levenshtein.distance, dtype=np.uint16
            )
            return found

        own = np.array([len(name) for name in names])
        start, end = np.searchsorted(self._lengths, [own[0] * _LENGTH_RATIO, own[-1] / _LENGTH_RATIO]).tolist()
        edits = np.empty((len(names), len(self._table.names)), dtype=np.uint16)
        edits[:, start:end] = near = count(names, slice(start, end))
        far = near.min(axis=1, initial=np.iinfo(np.uint16).max) > _NEAR_EDITS * own
        for part in (slice(0, start), slice(end, len(self._table.names))):
            edits[:, part] = np.maximum(self._lengths[part], own[:, None])
            if far.any() and part.start < part.stop:
                edits[far, part] = count([name for name, is_far in zip(names, far, strict=True) if is_far], part)
        return edits

    def _choose(self, name: str, year: int | None, edits: NDArray[np.uint16]) -> Candidate:
        lengths = np.maximum(self._lengths, max(len(name), 1))
        similarity = (1 - edits / lengths) * self._weights
        numbers = _numbers_of(name)
        if numbers:
            similarity[self._numbers != self._number_codes.get(numbers, -1)] *= OTHER_NUMBER_SIMILARITY
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
