"""Finished runs: those of this machine, and those that come with the repository.

Reports are read once for as long as they stay the same. This module runs nothing and writes nothing.
"""

from __future__ import annotations

import logging
import threading
from functools import cached_property
from pathlib import Path

from recsys.errors import DataFormatError, RecsysError
from recsys.evaluation.export import read_json
from recsys.evaluation.metrics import HEADLINE, METRICS
from recsys.evaluation.report import Report
from recsys.evaluation.results import RecordResult
from recsys.evaluation.run_database import FILE_NAME, RunDatabase
from recsys.evaluation.store import RunStore, read_report

_log = logging.getLogger(__name__)
_Key = tuple[str, str]


class PastRuns:
    """The finished runs of a folder and the shipped ones; safe to share between threads.

    Args:
        runs_folder: Where runs are kept.
        shipped_folder: Reports that come with the repository, a JSON file each; None has none.
    """

    def __init__(self, runs_folder: Path, shipped_folder: Path | None = None) -> None:
        self._runs_folder = runs_folder
        self._shipped_folder = shipped_folder
        self._database = RunDatabase(runs_folder / FILE_NAME)
        self._lock = threading.Lock()
        self._read: dict[_Key, Report | None] = {}
        self.problem: RecsysError | None = None
        """Why the runs of this machine could not be read when ``at_hand`` was called last; None where they could."""

    def reports(self) -> tuple[Report, ...]:
        """The reports of this machine, the newest first, and behind them the shipped ones that it has not made again.

        One that cannot be read is logged and passed over.

        Raises:
            StorageError: when the database is locked or cannot be read.
            DataFormatError: when it is damaged.
        """
        own = sorted(self._own(), key=lambda report: (report.finished_at, report.fingerprint), reverse=True)
        made = {report.fingerprint for report in own}
        return *own, *(report for report in self.shipped if report.fingerprint not in made)

    def at_hand(self) -> tuple[Report, ...]:
        """As reports, for a page that must go on: the shipped ones alone where the database cannot be read."""
        try:
            found, self.problem = self.reports(), None
        except RecsysError as error:
            found, self.problem = self.shipped, error
        return found

    @cached_property
    def shipped(self) -> tuple[Report, ...]:
        """The reports that come with the repository, the best first."""
        found = []
        for path in sorted(self._shipped_folder.glob("*.json")) if self._shipped_folder else ():
            try:
                found.append(read_json(path))
            except DataFormatError as error:
                _log.warning("%s", error)
        return tuple(sorted(found, key=lambda report: -report.model.metrics[HEADLINE].mean))

    @property
    def shipped_ids(self) -> frozenset[str]:
        """The fingerprints of the shipped reports."""
        return frozenset(report.fingerprint for report in self.shipped)

    def results(self, fingerprint: str) -> tuple[RecordResult, ...]:
        """Every finished record of a run, with every metric where its report is there; none for an unknown run.

        Raises:
            InputError: when it is no fingerprint.
            DataFormatError: when a record is damaged.
        """
        store = RunStore(self._runs_folder, fingerprint)
        try:
            results = store.results()
        except RecsysError:
            if (
                fingerprint in self.shipped_ids and self.problem is not None
            ):  # its records are elsewhere, whatever happened here
                return ()
            raise
        if all(result.metrics.keys() >= METRICS.keys() for result in results):
            return results
        try:
            report = store.report()
        except DataFormatError:
            report = None
        return results if report is None else tuple(result.with_every_metric(report.k) for result in results)

    def _own(self) -> list[Report]:
        with self._lock:
            with self._database.reading() as connection:
                if connection is None:
                    return []
                query_report = "SELECT CAST(report AS BLOB) FROM runs WHERE fingerprint = ?"
                query = "SELECT fingerprint, finished_at FROM runs WHERE report IS NOT NULL"
                keys: list[_Key] = connection.execute(query).fetchall()
                texts = {
                    key: connection.execute(query_report, key[:1]).fetchone()[0]
                    for key in keys
                    if key not in self._read
                }
            fresh = {key: self._parse(key[0], text) for key, text in texts.items()}
            self._read = {key: self._read.get(key) or fresh.get(key) for key in keys}
            return [report for report in self._read.values() if report is not None]

    def _parse(self, fingerprint: str, text: bytes) -> Report | None:
        try:
            return read_report(text, path=self._database.path, fingerprint=fingerprint)
        except DataFormatError as error:
            _log.warning("%s", error)
            return None
