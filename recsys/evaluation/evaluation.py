"""One evaluation from request to report: draw, score the baselines, ask the model, summarise, keep.

The command line and the job of the page both come through here. It is given the function that answers a
batch, so it knows neither how a model is loaded nor who waits for the result.
"""

from __future__ import annotations

import shlex
import threading
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from recsys.catalogue import Catalogue
from recsys.errors import InputError, StorageError
from recsys.evaluation.baseline_scores import BaselineRun, FitBaseline, score_baseline
from recsys.evaluation.context import EvaluationContext
from recsys.evaluation.fitted_baselines import FittedBaselines
from recsys.evaluation.origin import UNKNOWN_ORIGIN, Origin
from recsys.evaluation.report import Report
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.results import RecordResult
from recsys.evaluation.runner import ALONE, RecommendBatch, evaluate_records, select_records
from recsys.evaluation.store import RunStore
from recsys.evaluation.summary import describe_machine, make_report
from recsys.models.distributed import Processes

if TYPE_CHECKING:
    from recsys.data.known_films import KnownFilms
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
    known_films: KnownFilms | None = None,
    origin: Origin = UNKNOWN_ORIGIN,
    processes: Processes = ALONE,
    fitted: FittedBaselines | None = None,
) -> Report:
    """Runs an evaluation to its end, going on where an earlier start of the same request stopped.

    Args:
        request: What to evaluate.
        split: The records and the likes that baselines are fitted on.
        recommend_batch: Answers a batch of records; runner.record_seeds gives their seeds.
        store: Where this request's run is kept.
        dataset_name: As the report names it.
        precision: What the model's weights are held in.
        watcher: Told how it goes.
        cancel: Set from another thread to stop; what is finished stays in the store.
        other_baselines: Recommenders that need more than likes, by name.
        catalogue: Every movie of the data set; without it the report has no breakdowns and tells nothing beyond
            accuracy.
        known_films: A list of films larger than the catalogue, by which the report tells real titles out of the
            catalogue from invented ones.
        origin: What the results are made of.
        processes: Those that share the work; all are given the same arguments and come back with the same report.
        fitted: Baselines kept of earlier evaluations on this split, and for those to come.

    Raises:
        CancelledError: when it was stopped.
        InputError: when the split has no records.
        ModelBusyError: when another start of the same request is running.
        StorageError: when a batch cannot be kept.
    """
    fitted = FittedBaselines() if fitted is None else fitted
    study = _Study(request, split, store, watcher, origin, other_baselines, fitted, catalogue, known_films)
    with store.hold() if processes.is_first else nullcontext():
        begun = study.begin() if processes.is_first else None
        processes.wait()
        study.ask(recommend_batch, cancel, processes)
        processes.wait()
        if begun is not None:
            store.take_parts()
            study.finish(*begun, dataset_name=dataset_name, precision=precision)
        processes.wait()
    report = store.report()
    if report is None:  # only when somebody took the database away meanwhile
        raise StorageError("the report is not there any more", seen=store.fingerprint, mend="start it again")
    return report


@dataclass(frozen=True, eq=False)
class _Study:
    """The steps of one evaluation; the arguments are those of run_evaluation."""

    request: EvaluationRequest
    split: SplitData
    store: RunStore
    watcher: Watcher | None
    origin: Origin
    other_baselines: Mapping[str, FitBaseline]
    fitted: FittedBaselines
    catalogue: Catalogue | None
    known_films: KnownFilms | None

    def __post_init__(self) -> None:
        if not self._records:
            mend = "take a larger data set or another split"
            raise InputError("there are no records to evaluate", seen=self.request.evaluation.split, mend=mend)

    @cached_property
    def _records(self) -> tuple[Record, ...]:
        return select_records(self.split.records[self.request.evaluation.split], self.request.evaluation)

    @cached_property
    def _provenance(self) -> dict[str, str]:
        return self.origin.provenance(self._records)

    def begin(self) -> tuple[str, list[BaselineRun]]:
        """Notes the start, takes in what killed processes left, and scores the baselines.

        Returns:
            When the run was first started, and the baselines' scores.
        """
        prompt = self.origin.prompt(self._records)
        started_at = self.store.begin(self.request, provenance=self._provenance, prompt=prompt)
        self.store.forget_damaged()
        self.store.take_parts()
        baselines = []
        for name in self.request.baselines:
            if self.watcher is not None:
                self.watcher.say(f"Scoring the baseline {name} on {len(self._records)} records")
            baselines.append(self._score(name))
        return started_at, baselines

    def ask(self, recommend_batch: RecommendBatch, cancel: threading.Event | None, processes: Processes) -> None:
        """Asks the model about what no start has finished, or this process's share of it."""
        held = self.store.record_ids()
        if self.watcher is not None:
            self.watcher.expect(len(self._records))
        results = evaluate_records(
            self._records,
            recommend_batch,
            k=self.request.evaluation.k,
            batch_size=self.request.batch_size,
            store=self.store,
            cancel=cancel,
            processes=processes,
        )
        for result in results:
            if self.watcher is not None:
                self.watcher.add(result, resumed=result.record_id in held)

    def finish(self, started_at: str, baselines: Sequence[BaselineRun], *, dataset_name: str, precision: str) -> None:
        """Makes the report and keeps it."""
        request, k = self.request, self.request.evaluation.k
        by_id = {result.record_id: result.with_every_metric(k) for result in self.store.results()}
        report = make_report(
            request,
            [by_id[record.record_id] for record in self._records],
            baselines,
            fingerprint=self.store.fingerprint,
            dataset_name=dataset_name,
            num_available=len(self.split.records[request.evaluation.split]),
            precision=precision,
            started_at=started_at,
            finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
            machine=describe_machine(),
            context=None if self.catalogue is None else self._context(self.catalogue, baselines),
        )
        command = shlex.join([*request.command_words, *self.origin.options])
        self.store.finish(replace(report, provenance=self._provenance, command=command))

    def _score(self, name: str) -> BaselineRun:
        """A baseline with as many items for each record as the model is asked for."""
        settings = self.request.evaluation
        return score_baseline(
            name,
            self._records,
            self.split,
            evaluated=settings.split,
            k=settings.k,
            num_titles=self.request.generation.num_recommendations,
            others=self.other_baselines,
            fitted=self.fitted,
        )

    def _context(self, catalogue: Catalogue, baselines: Sequence[BaselineRun]) -> EvaluationContext:
        """The context of the records; popularity and a random order are scored for it where they are no baselines."""
        scored = {run.name: run for run in baselines}
        popularity, at_random = (scored.get(name) or self._score(name) for name in ("popularity", "random"))
        return EvaluationContext.of_split(
            self.split, catalogue, self._records, popularity, random_run=at_random, known_films=self.known_films
        )
