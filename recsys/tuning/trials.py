"""Where the trials of a search are kept: opened, held by one process at a time, and its errors in words.

Optuna keeps them in one SQLite file for all searches of a folder. Knows no evaluation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from recsys.errors import DataFormatError, ModelBusyError, ModelUnavailableError, StorageError
from recsys.tuning.sweep import SweepCell

if TYPE_CHECKING:
    import optuna

Direction = Literal["maximize", "minimize"]

CELL: Final = "cell"
"""What is noted of a finished trial."""
_FILE: Final = "studies.sqlite3"
_FIXED: Final = "fixed_params"
"""Where optuna keeps the values that a trial was told to take, before it has taken them."""
_UNREADABLE: Final = (LookupError, ValueError, TypeError, AttributeError, AssertionError)
"""What optuna raises over values that a sound file does not hold."""
_KEPT: Final = "start the same search again; finished trials are kept"


def require_optuna() -> None:
    """Refuses to search where optuna is not installed.

    Raises:
        ModelUnavailableError: with the command that installs it.
    """
    try:
        import optuna  # noqa: F401
    except ImportError:
        raise ModelUnavailableError("optuna is not installed", mend='pip install "recsys[tune]"') from None


@contextmanager
def opened_study(
    folder: Path, name: str, names: Collection[str], directions: list[Direction], first: Mapping[str, Any]
) -> Iterator[optuna.Study]:
    """A search's trials for a block, held so that no other process takes this one's trial for a killed one's.

    Args:
        folder: Where trials are kept.
        name: Of the search.
        names: What it searches.
        directions: Of each goal.
        first: The values of its first trial, where it has none yet.

    Raises:
        ModelUnavailableError: without optuna.
        ModelBusyError: when another process is at this search.
        StorageError: when the disk is full, or the folder cannot be written to.
        DataFormatError: when the file is damaged.
    """
    require_optuna()
    import optuna
    from filelock import FileLock, Timeout

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = folder / _FILE
    lock = FileLock(folder / f".{name}.lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        mend = "wait until it is done, or stop it there"
        raise ModelBusyError("this search is already running elsewhere", seen=name, mend=mend) from None
    except OSError as error:
        mend = "choose another folder with --runs or $RECSYS_RUNS"
        raise StorageError(
            "the folder of searches cannot be used", seen=f"{error.strerror or error}: {folder}", mend=mend
        ) from error
    try:
        with _told(path, *_UNREADABLE):
            kept = optuna.create_study(
                storage=f"sqlite:///{path.resolve()}", study_name=name, load_if_exists=True, directions=directions
            )
            _take_up(kept, names, first)
        with _told(path):
            yield kept
    finally:
        lock.release()


def _take_up(kept: optuna.Study, names: Collection[str], first: Mapping[str, Any]) -> None:
    """Tries first what a kill left half done: its finished records are kept under the same settings."""
    from optuna.trial import TrialState

    for trial in kept.get_trials(states=(TrialState.RUNNING,)):
        # One that was told its values may have been killed before it took them all; any other proposes the same
        # again, since proposals depend on the finished trials alone.
        waiting = [other.system_attrs.get(_FIXED) for other in kept.get_trials(states=(TrialState.WAITING,))]
        values = trial.params if trial.params.keys() == set(names) else trial.system_attrs.get(_FIXED)
        if values and values not in waiting:
            kept.enqueue_trial(values)
        kept.tell(trial.number, state=TrialState.FAIL)
    if not kept.get_trials():
        kept.enqueue_trial(dict(first))


def ask_trial(kept: optuna.Study, seed: int, done: int) -> optuna.Trial:
    """The next trial; its proposal depends on the finished trials and the seed, not on when the study was started."""
    import optuna

    digest = hashlib.sha256(f"{seed} {done}".encode()).digest()
    kept.sampler = optuna.samplers.TPESampler(seed=int.from_bytes(digest[:4], "little"), n_startup_trials=8)
    return kept.ask()


def finished_cells(kept: optuna.Study) -> list[SweepCell]:
    """What the finished trials found, in their order.

    Raises:
        DataFormatError: when one cannot be read.
    """
    from optuna.trial import TrialState

    try:
        trials = kept.get_trials(states=(TrialState.COMPLETE,))
        return [SweepCell.from_dict(trial.user_attrs[CELL]) for trial in trials]
    except _UNREADABLE as error:
        raise DataFormatError(
            f"a trial of search {kept.study_name} cannot be read",
            path=_FILE,
            seen=str(error),
            mend="move the file away; the next search starts anew, on records that are kept",
        ) from error


@contextmanager
def _told(path: Path, *more: type[Exception]) -> Iterator[None]:
    """Words what optuna and its database raise, and more where nothing else is done in the block."""
    import sqlite3

    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    kinds: tuple[type[Exception], ...] = (SQLAlchemyError, StorageInternalError, sqlite3.Error, *more)
    try:
        yield
    except kinds as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, sqlite3.Error):
            cause = getattr(cause, "orig", None) or cause.__cause__
        code = (getattr(cause, "sqlite_errorcode", None) or 0) & 0xFF
        seen = (str(cause or error).splitlines() or [type(error).__name__])[0]
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            mend = f"make room, or choose another folder with --runs or $RECSYS_RUNS; then {_KEPT}"
            raise StorageError("the trials cannot be kept", seen=f"{seen}: {path}", mend=mend) from error
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            mend = f"close what holds it, then {_KEPT}"
            raise StorageError("another program has locked the trials", seen=str(path), mend=mend) from error
        mend = "move the file away; the next search starts anew, on records that are kept"
        raise DataFormatError("not a file of searches, or damaged", path=path, seen=seen, mend=mend) from error
