"""The app's workbench, which notes each request and each evaluation in the server's log."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from recsys.evaluation.jobs import EvaluationJob
from recsys.evaluation.report import Report
from recsys.loaded_data import LoadedData
from recsys.recommend import Recommendation, RecommendationRequest
from recsys.server_log import noted
from recsys.workbench import Workbench


class LoggedWorkbench(Workbench):
    """A workbench whose requests leave a line each: kind, model, adapter, seconds and outcome."""

    def stream(
        self, request: RecommendationRequest, *, data: LoadedData | None = None, cancel: threading.Event | None = None
    ) -> Iterator[str | Recommendation]:
        choice = request.choice
        with noted("recommend", model=choice.model, adapter=choice.adapter) as note:
            for part in super().stream(request, data=data, cancel=cancel):
                if isinstance(part, Recommendation):
                    # Who has the answer asks for nothing more, which is no stop.
                    note.outcome = "stopped" if part.completion.finish_reason == "stopped" else "done"
                yield part

    def _evaluate(self, job: EvaluationJob, data: LoadedData) -> Report:
        choice = job.request.choice
        with noted("evaluate", model=choice.model, adapter=choice.adapter):
            return super()._evaluate(job, data)
