"""One run on disk: its request, a line for each finished record, and at the end its report.

Lines are appended and pushed to the disk after every batch, so that a killed run loses one batch at most; a
line cut short by the kill is dropped when the run is read again. This module decides nothing about what is
evaluated.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from recsys.data.atomic import open_atomically
from recsys.errors import DataFormatError, InputError, ModelBusyError
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.results import RecordResult

_FINGERPRINT = re.compile(r"[0-9a-f]{8,64}")
_REQUEST: Final = "request.json"
_RECORDS: Final = "records.jsonl"
_REPORT: Final = "report.json"
_LOCK: Final = "run.lock"


class RunStore:
    """The folder of one run.

    Args:
        folder: Made when the first thing is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def open(cls, runs_folder: Path, fingerprint: str) -> RunStore:
        """The store of the run with that fingerprint.

        Raises:
            InputError: when it is no fingerprint, so that no name from outside leads out of the folder.
        """
        if _FINGERPRINT.fullmatch(fingerprint) is None:
            raise InputError("not the fingerprint of a run", seen=fingerprint, mend="take one from the list of runs")
        return cls(runs_folder / fingerprint)

    @property
    def fingerprint(self) -> str:
        return self.folder.name

    @property
    def records_path(self) -> Path:
        return self.folder / _RECORDS

    @property
    def report_path(self) -> Path:
        return self.folder / _REPORT

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Holds the run for the block; the hold ends with the process, however that ends.

        Raises:
            ModelBusyError: when another process or thread is at this run.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / _LOCK).open("ab") as file:
            if not _try_lock(file):
                raise ModelBusyError(
                    "this evaluation is already running elsewhere",
                    seen=self.fingerprint,
                    mend="wait until it is done or cancel it there, then start it again",
                )
            yield

    def begin(self, request: EvaluationRequest) -> str:
        """Writes the request down unless an earlier start did.

        Returns:
            When the run was first started, in UTC.
        """
        path = self.folder / _REQUEST
        if path.exists():
            try:
                return str(json.loads(path.read_bytes())["started_at"])
            except (ValueError, KeyError, TypeError):
                pass  # it tells people what was asked and nothing depends on it, so it is written anew
        started_at = datetime.now(UTC).isoformat(timespec="seconds")
        content = {"started_at": started_at, "request": request.to_dict()}
        with open_atomically(path) as file:
            file.write(json.dumps(content, indent=2).encode() + b"\n")
        return started_at

    def results(self) -> tuple[RecordResult, ...]:
        """The finished records, each once, in the order of their writing; a line cut short is passed over.

        Raises:
            DataFormatError: when a line other than the last cannot be read.
        """
        return self._read()[0]

    def repair(self) -> None:
        """Cuts a last line that a kill left unfinished off the file, so that the next one starts clean.

        Raises:
            DataFormatError: when a line other than the last cannot be read.
        """
        _, whole = self._read()
        if self.records_path.exists() and self.records_path.stat().st_size > whole:
            with self.records_path.open("r+b") as file:
                file.truncate(whole)

    def append(self, results: Sequence[RecordResult]) -> None:
        """Writes the results of one batch behind the others and waits until the disk has them."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.records_path.open("ab") as file:
            file.write("".join(result.to_line() for result in results).encode("ascii"))
            file.flush()
            os.fsync(file.fileno())

    def _read(self) -> tuple[tuple[RecordResult, ...], int]:
        """The finished records, and how many bytes of the file hold whole lines."""
        content = self.records_path.read_bytes() if self.records_path.exists() else b""
        lines = content.split(b"\n")[:-1]
        found: dict[str, RecordResult] = {}
        whole = 0
        for number, line in enumerate(lines, start=1):
            try:
                result = RecordResult.from_line(line.decode("utf-8"))
            except ValueError as error:
                if number == len(lines):
                    break
                raise DataFormatError(
                    "this line holds no record's result",
                    path=self.records_path,
                    line=number,
                    seen=line[:80].decode("utf-8", errors="replace"),
                    mend="delete the file to start the run anew",
                ) from error
            found.setdefault(result.record_id, result)
            whole += len(line) + 1
        return tuple(found.values()), whole


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
