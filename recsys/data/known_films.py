"""A list of films larger than the catalogue: is a title that the catalogue lacks a real film or an invented one?

It is asked by name, in the same form in which the catalogue compares names. It knows neither genres nor people,
and a film that it lacks may still exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from recsys.catalogue import Movie
from recsys.data.movielens import load_movies
from recsys.errors import DataFormatError
from recsys.titles import normalise_title


@dataclass(frozen=True, eq=False)
class KnownFilms:
    """Names of films with their years.

    Attributes:
        name: The file or folder that they come from, without its path.
        num_films: How many they are.
        years: The years of the films of each normalised name; None for a film whose year is not known.
    """

    name: str
    num_films: int
    years: Mapping[str, frozenset[int | None]]

    @classmethod
    def of_movies(cls, name: str, movies: Iterable[Movie]) -> Self:
        """The list of these movies, each by its title and its other names."""
        years: dict[str, set[int | None]] = {}
        num_films = 0
        for movie in movies:
            num_films += 1
            for form in {normalise_title(written) for written in movie.names}:
                years.setdefault(form, set()).add(movie.year)
        return cls(name, num_films, {form: frozenset(found) for form, found in years.items()})

    @property
    def description(self) -> str:
        """What a report calls the list: "ml-32m, 87,585 films"."""
        return f"{self.name}, {self.num_films:,} films"

    def holds(self, title: str, year: int | None = None) -> bool:
        """Whether a film has this name, and this year where one is written.

        A film whose year the list does not know cannot contradict the one that is written.
        """
        found = self.years.get(normalise_title(title), frozenset())
        return bool(found) if year is None else bool(found & {year, None})


def read_known_films(path: Path | str) -> KnownFilms:
    """Reads a list of films.

    Args:
        path: A file of movieId,title,genres, or a MovieLens folder or zip, whose ratings are not read.

    Raises:
        DataFormatError: when it is none of these, holds no film or has a bad row; the message names the 1-based line
            where it has one.
    """
    given = Path(path).expanduser()
    movies = load_movies(given)
    if not movies:
        raise DataFormatError("the list holds no film", path=given, mend="write one movieId,title,genres a line")
    return KnownFilms.of_movies(given.resolve().name, movies)
