"""Search-as-you-type for the movie picker: by title, alternative title or year, misspelt or half typed.

Every word of the query must start (or almost start) a word of one name. What comes first is the name
that equals the query, then names that start with it, then the rest, each by popularity. This module
ranks for people who type; how a model's title becomes an item is resolve.py.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recsys.catalogue import Catalogue
from recsys.titles import normalise_title

MAX_QUERY = 100
"""Characters of a query that are read."""

_YEAR = re.compile(r"(?:18|19|20|21)\d\d")
_ARTICLE = re.compile(r"(the|an?) ")
_AFTER_ALL = "\U0010ffff"
_EQUAL, _STARTS, _WORDS, _MISSPELT = 3, 2, 1, 0


@dataclass(frozen=True)
class SearchHit:
    """One movie found.

    Attributes:
        item_id: The movie.
        title: Its display title.
        year: Its year, if known.
        genres: Its genres.
        matched_name: The name that the query found; another than ``title`` for an alternative title.
    """

    item_id: int
    title: str
    year: int | None
    genres: tuple[str, ...]
    matched_name: str


@dataclass(frozen=True, eq=False)
class _Names:
    """All names of a catalogue in alphabetical order of their normalised form, and the words in them.

    Attributes:
        names: Normalised, sorted.
        written: The same names as the catalogue writes them.
        movies: (names,) Place of each name's movie in the catalogue.
        words: All distinct words, sorted.
        postings: Names that hold words[0], then words[1], …: places in ``names``.
        ends: (words + 1,) Where each word's postings start; the last is their number.
        squeezed: The names without spaces, with and without article, sorted: "spiderman" finds "Spider-Man".
        squeezed_names: Which name each of them is.
    """

    names: list[str]
    written: list[str]
    movies: NDArray[np.int32]
    words: list[str]
    postings: NDArray[np.int32]
    ends: NDArray[np.int64]
    squeezed: list[str]
    squeezed_names: NDArray[np.int32]

    @classmethod
    def of(cls, catalogue: Catalogue) -> _Names:
        rows = sorted(
            (normalise_title(name), name, place)
            for place, movie in enumerate(catalogue)
            for name in dict.fromkeys((movie.title, *movie.alternative_titles))
        )
        places: dict[str, list[int]] = {}
        for place, (name, _, _) in enumerate(rows):
            for word in set(name.split()):
                places.setdefault(word, []).append(place)
        words = sorted(places)
        ends = np.cumsum([0, *(len(places[word]) for word in words)])
        postings = np.array([place for word in words for place in places[word]], dtype=np.int32)
        movies = np.array([row[2] for row in rows], dtype=np.int32)
        squeezed = [(name.replace(" ", ""), place) for place, (name, _, _) in enumerate(rows)]
        # "T" and "Th" are the beginning of "The Matrix" too, though its name is kept without the article.
        squeezed += [
            (article[1] + squeezed[place][0], place)
            for place, (_, written, _) in enumerate(rows)
            if (article := _ARTICLE.match(written.lower()))
        ]
        squeezed.sort()
        return cls(
            names=[row[0] for row in rows],
            written=[row[1] for row in rows],
            movies=movies,
            words=words,
            postings=postings,
            ends=ends,
            squeezed=[row[0] for row in squeezed],
            squeezed_names=np.array([row[1] for row in squeezed], dtype=np.int32),
        )

    def with_word(self, low: int, high: int) -> NDArray[np.int32]:
        """Names that hold any of words[low:high]."""
        return self.postings[self.ends[low] : self.ends[high]]


class TitleSearch:
    """Finds movies for what a person types.

    Args:
        catalogue: What can be found. Its names are prepared at the first search.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    @cached_property
    def _names(self) -> _Names:
        return _Names.of(self.catalogue)

    @cached_property
    def _popularity(self) -> NDArray[np.int64]:
        """(movies,) Likes in training."""
        return np.array([self.catalogue.popularity.get(m.item_id, 0) for m in self.catalogue], dtype=np.int64)

    @cached_property
    def _years(self) -> NDArray[np.int32]:
        """(movies,) Year of release, 0 where unknown."""
        return np.array([movie.year or 0 for movie in self.catalogue], dtype=np.int32)

    def search(self, query: str, *, limit: int = 20) -> list[SearchHit]:
        """The movies that a query may mean, the likeliest first, each once.

        Args:
            query: What was typed; only its first 100 characters are read. Blank gives the most popular.
            limit: The most hits; 0 or less gives none.
        """
        if limit <= 0 or not len(self.catalogue):
            return []
        text = normalise_title(query[:MAX_QUERY]) if query[:MAX_QUERY].strip() else ""
        if not text:
            return self._hits(self._most_popular(np.arange(len(self.catalogue)), limit))
        score = self._scores(text)
        names = np.flatnonzero(score >= 0)
        by_rank = np.lexsort((names, -self._popularity[self._names.movies[names]], -score[names]))
        return self._hits(self._distinct(names[by_rank], limit))

    def _most_popular(self, movies: NDArray[np.int64], limit: int) -> Iterator[tuple[int, str]]:
        for movie in movies[np.argsort(-self._popularity[movies], kind="stable")[:limit]]:
            yield int(movie), self.catalogue.movies[movie].title

    def _distinct(self, names: NDArray[np.int64], limit: int) -> list[tuple[int, str]]:
        found: dict[int, str] = {}
        for name in names:
            found.setdefault(int(self._names.movies[name]), self._names.written[name])
            if len(found) == limit:
                break
        return list(found.items())

    def _hits(self, found: Iterable[tuple[int, str]]) -> list[SearchHit]:
        movies = ((self.catalogue.movies[place], name) for place, name in found)
        return [SearchHit(movie.item_id, movie.title, movie.year, movie.genres, name) for movie, name in movies]

    def _scores(self, text: str) -> NDArray[np.int8]:
        """(names,) How well each name fits; -1 for not at all."""
        title, _, last = text.rpartition(" ")
        if title and _YEAR.fullmatch(last):
            scores = self._title_scores(title)
            scores[(self._years[self._names.movies] != int(last)) & ~self._has_word(last, fuzzy=False)] = -1
            if (scores >= 0).any():
                return scores
            text = title if not self._has_word(last, fuzzy=False).any() else text
        return self._title_scores(text)

    def _title_scores(self, text: str) -> NDArray[np.int8]:
        scores = np.full(len(self._names.names), -1, dtype=np.int8)
        words = text.split()
        letters = sum(map(len, words))
        scores[self._num_letters(words, fuzzy=False) == letters] = _WORDS
        low, high = self._range(self._names.squeezed, text.replace(" ", ""))
        scores[self._names.squeezed_names[low:high]] = _WORDS
        if not (scores >= 0).any():
            found = self._num_letters(words, fuzzy=True)
            # One word may be wrong altogether, such as a misspelt article: the longest other ones decide.
            fewest = letters - min(map(len, words)) if len(words) > 1 else letters
            scores[found >= max(int(found.max()), fewest)] = _MISSPELT
        low, high = self._range(self._names.names, text)
        scores[low:high] = _STARTS
        scores[low : bisect_right(self._names.names, text, low, high)] = _EQUAL
        return scores

    def _num_letters(self, words: list[str], *, fuzzy: bool) -> NDArray[np.int16]:
        """(names,) Letters of those words of the query that each name has."""
        found = np.zeros(len(self._names.names), dtype=np.int16)
        for word in words:
            found[self._has_word(word, fuzzy=fuzzy)] += len(word)
        return found

    def _has_word(self, word: str, *, fuzzy: bool) -> NDArray[np.bool_]:
        """(names,) Names where the word starts a word (or nearly), or is the movie's year."""
        has_word = np.zeros(len(self._names.names), dtype=np.bool_)
        has_word[self._names.with_word(*self._range(self._names.words, word))] = True
        if fuzzy:
            for place in self._similar_words(word):
                has_word[self._names.with_word(place, place + 1)] = True
        if _YEAR.fullmatch(word):
            has_word |= self._years[self._names.movies] == int(word)
        return has_word

    @staticmethod
    def _range(ordered: list[str], start: str) -> tuple[int, int]:
        """Where the strings that begin with ``start`` are in a sorted list."""
        return bisect_left(ordered, start), bisect_left(ordered, start + _AFTER_ALL)

    def _similar_words(self, word: str) -> NDArray[np.int64]:
        """Places of words whose beginning is a few edits from a word of at least three letters."""
        from rapidfuzz.distance import OSA
        from rapidfuzz.process import cdist

        edits = 0 if len(word) < 3 else 1 if len(word) < 7 else 2
        if edits == 0:
            return np.empty(0, dtype=np.int64)
        similar = np.zeros(len(self._names.words), dtype=np.bool_)
        for length in range(len(word) - edits, len(word) + edits + 1):
            beginnings = [other[:length] for other in self._names.words]
            distances = cdist([word], beginnings, scorer=OSA.distance, score_cutoff=edits, dtype=np.uint8)
            similar |= distances[0] <= edits
        return np.flatnonzero(similar)
