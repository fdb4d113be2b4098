"""MovieLens as the rest of the package sees it: movies with readable titles, and ratings.

Every official form is read, as a folder or as the zip that it comes in: the csv files of latest-small, 20M,
25M and 32M, the "::" files of 1M and 10M, the files of 100K; and the data set shipped in assets/. This
module chooses the reader and turns source titles and genres into movies; it does not know what a like is,
nor how users are split.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.catalogue import Movie
from recsys.data.archive import MOVIE_TABLES, unpacked
from recsys.data.csv_folder import read_csv_folder, read_movies_csv
from recsys.data.dat_folder import read_100k_folder, read_dat_folder, read_movies_100k, read_movies_dat
from recsys.data.embedded import MANIFEST, REBUILD, read_embedded
from recsys.data.tags import read_tags
from recsys.errors import DataFormatError
from recsys.named_paths import is_file, is_folder, named_path

if TYPE_CHECKING:
    import pandas as pd

_NO_GENRES = "(no genres listed)"
_READERS = (
    (("movies.csv", "ratings.csv"), read_csv_folder),
    (("movies.dat", "ratings.dat"), read_dat_folder),
    (("u.data", "u.item"), read_100k_folder),
)
"""The files that a form is known by, and its reader."""
_MOVIE_READERS: tuple[tuple[str, Callable[[Path], pd.DataFrame]], ...] = (
    ("movies.csv", lambda folder: read_movies_csv(folder / "movies.csv")),
    ("movies.dat", read_movies_dat),
    ("u.item", read_movies_100k),
)
"""The file of movies in each form, and its reader, which needs no ratings beside it."""
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
        tags: The tags of each movie that has any, the most given first.
    """

    name: str
    movies: tuple[Movie, ...]
    ratings: pd.DataFrame
    notices: tuple[str, ...] = ()
    tags: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


def embedded_folder() -> Path:
    """The folder of the data set that is shipped with the repository."""
    return Path(__file__).resolve().parents[2] / "assets" / "movielens"


def load(path: Path | str | None = None) -> MovieLens:
    """Reads a MovieLens data set.

    Args:
        path: The folder of a MovieLens data set in any of its forms, the zip that it comes in, or a folder written
            by build_embedded; None reads the shipped data set.

    Raises:
        DataFormatError: when it is none of these, or a file is missing, truncated, altered or has a
            bad row; the message names the file, the 1-based line where it has one, and the mend.
    """
    if path is None:
        folder = embedded_folder()
        if not folder.is_dir():
            raise DataFormatError("the shipped data set is missing", path=folder, mend=REBUILD)
        return _load_embedded(folder)
    given = named_path(path)
    if is_file(given):
        with unpacked(given) as folder:
            return _load_folder(folder, given.stem)
    if not is_folder(given):
        mend = "give the folder of a MovieLens data set, or its zip"
        raise DataFormatError("there is no such folder or file", path=given, mend=mend)
    return _load_folder(given, given.resolve().name)


def load_movies(path: Path | str) -> tuple[Movie, ...]:
    """Reads the movies of a data set alone, for which no ratings need be there.

    Args:
        path: A file of movieId,title,genres, or what ``load`` reads.

    Raises:
        DataFormatError: as ``load``.
    """
    given = named_path(path)
    if is_file(given) and (given.suffix.lower() == ".zip" or zipfile.is_zipfile(given)):
        with unpacked(given, only=MOVIE_TABLES) as folder:
            return _load_movies(folder)
    if is_file(given):
        return _parse_table(read_movies_csv(given))
    if not is_folder(given):
        mend = "give a file of movieId,title,genres, the folder of a MovieLens data set, or its zip"
        raise DataFormatError("there is no such folder or file", path=given, mend=mend)
    return _load_movies(given)


def _load_movies(folder: Path) -> tuple[Movie, ...]:
    if (folder / MANIFEST).is_file():
        return _load_embedded(folder).movies
    for file, read in _MOVIE_READERS:
        if (folder / file).exists():
            return _parse_table(read(folder))
    raise _wrong_folder(folder)


def _load_folder(folder: Path, name: str) -> MovieLens:
    if (folder / MANIFEST).is_file():
        return _load_embedded(folder)
    for files, read in _READERS:
        if any((folder / file).exists() for file in files):
            movies, ratings, notices = read(folder)
            return MovieLens(
                name, _parse_table(movies), ratings.rename(columns=_RATING_NAMES), notices, read_tags(folder)
            )
    raise _wrong_folder(folder)


def _load_embedded(folder: Path) -> MovieLens:
    name, movies, ratings, notices = read_embedded(folder)
    years = [None if year != year else int(year) for year in movies["year"]]  # NaN differs from itself
    parsed = _parse_movies(movies["movieId"], movies["title"], years, movies["genres"])
    return MovieLens(name, parsed, ratings.rename(columns=_RATING_NAMES), notices)


def _parse_table(movies: pd.DataFrame) -> tuple[Movie, ...]:
    """The movies of a table whose titles hold their years."""
    return _parse_movies(movies["movieId"], movies["title"], [None] * len(movies), movies["genres"])


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


def _wrong_folder(folder: Path) -> DataFormatError:
    known = [file for files, _ in _READERS for file in files]
    inner = [child for child in sorted(folder.iterdir()) if any((child / file).is_file() for file in known)]
    if inner:
        return DataFormatError("the folder holds no data set itself", path=folder, mend=f"give {inner[0]}")
    names = sorted(child.name for child in folder.iterdir())
    return DataFormatError(
        "the folder is not a MovieLens data set",
        path=folder,
        seen=", ".join(names[:6]) or "an empty folder",
        mend="give a folder with movies.csv and ratings.csv, movies.dat and ratings.dat, or u.data and u.item",
    )
