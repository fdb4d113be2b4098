"""What every MovieLens format shares: the checks of movies and ratings, and the line that is at fault.

A whole column is checked at once; only when that fails is the file read line by line, to name the line. It
knows fields and lines; which files there are and how they are parsed is the formats' own business.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from recsys.errors import DataFormatError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

MOVIE_COLUMNS = ("movieId", "title", "genres")
RATING_COLUMNS = ("userId", "movieId", "rating", "timestamp")
LOWEST_RATING, HIGHEST_RATING = 0.5, 5.0
DOWNLOAD = "unpack the MovieLens archive again"
_WHOLE_NUMBER = re.compile(r"[0-9]{1,40}")  # Python refuses to read thousands of digits
_MAX_ID = 2**31 - 1
_MAX_TIMESTAMP = 2**63 - 1
_BYTES_HELD_FOR_A_BYTE = 2.5
"""Memory that parsing takes for each byte of a table of ratings, the table itself included."""

Fields = dict[str, str]
RowCheck = Callable[[Fields], tuple[str, object] | None]
"""Looks at one row; returns the problem and the value seen, or None for a good row."""


@dataclass(frozen=True)
class Layout:
    """How the rows of a file are written.

    Attributes:
        separator: Stands between fields.
        columns: Names of the fields; None where the first line has them.
        quoted: Whether a field may stand in quotation marks.
    """

    separator: str = ","
    columns: tuple[str, ...] | None = None
    quoted: bool = True


CSV = Layout()


def require_memory(path: Path) -> None:
    """Raises DataFormatError for a table that would not fit into the memory that is free."""
    import psutil

    try:
        size = path.stat().st_size
    except OSError:
        return  # that it cannot be read is told by whoever reads it
    needed, free = size * _BYTES_HELD_FOR_A_BYTE, psutil.virtual_memory().available
    if needed > free:
        seen = f"{size / 1e9:.1f} GB, which takes {needed / 1e9:.1f} GB; {free / 1e9:.1f} GB are free"
        mend = "take a smaller release or a machine with more memory"
        raise DataFormatError("the file is too large for this machine", path=path, seen=seen, mend=mend)


def require_good_movies(path: Path, movies: pd.DataFrame, layout: Layout = CSV) -> None:
    """Raises DataFormatError for a movieId that is used twice and for a title that is empty."""
    repeated = movies["movieId"].duplicated()
    if repeated.any() or not movies["title"].str.strip().all() or (movies["movieId"] < 1).any():
        seen: set[str] = set()

        def check(row: Fields) -> tuple[str, object] | None:
            number = row["movieId"].strip().lstrip("0")
            if number in seen:
                return "the movieId was already used further up", row["movieId"]
            seen.add(number)
            return check_movie(row)

        raise_for_bad_line(path, check, fallback="a movieId is used twice or a title is empty", layout=layout)


def require_good_ratings(path: Path, ratings: pd.DataFrame, layout: Layout = CSV) -> None:
    """Raises DataFormatError for the first rating, id or timestamp that is out of range."""
    stars = ratings["rating"]
    good = stars.between(LOWEST_RATING, HIGHEST_RATING)  # a NaN is not between
    good &= (ratings["userId"] >= 1) & (ratings["movieId"] >= 1) & (ratings["timestamp"] >= 0)
    if not good.all():
        fallback = "a rating, an id or a timestamp is out of range"
        raise_for_bad_line(path, check_rating, fallback=fallback, first_row=int(good.argmin()), layout=layout)


def require_known_movies(
    path: Path, movies: pd.DataFrame, ratings: pd.DataFrame, *, movies_name: str, layout: Layout = CSV
) -> None:
    """Raises DataFormatError for the first rating of a movie that the file of movies does not hold."""
    rated: NDArray[np.int32] = ratings["movieId"].unique()
    unknown = set(rated.tolist()).difference(movies["movieId"].tolist())
    if unknown:

        def check(row: Fields) -> tuple[str, object] | None:
            if int(row["movieId"].strip()) in unknown:
                return f"the movie is not in {movies_name}", row["movieId"]
            return None

        mend = f"{movies_name} may be cut off or of another release: {DOWNLOAD}"
        first_row = int(ratings["movieId"].isin(unknown).argmax())
        fallback = f"a movie is not in {movies_name}"
        raise_for_bad_line(path, check, fallback=fallback, first_row=first_row, mend=mend, layout=layout)


def check_movie(row: Fields) -> tuple[str, object] | None:
    """What is wrong with a row of movies."""
    if problem := _check_whole_number("movieId", row["movieId"], 1, _MAX_ID):
        return problem
    if not row["title"].strip():
        return "the title is empty", row["title"]
    return None


def check_rating(row: Fields) -> tuple[str, object] | None:
    """What is wrong with a row of ratings."""
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
    number = text.strip(" \t")  # control characters, which str.strip takes for white space, are no part of a number
    if _WHOLE_NUMBER.fullmatch(number) is None:
        return f"{name} is not a whole number of {low} or more", text
    if not low <= int(number) <= high:
        return f"{name} is not from {low} to {high}", text
    return None


def raise_for_bad_line(
    path: Path,
    check: RowCheck,
    *,
    fallback: str,
    first_row: int = 0,
    mend: str | None = None,
    layout: Layout = CSV,
) -> NoReturn:
    """Raises DataFormatError for the first line at fault; ``fallback`` tells it where no line is found.

    Rows before ``first_row`` (0-based, the header and blank lines not counted) are taken as good.
    """
    correct = mend or f"correct or delete the line, or {DOWNLOAD}"
    lines = lines_of(path)
    header = list(layout.columns) if layout.columns else next(lines)[1].split(layout.separator)
    rows = ((line, text) for line, text in lines if text)
    for line, text in islice(rows, first_row, None):
        if found := _look_at_line(path, line, text, header, check, layout):
            problem, seen = found
            raise DataFormatError(problem, path=path, line=line, seen=seen, mend=correct)
    raise DataFormatError("the file cannot be read", path=path, seen=fallback, mend=mend or DOWNLOAD)


def _look_at_line(
    path: Path, line: int, text: str, header: list[str], check: RowCheck, layout: Layout
) -> tuple[str, object] | None:
    if "\ufffd" in text and not _is_utf8(path, line):
        return "the line is not UTF-8 text", text
    fields = text.split(layout.separator)
    if '"' in text and layout.quoted:
        try:
            fields = next(csv.reader([text], strict=True))
        except csv.Error:
            return "a quotation mark is not closed", text
    if len(fields) != len(header):
        return f"the line has {len(fields)} fields instead of {len(header)}", text
    return check(dict(zip(header, fields, strict=True)))


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
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
