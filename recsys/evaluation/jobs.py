"""Evaluations that run in the server and outlive the page that started them.

One job runs at a time. Whoever asks gets a frozen picture of its state, so a page may come, go and come back;
a job that was cancelled, or died with the server, goes on when the same request is started again. The job is
given the work as a function: this module knows no model.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from recsys.errors import CancelledError, InputError, ModelBusyError, RecsysError
from recsys.evaluation.folder_runs import import_folder_runs
from recsys.evaluation.intervals import clustered_interval, mean_over_records
from recsys.evaluation.job_state import JobState, Phase, RunningMetric
from recsys.evaluation.metrics import METRICS
from recsys.evaluation.past_runs import PastRuns
from recsys.evaluation.report import Report
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.results import RecordResult
from recsys.evaluation.store import RunStore
from recsys.models.artifacts import Progress, silent
from recsys.settings import require_number

Work = Callable[["EvaluationJob"], Report]
"""Does the evaluation: opens ``job.open_store(fingerprint)`` and calls run_evaluation with the job as watcher."""

NUM_LATEST = 8
"""Results that a state carries; ``EvaluationJob.results()`` has them all."""

_LIVE_RESAMPLES = 1_000
_SECONDS_BETWEEN_LOOKS = 0.25
_log = logging.getLogger(__name__)


class EvaluationJob:
    """One evaluation under way; every method may be called from any thread.

    Args:
        request: What is evaluated.
        runs_folder: Where runs are kept.
        clock: Seconds that only ever grow.
    """

    def __init__(
        self, request: EvaluationRequest, runs_folder: Path, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.id = uuid.uuid4().hex[:12]
        self.request = request
        self.cancel_event = threading.Event()
        self._runs_folder = runs_folder
        self._clock = clock
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._phase: Phase = "queued"
        self._message = "Waiting to begin"
        self._results: list[RecordResult] = []
        self._num_resumed = 0
        self._total = 0
        self._report: Report | None = None
        self._error: RecsysError | None = None
        self._began = self._pace_from = clock()
        self._ended: float | None = None
        self._metrics: tuple[int, Mapping[str, RunningMetric]] = (0, {})

    def state(self) -> JobState:
        """The job at this moment; never waits for the model."""
        with self._lock:
            results, phase, total, message = tuple(self._results), self._phase, self._total, self._message
            report, error = self._report, self._error
            now = self._clock() if self._ended is None else self._ended
            eta = self._eta(now)
        return JobState(
            job_id=self.id,
            phase=phase,
            done=len(results),
            total=total,
            seconds_elapsed=now - self._began,
            eta_seconds=eta,
            metrics=self._running_metrics(results),
            latest=results[-NUM_LATEST:],
            report=report,
            message=message,
            error=error,
        )

    def results(self) -> tuple[RecordResult, ...]:
        """Every result so far."""
        with self._lock:
            return tuple(self._results)

    def cancel(self) -> None:
        """Asks the job to stop; finished records are kept."""
        self.cancel_event.set()
        with self._lock:
            if self._ended is None:
                self._message = "Stopping after the tokens under way"

    def wait(self, timeout: float | None = None) -> JobState:
        """Waits until the job is over, or that many seconds, and tells its state."""
        self._over.wait(timeout)
        return self.state()

    def finish(self, tell: Progress = silent) -> Report:
        """Waits until the job is over and gives its report.

        Args:
            tell: Told a few times a second how far it is, from 0 to 1, and a sentence.

        Raises:
            CancelledError: when it was stopped.
            RecsysError: whatever went wrong.
        """
        while not (state := self.wait(_SECONDS_BETWEEN_LOOKS)).is_over:
            message = f"{state.done} of {state.total} records" if state.total else state.message
            tell(state.done / state.total if state.total else 0.0, message)
        if state.report is None:
            raise state.error or RecsysError(state.message)
        return state.report

    def open_store(self, fingerprint: str) -> RunStore:
        """Where the run with that fingerprint is kept, for the work to write to."""
        return RunStore(self._runs_folder, fingerprint)

    def say(self, message: str) -> None:
        """Tells what the work is at."""
        with self._lock:
            self._message = message

    def expect(self, total: int) -> None:
        """Tells how many records there will be; the pace is measured from here."""
        with self._lock:
            self._total = total
            self._pace_from = self._clock()
            self._message = f"Asking the model about {total} records"

    def add(self, result: RecordResult, *, resumed: bool) -> None:
        """Takes in one finished record."""
        with self._lock:
            self._results.append(result)
            if resumed:
                self._num_resumed += 1
                self._pace_from = self._clock()

    def run(self, work: Work) -> None:
        """Does the work and notes how it ended; raises nothing."""
        with self._lock:
            self._phase, self._message = "running", "Getting ready"
        try:
            report = work(self)
        except CancelledError as stop:
            self._end("cancelled", str(stop), error=stop)
        except RecsysError as error:
            self._end("failed", str(error), error=error)
        except Exception as bug:  # noqa: BLE001  # a thread's error has nobody else to go to
            _log.exception("evaluation %s failed", self.id)
            told = RecsysError("an error that should not happen", seen=f"{type(bug).__name__}: {bug}")
            self._end("failed", str(told), error=told)
        else:
            self._end("done", f"{report.num_records} records evaluated", report=report)

    def _end(
        self, phase: Phase, message: str, *, report: Report | None = None, error: RecsysError | None = None
    ) -> None:
        with self._lock:
            self._phase, self._message, self._report, self._error = phase, message, report, error
            self._ended = self._clock()
        self._over.set()

    def _eta(self, now: float) -> float | None:
        fresh = len(self._results) - self._num_resumed
        left = self._total - len(self._results)
        if self._phase != "running" or not fresh:
            return None
        return (now - self._pace_from) / fresh * left

    def _running_metrics(self, results: tuple[RecordResult, ...]) -> Mapping[str, RunningMetric]:
        """Metrics so far, computed once for each number of records and not while the lock is held."""
        num_known, known = self._metrics
        if num_known == len(results):
            return known
        user_ids = [result.user_id for result in results]
        metrics = {}
        for name in METRICS:
            values = [result.metrics[name] for result in results]
            interval = clustered_interval(values, user_ids, num_resamples=_LIVE_RESAMPLES)
            metrics[name] = RunningMetric(mean_over_records(values), interval)
        self._metrics = (len(results), metrics)
        return metrics


class EvaluationJobs:
    """Starts jobs, one at a time, and finds them and their reports again.

    Args:
        runs_folder: Where runs are kept.
        shipped_folder: Reports that come with the repository; None has none.
        clock: Seconds that only ever grow.
    """

    def __init__(
        self,
        runs_folder: Path,
        shipped_folder: Path | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.runs_folder = runs_folder
        self.past = PastRuns(runs_folder, shipped_folder)
        self._clock = clock
        self._lock = threading.Lock()
        self._latest: EvaluationJob | None = None
        self._latest_listed: EvaluationJob | None = None
        import_folder_runs(runs_folder)

    def start(self, request: EvaluationRequest, work: Work, *, group: str = "") -> EvaluationJob:
        """Starts a job in a thread of its own.

        Args:
            request: What is evaluated.
            work: Evaluates it.
            group: A folder within the runs folder for runs that are not listed, such as the cells of a sweep.

        Raises:
            ModelBusyError: while another job runs.
        """
        with self._lock:
            self.require_idle()
            job = self._latest = EvaluationJob(request, self.runs_folder / group, clock=self._clock)
            if not group:
                self._latest_listed = job
        threading.Thread(target=job.run, args=(work,), name=f"evaluation-{job.id}", daemon=True).start()
        return job

    def require_idle(self) -> None:
        """Raises ModelBusyError while a job runs."""
        if self._latest is not None and not (running := self._latest.state()).is_over:
            raise ModelBusyError(
                "an evaluation is already running",
                seen=f"{running.done} of {running.total} records done",
                mend="wait until it is done or cancel it; what it has finished is kept",
            )

    def latest(self) -> EvaluationJob | None:
        """The job that runs, or else the last one of this process; None before the first."""
        return self._latest

    def latest_listed(self) -> EvaluationJob | None:
        """The last job whose run will be listed: no cell of a sweep; None before the first."""
        return self._latest_listed

    def find(self, job_id: str) -> EvaluationJob:
        """The job of that id.

        Raises:
            InputError: when it is not the latest one: of others only the report is kept.
        """
        job = self._latest
        if job is None or job.id != job_id:
            raise InputError("no such job", seen=job_id, mend="look for its report among the past runs")
        return job

    def past_reports(self) -> tuple[Report, ...]:
        """Every report, the newest first, the shipped ones last; one that cannot be read is logged and passed over."""
        return self.past.reports()

    def past_results(self, fingerprint: str) -> tuple[RecordResult, ...]:
        """Every finished record of a run; none for an unknown run, and none of a shipped report.

        Raises:
            InputError: when it is no fingerprint.
            DataFormatError: when a record is damaged.
        """
        return self.past.results(fingerprint)


def estimate_seconds(num_records: int, seconds_per_record: float) -> float:
    """How long an evaluation will take, before it starts.

    Args:
        num_records: Records to be evaluated.
        seconds_per_record: Of an earlier run or a first batch, divided by its records.

    Raises:
        SettingsError: when one is negative or not finite.
    """
    require_number("num_records", num_records, 0, 1_000_000, integer=True)
    require_number("seconds_per_record", seconds_per_record, 0, 1e6)
    return num_records * seconds_per_record
