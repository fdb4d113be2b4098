"""The checkpoints of a run on the disk: complete ones, their order, and which of them are still as they were written.

Knows files alone; what a checkpoint holds is the Trainer's business.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Final

from recsys.models.manifest import MANIFEST, is_complete, is_unaltered, write_manifest

DAMAGED: Final = ".damaged"
_log = logging.getLogger(__name__)


def list_checkpoints(run: Path) -> list[Path]:
    """The complete checkpoints of a run, the oldest first."""
    found = (path for path in run.glob("checkpoint-*") if path.name.rpartition("-")[2].isdecimal())
    return sorted(found, key=lambda path: int(path.name.rpartition("-")[2]))


def last_checkpoint(run: Path) -> Path | None:
    """The newest complete checkpoint of a run."""
    found = list_checkpoints(run)
    return found[-1] if found else None


def seal_checkpoint(folder: Path) -> None:
    """Brings a finished checkpoint to the disk and notes the hash of every file in it."""
    write_manifest(folder, {})


def set_damaged_aside(run: Path) -> tuple[Path, ...]:
    """Renames checkpoints that are not as they were sealed, so that a run goes on from the newest sound one.

    One without a list of its files, which releases before did not write, is taken as it is.

    Returns:
        Where they are now.
    """
    moved = []
    for folder in list_checkpoints(run):
        if (folder / MANIFEST).is_file() and not (is_complete(folder) and is_unaltered(folder)):
            _log.warning("%s was altered or cut off and is passed over", folder)
            aside = run / f"{DAMAGED}-{folder.name}"
            shutil.rmtree(aside, ignore_errors=True)
            moved.append(folder.rename(aside))
    return tuple(moved)
