"""The folder of a training run: what it trains, its checkpoints and curves, and whether it may go on.

A command that was stopped goes on when it is given again. One that differs in anything that changes the result
is refused, so that two runs never mix.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recsys.data.atomic import open_atomically
from recsys.errors import ModelBusyError, SettingsError, TrainingError
from recsys.models.artifacts import cache_folder
from recsys.models.distributed import is_first_process

RUN_FILE = "run.json"
TRAINING_VARIABLE = "RECSYS_TRAINING"
_TORCH_COULD_NOT_WRITE = "inline_container"
"""In what torch.save raises when a file takes no more: a RuntimeError that does not say why."""
_FULL = "No space left"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}", re.ASCII)


def training_folder() -> Path:
    """Where runs are kept: $RECSYS_TRAINING, or a folder of the user's cache."""
    return Path(os.environ.get(TRAINING_VARIABLE) or cache_folder() / "training")


def require_name(name: str) -> str:
    """A name that can be a folder's.

    Raises:
        SettingsError: for any other.
    """
    if _NAME.fullmatch(name) is None:
        mend = "take letters, digits, dots, dashes and underscores, 64 at most"
        raise SettingsError("this cannot be the name of an adapter", seen=name, mend=mend)
    return name


class RunFolder:
    """One run's folder.

    Args:
        path: The folder.
        identity: Everything that changes the result, as plain JSON values.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        self.path = path
        self.identity: dict[str, Any] = json.loads(json.dumps(identity, allow_nan=False))

    def begin(self, *, restart: bool) -> None:
        """Makes the folder, or finds it as a run of the same identity.

        Args:
            restart: Forget what is there.

        Raises:
            SettingsError: when it holds another run, naming the first setting that differs.
            TrainingError: when it cannot be written.
        """
        with explain_disk_error(self.path):
            self._begin(restart)

    def _begin(self, restart: bool) -> None:
        if restart:
            shutil.rmtree(self.path, ignore_errors=True)
        told = self.path / RUN_FILE
        if told.is_file():
            before = _read_identity(told)
            if before != self.identity:
                name, was, now = _difference(before, self.identity)
                mend = "take another --name, or --restart to train it anew"
                seen = f"{name}: {was!r} then, {now!r} now"
                raise SettingsError(f"a run named {self.path.name} was begun with other settings", seen=seen, mend=mend)
            return
        with open_atomically(told) as file:
            file.write((json.dumps(self.identity, indent=2) + "\n").encode())


@contextmanager
def hold_run(path: Path) -> Iterator[None]:
    """Keeps others from training the run of that folder, or saving what came of it, at the same time.

    Of several processes that train together the first one holds it.

    Raises:
        ModelBusyError: when another start does.
        TrainingError: when the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    if not is_first_process():
        yield
        return
    lock = FileLock(path.parent / f".{path.name}.lock")
    with explain_disk_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            mend = "wait for it, or take another --name"
            raise ModelBusyError("another process trains this run", seen=path.name, mend=mend) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def explain_disk_error(folder: Path) -> Iterator[None]:
    """Words what goes wrong when checkpoints, curves or results are written in a block.

    Raises:
        TrainingError: in place of what Python, torch or safetensors raise when a file cannot be written.
    """
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and _TORCH_COULD_NOT_WRITE not in str(error):
            raise
        is_full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or _FULL in str(error)
        if is_full or isinstance(error, RuntimeError):
            mend = "free some and give the same command again: it goes on from the last checkpoint"
            raise TrainingError("the disk is full", seen=str(folder), mend=mend) from error
        mend = "choose a folder that can be written; the last checkpoint is kept"
        why = getattr(error, "strerror", None) or error
        raise TrainingError("the run's folder cannot be written", seen=f"{why}: {folder}", mend=mend) from error


def hash_records(rows: Iterator[Any]) -> str:
    """Sixteen hex digits over the cases that a run learns from."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(repr(row).encode())
    return digest.hexdigest()[:16]


def _read_identity(path: Path) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return dict(told)
    except (ValueError, TypeError, RecursionError) as error:
        mend = "take another --name, or --restart to train it anew"
        problem = f"what the run {path.parent.name} was begun with cannot be read"
        raise SettingsError(problem, seen=f"{path}: {error}", mend=mend) from error


def _difference(before: Mapping[str, Any], now: Mapping[str, Any], at: str = "") -> tuple[str, Any, Any]:
    for name in sorted({*before, *now}):
        was, is_now = before.get(name), now.get(name)
        if was != is_now:
            if isinstance(was, dict) and isinstance(is_now, dict):
                return _difference(was, is_now, f"{at}{name}.")
            return f"{at}{name}", was, is_now
    raise AssertionError("nothing differs")
