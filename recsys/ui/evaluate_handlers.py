"""What happens when someone starts, watches, cancels or opens an evaluation.

A job lives in the server and not in the page: every page looks at the same job, and a page that is opened
anew finds it where it is. Handlers are given plain values and return plain values, so they can be tested
without a page; evaluate_tab.py hands them to components.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.catalogue import Catalogue
from recsys.errors import DataFormatError, InputError
from recsys.evaluation.comparison import RunComparison, compare_runs
from recsys.evaluation.export import write_csv, write_json
from recsys.evaluation.job_state import JobState
from recsys.evaluation.jobs import EvaluationJob
from recsys.evaluation.metrics import HEADLINE
from recsys.evaluation.report import Report
from recsys.evaluation.report_markdown import write_markdown
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.results import RecordResult
from recsys.ui import evaluation_cards as cards
from recsys.ui import figures
from recsys.ui.evaluation_estimate import estimate
from recsys.ui.evaluation_records import filter_records, no_records_html, num_pages, records_html
from recsys.ui.evaluation_view import comparison_bars, distance_unit, headline_label, running_points
from recsys.ui.markup import escape, plural

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from recsys.workbench import Workbench

ShownRun = tuple[str, str]
"""The fingerprint of the run on show and when it was finished: a run made again is shown again."""

NOTHING_YET = cards.notice_html(
    "empty",
    "No evaluation yet",
    "Each record hides four movies that a held-out person liked after six others. The model is given the six and "
    "asked for the next; what it names is scored against the four. Start with the settings on the left: the "
    "baselines are scored on the very same records.",
)


@dataclass(frozen=True)
class Snapshot:
    """What a page shows of the latest job.

    Attributes:
        job_id: The job; None before the first.
        is_running: Whether to look again soon.
        may_cancel: Whether this page may stop it.
        status: HTML of its state; empty when a result says all.
        headline: HTML of the figure so far; empty when there is none.
        curve: Records done and of how many, k and job: what the running figure is drawn of; None without one.
        shown: The run whose result belongs on the page now; None to leave the page as it is.
    """

    job_id: str | None
    is_running: bool = False
    may_cancel: bool = False
    status: str = ""
    headline: str = ""
    curve: tuple[str, int] | None = None
    shown: ShownRun | None = None


@dataclass(frozen=True, eq=False)
class Result:
    """A finished run with everything that the page shows of it."""

    report: Report
    results: tuple[RecordResult, ...]
    past: tuple[Report, ...] = ()
    files: tuple[Path, ...] = field(default=())


class EvaluateHandlers:
    """The Evaluate tab's actions on one workbench."""

    def __init__(self, workbench: Workbench) -> None:
        self.workbench = workbench

    def catalogue_of(self, report: Report) -> Catalogue:
        """The movies of a run; an empty catalogue where it was of a data set that is not in use."""
        return self.workbench.catalogue if report.is_of(self.workbench.dataset.name) else Catalogue(())

    def num_available(self, split: str) -> int:
        """Records of a split that may be evaluated at once on this page."""
        available = len(self.workbench.split.records[split])  # type: ignore[index]
        limit = self.workbench.limits.max_records
        return min(available, limit) if limit else available

    def estimate_html(self, request: EvaluationRequest) -> str:
        """How long the request will take, and what that is based on."""
        settings = request.evaluation
        num_records = settings.num_records or self.num_available(settings.split)
        told = estimate(request, num_records, self.past_reports(), self.workbench.host.state().tokens_per_second)
        return (
            f'<p class="ev-estimate"><strong>About {cards.duration(told.seconds)}</strong> for '
            f"{plural(num_records, 'record')}<small>{escape(told.basis)}</small></p>"
        )

    def start(self, request: EvaluationRequest) -> EvaluationJob:
        """Starts the evaluation in the server.

        Raises:
            RecsysError: while another one runs, or when a setting is not allowed here.
        """
        return self.workbench.start_evaluation(request)

    def cancel(self, job_id: str | None, own_job: str | None) -> None:
        """Stops the job that the page shows.

        Raises:
            InputError: when there is nothing to stop, or it is someone else's on a public page.
        """
        job = self.workbench.jobs.latest_listed()
        if job is None or job.id != job_id or job.state().is_over:
            raise InputError("there is no evaluation to stop", mend="it is over already")
        if not self._may_cancel(job, own_job):
            raise InputError("this evaluation was started by someone else", mend="wait until it is done")
        job.cancel()

    def snapshot(self, own_job: str | None) -> Snapshot:
        """The latest job at this moment, as a page shows it; cheap enough to be asked every second."""
        job = self.workbench.jobs.latest_listed()
        if job is None:
            return Snapshot(None)
        state = job.state()
        k = job.request.evaluation.k
        running = state.metrics.get(HEADLINE)
        headline = ""
        if running is not None and state.done and state.phase != "done":
            headline = cards.running_headline_html(headline_label(k), running.mean, running.interval, state.done)
        report = state.report
        return Snapshot(
            job_id=job.id,
            is_running=not state.is_over,
            may_cancel=not state.is_over and self._may_cancel(job, own_job),
            status=self._status(job, state),
            headline=headline,
            curve=(job.id, state.done) if headline else None,
            shown=(report.fingerprint, report.finished_at) if report is not None else None,
        )

    def running_figure(self) -> go.Figure | None:
        """The running curve of the latest job."""
        job = self.workbench.jobs.latest_listed()
        if job is None:
            return None
        state, results = job.state(), job.results()
        points = running_points(results, state.total)
        return figures.running_figure(points, total=state.total, label=headline_label(job.request.evaluation.k))

    def newest(self) -> ShownRun | None:
        """The newest run on the disk."""
        reports = self.past_reports()
        return (reports[0].fingerprint, reports[0].finished_at) if reports else None

    def past_reports(self) -> tuple[Report, ...]:
        """Every finished run, the newest first."""
        return self.workbench.jobs.past.at_hand()

    def result(self, shown: ShownRun) -> Result:
        """A finished run with its records, and the files to download.

        Raises:
            DataFormatError: when its files are gone or damaged.
        """
        report, results = _read_run(self, shown)
        files = export_files(report, results, self.catalogue_of(report) or None)
        return Result(report, results, self.past_reports(), files)

    def past_run(self, fingerprint: str) -> ShownRun:
        """A run of the list, by its fingerprint.

        Raises:
            InputError: when the list has none of that name.
        """
        found = self.find_run(fingerprint)
        if found is None:
            raise InputError("no such run", seen=fingerprint, mend="open one of the list")
        return found

    def find_run(self, fingerprint: str) -> ShownRun | None:
        """As past_run; None where the list has none of that name."""
        found = (report for report in self.past_reports() if report.fingerprint == fingerprint)
        return next(((report.fingerprint, report.finished_at) for report in found), None)

    def report(self, shown: ShownRun) -> Report:
        """The report of a run.

        Raises:
            DataFormatError: when it is gone.
        """
        return _read_run(self, shown)[0]

    def compare(self, shown: ShownRun, fingerprint: str) -> RunComparison:
        """The run on show beside another one of the list.

        Raises:
            InputError: when they cannot be compared.
        """
        report, results = _read_run(self, shown)
        other, others = _read_run(self, self.past_run(fingerprint))
        return compare_runs(report, results, other, others, self.catalogue_of(report) or None)

    def records_page(self, shown: ShownRun | None, name: str, page: int) -> tuple[int, str, str]:
        """One page of the records browser: the page after clamping, its HTML, and where it is in words."""
        if shown is None:
            return 0, "", ""
        report, results = _read_run(self, shown)
        if not results:
            return 0, no_records_html(report), ""
        kept = filter_records(results, name)
        pages = num_pages(len(kept))
        page = min(max(page, 0), pages - 1)
        where = f'<p class="ev-quiet ev-where">Page {page + 1} of {pages} · {plural(len(kept), "record")}</p>'
        return page, records_html(kept, page, self.catalogue_of(report), report.request.resolution.resolver), where

    def _may_cancel(self, job: EvaluationJob, own_job: str | None) -> bool:
        return not self.workbench.options.public or job.id == own_job

    def _status(self, job: EvaluationJob, state: JobState) -> str:
        """The job's state in words; nothing once the result speaks for itself."""
        if state.phase == "done":
            return ""
        if state.is_over:
            told = state.message if state.error is None else cards.sentences(state.error)
            title = "Stopped" if state.phase == "cancelled" else "The evaluation failed"
            return cards.notice_html(state.phase, title, told)
        return cards.progress_html(
            "Stopping" if job.cancel_event.is_set() else "Evaluating",
            state.done / state.total if state.total else 0.0,
            self._facts(job, state),
        )

    def _facts(self, job: EvaluationJob, state: JobState) -> list[str]:
        host = self.workbench.host.state()
        # The first batch waits for the weights; a silent minute there would look like a hang.
        loading = f"{host.message} ({host.progress:.0%})" if host.phase == "loading" else state.message
        if not state.total or job.cancel_event.is_set():
            return [loading, f"{cards.duration(state.seconds_elapsed)} so far"]
        left = "" if state.eta_seconds is None else f"about {cards.duration(state.eta_seconds)} left"
        return [
            f"{state.done} of {plural(state.total, 'record')}",
            loading if not state.done else left,
            f"{cards.duration(state.seconds_elapsed)} so far",
        ]


