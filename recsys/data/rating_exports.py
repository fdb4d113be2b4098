"""The csv exports of Letterboxd and IMDb, old and new: which columns they have and what is in them.

Ratings become a share of the highest one; what counts as a like is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from recsys.errors import DataFormatError

MAX_TITLE_LENGTH = 300
_DOWNLOAD = "correct or delete the line, or download the export again"
_NOT_A_MOVIE = {"tvseries", "tvminiseries", "miniseries", "tvepisode", "episode"}
_NOT_A_MOVIE |= {"videogame", "musicvideo", "podcastseries", "podcastepisode"}
_SAYS_NOTHING = {"watched.csv": "what was watched", "watchlist.csv": "what is to be watched"}


@dataclass(frozen=True)
class RatedTitle:
    """One row of an export or one line of a list.

    Attributes:
        title: Without its year.
        year: Year of release, if written.
        share: The rating as a share of the highest one; None where it is not rated.
        line: 1-based line where the row starts.
        date: When it was rated or watched, as YYYY-MM-DD; None where unknown.
        has_unread_date: A date is there but cannot be read.
        other_titles: Other names in the row.
    """

    title: str
    year: int | None
    share: float | None
    line: int
    date: str | None = None
    has_unread_date: bool = False
    other_titles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Export:
    """Where an export keeps what; columns are named in lower case.

    Attributes:
        source: How to call it.
        title: Column of the title.
        rating: Column of the rating; None where every row is a like.
        highest: The best rating.
        step: Ratings are multiples of it.
        dates: Columns of a date; the first that is filled counts.
        original_title: Column of another title, if there is one.
        kind: Column that says whether it is a movie, if there is one.
        header: The columns of this file, in their order.
    """

    source: str
    title: str
    rating: str | None
    highest: float
    step: float
    dates: tuple[str, ...]
    original_title: str | None = None
    kind: str | None = None
    header: tuple[str, ...] = field(default=())


def find_export(header: Sequence[str], name: str) -> Export | None:
    """The export that a header belongs to; None for any other text.

    Raises:
        DataFormatError: for the exports that list movies without saying whether they were liked.
    """
    columns = tuple(column.lower() for column in header)
    if {"name", "letterboxd uri"} <= set(columns):
        dates = _among(columns, "watched date", "date")
        if "rating" in columns:
            return Export("Letterboxd ratings", "name", "rating", 5, 0.5, dates, header=columns)
        if name.lower() in _SAYS_NOTHING:
            problem = f"the file says {_SAYS_NOTHING[name.lower()]}, not what was liked"
            raise DataFormatError(problem, path=name, line=1, mend="give ratings.csv, diary.csv or likes/films.csv")
        return Export("Letterboxd likes", "name", None, 1, 1, dates, header=columns)
    rating = next((column for column in ("your rating", "you rated") if column in columns), None)
    if rating and {"const", "title"} <= set(columns):
        dates = _among(columns, "date rated", "created")
        original = "original title" if "original title" in columns else None
        kind = "title type" if "title type" in columns else None
        return Export("IMDb ratings", "title", rating, 10, 1, dates, original, kind, header=columns)
    return None


def _among(columns: Sequence[str], *names: str) -> tuple[str, ...]:
    return tuple(name for name in names if name in columns)


def read_export(
    export: Export, rows: Iterator[tuple[int, list[str]]], path: Path | str
) -> tuple[list[RatedTitle], tuple[str, ...]]:
    """The rows of an export, its header first, and notices.

    Raises:
        DataFormatError: for a row with another number of fields than the header, without a title, or with a
            rating or year that is none.
    """
    next(rows, None)
    read: list[RatedTitle] = []
    left_out = 0
    for line, fields in rows:
        if len(fields) != len(export.header):
            problem = f"the row has {len(fields)} fields, the header {len(export.header)}"
            raise DataFormatError(problem, path=path, line=line, seen=",".join(fields), mend=_DOWNLOAD)
        row = dict(zip(export.header, fields, strict=True))
        if export.kind and re.sub(r"[^a-z]", "", row[export.kind].lower()) in _NOT_A_MOVIE:
            left_out += 1
            continue
        read.append(_read_row(export, row, path, line))
    notices = []
    if left_out:
        notices.append(f"{left_out:,} series, episodes or games are left out: the catalogue has movies only.")
    if export.rating is None:
        notices.append("The file has no ratings, so all of it counts as liked, as in Letterboxd's likes/films.csv.")
    return read, tuple(notices)


def _read_row(export: Export, row: dict[str, str], path: Path | str, line: int) -> RatedTitle:
    title = row[export.title]
    if not title:
        raise DataFormatError("the title is empty", path=path, line=line, mend=_DOWNLOAD)
    if len(title) > MAX_TITLE_LENGTH:
        mend = "a quotation mark may be missing: " + _DOWNLOAD
        raise DataFormatError("the title is too long", path=path, line=line, seen=title, mend=mend)
    written = next((row[column] for column in export.dates if row[column]), "")
    date = _read_date(written)
    original = row[export.original_title] if export.original_title else ""
    return RatedTitle(
        title,
        _read_year(row.get("year", ""), path, line),
        1.0 if export.rating is None else _read_share(export, row[export.rating], path, line),
        line,
        date,
        bool(written) and date is None,
        (original,) if original and original != title else (),
    )


def _read_year(text: str, path: Path | str, line: int) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"(?:18|19|20|21)\d\d", text):
        raise DataFormatError("the year is not a year", path=path, line=line, seen=text, mend=_DOWNLOAD)
    return int(text)


def _read_share(export: Export, text: str, path: Path | str, line: int) -> float | None:
    if not text:
        return None
    steps = float(text) / export.step if re.fullmatch(r"\d{1,3}(?:\.\d{1,3})?", text) else 0.0
    if not 1 <= steps <= export.highest / export.step or steps != int(steps):
        problem = f"the rating is not one from {export.step:g} to {export.highest:g}"
        raise DataFormatError(problem, path=path, line=line, seen=text, mend=_DOWNLOAD)
    return steps * export.step / export.highest


def _read_date(text: str) -> str | None:
    """A date as YYYY-MM-DD: ISO, or "Tue Mar  4 00:00:00 2014" as IMDb once wrote it."""
    for form, length in (("%Y-%m-%d", 10), ("%a %b %d %H:%M:%S %Y", None)):
        try:
            return datetime.strptime(text[:length], form).date().isoformat()
        except ValueError:
            continue
    return None
