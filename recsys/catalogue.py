"""The catalogue: every movie that can be recommended, and the look-ups by name.

A history entry is an item id, or the free text of a movie that the person typed and that may not be
in the catalogue. The catalogue knows how often each movie was liked in training (its popularity) only
to choose between movies of the same name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Self

from recsys.errors import HistoryError
from recsys.settings import MovieDetails
from recsys.titles import normalise_title, split_alternatives, split_year

HistoryEntry = int | str
"""An item id, or a title as a person typed it."""


@dataclass(frozen=True, slots=True)
class Movie:
    """One item of the catalogue.

    Attributes:
        item_id: The MovieLens movieId.
        title: The title as one would write it: "The Shawshank Redemption".
        year: Year of release, or None where the data has none.
        genres: Genres in the data's order; empty where none is listed.
        alternative_titles: Other names, from the brackets of the source title.
        source_title: The title as the data writes it, without the year: "Shawshank Redemption, The".
        tags: The tags that people gave it most often, the most frequent first.
        description: What it is about, where a person's own file tells.
    """

    item_id: int
    title: str
    year: int | None = None
    genres: tuple[str, ...] = ()
    alternative_titles: tuple[str, ...] = ()
    source_title: str = ""
    tags: tuple[str, ...] = ()
    description: str = ""

    @classmethod
    def from_source(cls, item_id: int, source_title: str, year: int | None, genres: Iterable[str]) -> Self:
        """Makes a movie from the title as MovieLens writes it; a year at its end is split off."""
        source_title = " ".join(source_title.split())
        if year is None:
            source_title, year = split_year(source_title)
        title, alternatives = split_alternatives(source_title)
        return cls(item_id, title, year, tuple(genres), alternatives, source_title)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name of the movie, the display title first, without repeats."""
        return tuple(dict.fromkeys((self.title, self.source_title or self.title, *self.alternative_titles)))

    def display(self, *, include_year: bool = True) -> str:
        """The title as prompts and pages show it: "Spirited Away (2001)"."""
        return f"{self.title} ({self.year})" if include_year and self.year is not None else self.title

    def details(self, kind: MovieDetails) -> tuple[str, ...]:
        """Its genres, tags or description, as they are; empty where it has none."""
        if kind == "description":
            return (self.description,) if self.description else ()
        return {"none": (), "genres": self.genres, "tags": self.tags}[kind]


class NameMatch(NamedTuple):
    """The movies that a name and year stand for, the chosen one first.

    Attributes:
        item_ids: The candidates; empty when the name is unknown.
        ambiguous: Several movies fit and nothing in the text tells which: the most popular comes first.
        wrong_year: The name is known but no movie of that name is of the year written.
    """

    item_ids: tuple[int, ...]
    ambiguous: bool = False
    wrong_year: bool = False


class _Named(NamedTuple):
    """The movies of one name: those whose title it is, and those that it is another name of."""

    titled: tuple[int, ...] = ()
    otherwise: tuple[int, ...] = ()


class _NameIndex:
    """Item ids by a form of their names."""

    def __init__(self, movies: Sequence[Movie], form: Callable[[str], str]) -> None:
        self._index: dict[str, _Named] = {}
        for movie in movies:
            titles = {form(movie.title), form(movie.source_title or movie.title)}
            for name in {form(name) for name in movie.names}:
                named = self[name]
                if name in titles:
                    self._index[name] = named._replace(titled=(*named.titled, movie.item_id))
                else:
                    self._index[name] = named._replace(otherwise=(*named.otherwise, movie.item_id))

    def __getitem__(self, name: str) -> _Named:
        return self._index.get(name, _Named())


@dataclass(frozen=True, eq=False)
class Catalogue:
    """All movies by item id, with look-ups by exact and by normalised name.

    Attributes:
        movies: In ascending order of item id, ids unique.
        popularity: Likes in training by item id; missing is 0. Only training users may be counted.
    """

    movies: tuple[Movie, ...]
    popularity: Mapping[int, int] = field(default_factory=dict)

    @cached_property
    def by_id(self) -> dict[int, Movie]:
        return {movie.item_id: movie for movie in self.movies}

    @cached_property
    def _exact(self) -> _NameIndex:
        return _NameIndex(self.movies, str)

    @cached_property
    def _normalised(self) -> _NameIndex:
        return _NameIndex(self.movies, normalise_title)

    def __len__(self) -> int:
        return len(self.movies)

    def __iter__(self) -> Iterator[Movie]:
        return iter(self.movies)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self.by_id

    def __getitem__(self, item_id: int) -> Movie:
        """The movie of that id.

        Raises:
            HistoryError: when the catalogue has no such item.
        """
        try:
            return self.by_id[item_id]
        except KeyError:
            raise HistoryError(
                "the catalogue has no such item", seen=item_id, mend="take an item_id from search_titles"
            ) from None

    def find_exact(self, title: str, year: int | None = None) -> NameMatch:
        """The movies with exactly this name, the best fit first.

        Movies that carry the name as their title come before those that carry it as another name, then
        the most popular in training.
        """
        return self._choose_named(self._exact[title.strip()], year)

    def find_normalised(self, title: str, year: int | None = None) -> NameMatch:
        """The movies whose name is the same after normalise_title, the best fit first."""
        return self._choose_named(self._normalised[normalise_title(title)], year)

    def find(self, text: str) -> NameMatch:
        """The movies that a person's text names, with or without a year; empty when none."""
        whole = self.find_exact(text)
        if whole.item_ids:
            return whole
        title, year = split_year(text)
        exact = self.find_exact(title, year)
        if exact.item_ids and not exact.wrong_year:
            return exact
        normalised = self.find_normalised(title, year)  # "Pride and Prejudice (2005)" is written with "&"
        return exact if exact.item_ids and normalised.wrong_year else normalised

    def choose(self, item_ids: Sequence[int], year: int | None = None) -> NameMatch:
        """Orders movies of one name: the year written wins, then the most popular in training."""
        return self._choose_named(_Named(titled=tuple(item_ids)), year)

    def _choose_named(self, named: _Named, year: int | None) -> NameMatch:
        def first(item_ids: Iterable[int]) -> list[int]:
            return sorted(set(item_ids), key=lambda i: (-self.popularity.get(i, 0), i))

        titled, otherwise = first(named.titled), first(named.otherwise)
        if year is None:
            return NameMatch((*titled, *otherwise), ambiguous=len(titled or otherwise) > 1)
        for fits in (year, None):  # a movie without a year cannot contradict the year written
            fitting = [[i for i in ids if self.by_id[i].year == fits] for ids in (titled, otherwise)]
            if any(fitting):
                best = [*fitting[0], *fitting[1]]
                others = [i for i in (*titled, *otherwise) if i not in best]
                return NameMatch((*best, *others), ambiguous=len(fitting[0] or fitting[1]) > 1)
        nearest = sorted((*titled, *otherwise), key=lambda i: abs((self.by_id[i].year or 0) - year))
        return NameMatch(tuple(nearest), wrong_year=bool(nearest))

    def known_items(self, history: Iterable[HistoryEntry]) -> tuple[int, ...]:
        """The item ids that a history stands for: ids as they are, free text where its name is known."""
        found: list[int] = []
        for entry in history:
            if isinstance(entry, str):
                found.extend(self.find(entry).item_ids[:1])
            elif entry in self.by_id:
                found.append(entry)
        return tuple(dict.fromkeys(found))

    def with_popularity(self, popularity: Mapping[int, int]) -> Catalogue:
        """The same movies with likes counted in training."""
        return Catalogue(self.movies, dict(popularity))
