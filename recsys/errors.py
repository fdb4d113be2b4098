"""Every error that the package raises on purpose, in one tree.

    RecsysError
    ├── InputError                  what a person gave is wrong: shown inline, exit code 2
    │   ├── SettingsError           a setting is out of range or of the wrong type
    │   ├── HistoryError            the liked or disliked movies cannot be used
    │   ├── DataFormatError         a data file is missing, truncated or has a bad row
    │   ├── UnknownModelError       no such model, or this session may not load it
    │   └── AdapterError            an adapter is missing, broken or made for another base model
    ├── ArtifactError               a packaged file could not be fetched, checked or converted
    ├── ModelUnavailableError       a known model cannot be loaded: access, network or memory
    ├── ModelBusyError              another job holds the model and must not be disturbed
    ├── ServerError                 a server that completes prompts is not reached or answers wrongly
    ├── StorageError                what was found cannot be kept: a full disk, a locked database
    ├── TrainingError               training cannot go on; the last good checkpoint is kept
    └── CancelledError              a person stopped the work

Each message says what was wrong, the value seen and the mend, so that it can be shown to a person
as it stands. Anything else that escapes the package is a bug.
"""

from __future__ import annotations

from pathlib import Path

_LONGEST_SEEN = 120


class RecsysError(Exception):
    """Base of the tree.

    Args:
        problem: What is wrong, as one sentence without a full stop.
        seen: The offending value; shortened when long.
        mend: What to do about it, as one sentence without a full stop.
    """

    def __init__(self, problem: str, *, seen: object = None, mend: str | None = None) -> None:
        self.problem = problem
        self.seen = seen
        self.mend = mend
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        parts = [self.problem]
        if self.seen is not None:
            shown = repr(self.seen)
            if len(shown) > _LONGEST_SEEN:
                shown = shown[: _LONGEST_SEEN - 1] + "…"
            parts[0] += f" (seen: {shown})"
        if self.mend:
            parts.append(self.mend)
        return ". ".join(parts) + "."


class InputError(RecsysError):
    """What a person gave is wrong; nothing was changed."""


class SettingsError(InputError):
    """A setting is out of range, of the wrong type or at odds with another."""


class HistoryError(InputError):
    """The liked or disliked movies cannot be used as they are."""


class DataFormatError(InputError):
    """A data file is missing, truncated or has a row that cannot be read.

    Args:
        problem: What is wrong.
        path: The file or folder.
        line: 1-based line number where it has one.
        seen: The offending text.
        mend: What to do about it.
    """

    def __init__(
        self,
        problem: str,
        *,
        path: Path | str,
        line: int | None = None,
        seen: object = None,
        mend: str | None = None,
    ) -> None:
        self.path = Path(path)
        self.line = line
        where = str(path) if line is None else f"{path}, line {line}"
        super().__init__(f"{where}: {problem}", seen=seen, mend=mend)


class UnknownModelError(InputError):
    """No model of that name, or this session is not allowed to load it."""


class AdapterError(InputError):
    """An adapter is missing, broken or made for another base model."""


class ArtifactError(RecsysError):
    """A packaged file could not be fetched, failed its hash or could not be converted."""


class ModelUnavailableError(RecsysError):
    """A known model cannot be loaded here and now: access, network or memory."""


class ModelBusyError(RecsysError):
    """Another job holds the model and must not be disturbed."""


class ServerError(RecsysError):
    """A server that completes prompts cannot be reached, refuses, or answers what cannot be read."""


class StorageError(RecsysError):
    """What was found cannot be kept or read back: the disk is full, the folder is closed, the database is locked."""


class TrainingError(RecsysError):
    """Training cannot go on: the loss is no number, or the disk is full. The last good checkpoint is kept."""


class CancelledError(RecsysError):
    """A person stopped the work."""
