"""MovieLens as the rest of the package sees it: movies with readable titles, and ratings.

Two forms are read: the data set that is shipped in assets/, and the csv folders of latest-small, 20M,
25M and 32M. This module turns source titles and genres into movies; it does not know what a like is,
nor how users are split.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.catalogue import Movie
from recsys.data.csv_folder import describe_wrong_folder, read_csv_folder
from recsys.data.embedded import MANIFEST, REBUILD, read_embedded
from recsys.errors import DataFormatError

if TYPE_CHECKING:
    import pandas as pd

_NO_GENRES = "(no genres listed)"
_RATING_NAMES = {"userId": "user_id", "movieId": "item_id"}


@dataclass(frozen=True, eq=False)
class MovieLens:
    """One MovieLens data set.

    Attributes:
        name: How to name it beside a figure.
        movies: In ascending order of item id, ids unique; titles may repeat and years may be missing.
        ratings: Columns user_id and item_id (int32), rating (float32, 0.5 to 5) and timestamp (int64,
            seconds since 1970); every item_id is in ``movies``; in the order of the source.
        notices: What a reader must know, such as rows left out and why.
    """

    name: str
    movies: tuple[Movie, ...]
    ratings: pd.DataFrame
    notices: tuple[str, ...] = ()


def embedded_folder() -> Path:
    """The folder of the data set that is shipped with the repository."""
    return Path(__file__).resolve().parents[2] / "assets" / "movielens"


def load(path: Path | str | None = None) -> MovieLens:
    """Reads a MovieLens data set.

    Args:
        path: A folder with movies.csv and ratings.csv, or one written by build_embedded; None reads the
            shipped data set.

    Raises:
        DataFormatError: when the folder is not one, or a file is missing, truncated, altered or has a
            bad row; the message names the file, the 1-based line where it has one, and the mend.
    """
    if path is None:
        folder = embedded_folder()
        if not folder.is_dir():
            raise DataFormatError("the shipped data set is missing", path=folder, mend=REBUILD)
        return _load_embedded(folder)
    folder = Path(path).expanduser()
    if not folder.is_dir():
        problem = "this is a file, not a folder" if folder.exists() else "there is no such folder"
        raise DataFormatError(problem, path=folder, mend="give the folder that holds movies.csv and ratings.csv")
    if (folder / MANIFEST).is_file():
        return _load_embedded(folder)
    if not any((folder / name).exists() for name in ("movies.csv", "ratings.csv")):
        raise DataFormatError(path=folder, **describe_wrong_folder(folder))
    movies, ratings, notices = read_csv_folder(folder)
    parsed = _parse_movies(movies["movieId"], movies["title"], [None] * len(movies), movies["genres"])
    return MovieLens(folder.resolve().name, parsed, ratings.rename(columns=_RATING_NAMES), notices)


def _load_embedded(folder: Path) -> MovieLens:
    name, movies, ratings, notices = read_embedded(folder)
    years = [None if year != year else int(year) for year in movies["year"]]  # NaN differs from itself
    parsed = _parse_movies(movies["movieId"], movies["title"], years, movies["genres"])
    return MovieLens(name, parsed, ratings.rename(columns=_RATING_NAMES), notices)


def _parse_movies(
    item_ids: Iterable[int], titles: Iterable[str], years: Iterable[int | None], genres: Iterable[str]
) -> tuple[Movie, ...]:
    movies = [
        Movie.from_source(int(item_id), title, year, _split_genres(listed))
        for item_id, title, year, listed in zip(item_ids, titles, years, genres, strict=True)
    ]
    return tuple(sorted(movies, key=lambda movie: movie.item_id))


def _split_genres(listed: str) -> tuple[str, ...]:
    return () if listed == _NO_GENRES else tuple(genre for genre in listed.split("|") if genre)
