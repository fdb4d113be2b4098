"""A folder's list of its own files: their sizes and hashes, by which what was cut off or altered is found.

Knows files; knows no models.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

MANIFEST = "manifest.json"

_BLOCK = 1 << 20


def is_complete(folder: Path) -> bool:
    """Whether a cache folder holds every file of its manifest in its full size."""
    try:
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        return bool(files) and all((folder / name).stat().st_size == size for name, size in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def is_unaltered(folder: Path) -> bool:
    """Whether every file of a complete cache folder has the SHA-256 of its manifest; reads all of them."""
    try:
        told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["sha256"]
        return all(file_sha256(folder / name) == digest for name, digest in told.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def write_manifest(folder: Path, about: Mapping[str, object]) -> None:
    """Lists every file below a folder, flushed to the disk first: a power cut must not leave a short file.

    Args:
        folder: Whose files are complete.
        about: What else is told of them.
    """
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    for path in files.values():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    manifest = {
        **about,
        "files": {name: path.stat().st_size for name, path in files.items()},
        "sha256": {name: file_sha256(path) for name, path in files.items()},
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
