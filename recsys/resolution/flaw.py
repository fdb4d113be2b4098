"""The flaw of counting common characters, shown on titles of a catalogue: computed, never written down.

For the About page: what each resolver makes of one misspelt title, and a title where they differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from recsys.catalogue import Catalogue, Movie
from recsys.resolution.base import TitleResolver
from recsys.resolution.common_characters import CommonCharactersResolver, count_characters
from recsys.resolution.levenshtein import LevenshteinResolver
from recsys.resolution.names import comparable_name

_MOVIES_TRIED = 200
_SHORTEST_TITLE = 8


@dataclass(frozen=True)
class ResolverAnswer:
    """What one resolver makes of a written title.

    Attributes:
        resolver: Its name.
        movie: The nearest movie.
        distance: In the resolver's own unit.
        similarity: 0 to 1.
        shared_characters: How many characters the written title and the movie's title have in common.
        title_characters: How many characters the movie's title has.
    """

    resolver: str
    movie: Movie
    distance: float
    similarity: float
    shared_characters: int
    title_characters: int


@dataclass(frozen=True)
class FlawExample:
    """A misspelt title that levenshtein finds and common characters do not.

    Attributes:
        written: The title as a model could write it, one letter left out.
        meant: The movie that it is the title of.
        answers: What each resolver says, levenshtein first.
    """

    written: str
    meant: Movie
    answers: tuple[ResolverAnswer, ...]


def compare_resolvers(
    written: str, catalogue: Catalogue, resolvers: tuple[TitleResolver, ...]
) -> tuple[ResolverAnswer, ...]:
    """What each resolver makes of one title; a resolver that finds nothing is left out."""
    answers = []
    for resolver in resolvers:
        (candidate,) = resolver.nearest([written], [None])
        if candidate.item_ids:
            movie = catalogue[candidate.item_ids[0]]
            shared, total = _shared_characters(written, movie.title)
            answers.append(
                ResolverAnswer(resolver.name, movie, candidate.distance, candidate.similarity, shared, total)
            )
    return tuple(answers)


def flaw_example(catalogue: Catalogue) -> FlawExample | None:
    """The most popular movie with a misspelling that common characters give to a longer, wrong title.

    Returns:
        None when the 200 most popular movies have no such misspelling.
    """
    resolvers: tuple[TitleResolver, ...] = (LevenshteinResolver(catalogue), CommonCharactersResolver(catalogue))
    popular = sorted(catalogue, key=lambda movie: (-catalogue.popularity.get(movie.item_id, 0), movie.item_id))
    for movie in popular[:_MOVIES_TRIED]:
        for written in _misspellings(movie.title):
            answers = compare_resolvers(written, catalogue, resolvers)
            by_edits, by_characters = answers
            if by_edits.movie == movie and _is_longer_and_wrong(by_characters, by_edits):
                return FlawExample(written, movie, answers)
    return None


def _misspellings(title: str) -> Iterator[str]:
    """The title with one letter left out, at three places."""
    if len(title) < _SHORTEST_TITLE:
        return
    for place in (len(title) // 2, len(title) // 3, len(title) - 3):
        if title[place].isalpha():
            yield title[:place] + title[place + 1 :]


def _is_longer_and_wrong(found: ResolverAnswer, right: ResolverAnswer) -> bool:
    return found.movie != right.movie and found.title_characters > right.title_characters


def _shared_characters(written: str, title: str) -> tuple[int, int]:
    """Characters that both have, and characters of the title."""
    of_written, of_title = count_characters(comparable_name(written)), count_characters(comparable_name(title))
    return sum(min(int(a), int(b)) for a, b in zip(of_written, of_title, strict=True)), int(of_title.sum())
