"""An adapter's folder as one zip file: written for whoever wants to take it along, and read where one is brought.

Only files that an adapter is known to have go in, so that nothing else of a folder leaves the machine, and only these
are taken out, each to a name of our own. What the files hold is checked where an adapter is added.
"""

from __future__ import annotations

import re
import stat
import zipfile
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from recsys.errors import AdapterError
from recsys.models.adapter_files import CONFIG_FILE, CONVERT, LARGEST_JSON, NOTES_FILE, PICKLED_FILE, WEIGHTS_FILE
from recsys.zip_reading import opened_zip, require_sizes, unpack_member

ADAPTER_FILES = (CONFIG_FILE, WEIGHTS_FILE, "README.md", NOTES_FILE, "curves.json")
"""PEFT's own two, and what a training run writes beside them."""
MAX_WEIGHTS_BYTES = 4 * 2**30
"""More than a LoRA of rank 64 in every layer of LLaMA 65B takes, in fp32."""
MAX_MEMBERS = 256

_NO_TIME = (1980, 1, 1, 0, 0, 0)
"""The same adapter gives the same bytes, whenever it is packed."""
_PICKLES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".npy", ".joblib"})
_AGAIN = "zip the adapter's folder again"


def adapter_files(folder: Path) -> tuple[Path, ...]:
    """The known files that an adapter's folder has.

    Raises:
        AdapterError: when the settings or the weights are missing.
    """
    for needed in (CONFIG_FILE, WEIGHTS_FILE):
        if not (folder / needed).is_file():
            mend = "save the adapter again with save_pretrained"
            raise AdapterError(f"adapter {folder.name} has no {needed}", mend=mend)
    return tuple(folder / name for name in ADAPTER_FILES if (folder / name).is_file())


def write_archive(folder: Path, file: BinaryIO) -> None:
    """Writes a zip that holds one folder of the adapter's name, ready to be put under adapters/.

    Raises:
        AdapterError: when the settings or the weights are missing, or a file cannot be read.
    """
    try:
        with zipfile.ZipFile(file, "w") as archive:
            for path in adapter_files(folder):
                entry = zipfile.ZipInfo(f"{folder.name}/{path.name}", _NO_TIME)
                # Weights hardly get smaller, and a page waits for the download.
                entry.compress_type = zipfile.ZIP_STORED if path.name == WEIGHTS_FILE else zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                    while block := source.read(1 << 20):
                        target.write(block)
    except PermissionError as error:
        mend = "let this program read it"
        raise AdapterError(f"adapter {folder.name} cannot be read", seen=error.strerror, mend=mend) from error


def unpack_archive(archive: Path, folder: Path) -> str:
    """Writes the known files of the one adapter in a zip into an empty folder.

    Args:
        archive: A zip with an adapter at its root or in one folder.
        folder: Where they are written.

    Returns:
        What the adapter is called: its folder in the zip, or else the zip itself.

    Raises:
        AdapterError: for a file that is no zip, is damaged, holds no adapter or several, a pickle, a link or a name
            that leads elsewhere, or would unpack to too much.
    """
    if not archive.is_file():
        raise AdapterError("there is no such file", seen=archive.name, mend="give the zip of an adapter's folder")
    if not zipfile.is_zipfile(archive):
        mend = "give the zip of an adapter's folder"
        raise AdapterError("this is no zip, or it is cut off", seen=archive.name, mend=mend)
    with opened_zip(archive, AdapterError, again=_AGAIN) as opened:
        root, members = _members(opened.infolist())
        for name, member in members.items():
            require_size(name, member.file_size)
        wanted = list(members.values())
        require_sizes(wanted, AdapterError, max_bytes=2 * MAX_WEIGHTS_BYTES, folder=folder, again=_AGAIN)
        for name, member in members.items():
            unpack_member(opened, member, folder / name, AdapterError, again=_AGAIN)
    return root or archive.stem


def require_size(name: str, size: int) -> None:
    """Refuses a file of an adapter that is larger than any needs to be.

    Raises:
        AdapterError: with both sizes.
    """
    most = MAX_WEIGHTS_BYTES if name == WEIGHTS_FILE else LARGEST_JSON
    if size > most:
        raise AdapterError(f"{name} is too large", seen=f"{size:,} bytes", mend=f"at most {most:,}")


def _members(listed: list[zipfile.ZipInfo]) -> tuple[str, dict[str, zipfile.ZipInfo]]:
    """The folder of the one adapter, empty for the root, and its known files by name."""
    if len(listed) > MAX_MEMBERS:
        seen, mend = f"{len(listed):,}", f"zip the adapter's folder alone; at most {MAX_MEMBERS}"
        raise AdapterError("the archive has too many members", seen=seen, mend=mend)
    placed: dict[PurePosixPath, zipfile.ZipInfo] = {}
    for member in listed:
        path = _safe_path(member)
        if member.is_dir() or "__MACOSX" in path.parts:
            continue
        if path in placed:
            raise AdapterError("the archive holds a file twice", seen=member.filename, mend=_AGAIN)
        placed[path] = member
    _refuse_pickles(placed)
    roots = {path.parent for path in placed if path.name == CONFIG_FILE and len(path.parts) <= 2}
    if len(roots) != 1:
        problem = "the archive holds several adapters" if roots else f"the archive holds no {CONFIG_FILE}"
        mend = "zip one adapter's folder, with its files at the root or in one folder"
        raise AdapterError(problem, seen=", ".join(sorted(map(str, roots or placed)))[:80], mend=mend)
    (root,) = roots
    return root.name, {name: placed[root / name] for name in ADAPTER_FILES if root / name in placed}


def _safe_path(member: zipfile.ZipInfo) -> PurePosixPath:
    """The place of a member within the archive; one that leads elsewhere condemns all of it."""
    name = member.filename.replace("\\", "/")
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", name):
        raise AdapterError("a name in the archive leads out of it", seen=member.filename, mend=_AGAIN)
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise AdapterError("the archive holds a link", seen=member.filename, mend="zip the files themselves")
    return path


def _refuse_pickles(paths: dict[PurePosixPath, zipfile.ZipInfo]) -> None:
    pickled = [path for path in paths if path.suffix.lower() in _PICKLES]
    if not pickled:
        return
    is_weights = any(path.name == PICKLED_FILE for path in pickled)
    mend = CONVERT if is_weights else "zip the adapter's folder without it"
    raise AdapterError("the archive holds a pickle, and a pickle can run code", seen=str(pickled[0]), mend=mend)
