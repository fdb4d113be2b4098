"""Reads the csv folders that MovieLens publishes (latest-small, 20M, 25M, 32M): movies.csv and ratings.csv.

Whole files are parsed at once by Arrow, in compiled code; only when that fails, or a check over a whole
column does, is the file read line by line to name the line at fault. This module knows fields and
lines only: what a title means is read in recsys.data.movielens.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.data.rating_tables import (
    DOWNLOAD,
    MOVIE_COLUMNS,
    RATING_COLUMNS,
    RowCheck,
    check_movie,
    check_rating,
    lines_of,
    raise_for_bad_line,
    require_good_movies,
    require_good_ratings,
    require_known_movies,
    require_memory,
)
from recsys.errors import DataFormatError

if TYPE_CHECKING:
    import pandas as pd

_FINAL_COUNTS = re.compile(r"It contains (\d+) ratings\b.{0,120}?\bacross (\d+) movies", re.DOTALL)


def read_csv_folder(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    """Reads movies.csv and ratings.csv.

    Returns:
        movies (movieId, title, genres), ratings (userId, movieId, rating, timestamp) and notices.

    Raises:
        DataFormatError: for a missing, truncated or malformed file, with the 1-based line where it has one.
    """
    movies = read_movies_csv(folder / "movies.csv")
    ratings = _read(folder / "ratings.csv", RATING_COLUMNS, check_rating)
    require_good_ratings(folder / "ratings.csv", ratings)
    require_known_movies(folder / "ratings.csv", movies, ratings, movies_name="movies.csv")
    return movies, ratings, _compare_with_readme(folder, len(ratings), len(movies))


def read_movies_csv(path: Path) -> pd.DataFrame:
    """Reads a file of movieId, title and genres alone.

    Raises:
        DataFormatError: as ``read_csv_folder``.
    """
    movies = _read(path, MOVIE_COLUMNS, check_movie)
    require_good_movies(path, movies)
    return movies


def _read(path: Path, columns: Sequence[str], check: RowCheck) -> pd.DataFrame:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    _require_header(path, columns)
    require_memory(path)
    types = {"userId": pa.int32(), "movieId": pa.int32(), "rating": pa.float32(), "timestamp": pa.int64()}
    options = arrow_csv.ConvertOptions(
        column_types={**types, "title": pa.string(), "genres": pa.string()},
        include_columns=list(columns),
        null_values=[],
        strings_can_be_null=False,
    )
    try:
        table = arrow_csv.read_csv(path, convert_options=options)
    except OSError as error:
        raise DataFormatError("the file cannot be read", path=path, seen=error.strerror, mend=DOWNLOAD) from error
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise_for_bad_line(path, check, fallback=str(error))
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _require_header(path: Path, columns: Sequence[str]) -> None:
    try:
        with path.open("rb") as file:
            first = file.readline()
            file.seek(-1 if first else 0, os.SEEK_END)
            last = file.read(1)
    except OSError as error:
        raise DataFormatError("the file cannot be read", path=path, seen=error.strerror, mend=DOWNLOAD) from error
    wanted = ",".join(columns)
    if not first:
        raise DataFormatError("the file is empty", path=path, mend=DOWNLOAD)
    header = first.decode("utf-8-sig", errors="replace").rstrip("\r\n").split(",")
    if missing := [name for name in columns if name not in header]:
        problem = f"the column {missing[0]} is missing"
        mend = f"the first line must be {wanted}"
        raise DataFormatError(problem, path=path, line=1, seen=",".join(header), mend=mend)
    if len(set(header)) < len(header):
        mend = f"the first line must be {wanted}"
        raise DataFormatError("a column is named twice", path=path, line=1, seen=",".join(header), mend=mend)
    if last != b"\n":
        *_, (line, text) = lines_of(path)
        mend = f"the file may be cut off: {DOWNLOAD}, or end a complete last row with a line break"
        raise DataFormatError("the last line does not end", path=path, line=line, seen=text, mend=mend)


def _compare_with_readme(folder: Path, num_ratings: int, num_movies: int) -> tuple[str, ...]:
    """A notice when README.txt, as published, counts more rows than the files hold."""
    readme = folder / "README.txt"
    if not readme.is_file():
        return ()
    counts = _FINAL_COUNTS.search(readme.read_text(encoding="utf-8", errors="replace")[:4000])
    if counts is None:
        return ()
    rows = {"ratings": (num_ratings, int(counts[1])), "movies": (num_movies, int(counts[2]))}
    return tuple(
        f"{name}.csv has {held:,} rows, README.txt counts {told:,}: the file may be cut off."
        for name, (held, told) in rows.items()
        if held < told
    )
