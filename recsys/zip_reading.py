"""Zip files of strangers, read so that none fills the disk or the memory, whatever it says of itself.

What unpacks is limited beforehand by what the archive promises, and counted again while it is written, since a promise
may be a lie. Which members are wanted, and under which names they are written, is the caller's business.
"""

from __future__ import annotations

import io
import lzma
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from recsys.errors import InputError

Refuse = Callable[..., InputError]
"""Makes the error of a caller's room of a problem, what was ``seen`` and the ``mend``."""

MAX_RATIO = 200
"""Tables of ratings pack four to eight times, and weights hardly; what packs more was made to fill a disk."""
_CHUNK = 2**20
_LONGEST_READ = 2 * _CHUNK
"""More than any list of members that is read here; what lists more holds tens of thousands of them."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The others may ask for gigabytes of memory before their first byte."""
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    IndexError,
    OverflowError,
)
"""What zipfile raises over damaged files, and over some that are encrypted or were made to confuse it."""


class _TooLongError(Exception):
    """A read that no sound archive asks for."""


class _BoundedFile(io.BufferedReader):
    """A file of which nobody gets more than a few MB at once: zipfile reads the list of members in one piece."""

    def read(self, size: int | None = -1, /) -> bytes:
        """As any file's, up to the limit."""
        if size is not None and size > _LONGEST_READ:
            raise _TooLongError
        return super().read(size)


@contextmanager
def opened_zip(path: Path, refuse: Refuse, *, again: str) -> Iterator[zipfile.ZipFile]:
    """Opens a zip for a block in which it may be read.

    Args:
        path: The file.
        refuse: Makes the errors.
        again: The mend where the file is damaged.

    Raises:
        InputError: of the caller's kind, where the file is damaged, cut off or encrypted, has too many members, or
            where the disk cannot take what the block writes.
    """
    try:
        with _BoundedFile(io.FileIO(path)) as file, zipfile.ZipFile(file) as archive:
            yield archive
    except _TooLongError:
        raise refuse("the archive has too many members", mend=again) from None
    except _BROKEN as error:
        raise refuse("the archive is damaged", seen=str(error), mend=again) from error
    except MemoryError as error:
        raise refuse("the archive is damaged", seen="it asks for more memory than there is", mend=again) from error
    except OSError as error:
        mend = "free the disk that holds temporary files"
        raise refuse("the archive cannot be unpacked", seen=str(error), mend=mend) from error


def require_sizes(
    members: Sequence[zipfile.ZipInfo], refuse: Refuse, *, max_bytes: int, folder: Path, again: str
) -> None:
    """Refuses members by what the archive promises of them.

    Args:
        members: Those that will be unpacked.
        refuse: Makes the errors.
        max_bytes: What all of them may take.
        folder: Where they will be written.
        again: The mend where the archive was made to do harm.

    Raises:
        InputError: of the caller's kind, where they are too large, a bomb, or more than the disk has room for.
    """
    total = sum(member.file_size for member in members)
    if total > max_bytes:
        seen, most = f"{total / 1e9:.1f} GB", f"{max_bytes / 1e9:.1f} GB"
        raise refuse("the archive unpacks to too much", seen=seen, mend=f"at most {most}")
    for member in members:
        if member.compress_type not in _METHODS:
            seen, mend = f"{member.filename}: method {member.compress_type}", "pack it as an ordinary zip"
            raise refuse("the archive is packed in a way that is not read here", seen=seen, mend=mend)
        if member.file_size > MAX_RATIO * max(member.compress_size, 1) and member.file_size > _CHUNK:
            seen = f"{member.filename}: {member.compress_size:,} bytes would become {member.file_size:,}"
            raise refuse("the archive is a decompression bomb", seen=seen, mend=again)
    free = shutil.disk_usage(folder).free
    if total > free:
        seen = f"{total / 1e9:.2f} GB are needed, {free / 1e9:.2f} GB are free"
        raise refuse("the disk is too full to unpack the archive", seen=seen, mend="free some")


def unpack_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, refuse: Refuse, *, again: str
) -> None:
    """Writes one member to a new file, and no byte more than it promised.

    Raises:
        InputError: of the caller's kind, where it goes on after its promised end.
    """
    written = 0
    with archive.open(member) as source, target.open("xb") as file:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > member.file_size:
                seen = f"{member.filename} goes on after its {member.file_size:,} bytes"
                raise refuse("the archive is not what it says", seen=seen, mend=again)
            file.write(chunk)
