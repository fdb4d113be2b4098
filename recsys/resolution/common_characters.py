"""The story's first try: the name that shares the most characters with the title wins.

Kept to show its flaw: nothing is taken off for characters that the title does not have, so a longer
wrong name shares at least as much as the right one. See flaw.py for an example.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recsys.catalogue import Catalogue
from recsys.resolution.base import Candidate, Match
from recsys.resolution.names import NameTable, comparable_name

_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_COLUMN = {character: column for column, character in enumerate(_ALPHABET)}
_MOST_OF_ONE = 255


class CommonCharactersResolver:
    """Finds the name with the most characters in common, counted as often as both have them.

    Letters and digits count, spaces do not; letters outside a-z share one column.

    Args:
        catalogue: What can be found. Its names are counted at the first call.
    """

    name: str = "common_characters"
    match: Match = "fuzzy"
    default_threshold: float = 0.95

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    @cached_property
    def _table(self) -> NameTable:
        return NameTable.of(self.catalogue, short_names=False)

    @cached_property
    def _counts(self) -> NDArray[np.uint8]:
        """Character counts, (columns, names): one row for each character keeps the sum over names contiguous."""
        return np.ascontiguousarray(np.stack([count_characters(name) for name in self._table.names]).T)

    def nearest(self, titles: Sequence[str], years: Sequence[int | None]) -> list[Candidate]:
        """The nearest item for each title (given without its year); the year decides among equally near ones."""
        if not len(self.catalogue):
            return [Candidate((), 1.0, 0.0) for _ in titles]
        return [self._nearest(comparable_name(title), year) for title, year in zip(titles, years, strict=True)]

    def _nearest(self, name: str, year: int | None) -> Candidate:
        counts = count_characters(name)
        shared = np.zeros(len(self._table.names), dtype=np.uint16)  # at most 37 × 255
        for column in np.flatnonzero(counts):
            shared += np.minimum(self._counts[column], counts[column])
        most = int(shared.max())
        share = most / max(int(counts.sum()), 1)
        return Candidate(self._table.order(np.flatnonzero(shared == most).tolist(), year), 1 - share, share)


def count_characters(name: str) -> NDArray[np.uint8]:
    """How often each of a-z, 0-9 and any other letter occurs; (37,), each at most 255."""
    counts = np.zeros(len(_ALPHABET) + 1, dtype=np.uint8)
    for character, times in Counter(name.replace(" ", "")).items():
        column = _COLUMN.get(character, len(_ALPHABET))
        counts[column] = min(int(counts[column]) + times, _MOST_OF_ONE)
    return counts
