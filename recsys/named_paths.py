"""Paths that somebody named: a name that no path can have is a place where nothing is, and never an error.

``Path.is_dir`` raises for a name that is too long and for a folder that may not be entered, ``Path.expanduser`` for a
person who has no home here.
"""

from __future__ import annotations

from pathlib import Path


def named_path(name: str | Path) -> Path:
    """The path of a name, with ``~`` spelled out where that person has a home."""
    path = Path(name)
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def is_folder(path: Path) -> bool:
    """Whether there is a folder."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def is_file(path: Path) -> bool:
    """Whether there is a file."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
