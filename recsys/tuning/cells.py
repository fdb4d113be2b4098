"""Evaluates the cells of a sweep, or the trials of a study, one after another on a workbench.

They are kept apart from the runs that people started, so that a sweep of a hundred cells does not bury these.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recsys.errors import CancelledError, ModelBusyError
from recsys.evaluation.report import Report
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.results import RecordResult
from recsys.evaluation.store import RunStore

if TYPE_CHECKING:
    from recsys.evaluation.jobs import EvaluationJob
    from recsys.workbench import Workbench

GROUP: Final = "tuning"
_SECONDS_BETWEEN_LOOKS: Final = 0.25
_STOPPED: Final = "the sweep was stopped"


def data_mark(workbench: Workbench) -> str:
    """Tells data sets and their splits apart in names of files; 8 hexadecimal digits."""
    return hashlib.sha256(f"{workbench.data.content_hash} {workbench.data_name}".encode()).hexdigest()[:8]


def study_folder(workbench: Workbench) -> Path:
    """Where the trials of searches on the data in use are kept: those on other data are no trials of theirs."""
    return workbench.jobs.runs_folder / GROUP / f"data-{data_mark(workbench)}"


class CellEvaluator:
    """Evaluates requests on a workbench; people's own evaluations go first between two of them.

    Args:
        workbench: What evaluates.
        tell: Told how far the evaluation under way is, from 0 to 1, and a sentence.
        cancel: Set from another thread to stop; finished records are kept.
    """

    def __init__(
        self,
        workbench: Workbench,
        tell: Callable[[float, str], None] = lambda fraction, message: None,
        cancel: threading.Event | None = None,
    ) -> None:
        self._workbench, self._tell = workbench, tell
        self._cancel = cancel or threading.Event()

    def __call__(self, request: EvaluationRequest, name: str) -> Report:
        """The report of a request, taken up where it was stopped.

        Raises:
            CancelledError: when it was stopped.
            RecsysError: what the evaluation raises.
        """
        job = self._start(request, name)

        def tell(share: float, told: str) -> None:
            if self._cancel.is_set():
                job.cancel()
            self._tell(share, f"{name}: {told}")

        return job.finish(tell)

    def results(self, report: Report) -> tuple[RecordResult, ...]:
        """The records of a report that it gave, in one order for all of them."""
        store = RunStore(self._workbench.jobs.runs_folder / GROUP, report.fingerprint)
        return tuple(sorted(store.results(), key=lambda result: result.record_id))

    def _start(self, request: EvaluationRequest, name: str) -> EvaluationJob:
        while not self._cancel.is_set():
            try:
                return self._workbench.start_evaluation(request, group=GROUP)
            except ModelBusyError:
                self._tell(0.0, f"{name}: waits for another evaluation")
                self._cancel.wait(_SECONDS_BETWEEN_LOOKS)
        raise CancelledError(_STOPPED, mend="start the same one again to go on from there")
