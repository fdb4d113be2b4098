"""One run in the database: its request, a result for each finished record, and at the end its report.

A killed run loses one batch at most. Where several processes share a run, each keeps its results in a file of
its own, and the first takes them in. This module decides nothing about what is evaluated.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final

from recsys.errors import DataFormatError, InputError, ModelBusyError, SettingsError, StorageError
from recsys.evaluation.report import Report
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.results import RecordResult
from recsys.evaluation.run_database import FILE_NAME, RunDatabase

_FINGERPRINT = re.compile(r"[0-9a-f]{8,64}")
_LOCKS: Final = "locks"
_PARTS: Final = "parts"
_log = logging.getLogger(__name__)


class RunStore:
    """What is kept of one run.

    Args:
        runs_folder: Where the database is; made when the first thing is written.
        fingerprint: Names the run.
        database: Where the run is kept; None takes the folder's own.

    Raises:
        InputError: when it is no fingerprint, so that no name from outside leads out of the folder.
    """

    def __init__(self, runs_folder: Path, fingerprint: str, *, database: RunDatabase | None = None) -> None:
        if _FINGERPRINT.fullmatch(fingerprint) is None:
            raise InputError("not the fingerprint of a run", seen=fingerprint, mend="take one from the list of runs")
        self.fingerprint = fingerprint
        self._folder = runs_folder
        self._database = database or RunDatabase(runs_folder / FILE_NAME)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Holds the run for the block; the hold ends with the process, however that ends.

        Raises:
            ModelBusyError: when another process or thread is at this run.
            StorageError: when the folder cannot be written to.
        """
        path = self._folder / _LOCKS / self.fingerprint
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("ab")
        except OSError as error:
            mend = "choose another with --runs or $RECSYS_RUNS"
            seen = f"{error.strerror}: {self._folder}"
            raise StorageError("the folder of runs cannot be written to", seen=seen, mend=mend) from error
        with file:
            if not _try_lock(file):
                raise ModelBusyError(
                    "this evaluation is already running elsewhere",
                    seen=self.fingerprint,
                    mend="wait until it is done or cancel it there, then start it again",
                )
            yield

    def begin(
        self,
        request: EvaluationRequest,
        *,
        provenance: Mapping[str, str] = MappingProxyType({}),
        prompt: str = "",
    ) -> str:
        """Writes down what is asked, unless an earlier start did.

        Args:
            request: What is asked.
            provenance: Hashes of data, weights, adapter and prompts, and versions of the engine.
            prompt: The first record's prompt, kept as its very bytes.

        Returns:
            When the run was first started, in UTC.
        """
        started_at = datetime.now(UTC).isoformat(timespec="seconds")
        row = (
            self.fingerprint,
            started_at,
            json.dumps(request.to_dict()),
            json.dumps(dict(provenance)),
            prompt.encode("utf-8", errors="surrogatepass"),
        )
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO runs (fingerprint, started_at, request, provenance, prompt) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (fingerprint) DO UPDATE SET provenance = excluded.provenance, prompt = excluded.prompt",
                row,
            )
            found = connection.execute("SELECT started_at FROM runs WHERE fingerprint = ?", (self.fingerprint,))
            return str(found.fetchone()[0])

    def results(self) -> tuple[RecordResult, ...]:
        """The finished records, each once, in the order of their writing.

        Raises:
            DataFormatError: when one cannot be read.
        """
        return tuple(self._read_result(record_id, text) for _, record_id, text in self._rows())

    def forget_damaged(self) -> tuple[str, ...]:
        """Drops the results that cannot be read, so that their records are asked again, and gives their ids."""
        damaged: list[tuple[int, str]] = []
        for row, record_id, text in self._rows():
            try:
                self._read_result(record_id, text)
            except DataFormatError as error:
                _log.warning("%s", error)
                damaged.append((row, str(record_id)))
        if damaged:
            with self._database.writing() as connection:
                connection.executemany("DELETE FROM results WHERE rowid = ?", [(row,) for row, _ in damaged])
        return tuple(record_id for _, record_id in damaged)

    def _rows(self) -> list[tuple[int, str, bytes]]:
        """Row, record and result as its bytes: SQLite hands out no text that is no UTF-8, nor any row after it."""
        with self._database.reading() as connection:
            if connection is None:
                return []
            query = "SELECT rowid, record_id, CAST(result AS BLOB) FROM results WHERE fingerprint = ? ORDER BY rowid"
            return connection.execute(query, (self.fingerprint,)).fetchall()

    def record_ids(self) -> frozenset[str]:
        """The ids of the finished records."""
        with self._database.reading() as connection:
            if connection is None:
                return frozenset()
            rows = connection.execute("SELECT record_id FROM results WHERE fingerprint = ?", (self.fingerprint,))
            return frozenset(record_id for (record_id,) in rows)

    def append(self, results: Sequence[RecordResult]) -> None:
        """Keeps the results of one batch, all or none; the disk has them when the call ends.

        A record that is there already stays as it is.
        """
        rows = [(self.fingerprint, result.record_id, result.to_json()) for result in results]
        with self._database.writing() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO results (fingerprint, record_id, result) VALUES (?, ?, ?)", rows
            )

    def finish(self, report: Report) -> None:
        """Keeps the report."""
        text = json.dumps(report.to_dict(), ensure_ascii=False, allow_nan=False)
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE runs SET report = ?, finished_at = ? WHERE fingerprint = ?",
                (text, report.finished_at, self.fingerprint),
            )

    def report(self) -> Report | None:
        """The report; None before the run is finished.

        Raises:
            DataFormatError: when it cannot be read.
        """
        with self._database.reading() as connection:
            if connection is None:
                return None
            query = "SELECT CAST(report AS BLOB) FROM runs WHERE fingerprint = ? AND report IS NOT NULL"
            row = connection.execute(query, (self.fingerprint,)).fetchone()
        return None if row is None else read_report(row[0], path=self._database.path, fingerprint=self.fingerprint)

    def part(self, rank: int) -> RunStore:
        """Where the process of that rank keeps its results until the first process takes them in."""
        path = self._folder / _PARTS / f"{self.fingerprint}-{rank}.sqlite3"
        return RunStore(self._folder, self.fingerprint, database=RunDatabase(path))

    def take_parts(self) -> None:
        """Takes in what other processes, of this start or of a killed one, have finished; their files go."""
        for path in sorted((self._folder / _PARTS).glob(f"{self.fingerprint}-*.sqlite3")):
            part = RunStore(self._folder, self.fingerprint, database=RunDatabase(path))
            part.forget_damaged()
            self.append(part.results())
            path.unlink()

    def _read_result(self, record_id: str, text: bytes) -> RecordResult:
        try:
            return RecordResult.from_json(text)
        except ValueError as error:
            raise DataFormatError(
                f"record {record_id} of run {self.fingerprint} cannot be read",
                path=self._database.path,
                seen=str(text[:80], "utf-8", "replace") if isinstance(text, bytes) else text,
                mend="start the same evaluation again: it asks such records anew",
            ) from error


def read_report(text: str | bytes, *, path: Path, fingerprint: str) -> Report:
    """The report of its JSON.

    Raises:
        DataFormatError: when it is none.
    """
    try:
        return Report.from_dict(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError, SettingsError) as error:
        mend = "start the same evaluation again; finished records are kept"
        problem = f"the report of run {fingerprint} cannot be read"
        raise DataFormatError(problem, path=path, seen=str(error), mend=mend) from error


def _try_lock(file: BinaryIO) -> bool:
    """Locks the file without waiting; the system lets go of it when the file or its process ends."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
