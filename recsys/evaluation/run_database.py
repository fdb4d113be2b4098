"""The file that every run is kept in: one SQLite database, each batch one transaction.

A batch is on the disk whole or not at all, whatever kills the process, and readers never see half of one. Every
call opens a connection of its own, so any thread and any process may read while another writes. What SQLite
refuses is told in the words of the package. This module knows no run: store.py writes into it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from recsys.errors import DataFormatError, StorageError

FILE_NAME: Final = "runs.sqlite3"
SCHEMA_VERSION: Final = 1
PATIENCE: Final = 20.0
"""Seconds that a call waits while another process writes."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS runs (
    fingerprint TEXT PRIMARY KEY,
    started_at TEXT NOT NULL,
    request TEXT NOT NULL,
    provenance TEXT NOT NULL,
    prompt BLOB NOT NULL,
    finished_at TEXT,
    report TEXT
);
CREATE TABLE IF NOT EXISTS results (
    fingerprint TEXT NOT NULL,
    record_id TEXT NOT NULL,
    result TEXT NOT NULL,
    PRIMARY KEY (fingerprint, record_id)
);
"""
_BUSY: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
"""The last is what our own statements meet only where tables or columns are not those that were made."""
_KEPT: Final = "start the same evaluation again; finished batches are kept"


class RunDatabase:
    """One database of runs.

    Args:
        path: The file; made with its folder when something is first written.
        patience: Seconds to wait for another process that writes.
    """

    def __init__(self, path: Path, *, patience: float = PATIENCE) -> None:
        self.path = path
        self._patience = patience

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """A connection for the block; None where there is no database yet.

        Raises:
            StorageError: when another process keeps it locked, or the file cannot be read.
            DataFormatError: when it is no database of runs, or damaged.
        """
        if not self.path.exists():
            yield None
            return
        with self._told(), closing(self._connect()) as connection:
            yield connection if self._version(connection) else None

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of the block is on the disk when it ends, or nothing when it raises.

        Raises:
            StorageError: when the disk is full, the folder cannot be written to, or another process keeps it locked.
            DataFormatError: when it is no database of runs, or damaged.
        """
        with self._told():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect()) as connection:
                if not self._version(connection):
                    connection.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}PRAGMA user_version={SCHEMA_VERSION};COMMIT;")
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                except BaseException:
                    connection.rollback()
                    raise
                connection.commit()

    def _connect(self) -> sqlite3.Connection:
        # Transactions are begun by hand: the module's own begin only at the first change, after what was read.
        connection = sqlite3.connect(self.path, timeout=self._patience, isolation_level=None)
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _version(self, connection: sqlite3.Connection) -> int:
        """The version of the tables; 0 where there are none yet."""
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise DataFormatError(
                "these runs were kept by a newer release",
                path=self.path,
                seen=f"version {version}",
                mend="update this program, or choose another folder with --runs",
            )
        return version

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Words what SQLite and the file system refuse."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise self._worded(error) from error
        except OSError as error:
            raise StorageError(
                "the folder of runs cannot be used",
                seen=f"{error.strerror or error}: {self.path.parent}",
                mend="choose another with --runs or $RECSYS_RUNS",
            ) from error

    def _worded(self, error: sqlite3.DatabaseError) -> StorageError | DataFormatError:
        code = getattr(error, "sqlite_errorcode", None) or 0
        primary = code & 0xFF  # the extended codes tell more than people can use
        is_text = primary == 0 and isinstance(error, sqlite3.OperationalError)  # one that is no UTF-8
        if primary in _DAMAGED or is_text:
            mend = "move the file away; the next run starts a new one"
            return DataFormatError("not a database of runs, or damaged", path=self.path, seen=str(error), mend=mend)
        if primary == sqlite3.SQLITE_FULL:
            mend = f"make room, or choose another folder with --runs or $RECSYS_RUNS; then {_KEPT}"
            return StorageError("the disk is full, so the batch was not kept", seen=str(self.path), mend=mend)
        if primary in _BUSY:
            mend = f"close what holds it, then {_KEPT}"
            return StorageError(
                f"another program has locked the runs for {self._patience:g} s", seen=str(self.path), mend=mend
            )
        mend = "choose another folder with --runs or $RECSYS_RUNS"
        return StorageError("the runs cannot be read or written", seen=f"{error}: {self.path}", mend=mend)
