"""Details of movies beyond MovieLens' own columns: a person's own descriptions, and tags.

Descriptions come from a csv file with the columns movieId and description. This module reads it and puts
what is known beside the movies; how much of it a prompt takes is the prompt's business.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from recsys.catalogue import Movie
from recsys.data.csv_text import csv_rows, decode, read_file
from recsys.data.movielens import MovieLens
from recsys.errors import DataFormatError, SettingsError
from recsys.settings import MovieDetails

HEADER = ("movieId", "description")
MAX_DESCRIPTION_LENGTH = 2000
"""Characters of one description that are accepted; a longer one is mostly a quotation mark left open."""
MAX_FILE_BYTES = 100_000_000

_WHERE_FROM: dict[MovieDetails, str] = {
    "genres": "take a data set whose movies.csv lists genres",
    "tags": "take a data set with tags, such as MovieLens latest-small with its tags.csv",
    "description": "give a file of movieId,description with --descriptions",
}


def read_descriptions(path: Path | str, item_ids: Collection[int]) -> dict[int, str]:
    """Reads a csv file of movieId,description, in UTF-8; an empty description is as none.

    Args:
        path: The file.
        item_ids: The movies of the data set.

    Returns:
        The description of each movie that has one.

    Raises:
        DataFormatError: for a file that is missing, no UTF-8 text or has another header, and for a row with an
            unknown or repeated movieId or an overlong description, with its 1-based line.
    """
    path = Path(path)
    rows = csv_rows(decode(read_file(path, max_bytes=MAX_FILE_BYTES), path), path)
    line, header = next(rows, (1, []))
    if tuple(header) != HEADER:
        wanted = ",".join(HEADER)
        seen = ",".join(header)
        raise DataFormatError("the header is another", path=path, line=line, seen=seen, mend=f"write {wanted} first")
    known = frozenset(item_ids)
    first_lines: dict[int, int] = {}
    found: dict[int, str] = {}
    for line, fields in rows:
        item_id, description = _read_row(fields, path, line)
        if item_id not in known:
            mend = "take the movieId of the data set, or delete the line"
            raise DataFormatError("the data set has no such movie", path=path, line=line, seen=item_id, mend=mend)
        if item_id in first_lines:
            problem = f"the movieId was already used in line {first_lines[item_id]}"
            raise DataFormatError(problem, path=path, line=line, seen=item_id, mend="keep one of the two lines")
        first_lines[item_id] = line
        if description:
            found[item_id] = description
    if not found:
        raise DataFormatError("the file describes no movie", path=path, mend="write one movieId,description a line")
    return found


def add_details(
    dataset: MovieLens, descriptions: Path | None, tags: Mapping[int, tuple[str, ...]] | None = None
) -> MovieLens:
    """The data set with the tags and the descriptions of that file beside its movies.

    Raises:
        DataFormatError: for a file of descriptions that cannot be read.
    """
    described = read_descriptions(descriptions, {movie.item_id for movie in dataset.movies}) if descriptions else {}
    if not described and not tags:
        return dataset
    return dataclasses.replace(dataset, movies=with_details(dataset.movies, tags or {}, described))


def with_details(
    movies: Iterable[Movie], tags: Mapping[int, tuple[str, ...]], descriptions: Mapping[int, str]
) -> tuple[Movie, ...]:
    """The movies, in their order, with the tags and descriptions that are known of them."""
    return tuple(
        dataclasses.replace(movie, tags=tags.get(movie.item_id, ()), description=descriptions.get(movie.item_id, ""))
        if movie.item_id in tags or movie.item_id in descriptions
        else movie
        for movie in movies
    )


def require_details(movies: Sequence[Movie], kind: MovieDetails) -> None:
    """Raises SettingsError when a prompt asks for details that no movie has."""
    if kind != "none" and not any(movie.details(kind) for movie in movies):
        what = {"genres": "genres", "tags": "tags", "description": "descriptions"}[kind]
        raise SettingsError(f"this data set has no {what}", seen=f"details {kind}", mend=_WHERE_FROM[kind])


def details_hash(movies: Iterable[Movie], kind: MovieDetails) -> str:
    """Names the details that prompts of this kind would carry, in 12 hexadecimal digits; empty for none."""
    if kind == "none":
        return ""
    digest = hashlib.sha256()
    for movie in movies:
        if details := movie.details(kind):
            digest.update(repr((movie.item_id, details)).encode())
    return digest.hexdigest()[:12]


def _read_row(fields: list[str], path: Path, line: int) -> tuple[int, str]:
    if len(fields) != len(HEADER):
        problem = f"the row has {len(fields)} fields instead of {len(HEADER)}"
        mend = "put a description with a comma in quotation marks"
        raise DataFormatError(problem, path=path, line=line, seen=",".join(fields), mend=mend)
    number, description = fields
    if not (number.isascii() and number.isdecimal() and len(number) <= 10):
        mend = "give the movieId of the data set"
        raise DataFormatError("movieId is not a whole number", path=path, line=line, seen=number, mend=mend)
    if len(description) > MAX_DESCRIPTION_LENGTH:
        mend = f"give at most {MAX_DESCRIPTION_LENGTH:,} characters; a quotation mark may be missing"
        seen = f"{len(description):,} characters"
        raise DataFormatError("the description is too long", path=path, line=line, seen=seen, mend=mend)
    return int(number), description
