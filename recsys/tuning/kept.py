"""Sweeps and searches on the disk: one JSON file each, saved after every cell, and those that come with the repository.

A file holds what the commands write with ``--out``, and of a search also what was asked. This module runs nothing.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from recsys.data.atomic import open_atomically
from recsys.errors import DataFormatError, InputError, RecsysError, StorageError
from recsys.tuning.study import Study
from recsys.tuning.study_result import StudyResult
from recsys.tuning.sweep import SweepResult

Kind = Literal["sweep", "study"]

FOLDERS: Final[Mapping[Kind, str]] = {"sweep": "sweeps", "study": "studies"}
_NAME = re.compile(r"[A-Za-z0-9._-]{1,80}")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class KeptSweep:
    """A sweep as it is kept.

    Attributes:
        name: Of its file, without the ending.
        result: Its cells so far.
        saved_at: Seconds since 1970; 0 for those that come with the repository.
    """

    name: str
    result: SweepResult
    saved_at: float = 0.0
    kind: Literal["sweep"] = "sweep"

    @property
    def done(self) -> int:
        """Finished cells."""
        return len(self.result.cells)

    @property
    def total(self) -> int:
        """Cells that there will be."""
        return self.result.sweep.num_cells


@dataclass(frozen=True)
class KeptStudy:
    """A search as it is kept.

    Attributes:
        name: Of its file, without the ending.
        study: What was asked.
        result: Its trials so far.
        saved_at: Seconds since 1970; 0 for those that come with the repository.
    """

    name: str
    study: Study
    result: StudyResult
    saved_at: float = 0.0
    kind: Literal["study"] = "study"

    @property
    def done(self) -> int:
        """Finished trials."""
        return len(self.result.trials)

    @property
    def total(self) -> int:
        """Trials that were asked for."""
        return self.study.num_trials


Kept = KeptSweep | KeptStudy


class KeptResults:
    """The results of a folder and the shipped ones.

    Args:
        folder: Where results are kept.
        shipped: Results that come with the repository; it need not exist.
    """

    def __init__(self, folder: Path, shipped: Path | None = None) -> None:
        self._folder, self._shipped = folder, shipped
        self._read: dict[Path, tuple[int, Kept | None]] = {}

    def save(self, kept: Kept) -> None:
        """Writes a result, in the place of an earlier one of that name.

        Raises:
            StorageError: when it cannot be written.
        """
        path = self._path(kept.kind, kept.name)
        text = json.dumps(values_of(kept), ensure_ascii=False, indent=2) + "\n"
        try:
            with open_atomically(path) as file:
                file.write(text.encode("utf-8"))
        except OSError as error:
            raise StorageError("the result cannot be kept", seen=str(path), mend=str(error.strerror)) from error

    def find(self, kind: Kind, name: str) -> Kept | None:
        """The result of that name; None where there is none, or one that cannot be read.

        Raises:
            InputError: when it is no name.
        """
        own = self._path(kind, name)
        paths = [own, *([self._shipped / FOLDERS[kind] / own.name] if self._shipped else [])]
        return next((kept for path in paths if (kept := self._load(kind, path))), None)

    def all(self) -> tuple[Kept, ...]:
        """Every result, the newest first and the shipped ones last; one that cannot be read is passed over."""
        own = sorted(self._of(self._folder), key=lambda kept: (-kept.saved_at, kept.name))
        names = {(kept.kind, kept.name) for kept in own}
        shipped = self._of(self._shipped) if self._shipped else ()
        return *own, *(kept for kept in shipped if (kept.kind, kept.name) not in names)

    def _path(self, kind: Kind, name: str) -> Path:
        if kind not in FOLDERS or not _NAME.fullmatch(name) or name.startswith("."):
            raise InputError("no such result", seen=name, mend="open one of the list")
        return self._folder / FOLDERS[kind] / f"{name}.json"

    def _of(self, folder: Path) -> Iterator[Kept]:
        for kind, name in FOLDERS.items():
            for path in sorted((folder / name).glob("*.json")):
                if (kept := self._load(kind, path)) is not None:
                    yield kept

    def _load(self, kind: Kind, path: Path) -> Kept | None:
        """The result of a file, read once for as long as it stays the same."""
        try:
            changed = path.stat().st_mtime_ns
        except OSError:
            return None
        if self._read.get(path, (0, None))[0] != changed:
            saved_at = 0.0 if self._shipped and self._shipped in path.parents else changed / 1e9
            try:
                found: Kept | None = read_kept(kind, path, saved_at=saved_at)
            except RecsysError as error:
                _log.warning("%s", error)
                found = None
            self._read[path] = (changed, found)
        return self._read[path][1]


def values_of(kept: Kept) -> dict[str, Any]:
    """A result as plain JSON values."""
    values = kept.result.to_dict()
    return values if isinstance(kept, KeptSweep) else {**values, "study": kept.study.to_dict()}


def read_kept(kind: Kind, path: Path, *, saved_at: float = 0.0) -> Kept:
    """Reads a result.

    Raises:
        DataFormatError: when the file is gone or damaged.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if kind == "sweep":
            return KeptSweep(path.stem, SweepResult.from_dict(values), saved_at)
        return KeptStudy(path.stem, Study.from_dict(values["study"]), StudyResult.from_dict(values), saved_at)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, InputError) as error:
        raise DataFormatError(f"is no {kind} that can be read", path=path, seen=str(error)) from error
