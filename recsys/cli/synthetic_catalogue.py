"""Catalogues and titles made up for timings: as many movies as MovieLens 32M has, and misspelt titles."""

from __future__ import annotations

import random

from recsys.catalogue import Catalogue, Movie

LARGE_CATALOGUE = 87_585
"""Movies of MovieLens 32M."""


def enlarge(catalogue: Catalogue, size: int) -> Catalogue:
    """A synthetic catalogue of that size: the real movies, then remixes of their words."""
    drawn = random.Random(0)
    words = [word for movie in catalogue for word in movie.title.split()]
    movies = list(catalogue)
    next_id = max(movie.item_id for movie in movies) + 1
    for item_id in range(next_id, next_id + size - len(movies)):
        title = " ".join(drawn.choices(words, k=drawn.randint(2, 6)))
        movies.append(Movie.from_source(item_id, title, drawn.randint(1920, 2023), ("Drama",)))
    return Catalogue(tuple(movies))


def misspell(catalogue: Catalogue, number: int) -> list[str]:
    """Titles with two characters changed, as a language model misremembers them."""
    drawn = random.Random(1)
    titles = []
    for movie in drawn.sample(list(catalogue), number):
        letters = list(movie.title)
        for _ in range(2):
            letters[drawn.randrange(len(letters))] = drawn.choice("abcdefghijklmnop")
        titles.append("".join(letters))
    return titles
