"""The zip that a MovieLens data set comes in, unpacked for as long as it is read.

Only the files of a data set are taken out, each to a name of our own, so no name in the archive can lead
elsewhere; zip_reading.py limits what they unpack to. What the files hold is the readers' business.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NoReturn

from recsys.errors import DataFormatError
from recsys.zip_reading import opened_zip, require_sizes, unpack_member

WANTED = frozenset(
    {
        "movies.csv", "ratings.csv", "tags.csv", "README.txt", "README",
        "movies.dat", "ratings.dat", "tags.dat",
        "u.data", "u.item",
    }
)  # fmt: skip
"""The files of a data set that are read, in any of its forms."""
MOVIE_TABLES = frozenset({"movies.csv", "movies.dat", "u.item"})
"""The file of movies in each form."""
MAX_UNPACKED_BYTES = 4 * 2**30
"""More than any release needs: the ratings of 32M are 0.9 GB."""
_AGAIN = "download the archive again"


@contextmanager
def unpacked(archive: Path, *, only: Collection[str] = WANTED) -> Iterator[Path]:
    """A folder with the data set's files, removed at the end.

    Errors of the readers are told with the archive's name before the file's.

    Args:
        archive: The zip.
        only: The files that are needed; the table of movies is among them.

    Raises:
        DataFormatError: for a file that is no zip, is truncated or altered, holds no data set or several, or
            would unpack to too much.
    """
    if not zipfile.is_zipfile(archive):
        is_cut = archive.suffix.lower() == ".zip"
        problem = "the archive is damaged or cut off" if is_cut else "this is a file, neither a folder nor a zip"
        mend = _AGAIN if is_cut else "give the folder of a MovieLens data set, or its zip"
        raise DataFormatError(problem, path=archive, mend=mend)
    with tempfile.TemporaryDirectory(prefix="movielens-") as name:
        folder = Path(name)
        refuse = partial(DataFormatError, path=archive)
        with opened_zip(archive, refuse, again=_AGAIN) as opened:
            members = _members(opened, archive, only)
            require_sizes(members, refuse, max_bytes=MAX_UNPACKED_BYTES, folder=folder, again=_AGAIN)
            for member in members:
                unpack_member(opened, member, folder / PurePosixPath(member.filename).name, refuse, again=_AGAIN)
        try:
            yield folder
        except DataFormatError as error:
            _raise_as_of(archive, folder, error)


def _members(opened: zipfile.ZipFile, archive: Path, only: Collection[str]) -> list[zipfile.ZipInfo]:
    """The files of the one data set in the archive."""
    by_folder: dict[str, list[zipfile.ZipInfo]] = {}
    for member in opened.infolist():
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.name in only and not member.is_dir() and "__MACOSX" not in path.parts:
            by_folder.setdefault(str(path.parent), []).append(member)
    sets = {
        name: members
        for name, members in by_folder.items()
        if any(PurePosixPath(member.filename).name in MOVIE_TABLES for member in members)
    }
    if len(sets) != 1:
        problem = "the archive holds several data sets" if sets else "the archive holds no MovieLens data set"
        seen = ", ".join(sorted(sets)[:4]) or ", ".join(sorted(opened.namelist())[:4]) or "an empty archive"
        mend = "unpack it and give one folder" if sets else "give an archive with movies.csv and ratings.csv, say"
        raise DataFormatError(problem, path=archive, seen=seen, mend=mend)
    (members,) = sets.values()
    return members


def _raise_as_of(archive: Path, folder: Path, error: DataFormatError) -> NoReturn:
    """The same error, its file named as one of the archive."""
    inside = error.path.relative_to(folder) if error.path.is_relative_to(folder) else Path()
    problem = error.problem.removeprefix(str(error.path)).removeprefix(f", line {error.line}").removeprefix(": ")
    raise DataFormatError(problem, path=archive / inside, line=error.line, seen=error.seen, mend=error.mend) from error
