"""What a person liked and did not like, from an export of Letterboxd or IMDb or from a plain list of titles.

The format is told by the content. Nothing is written anywhere, and a file that is wrong in one place gives
nothing. This module knows titles as the file writes them; which movie each one is, the resolver says
(recsys.resolution.own_history).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from recsys.data.csv_text import csv_rows, decode, read_file, require_size
from recsys.data.rating_exports import RatedTitle, find_export, read_export
from recsys.data.title_lists import read_title_list
from recsys.errors import DataFormatError
from recsys.titles import normalise_title

MAX_FILE_BYTES = 5_000_000
LIKED_FROM, DISLIKED_TO = 0.8, 0.4
"""Shares of the highest rating: 4 of 5 or 8 of 10 is a like, as in the records; 2 of 5 or 4 of 10 a dislike."""

PASTED = "pasted text"
"""Stands for the file's name where there is no file."""

Opinion = Literal["liked", "disliked"]

_KNOWN_FORMATS = (
    "give Letterboxd's ratings.csv, diary.csv or likes/films.csv, IMDb's ratings.csv, or a plain list of titles, "
    "one a line"
)
_HEADER_WORDS = {"title", "name", "movie", "film", "year", "rating", "ratings", "score", "date", "url", "uri", "genres"}
_HEADER_WORDS |= {"const", "id", "movieid", "imdbid", "tmdbid", "userid"}


@dataclass(frozen=True)
class OwnTitle:
    """One movie that a person liked or did not like.

    Attributes:
        title: As the file writes it, without the year.
        year: Year of release, where the file has one.
        opinion: liked or disliked.
        line: 1-based line of the file.
        other_titles: Other names that the file gives, such as the original title.
    """

    title: str
    year: int | None
    opinion: Opinion
    line: int
    other_titles: tuple[str, ...] = ()

    def display(self) -> str:
        """The title as it is shown, and kept where no movie is found for it."""
        return self.title if self.year is None else f"{self.title} ({self.year})"


@dataclass(frozen=True)
class OwnHistory:
    """What one file or pasted text says.

    Attributes:
        source: Which format it is: "IMDb ratings".
        titles: In time order, the oldest first; each title and year once, with the last opinion.
        num_neutral: Titles rated in between, or not rated, which are left out.
        notices: What a reader must know, as sentences.
    """

    source: str
    titles: tuple[OwnTitle, ...]
    num_neutral: int = 0
    notices: tuple[str, ...] = ()


class _Read(NamedTuple):
    source: str
    rows: Sequence[RatedTitle]
    notices: tuple[str, ...]


def read_own_history_file(path: Path | str) -> OwnHistory:
    """Reads a file; raises as read_own_history, and for a file that cannot be read."""
    path = Path(path)
    return read_own_history(read_file(path, max_bytes=MAX_FILE_BYTES), path)


def read_own_history(data: bytes, path: Path | str = PASTED) -> OwnHistory:
    """Reads the bytes of an export or of a list of titles.

    Args:
        data: The content, at most MAX_FILE_BYTES.
        path: Names it in errors; its file name tells likes/films.csv from watched.csv, which look the same.

    Raises:
        DataFormatError: for content that is empty, too large, binary, of mixed encodings or of no known format,
            and for a row that cannot be read, with its 1-based line.
    """
    require_size(len(data), path, max_bytes=MAX_FILE_BYTES)
    text, notices = _decode(data, path)
    read = _read(text, path)
    rows, in_time_order = _in_time_order(read.rows)
    if not in_time_order:
        notices = (*notices, "Some dates cannot be read, so the order of the file is taken for the order in time.")
    kept = _last_opinions(rows)
    titles = tuple(
        OwnTitle(row.title, row.year, opinion, row.line, row.other_titles)
        for row in kept
        if (opinion := _opinion(row)) is not None
    )
    if not titles:
        mend = "likes are ratings from 4 of 5 (8 of 10), dislikes up to 2 of 5 (4 of 10)"
        raise DataFormatError("nothing in it is liked or disliked", path=path, seen=read.source, mend=mend)
    unrated = len(rows) - sum(row.share is not None for row in rows)
    num_neutral = unrated + len(kept) - len(titles)
    return OwnHistory(read.source, titles, num_neutral, (*read.notices, *notices))


def _read(text: str, path: Path | str) -> _Read:
    header = _first_row(text)
    export = find_export(header, Path(path).name)
    if export is not None:
        rows, notices = read_export(export, csv_rows(text, path), path)
        return _Read(export.source, rows, notices)
    words = [field.lower().replace(" ", "").replace("_", "") for field in header]
    if sum(word in _HEADER_WORDS for word in words) > 1 or Path(path).suffix.lower() in (".csv", ".tsv"):
        problem = "the file has no header that is known"
        raise DataFormatError(problem, path=path, line=1, seen=",".join(header), mend=_KNOWN_FORMATS)
    rows, notices = read_title_list(text, path)
    return _Read("List of titles", rows, notices)


def _first_row(text: str) -> list[str]:
    """The fields of the first line that is not blank."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return [field.strip().strip('"') for field in first.split(",")]


def _decode(data: bytes, path: Path | str) -> tuple[str, tuple[str, ...]]:
    """The text, and a notice where it is in the Western encoding that older exports and spreadsheets write."""
    bad = [line for line, part in enumerate(data.split(b"\n"), start=1) if not _is_utf8(part)]
    if not bad or data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in data:
        return decode(data, path), ()
    if any(not part.isascii() and _is_utf8(part) for part in data.removeprefix(b"\xef\xbb\xbf").split(b"\n")):
        mend = "save the file as UTF-8 text: some of its lines are, this one is not"
        raise DataFormatError("the file mixes encodings", path=path, line=bad[0], mend=mend)
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return decode(data, path), ()  # tells the line that is not UTF-8
    return text, ("The file is not UTF-8; it was read as Western European text (Windows-1252).",)


def _is_utf8(part: bytes) -> bool:
    try:
        part.decode()
    except UnicodeDecodeError:
        return False
    return True


def _in_time_order(rows: Sequence[RatedTitle]) -> tuple[Sequence[RatedTitle], bool]:
    """The rows by date, ties as in the file; as in the file where a format has no dates or one cannot be read."""
    dates = [row.date for row in rows if row.date is not None]
    if len(dates) < len(rows):
        return rows, not dates and not any(row.has_unread_date for row in rows)
    return sorted(rows, key=lambda row: row.date or ""), True


def _last_opinions(rows: Iterable[RatedTitle]) -> list[RatedTitle]:
    """Each title and year once, where it was rated last."""
    last: dict[tuple[str, int | None], RatedTitle] = {}
    for row in rows:
        if row.share is not None:
            key = (normalise_title(row.title), row.year)
            last.pop(key, None)
            last[key] = row
    return list(last.values())


def _opinion(row: RatedTitle) -> Opinion | None:
    if row.share is None:
        return None
    return "liked" if row.share >= LIKED_FROM else "disliked" if row.share <= DISLIKED_TO else None
