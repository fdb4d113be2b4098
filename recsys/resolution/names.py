"""The names that fuzzy resolvers compare with: each distinct name once, with its movies.

Besides its full names a movie answers to its short name, the part before ": " or " - " ("Star Wars" for
"Star Wars: Episode IV - A New Hope"). Exact look-ups are the catalogue's; nothing here knows a distance.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from recsys.catalogue import Catalogue
from recsys.titles import normalise_title

_SUBTITLE = re.compile(r"(?:: | [-–—] |: ?$)")
_SHORTEST_SHORT_NAME = 4
_NUMERAL = re.compile(r"(?<= )(?:ii|iii|iv|v|vi|vii|viii|ix)(?= |$)")
_NUMERALS = {"ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6", "vii": "7", "viii": "8", "ix": "9"}


def comparable_name(title: str) -> str:
    """The form that edits are counted in: normalised, and sequels numbered in digits.

    >>> comparable_name("Rocky IV"), comparable_name("The Godfather: Part II")
    ('rocky 4', 'godfather part 2')
    """
    return _NUMERAL.sub(lambda found: _NUMERALS[found.group()], normalise_title(title))


@dataclass(frozen=True, eq=False)
class NameTable:
    """Distinct comparable names and the movies that each stands for.

    Attributes:
        catalogue: Whose names.
        names: Each distinct name once.
        item_ids: For each name its movies, the most popular first.
        is_short: For each name whether it is only the part before a subtitle.
    """

    catalogue: Catalogue
    names: tuple[str, ...]
    item_ids: tuple[tuple[int, ...], ...]
    is_short: tuple[bool, ...]

    @classmethod
    def of(cls, catalogue: Catalogue, *, short_names: bool) -> NameTable:
        """Collects the names of a catalogue; a short name that is also a full name is left out."""
        full: dict[str, list[int]] = defaultdict(list)
        short: dict[str, list[int]] = defaultdict(list)
        for movie in catalogue:
            for name in dict.fromkeys(comparable_name(name) for name in movie.names):
                full[name].append(movie.item_id)
            before = _SUBTITLE.split(movie.title, maxsplit=1)[0] if short_names else movie.title
            if len(before) >= _SHORTEST_SHORT_NAME and before != movie.title:
                short[comparable_name(before)].append(movie.item_id)
        rows = [(name, ids, False) for name, ids in full.items()]
        rows += [(name, ids, True) for name, ids in short.items() if name not in full]
        by_popularity = [tuple(sorted(ids, key=lambda i: (-catalogue.popularity.get(i, 0), i))) for _, ids, _ in rows]
        return cls(catalogue, tuple(row[0] for row in rows), tuple(by_popularity), tuple(row[2] for row in rows))

    def order(self, places: Sequence[int], year: int | None, *, most: int = 10) -> tuple[int, ...]:
        """The movies of equally near names: those of the year written first, then full names, then popularity.

        Args:
            places: Indices of the names.
            year: The year written with the title.
            most: How many movies to give at most.
        """
        rank: dict[int, tuple[bool, bool, int, int]] = {}
        for place in places:
            for item_id in self.item_ids[place]:
                other_year = year is not None and self.catalogue[item_id].year != year
                key = (other_year, self.is_short[place], -self.catalogue.popularity.get(item_id, 0), item_id)
                rank[item_id] = min(rank.get(item_id, key), key)
        return tuple(sorted(rank, key=rank.__getitem__)[:most])
