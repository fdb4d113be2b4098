"""Reads the older MovieLens forms: 100K (u.data, u.item), and 1M and 10M (movies.dat, ratings.dat).

Their fields are separated by tabs, "|" or "::" and never quoted, and their first line is a row. The movies
of 100K and 1M are latin-1, those of 10M are UTF-8. Movies are few and read row by row; ratings are parsed
at once by Arrow. What a title means is read in recsys.data.movielens.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from recsys.data.rating_tables import (
    DOWNLOAD,
    RATING_COLUMNS,
    Layout,
    check_movie,
    check_rating,
    raise_for_bad_line,
    require_good_ratings,
    require_known_movies,
    require_memory,
)
from recsys.errors import DataFormatError

if TYPE_CHECKING:
    import pandas as pd

GENRES_OF_100K = (
    "unknown", "Action", "Adventure", "Animation", "Children", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
"""The flags of u.item in their order, written as the other releases write them ("Children", not "Children's")."""
_RENAMED = {"Children's": "Children", "unknown": ""}
_FIELDS_BEFORE_FLAGS = 5
_Tables = tuple["pd.DataFrame", "pd.DataFrame", tuple[str, ...]]


def read_dat_folder(folder: Path) -> _Tables:
    """Reads movies.dat and ratings.dat of 1M or 10M.

    Returns:
        movies (movieId, title, genres), ratings (userId, movieId, rating, timestamp) and notices.

    Raises:
        DataFormatError: for a missing, truncated or malformed file, with the 1-based line where it has one.
    """
    movies = read_movies_dat(folder)
    ratings = _read_ratings(folder / "ratings.dat", Layout("::", RATING_COLUMNS, quoted=False))
    return _checked(folder / "ratings.dat", movies, ratings, "movies.dat", Layout("::", RATING_COLUMNS, quoted=False))


def read_100k_folder(folder: Path) -> _Tables:
    """Reads u.item and u.data of 100K; returns and raises as ``read_dat_folder``."""
    movies = read_movies_100k(folder)
    layout = Layout("\t", RATING_COLUMNS, quoted=False)
    ratings = _read_ratings(folder / "u.data", layout)
    return _checked(folder / "u.data", movies, ratings, "u.item", layout)


def read_movies_dat(folder: Path) -> pd.DataFrame:
    """Reads movies.dat alone; raises as ``read_dat_folder``."""
    return _read_movies(folder / "movies.dat", "::", 3)


def read_movies_100k(folder: Path) -> pd.DataFrame:
    """Reads u.item alone; raises as ``read_dat_folder``."""
    return _read_movies(folder / "u.item", "|", _FIELDS_BEFORE_FLAGS + len(GENRES_OF_100K))


def _checked(
    path: Path, movies: pd.DataFrame, ratings: pd.DataFrame, movies_name: str, layout: Layout
) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    require_good_ratings(path, ratings, layout)
    require_known_movies(path, movies, ratings, movies_name=movies_name, layout=layout)
    return movies, ratings, ()


def _read_movies(path: Path, separator: str, num_fields: int) -> pd.DataFrame:
    import pandas as pd

    rows: list[tuple[int, str, str]] = []
    first_lines: dict[int, int] = {}
    for line, text in _text_lines(path):
        fields = text.split(separator)
        if len(fields) != num_fields:
            problem = f"the line has {len(fields)} fields instead of {num_fields}"
            raise DataFormatError(problem, path=path, line=line, seen=text, mend=f"correct the line, or {DOWNLOAD}")
        number, title = fields[0].strip(), fields[1].strip()
        genres = fields[2] if separator == "::" else _flagged(fields[_FIELDS_BEFORE_FLAGS:], path, line)
        if problem_seen := check_movie({"movieId": number, "title": title}):
            problem, seen = problem_seen
            raise DataFormatError(problem, path=path, line=line, seen=seen, mend=f"correct the line, or {DOWNLOAD}")
        item_id = int(number)
        if item_id in first_lines:
            problem = f"the movieId was already used in line {first_lines[item_id]}"
            raise DataFormatError(problem, path=path, line=line, seen=number, mend="delete one of the two lines")
        first_lines[item_id] = line
        named = (_RENAMED.get(genre, genre) for genre in genres.split("|"))
        rows.append((item_id, title, "|".join(genre for genre in named if genre)))
    if not rows:
        raise DataFormatError("the file is empty", path=path, mend=DOWNLOAD)
    return pd.DataFrame(rows, columns=["movieId", "title", "genres"])


def _flagged(flags: list[str], path: Path, line: int) -> str:
    wrong = [flag for flag in flags if flag not in ("0", "1")]
    if wrong:
        raise DataFormatError("a genre flag is neither 0 nor 1", path=path, line=line, seen=wrong[0], mend=DOWNLOAD)
    return "|".join(genre for genre, flag in zip(GENRES_OF_100K, flags, strict=True) if flag == "1")


def _text_lines(path: Path) -> list[tuple[int, str]]:
    """The lines of a file that is UTF-8 as a whole or latin-1 as a whole; blank ones are left out."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataFormatError("the file cannot be read", path=path, seen=error.strerror, mend=DOWNLOAD) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        _require_one_encoding(data, path)
        text = data.decode("latin-1")
    lines = text.replace("\r\n", "\n").split("\n")
    return [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def _require_one_encoding(data: bytes, path: Path) -> None:
    """Raises for a file with letters in UTF-8 in some lines and bytes that are none in others."""
    encoded, broken = None, None
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
            encoded = encoded or number
        except UnicodeDecodeError:
            broken = broken or number
    if encoded and broken:
        seen = f"line {encoded} is UTF-8, line {broken} is not"
        mend = "save the file in one encoding, UTF-8 or latin-1"
        raise DataFormatError("the file mixes two encodings", path=path, line=broken, seen=seen, mend=mend)


def _read_ratings(path: Path, layout: Layout) -> pd.DataFrame:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    require_memory(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataFormatError("the file cannot be read", path=path, seen=error.strerror, mend=DOWNLOAD) from error
    if not data.strip():
        raise DataFormatError("the file is empty", path=path, mend=DOWNLOAD)
    if not data.endswith(b"\n"):
        line, last = data.count(b"\n") + 1, data.rsplit(b"\n", 1)[-1].decode(errors="replace")
        mend = f"the file may be cut off: {DOWNLOAD}, or end a complete last row with a line break"
        raise DataFormatError("the last line does not end", path=path, line=line, seen=last, mend=mend)
    types = {"userId": pa.int32(), "movieId": pa.int32(), "rating": pa.float32(), "timestamp": pa.int64()}
    try:
        # A tab inside a field would pass as a separator, but fields are numbers and the conversion refuses it.
        table = arrow_csv.read_csv(
            pa.BufferReader(data.replace(layout.separator.encode(), b"\t")),
            read_options=arrow_csv.ReadOptions(column_names=list(RATING_COLUMNS)),
            parse_options=arrow_csv.ParseOptions(delimiter="\t", quote_char=False),
            convert_options=arrow_csv.ConvertOptions(column_types=types, null_values=[]),
        )
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise_for_bad_line(path, check_rating, fallback=str(error), layout=layout)
    frame: pd.DataFrame = table.to_pandas()
    return frame
