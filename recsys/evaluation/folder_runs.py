"""Runs of earlier releases, which kept each in a folder of its own, taken into the database.

The folders stay where they are: nothing is lost when something cannot be read.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from recsys.errors import RecsysError
from recsys.evaluation.report import Report
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.results import RecordResult
from recsys.evaluation.run_database import FILE_NAME
from recsys.evaluation.store import RunStore

_REQUEST: Final = "request.json"
_RECORDS: Final = "records.jsonl"
_REPORT: Final = "report.json"
_log = logging.getLogger(__name__)


def import_folder_runs(runs_folder: Path) -> int:
    """Takes the runs of earlier releases into the database, where there is none yet.

    A run that cannot be read is logged and passed over.

    Args:
        runs_folder: Where runs are kept.

    Returns:
        How many were taken in.
    """
    if (runs_folder / FILE_NAME).exists():
        return 0
    taken = 0
    for path in sorted(runs_folder.glob(f"*/{_REQUEST}")):
        try:
            _import_run(runs_folder, path.parent)
            taken += 1
        except (RecsysError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            _log.warning("the run in %s was not taken over: %s", path.parent, error)
    return taken


def _import_run(runs_folder: Path, folder: Path) -> None:
    store = RunStore(runs_folder, folder.name)
    request = EvaluationRequest.from_dict(json.loads((folder / _REQUEST).read_bytes())["request"])
    results = list(_read_results(folder / _RECORDS)) if (folder / _RECORDS).exists() else []
    report = folder / _REPORT
    found = Report.from_dict(json.loads(report.read_bytes())) if report.exists() else None
    store.begin(request)
    store.append(results)
    if found is not None:
        store.finish(found)


def _read_results(path: Path) -> Iterator[RecordResult]:
    """One result a line; what a kill left of the last line is passed over."""
    lines = path.read_bytes().split(b"\n")[:-1]
    for number, line in enumerate(lines, start=1):
        try:
            yield RecordResult.from_json(line.decode("utf-8"))
        except ValueError:
            if number < len(lines):
                raise
