"""Takes an adapter in: from a zip, the Hub or a converted folder, checked before it appears among the others.

Nothing of a stranger is loaded or run, and no name of theirs becomes a path. What is taken in appears whole, under a
name that nobody has yet, or not at all.
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from recsys.errors import AdapterError, StorageError
from recsys.models.adapter_archive import unpack_archive
from recsys.models.adapter_base import find_base, trace_base
from recsys.models.adapter_files import NOTES_FILE, read_adapter_notes, unknown_settings
from recsys.models.adapter_hub import fetch_adapter
from recsys.models.adapter_listing import AdapterInfo, default_adapters_folder, describe_adapter
from recsys.models.adapter_weights import require_sound_weights
from recsys.models.registry import find_model
from recsys.remote.settings import is_served

Fill = Callable[[Path], str]
"""Writes an adapter's files into an empty folder and returns what the adapter calls itself."""

_STAGING = ".adding-"
_LOCK = ".lock"
_LONGEST_NAME = 64
_MOST_OF_A_NAME = 1000


@dataclass(frozen=True)
class AddedAdapter:
    """An adapter that has just been taken in.

    Attributes:
        info: As it is listed from now on.
        model: The model that it is offered with; None where nobody knows it.
        told: What whoever added it should know, each one sentence.
    """

    info: AdapterInfo
    model: str | None
    told: tuple[str, ...]


def add_archive(archive: Path, root: Path | None = None, *, base_model: str | None = None) -> AddedAdapter:
    """Takes in the adapter of a zip.

    Args:
        archive: A zip with a PEFT folder at its root or in one folder.
        root: The folder of adapters; None takes default_adapters_folder().
        base_model: The model that it is for, where it names none that is listed: a registry name, folder or Hub id.

    Raises:
        AdapterError: when it is refused, with what is wrong.
        UnknownModelError: when there is no such base model.
        StorageError: when it cannot be kept.
    """
    return add_adapter(lambda folder: unpack_archive(archive, folder), root, base_model=base_model)


def add_from_hub(name: str, root: Path | None = None, *, base_model: str | None = None) -> AddedAdapter:
    """Takes in an adapter of the Hub.

    Args:
        name: owner/name, or owner/name@revision.
        root: As add_archive takes it.
        base_model: As add_archive takes it.

    Raises:
        AdapterError, UnknownModelError, StorageError: as add_archive.
        ModelUnavailableError: access refused, or no network.
    """
    return add_adapter(lambda folder: fetch_adapter(name, folder), root, base_model=base_model)


def add_adapter(
    fill: Fill, root: Path | None = None, *, base_model: str | None = None, name: str | None = None
) -> AddedAdapter:
    """Takes in the adapter that ``fill`` writes.

    Args:
        fill: Writes its files.
        root: As add_archive takes it.
        base_model: As add_archive takes it.
        name: What it shall be called; None takes its own name, with a number where that is taken.

    Raises:
        AdapterError, UnknownModelError, StorageError: as add_archive; AdapterError too where ``name`` is taken.
    """
    root = root or default_adapters_folder()
    if name is not None:
        _require_new(root, name)
    chosen = find_model(base_model) if base_model and not is_served(base_model) else None
    with _storage_told(root):
        root.mkdir(parents=True, exist_ok=True)
        _sweep(root)
        with _staging(root) as work:
            filled = work / "new"
            filled.mkdir()
            own_name = fill(filled)
            staged = filled.rename(work / (name or clean_name(own_name)))
            entries = require_sound_weights(staged)
            info = describe_adapter(staged)
            if not info.is_usable:
                raise AdapterError(f"adapter {info.name}: {info.note[:1].lower()}{info.note[1:]}".rstrip("."))
            base = find_base(info, trace_base(entries), chosen)
            if base.taken_for:
                _note(staged, base.taken_for)
            told = (*told_of_left_out(staged), *base.told)
            _flush(staged)
            final = _appear(staged, root, fixed=name is not None)
    return AddedAdapter(describe_adapter(final), base.model, told)


def clean_name(text: str) -> str:
    """A folder's name of what an adapter calls itself.

    >>> clean_name("../My LoRA (2)"), clean_name("…"), clean_name("Léon_v1.2")
    ('My-LoRA-2', 'adapter', 'Leon_v1.2')
    """
    plain = unicodedata.normalize("NFKD", text[:_MOST_OF_A_NAME]).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-._")[:_LONGEST_NAME].strip("-._") or "adapter"


def told_of_left_out(folder: Path) -> tuple[str, ...]:
    """A sentence where adapter_config.json has keys that nothing here knows."""
    left_out = [name[:40] for name, _ in unknown_settings(folder)]
    if not left_out:
        return ()
    more = f" and {len(left_out) - 6} more" if len(left_out) > 6 else ""
    return (f"Settings that are not known here are left out: {', '.join(left_out[:6])}{more}.",)


def _require_new(root: Path, name: str) -> None:
    if name != clean_name(name):
        mend = f"take letters, digits, - and _, such as {clean_name(name)}"
        raise AdapterError("this cannot be the name of an adapter", seen=name, mend=mend)
    if (root / name).exists():
        raise AdapterError("there is an adapter of that name already", seen=name, mend="take another name")


def _appear(staged: Path, root: Path, *, fixed: bool) -> Path:
    """Moves a finished folder to a name that is free: nobody sees it half, and nothing is overwritten."""
    for number in range(1, 1000):
        target = root / (staged.name if number == 1 else f"{staged.name}-{number}")
        if not target.exists():
            try:
                return staged.rename(target)
            except OSError as error:  # another one has taken the name meanwhile
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
        if fixed:
            break
    raise AdapterError("there is an adapter of that name already", seen=staged.name, mend="take another name")


def _note(folder: Path, taken_for: str) -> None:
    notes = {**read_adapter_notes(folder), "taken_for": taken_for}
    (folder / NOTES_FILE).write_text(json.dumps(notes, indent=2) + "\n", encoding="utf-8")


def _flush(folder: Path) -> None:
    """A power cut after the folder appeared must not leave its files empty."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())


@contextmanager
def _staging(root: Path) -> Iterator[Path]:
    """An empty folder for a block, held by a lock beside it, which tells all others that somebody is at work there."""
    from filelock import FileLock

    work = root / f"{_STAGING}{secrets.token_hex(8)}"
    lock = FileLock(_lock_of(work))
    try:
        with lock:
            work.mkdir()
            try:
                yield work
            finally:
                shutil.rmtree(work, ignore_errors=True)
    finally:
        _lock_of(work).unlink(missing_ok=True)


def _lock_of(work: Path) -> Path:
    return work.with_name(f"{work.name}{_LOCK}")


def _sweep(root: Path) -> None:
    """Removes what killed processes left: whatever nobody holds, however old the clock makes it."""
    from filelock import FileLock, Timeout

    left = {path.with_name(path.name.removesuffix(_LOCK)) for path in root.glob(f"{_STAGING}*")}
    for work in left:
        with suppress(OSError, Timeout), FileLock(_lock_of(work), timeout=0):
            shutil.rmtree(work, ignore_errors=True)
            _lock_of(work).unlink(missing_ok=True)


@contextmanager
def _storage_told(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        mend = f"let this program write to {root}, or free the disk"
        raise StorageError("the adapter cannot be kept", seen=error.strerror or str(error), mend=mend) from error
