"""A made-up MovieLens folder of any size, for timings: movies.csv and ratings.csv in the official form.

Movies are liked as Zipf's law has it, a few people rate much and most little, and each rates in a few sittings
with seconds between ratings, so that times tie. Stars come as often as in MovieLens 25M.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recsys.catalogue import Catalogue, Movie
from recsys.cli.synthetic_catalogue import LARGE_CATALOGUE, enlarge
from recsys.errors import SettingsError

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

LEAST_RATINGS = 20
"""Ratings that every user of the large releases has."""
_STAR_PERCENTS = (1.6, 3.1, 1.6, 6.6, 5.1, 19.6, 12.7, 26.5, 8.8, 14.4)
"""Of 0.5, 1, … 5 stars."""
_FIRST_TIME, _LAST_TIME = 789_652_009, 1_697_164_147
_SITTING_GAP = 30 * 86_400
_RATINGS_A_SITTING = 60
_FLATTENING_ROUNDS = 6


@dataclass(frozen=True)
class Shape:
    """How large the made-up set is; without arguments as large as MovieLens 32M."""

    ratings: int = 32_000_000
    users: int = 200_948
    movies: int = LARGE_CATALOGUE

    def __post_init__(self) -> None:
        most = self.users * _most_of_one_user(self.movies)
        if self.users < 1 or not self.users * LEAST_RATINGS <= self.ratings <= most // 2:
            raise SettingsError(
                "so many ratings cannot be spread over the users and movies",
                seen=f"{self.ratings:,} ratings, {self.users:,} users, {self.movies:,} movies",
                mend=f"ask for {LEAST_RATINGS} ratings a user or more, and at most an eighth of all users × movies",
            )


def write_synthetic_folder(folder: Path, shape: Shape, catalogue: Catalogue, *, seed: int = 0) -> None:
    """Writes movies.csv and ratings.csv; the same seed gives the same files.

    Args:
        folder: An existing folder.
        shape: How many ratings, users and movies.
        catalogue: The real movies, which come first; remixes of their words make up the rest.
        seed: Of everything drawn.
    """
    movies = tuple(enlarge(catalogue, max(shape.movies, len(catalogue))))[: shape.movies]
    _write_movies(folder / "movies.csv", movies)
    drawn = np.random.default_rng(seed)
    numbers = _activity(drawn, shape)
    users, places = _who_rates_what(drawn, numbers, shape.movies)
    item_ids = np.array([movie.item_id for movie in movies], dtype=np.int32)
    _write_ratings(folder / "ratings.csv", drawn, users, item_ids[places])


def _most_of_one_user(movies: int) -> int:
    return movies // 4


def _activity(drawn: Generator, shape: Shape) -> NDArray[np.int64]:
    """(users,) ratings of each: 20 and a log-normal share of the rest, in all exactly as many as asked for."""
    most = _most_of_one_user(shape.movies)
    shares = drawn.lognormal(0.0, 1.5, shape.users)
    numbers = np.full(shape.users, LEAST_RATINGS, dtype=np.int64)
    while (rest := shape.ratings - int(numbers.sum())) > 0:
        open_shares = np.where(numbers < most, shares, 0.0)
        more = np.floor(open_shares / open_shares.sum() * rest).astype(np.int64)
        if not more.any():
            more[drawn.permutation(np.flatnonzero(numbers < most))[:rest]] = 1
        numbers = np.minimum(numbers + more, most)
    return numbers


def _who_rates_what(
    drawn: Generator, numbers: NDArray[np.int64], movies: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """(ratings,) users from 0 and (ratings,) places of movies, ascending by both, no pair twice."""
    weights = 1.0 / (np.arange(movies) + 10.0)
    bounds = np.cumsum(drawn.permutation(weights))
    pairs = np.empty(0, dtype=np.int64)
    missing, rounds = numbers.copy(), 0
    while missing.any():
        users = np.repeat(np.arange(len(numbers)), missing)
        if rounds < _FLATTENING_ROUNDS:
            rated = np.searchsorted(bounds, drawn.random(len(users)) * bounds[-1], side="right")
        else:  # who rates thousands has seen what is well known: the last are drawn from all alike
            rated = drawn.integers(0, movies, len(users))
        pairs = np.concatenate([pairs, users * movies + np.minimum(rated, movies - 1)])
        del users, rated
        pairs.sort()
        pairs = pairs[np.append(True, pairs[1:] != pairs[:-1])]
        missing = numbers - np.bincount(pairs // movies, minlength=len(numbers))
        rounds += 1
    return (pairs // movies).astype(np.int32), (pairs % movies).astype(np.int32)


def _times(drawn: Generator, users: NDArray[np.int32]) -> NDArray[np.int64]:
    """(ratings,) seconds since 1970: a first day for each user, sittings weeks apart, seconds within."""
    numbers = np.bincount(users)
    sittings = np.maximum(1, numbers // _RATINGS_A_SITTING)
    latest = _LAST_TIME - sittings * _SITTING_GAP
    joined = drawn.integers(_FIRST_TIME, np.maximum(latest, _FIRST_TIME + 1))
    sitting = (drawn.random(len(users)) * sittings[users]).astype(np.int64)
    within = drawn.integers(0, _RATINGS_A_SITTING * 8, len(users))
    times: NDArray[np.int64] = joined[users] + sitting * _SITTING_GAP + within
    np.minimum(times, _LAST_TIME, out=times)
    return times


def _write_movies(path: Path, movies: Sequence[Movie]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("movieId", "title", "genres"))
        for movie in movies:
            name = movie.source_title or movie.title
            title = name if movie.year is None else f"{name} ({movie.year})"
            writer.writerow((movie.item_id, title, "|".join(movie.genres) or "(no genres listed)"))


def _write_ratings(path: Path, drawn: Generator, users: NDArray[np.int32], items: NDArray[np.int32]) -> None:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    percents = np.array(_STAR_PERCENTS) / sum(_STAR_PERCENTS)
    halves = drawn.choice(np.arange(10, dtype=np.int8), len(users), p=percents)
    stars = pa.DictionaryArray.from_arrays(halves, [f"{(half + 1) / 2:.1f}" for half in range(10)])
    columns = [users + 1, items, stars.cast(pa.string()), _times(drawn, users)]
    table = pa.table(columns, names=["userId", "movieId", "rating", "timestamp"])
    options = arrow_csv.WriteOptions(include_header=False, quoting_style="none")
    with path.open("wb") as file:
        file.write(b"userId,movieId,rating,timestamp\n")
        arrow_csv.write_csv(table, file, options)
