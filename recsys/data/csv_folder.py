"""Reads the csv folders that MovieLens publishes (latest-small, 20M, 25M, 32M): movies.csv and ratings.csv.

Whole files are parsed at once by Arrow, in compiled code; only when that fails, or a check over a whole
column does, is the file read line by line to name the line at fault. This module knows fields and
lines only: what a title means is read in recsys.data.movielens.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from recsys.errors import DataFormatError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

MOVIE_COLUMNS = ("movieId", "title", "genres")
RATING_COLUMNS = ("userId", "movieId", "rating", "timestamp")
LOWEST_RATING, HIGHEST_RATING = 0.5, 5.0
_DOWNLOAD = "unpack the MovieLens archive again"
_WHOLE_NUMBER = re.compile(r"[0-9]+")
_FINAL_COUNTS = re.compile(r"It contains (\d+) ratings\b.{0,120}?\bacross (\d+) movies", re.DOTALL)
_MAX_ID = 2**31 - 1
_MAX_TIMESTAMP = 2**63 - 1

Fields = dict[str, str]
RowCheck = Callable[[Fields], tuple[str, object] | None]
"""Looks at one row; returns the problem and the value seen, or None for a good row."""


def read_csv_folder(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    """Reads movies.csv and ratings.csv.

    Returns:
        movies (movieId, title, genres), ratings (userId, movieId, rating, timestamp) and notices.

    Raises:
        DataFormatError: for a missing, truncated or malformed file, with the 1-based line where it has one.
    """
    movies = _read(folder / "movies.csv", MOVIE_COLUMNS, _check_movie)
    ratings = _read(folder / "ratings.csv", RATING_COLUMNS, _check_rating)
    _require_good_movies(folder / "movies.csv", movies)
    _require_good_ratings(folder / "ratings.csv", ratings)
    _require_known_movies(folder, movies, ratings)
    return movies, ratings, _compare_with_readme(folder, len(ratings), len(movies))


def _read(path: Path, columns: Sequence[str], check: RowCheck) -> pd.DataFrame:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    _require_header(path, columns)
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
        raise DataFormatError("the file cannot be read", path=path, seen=error.strerror, mend=_DOWNLOAD) from error
    except (pa.ArrowException, UnicodeDecodeError) as error:
        _raise_for_bad_line(path, check, fallback=str(error))
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _require_header(path: Path, columns: Sequence[str]) -> None:
    try:
        with path.open("rb") as file:
            first = file.readline()
            file.seek(-1 if first else 0, os.SEEK_END)
            last = file.read(1)
    except OSError as error:
        raise DataFormatError("the file cannot be read", path=path, seen=error.strerror, mend=_DOWNLOAD) from error
    wanted = ",".join(columns)
    if not first:
        raise DataFormatError("the file is empty", path=path, mend=_DOWNLOAD)
    header = first.decode("utf-8-sig", errors="replace").rstrip("\r\n").split(",")
    if missing := [name for name in columns if name not in header]:
        problem = f"the column {missing[0]} is missing"
        mend = f"the first line must be {wanted}"
        raise DataFormatError(problem, path=path, line=1, seen=",".join(header), mend=mend)
    if len(set(header)) < len(header):
        mend = f"the first line must be {wanted}"
        raise DataFormatError("a column is named twice", path=path, line=1, seen=",".join(header), mend=mend)
    if last != b"\n":
        *_, (line, text) = _lines(path)
        mend = f"the file may be cut off: {_DOWNLOAD}, or end a complete last row with a line break"
        raise DataFormatError("the last line does not end", path=path, line=line, seen=text, mend=mend)


def _require_good_movies(path: Path, movies: pd.DataFrame) -> None:
    repeated = movies["movieId"].duplicated()
    if repeated.any() or not movies["title"].str.strip().all() or (movies["movieId"] < 1).any():
        seen: set[str] = set()

        def check(row: Fields) -> tuple[str, object] | None:
            number = row["movieId"].strip().lstrip("0")
            if number in seen:
                return "the movieId was already used further up", row["movieId"]
            seen.add(number)
            return _check_movie(row)

        _raise_for_bad_line(path, check, fallback="a movieId is used twice or a title is empty")


def _require_good_ratings(path: Path, ratings: pd.DataFrame) -> None:
    stars = ratings["rating"]
    good = stars.between(LOWEST_RATING, HIGHEST_RATING)  # a NaN is not between
    good &= (ratings["userId"] >= 1) & (ratings["movieId"] >= 1) & (ratings["timestamp"] >= 0)
    if not good.all():
        fallback = "a rating, an id or a timestamp is out of range"
        _raise_for_bad_line(path, _check_rating, fallback=fallback, first_row=int(good.argmin()))


def _require_known_movies(folder: Path, movies: pd.DataFrame, ratings: pd.DataFrame) -> None:
    rated: NDArray[np.int32] = ratings["movieId"].unique()
    unknown = set(rated.tolist()).difference(movies["movieId"].tolist())
    if unknown:

        def check(row: Fields) -> tuple[str, object] | None:
            if int(row["movieId"]) in unknown:
                return "the movie is not in movies.csv", row["movieId"]
            return None

        mend = f"movies.csv may be cut off or of another release: {_DOWNLOAD}"
        first_row = int(ratings["movieId"].isin(unknown).argmax())
        fallback = "a movie is not in movies.csv"
        _raise_for_bad_line(folder / "ratings.csv", check, fallback=fallback, first_row=first_row, mend=mend)


def _check_movie(row: Fields) -> tuple[str, object] | None:
    if problem := _check_whole_number("movieId", row["movieId"], 1, _MAX_ID):
        return problem
    if not row["title"].strip():
        return "the title is empty", row["title"]
    return None


def _check_rating(row: Fields) -> tuple[str, object] | None:
    bounds = (("userId", 1, _MAX_ID), ("movieId", 1, _MAX_ID), ("timestamp", 0, _MAX_TIMESTAMP))
    for name, low, high in bounds:
        if problem := _check_whole_number(name, row[name], low, high):
            return problem
    try:
        stars = float(row["rating"])
    except ValueError:
        return "rating is not a number", row["rating"]
    if not LOWEST_RATING <= stars <= HIGHEST_RATING:
        return f"rating is not from {LOWEST_RATING} to {HIGHEST_RATING:g}", row["rating"]
    return None


def _check_whole_number(name: str, text: str, low: int, high: int) -> tuple[str, object] | None:
    if _WHOLE_NUMBER.fullmatch(text.strip()) is None:
        return f"{name} is not a whole number of {low} or more", text
    if not low <= int(text) <= high:
        return f"{name} is not from {low} to {high}", text
    return None


def _raise_for_bad_line(
    path: Path, check: RowCheck, *, fallback: str, first_row: int = 0, mend: str | None = None
) -> NoReturn:
    """Raises DataFormatError for the first line at fault; ``fallback`` tells it where no line is found.

    Rows before ``first_row`` (0-based, the header and blank lines not counted) are taken as good.
    """
    correct = mend or f"correct or delete the line, or {_DOWNLOAD}"
    lines = _lines(path)
    header = next(lines)[1].split(",")
    rows = ((line, text) for line, text in lines if text)
    for line, text in islice(rows, first_row, None):
        if found := _look_at_line(path, line, text, header, check):
            problem, seen = found
            raise DataFormatError(problem, path=path, line=line, seen=seen, mend=correct)
    raise DataFormatError("the file cannot be read", path=path, seen=fallback, mend=mend or _DOWNLOAD)


def _look_at_line(path: Path, line: int, text: str, header: list[str], check: RowCheck) -> tuple[str, object] | None:
    if "\ufffd" in text and not _is_utf8(path, line):
        return "the line is not UTF-8 text", text
    fields = text.split(",")
    if '"' in text:
        try:
            fields = next(csv.reader([text], strict=True))
        except csv.Error:
            return "a quotation mark is not closed", text
    if len(fields) != len(header):
        return f"the line has {len(fields)} fields instead of {len(header)}", text
    return check(dict(zip(header, fields, strict=True)))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The 1-based number and text of every line; bytes that are not UTF-8 become U+FFFD."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            yield number, line.decode("utf-8-sig" if number == 1 else "utf-8", errors="replace").rstrip("\r\n")


def _is_utf8(path: Path, number: int) -> bool:
    with path.open("rb") as file:
        for current, line in enumerate(file, start=1):
            if current == number:
                try:
                    line.decode()
                except UnicodeDecodeError:
                    return False
    return True


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


def describe_wrong_folder(folder: Path) -> dict[str, Any]:
    """What to say of a folder without movies.csv and ratings.csv: arguments of DataFormatError."""
    inner = [child for child in sorted(folder.iterdir()) if (child / "ratings.csv").is_file()]
    if inner:
        return {"problem": "the folder holds no movies.csv and ratings.csv itself", "mend": f"give {inner[0]}"}
    if any((folder / name).is_file() for name in ("ratings.dat", "u.data")):
        mend = "take latest-small, 20M, 25M or 32M, which come as csv"
        return {"problem": "this older MovieLens format is not read", "mend": mend}
    names = sorted(child.name for child in folder.iterdir())
    return {
        "problem": "the folder is not a MovieLens data set",
        "seen": ", ".join(names[:6]) or "an empty folder",
        "mend": "give a folder with movies.csv and ratings.csv, as in the latest-small, 20M, 25M and 32M archives",
    }
