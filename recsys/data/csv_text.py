"""Small text and csv files that people make themselves, read with the line of whatever is wrong in them.

For files that fit in memory many times over; the large tables of MovieLens are csv_folder's business. It
knows bytes, lines and fields, and not what any field means.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from recsys.errors import DataFormatError

_BINARY_STARTS = {
    b"PK\x03\x04": "a zip archive: unpack it and give the csv file inside",
    b"PK\x05\x06": "an empty zip archive: give a csv file",
    b"\x1f\x8b": "a gzip archive: unpack it and give the file inside",
    b"%PDF": "a PDF: give a text or csv file",
    b"\x89PNG": "a picture: give a text or csv file",
    b"\xff\xd8\xff": "a picture: give a text or csv file",
}
_SAVE_AS_UTF8 = "save the file as UTF-8 text"


def read_file(path: Path, *, max_bytes: int) -> bytes:
    """The bytes of a file.

    Raises:
        DataFormatError: when it is missing, a folder, empty, unreadable or larger than ``max_bytes``.
    """
    path = path.expanduser()
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise DataFormatError("this is a folder, not a file", path=path, mend="give the file inside it")
        require_size(size, path, max_bytes=max_bytes)
        return path.read_bytes()
    except OSError as error:
        raise DataFormatError(
            "the file cannot be read", path=path, seen=error.strerror, mend="check its name"
        ) from error


def require_size(size: int, path: Path | str, *, max_bytes: int) -> None:
    """Raises DataFormatError for an empty file and for one of more than ``max_bytes``."""
    if size == 0:
        raise DataFormatError("the file is empty", path=path, mend="give a file with a header and rows")
    if size > max_bytes:
        seen, most = f"{size / 1e6:,.1f} MB", f"{max_bytes / 1e6:g} MB"
        raise DataFormatError("the file is too large", path=path, seen=seen, mend=f"give at most {most}")


def decode(data: bytes, path: Path | str) -> str:
    """The text of UTF-8 bytes, or of UTF-16 with a byte-order mark, without that mark.

    Raises:
        DataFormatError: for a binary file, and for bytes that are not of that encoding, with their line.
    """
    for start, what in _BINARY_STARTS.items():
        if data.startswith(start):
            raise DataFormatError("this is not a text file", path=path, mend=f"it looks like {what}")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _decode_as(data, "utf-16", path)
    at = data.find(b"\x00")
    if at >= 0:  # no text file holds one
        line = data.count(b"\n", 0, at) + 1
        raise DataFormatError("this is not a text file", path=path, line=line, mend="give a text or csv file")
    return _decode_as(data, "utf-8-sig", path)


def csv_rows(text: str, path: Path | str) -> Iterator[tuple[int, list[str]]]:
    """The 1-based line where each row starts, and its fields without white space around them; blank rows are left out.

    Raises:
        DataFormatError: for a quotation mark that is not closed or stands in the wrong place.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            mend = "close the quotation mark, and write one inside a field twice"
            raise DataFormatError("the row cannot be read", path=path, line=line, seen=str(error), mend=mend) from error
        fields = [field.strip() for field in row]
        if any(fields):
            yield line, fields
        line = reader.line_num + 1


def _decode_as(data: bytes, encoding: str, path: Path | str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        seen = data[max(0, error.start - 20) : error.start + 20].decode(encoding, errors="replace")
        name = "UTF-16" if encoding == "utf-16" else "UTF-8"
        problem = f"the line is not {name} text"
        raise DataFormatError(problem, path=path, line=line, seen=seen, mend=_SAVE_AS_UTF8) from error