@lru_cache(maxsize=4)
def _read_run(handlers: EvaluateHandlers, shown: ShownRun) -> tuple[Report, tuple[RecordResult, ...]]:
    """A run's report and records; kept, since every turn of a page asks for them."""
    fingerprint, _ = shown
    for report in handlers.past_reports():
        if report.fingerprint == fingerprint:
            return report, handlers.workbench.jobs.past_results(fingerprint)
    folder = handlers.workbench.jobs.runs_folder
    raise DataFormatError("this run is not there any more", path=folder, seen=fingerprint, mend="evaluate it again")


def export_files(report: Report, results: tuple[RecordResult, ...], catalogue: Catalogue | None) -> tuple[Path, ...]:
    """The report as JSON, its records as CSV and the report as Markdown, where the page can fetch them.

    Records have ids alone without a catalogue.
    """
    folder = Path(_exports_folder().name)
    json_path = folder / f"evaluation-{report.fingerprint}.json"
    csv_path = folder / f"records-{report.fingerprint}.csv"
    markdown_path = folder / f"evaluation-{report.fingerprint}.md"
    write_json(report, json_path)
    write_csv(results, csv_path, catalogue=catalogue)
    write_markdown(report, markdown_path)
    return json_path, csv_path, markdown_path


@lru_cache(maxsize=1)
def _exports_folder() -> tempfile.TemporaryDirectory[str]:
    """One folder for the life of the process, removed when it ends."""
    return tempfile.TemporaryDirectory(prefix="evaluations-")


def result_figures(result: Result) -> tuple[Any, Any]:
    """The comparison and the distances of a run."""
    report, distances = result.report, result.report.distances
    comparison = figures.comparison_figure(comparison_bars(report, result.past), label=headline_label(report.k))
    histogram = figures.distance_figure(
        distances.edges, distances.resolved, distances.out_of_catalogue, unit=distance_unit(report)
    )
    return comparison, histogram
