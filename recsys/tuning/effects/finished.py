"""What earlier starts have finished, found without a model being loaded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from recsys.evaluation.past_runs import PastRuns
from recsys.tuning.cells import GROUP

if TYPE_CHECKING:
    from recsys.evaluation.report import Report
    from recsys.evaluation.request import EvaluationRequest
    from recsys.evaluation.results import RecordResult
    from recsys.workbench import Workbench


class FinishedRuns:
    """The finished runs of sweeps on the data in use, by what was asked.

    Weights are not looked at: a run is found that an adapter of the same name gave before it was trained again.

    Args:
        workbench: Tells where runs are and which data is in use.
    """

    def __init__(self, workbench: Workbench) -> None:
        self._past = PastRuns(workbench.jobs.runs_folder / GROUP)
        self._reports = {
            _identity(report.request): report
            for report in reversed(self._past.reports())  # the newest last, so that it stays
            if report.provenance.get("data") == workbench.data.content_hash
            and report.dataset_name == workbench.data_name
        }

    def find(self, request: EvaluationRequest) -> Report | None:
        """The newest report of a request; None where no run of it is finished."""
        return self._reports.get(_identity(request))

    def results(self, report: Report) -> tuple[RecordResult, ...]:
        """The records of a report that was found, in one order for all of them."""
        return tuple(sorted(self._past.results(report.fingerprint), key=lambda result: result.record_id))


def _identity(request: EvaluationRequest) -> str:
    values = request.to_dict()
    del values["baselines"]
    return json.dumps(values, sort_keys=True)
