"""One evaluation from request to report: draw, score the baselines, ask the model, summarise, keep.

The command line and the job of the page both come through here. It is given the function that answers a
batch, so it knows neither how a model is loaded nor who waits for the result.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from recsys.catalogue import Catalogue
from recsys.errors import InputError
from recsys.evaluation.baseline_scores import BaselineRun, FitBaseline, score_baseline
from recsys.evaluation.context import EvaluationContext
from recsys.evaluation.export import write_json
from recsys.evaluation.fitted_baselines import FittedBaselines
from recsys.evaluation.report import Report
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.results import RecordResult
from recsys.evaluation.runner import RecommendBatch, evaluate_records, select_records
from recsys.evaluation.store import RunStore
from recsys.evaluation.summary import describe_machine, make_report
from recsys.settings import EvaluationSettings

if TYPE_CHECKING:
    from recsys.data.records import Record, SplitData


class Watcher(Protocol):
    """Is told how an evaluation goes."""

    def say(self, message: str) -> None:
        """What is being done now."""
        ...

    def expect(self, total: int) -> None:
        """The model's turn begins; so many records will be reported."""
        ...

    def add(self, result: RecordResult, *, resumed: bool) -> None:
        """One record is done; ``resumed`` when an earlier start had done it."""
        ...


def run_evaluation(
    request: EvaluationRequest,
    split: SplitData,
    recommend_batch: RecommendBatch,
    store: RunStore,
    *,
    dataset_name: str,
    precision: str,
    watcher: Watcher | None = None,
    cancel: threading.Event | None = None,
    other_baselines: Mapping[str, FitBaseline] = MappingProxyType({}),
    catalogue: Catalogue | None = None,
    fitted: FittedBaselines | None = None,
) -> Report:
    """Runs an evaluation to its end, going on where an earlier start of the same request stopped.

    Args:
        request: What to evaluate.
        split: The records and the likes that baselines are fitted on.
        recommend_batch: Answers a batch of records; runner.record_seeds gives their seeds.
        store: The folder of this request's fingerprint.
        dataset_name: As the report names it.
        precision: What the model's weights are held in.
        watcher: Told how it goes.
        cancel: Set from another thread to stop; what is finished stays in the store.
        other_baselines: Recommenders that need more than likes, by name.
        catalogue: Every movie of the data set; without it the report has no breakdowns and tells nothing beyond
            accuracy.
        fitted: Baselines kept of earlier evaluations on this split, and for those to come.

    Raises:
        CancelledError: when it was stopped.
        InputError: when the split has no records.
        ModelBusyError: when another process runs the same request.
    """
    settings = request.evaluation
    available = split.records[settings.split]
    records = select_records(available, settings)
    if not records:
        mend = "take a larger data set or another split"
        raise InputError("there are no records to evaluate", seen=settings.split, mend=mend)
    fitted = FittedBaselines() if fitted is None else fitted
    score = partial(score_baseline, evaluated=settings.split, k=settings.k, fitted=fitted)
    with store.hold():
        started_at = store.begin(request)
        baselines = []
        for name in request.baselines:
            if watcher is not None:
                watcher.say(f"Scoring the baseline {name} on {len(records)} records")
            baselines.append(score(name, records, split, others=other_baselines))
        results = []
        store.repair()
        held = {result.record_id for result in store.results()}
        if watcher is not None:
            watcher.expect(len(records))
        for result in evaluate_records(
            records, recommend_batch, k=settings.k, batch_size=request.batch_size, store=store, cancel=cancel
        ):
            results.append(result)
            if watcher is not None:
                watcher.add(result, resumed=result.record_id in held)
        in_order = {result.record_id: result for result in results}
        report = make_report(
            request,
            [in_order[record.record_id] for record in records],
            baselines,
            fingerprint=store.fingerprint,
            dataset_name=dataset_name,
            num_available=len(available),
            precision=precision,
            started_at=started_at,
            finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
            machine=describe_machine(),
            context=None if catalogue is None else _describe(records, split, catalogue, baselines, settings, fitted),
        )
        write_json(report, store.report_path)
    return report


def _describe(
    records: Sequence[Record],
    split: SplitData,
    catalogue: Catalogue,
    baselines: Sequence[BaselineRun],
    settings: EvaluationSettings,
    fitted: FittedBaselines,
) -> EvaluationContext:
    """The context of the records; popularity is scored for it where it is none of the baselines."""
    popularity = next((run for run in baselines if run.name == "popularity"), None)
    if popularity is None:
        popularity = score_baseline("popularity", records, split, evaluated=settings.split, k=settings.k, fitted=fitted)
    return EvaluationContext.of_split(split, catalogue, records, popularity)
