"""The names that fuzzy resolvers compare with: each distinct name once, with its movies.

Besides its full names a movie answers to its short names: the part before ": " or " - " ("Star Wars" for
"Star Wars: Episode IV - A New Hope"), the part after it where no other movie has it ("A New Hope"), and the
title without the article that the data sets apart ("Strada" for "Strada, La"). Exact look-ups are the
catalogue's; nothing here knows a distance.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from recsys.catalogue import Catalogue, Movie
from recsys.resolution.numbers import number_forms, roman_in_digits
from recsys.titles import normalise_title

_SUBTITLE = re.compile(r"(?:: | [-–—] |: ?$)")
_SHORTEST_SHORT_NAME = 4
_SHORTEST_SUBTITLE = 8


def comparable_name(title: str) -> str:
    """The form that edits are counted in: normalised, and numbers in digits.

    >>> comparable_name("Rocky IV"), comparable_name("The Godfather: Part II")
    ('rocky 4', 'godfather 2')
    """
    return number_forms(normalise_title(title))


def _in_words(title: str) -> str:
    """The form that keeps number words and "part", for titles that misspell them."""
    return roman_in_digits(normalise_title(title))


@dataclass(frozen=True, eq=False)
class NameTable:
    """Distinct comparable names and the movies that each stands for.

    Attributes:
        catalogue: Whose names.
        names: Each distinct name once, the shortest first.
        item_ids: For each name its movies, the most popular first.
        is_short: For each name whether it is only a part of the title.
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
        subtitles: dict[str, list[int]] = defaultdict(list)
        for movie in catalogue:
            # Both forms: a misspelt "Sevn Samurai" is near the word, "7 Samurai" is the digit.
            for name in {form(name): None for form in (comparable_name, _in_words) for name in movie.names}:
                full[name].append(movie.item_id)
            for name in _short_names(movie) if short_names else ():
                short[name].append(movie.item_id)
            if short_names and (subtitle := _subtitle(movie)):
                subtitles[subtitle].append(movie.item_id)
        for name, ids in subtitles.items():
            if len(ids) == 1 and name not in short:  # "The Final Chapter" names no movie
                short[name] = ids
        rows = [(name, ids, False) for name, ids in full.items()]
        rows += [(name, ids, True) for name, ids in short.items() if name not in full]
        rows.sort(key=lambda row: len(row[0]))
        by_popularity = [tuple(sorted(ids, key=lambda i: (-catalogue.popularity.get(i, 0), i))) for _, ids, _ in rows]
        # Copies, made in order, lie in order in memory, which edit counts run through.
        names = tuple(f"{row[0]} "[:-1] for row in rows)
        return cls(catalogue, names, tuple(by_popularity), tuple(row[2] for row in rows))

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


def _short_names(movie: Movie) -> dict[str, None]:
    """The part before the subtitle, and the title without an article that the data writes at the end."""
    before = _SUBTITLE.split(movie.title, maxsplit=1)[0]
    names = [before] if len(before) >= _SHORTEST_SHORT_NAME and before != movie.title else []
    for separator in (" ", "'"):
        rest = movie.title.partition(separator)[2]
        if len(rest) >= _SHORTEST_SHORT_NAME and movie.source_title.startswith(f"{rest}, "):
            names.append(rest)
    return {comparable_name(name): None for name in names}


def _subtitle(movie: Movie) -> str:
    """The part after the last ": " or " - ", where it is long enough to name a movie; else nothing."""
    parts = _SUBTITLE.split(movie.title)
    name = comparable_name(parts[-1])
    is_name = len(parts) > 1 and len(name) >= _SHORTEST_SUBTITLE and " " in name and not name[-1].isdigit()
    return name if is_name else ""
