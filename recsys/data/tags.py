"""Tags that people gave to movies: tags.csv of the newer MovieLens releases, tags.dat of 10M.

A movie's tags are those that most people gave it, written in small letters. What a prompt makes of them is
the prompt's business.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.data.rating_tables import DOWNLOAD
from recsys.errors import DataFormatError

if TYPE_CHECKING:
    import pandas as pd

TOP_TAGS = 5
_COLUMNS = ("userId", "movieId", "tag", "timestamp")


def read_tags(folder: Path, *, top: int = TOP_TAGS) -> dict[int, tuple[str, ...]]:
    """The tags of each movie that has any, the most given first and by name where as many gave them.

    Args:
        folder: Of a data set; one without a file of tags has none.
        top: The most tags of a movie.

    Raises:
        DataFormatError: for a file that cannot be read, with its 1-based line.
    """
    import pandas as pd

    for name, rows in (("tags.csv", _csv_rows), ("tags.dat", _dat_rows)):
        path = folder / name
        if path.is_file():
            frame = pd.DataFrame(_checked(rows(path), path), columns=["user_id", "item_id", "tag"])
            return _most_given(frame, top)
    return {}


def _most_given(frame: pd.DataFrame, top: int) -> dict[int, tuple[str, ...]]:
    if frame.empty:
        return {}
    counts = frame.drop_duplicates().groupby(["item_id", "tag"], sort=False).size().reset_index(name="users")
    ordered = counts.sort_values(["item_id", "users", "tag"], ascending=[True, False, True])
    best = ordered.groupby("item_id", sort=False).head(top)
    found: dict[int, list[str]] = {}
    for item_id, tag in zip(best["item_id"].tolist(), best["tag"].tolist(), strict=True):
        found.setdefault(item_id, []).append(tag)
    return {item_id: tuple(tags) for item_id, tags in found.items()}


def _checked(rows: Iterator[tuple[int, list[str]]], path: Path) -> Iterator[tuple[str, int, str]]:
    for line, fields in rows:
        if len(fields) != len(_COLUMNS):
            problem = f"the line has {len(fields)} fields instead of {len(_COLUMNS)}"
            raise DataFormatError(problem, path=path, line=line, seen=",".join(fields), mend=DOWNLOAD)
        user, movie, tag, _ = fields
        if not (movie.isascii() and movie.isdecimal() and len(movie) <= 10):
            raise DataFormatError("movieId is not a whole number", path=path, line=line, seen=movie, mend=DOWNLOAD)
        if written := " ".join(tag.lower().split()):
            yield user, int(movie), written


def _csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    line = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            if tuple(header) != _COLUMNS:
                mend = f"the first line must be {','.join(_COLUMNS)}"
                raise DataFormatError("the header is another", path=path, line=1, seen=",".join(header), mend=mend)
            line = reader.line_num + 1
            for fields in reader:
                if fields:
                    yield line, fields
                line = reader.line_num + 1
    except UnicodeDecodeError as error:
        raise DataFormatError(
            "the file is not UTF-8 text", path=path, line=line, seen=error.reason, mend=DOWNLOAD
        ) from error
    except (csv.Error, OSError) as error:
        raise DataFormatError(
            "the file cannot be read", path=path, line=line, seen=str(error), mend=DOWNLOAD
        ) from error


def _dat_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            for line, text in enumerate(file, start=1):
                if text.strip():
                    user, movie, *tag = text.rstrip("\r\n").split("::")  # a tag may hold the separator itself
                    yield line, [user, movie, "::".join(tag[:-1]), tag[-1]] if len(tag) > 1 else [user, movie, *tag]
    except UnicodeDecodeError as error:
        raise DataFormatError("the file is not UTF-8 text", path=path, seen=error.reason, mend=DOWNLOAD) from error
    except (ValueError, OSError) as error:
        raise DataFormatError("the file cannot be read", path=path, seen=str(error), mend=DOWNLOAD) from error
