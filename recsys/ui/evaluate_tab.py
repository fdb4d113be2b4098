"""The Evaluate tab: settings on the left, and on the right the run under way or the run on show.

The page only looks at a job that lives in the server: a timer asks for its state, so closing the page stops
nothing and opening it again shows the job where it is. What is shown is worked out in evaluate_handlers.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from recsys.errors import RecsysError
from recsys.models.host import ModelChoice
from recsys.ui import evaluation_cards as cards
from recsys.ui.comparison_panel import ComparisonPanel
from recsys.ui.evaluate_api import add_evaluate_api
from recsys.ui.evaluate_handlers import NOTHING_YET, EvaluateHandlers, ShownRun, Snapshot, result_figures
from recsys.ui.evaluation_form import EvaluationForm
from recsys.ui.evaluation_link import LinkControls
from recsys.ui.evaluation_records import filter_choices
from recsys.ui.evaluation_tables import TABLES
from recsys.ui.event_values import sent_name
from recsys.ui.past_runs import runs_html
from recsys.ui.shown_errors import errors_shown

if TYPE_CHECKING:
    from recsys.evaluation.report import Report
    from recsys.workbench import Workbench

_LEAD = (
    '<p class="ev-lead">How often does the model name what a person really liked next? Measured on people it has '
    "never seen, beside classic recommenders on the same records.</p>"
)
_SECONDS_WHILE_RUNNING = 1.0
_SECONDS_WHILE_IDLE = 5.0
_NUM_RUN = 8
_NUM_RESULT = 15
"""Components that show the run under way, and those that show a finished one."""

Seen = tuple[str | None, bool, str, tuple[str, int] | None, bool]
"""What a page has last seen of the latest job: id, whether it runs, status, place on the curve, may it be stopped."""

_OPEN_RUN = """
element.addEventListener('click', (event) => {
  const run = event.target.closest('[data-run]');
  if (run) trigger('select', { fingerprint: run.dataset.run });
  const other = event.target.closest('[data-compare]');
  if (other) trigger('compare', { fingerprint: other.dataset.compare });
});
"""
# Events that only look: no progress overlay, no place in the queue, no name in the API.
_QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


def create_evaluate_tab(
    workbench: Workbench, default_choice: ModelChoice | None = None, tabs: gr.Tabs | None = None
) -> EvaluationForm:
    """Draws the tab inside the ``gr.Tab`` that is open, and adds the ``/evaluate`` endpoints; gives its form.

    Args:
        workbench: What evaluates.
        default_choice: The model that is chosen at first; the embedded one without it.
        tabs: Where a link opens this tab; without them no link is read.
    """
    tab = EvaluateTab(EvaluateHandlers(workbench), default_choice or ModelChoice())
    tab.connect(tabs)
    add_evaluate_api(workbench)
    return tab.form


def _html(value: str = "", **options: Any) -> gr.HTML:
    """HTML without gradio's prose style, which would paint all text in one colour."""
    return gr.HTML(value, apply_default_css=False, **options)


def _download(path: Path, *, is_empty: bool) -> gr.DownloadButton:
    """A file to take along; a report that came without its records has no rows to give."""
    return gr.DownloadButton(value=str(path), interactive=not is_empty or path.suffix != ".csv")


class EvaluateTab:
    """The tab's components and the events between them."""

    def __init__(self, handlers: EvaluateHandlers, default_choice: ModelChoice) -> None:
        self.handlers = handlers
        self.shown = gr.State(None)
        self.page = gr.State(0)
        self.seen = gr.State(None)
        self.own_job = gr.BrowserState(None, storage_key="recsys-own-evaluation")
        self.timer = gr.Timer(_SECONDS_WHILE_RUNNING)
        _html(_LEAD)
        with gr.Row(elem_id="evaluate", elem_classes=["bench"]):
            with gr.Column(scale=0, min_width=300, elem_classes=["side"]):
                self._draw_setup(default_choice)
            with gr.Column(min_width=300, elem_classes=["main"]):
                self._draw_run()
                self.two = ComparisonPanel(self.handlers)
                self._draw_result()

    def _draw_setup(self, default_choice: ModelChoice) -> None:
        self.form = EvaluationForm(self.handlers, default_choice)
        self.estimate = _html(elem_id="evaluate-estimate")
        self.start = gr.Button("Start evaluation", variant="primary", elem_id="evaluate-start")
        self.cancel = gr.Button("Stop", visible=False, elem_id="evaluate-cancel")
        self.links = LinkControls(self.handlers, self.form)
        _html('<h2 class="ev-title">Past runs</h2>')
        self.runs = _html(js_on_load=_OPEN_RUN, elem_id="evaluate-runs")

    def _draw_run(self) -> None:
        self.status = _html(visible=False, elem_id="evaluate-status")
        with gr.Column(visible=False, elem_classes="ev-card") as self.running:
            self.running_headline = _html(elem_id="evaluate-running")
            self.curve = gr.Plot(show_label=False, elem_id="evaluate-curve", elem_classes="ev-plot")

    def _draw_result(self) -> None:
        with gr.Column(visible=False, elem_id="evaluate-result") as self.result:
            with gr.Column(elem_classes="ev-card"):
                self.headline = _html(elem_id="evaluate-headline")
                self.comparison = gr.Plot(show_label=False, elem_id="evaluate-comparison", elem_classes="ev-plot")
            with gr.Column(elem_classes="ev-card"):
                _html('<h2 class="ev-title">Every metric</h2>')
                self.table = _html(elem_id="evaluate-table")
            with gr.Column(elem_classes="ev-card"):
                _html('<h2 class="ev-title">What the model wrote</h2>')
                self.quality = _html(elem_id="evaluate-quality")
                self.distances = gr.Plot(show_label=False, elem_id="evaluate-distances", elem_classes="ev-plot")
            with gr.Column(elem_classes="ev-card"):
                self._draw_records()

    def _draw_records(self) -> None:
        _html('<h2 class="ev-title">Records</h2>')
        self.filter = gr.Radio(
            [("All", "all")], value="all", show_label=False, elem_id="evaluate-filter", elem_classes="segments"
        )
        self.records = _html(elem_id="evaluate-records-list")
        with gr.Row(equal_height=True, elem_classes="ev-pager"):
            self.previous = gr.Button("Previous", size="sm", min_width=90)
            self.where = _html()
            self.next = gr.Button("Next", size="sm", min_width=90, elem_id="evaluate-next")
        with gr.Row():
            self.json_file = gr.DownloadButton("Report as JSON", size="sm", elem_id="evaluate-json")
            self.csv_file = gr.DownloadButton("Records as CSV", size="sm", elem_id="evaluate-csv")
            self.markdown_file = gr.DownloadButton("Report as Markdown", size="sm", elem_id="evaluate-markdown")
        self.links.draw_run_link()

    def connect(self, tabs: gr.Tabs | None) -> None:
        """Ties the events."""
        result = [self.result, self.shown, self.headline, self.comparison, self.table, self.quality, self.distances]
        result += [self.filter, self.json_file, self.csv_file, self.markdown_file]
        result += [self.runs, self.page, self.records, self.where]
        looked = [self.seen, self.timer, self.status, self.running, self.running_headline, self.curve]
        looked += [self.start, self.cancel, *result]
        watched = [self.own_job, self.seen, self.shown]
        # Without inputs this runs when the page is opened, and then alone.
        gr.on(None, self.open, None, looked, **_QUIET)
        self.timer.tick(self.look, watched, looked, trigger_mode="once", **_QUIET)
        started = self.start.click(
            self.begin, self.form.inputs, self.own_job, concurrency_id="evaluate-start", api_visibility="private"
        )
        started.success(self.look, watched, looked, **_QUIET)
        stopped = self.cancel.click(
            self.stop, [self.seen, self.own_job], None, concurrency_id="evaluate-start", api_visibility="private"
        )
        stopped.then(self.look, watched, looked, **_QUIET)
        self.form.settled.add(self.tell_estimate, (), [self.estimate])
        self.form.settled.connect(self.form.inputs, at_first=True)
        self.runs.select(self.open_run, None, result, **_QUIET)
        self.two.connect(self.runs, self.shown)
        self.links.connect(self.shown, tabs)
        self._connect_browser()

    def _connect_browser(self) -> None:
        browsed = [self.page, self.records, self.where]
        self.filter.input(self.browse, [self.shown, self.filter], browsed, **_QUIET)
        for button, step in ((self.previous, -1), (self.next, 1)):
            button.click(self._turn(step), [self.shown, self.filter, self.page], browsed, **_QUIET)

    def begin(self, *values: object) -> str:
        """Starts the evaluation and remembers in the browser that it is this one's."""
        with errors_shown():
            return self.handlers.start(self.form.read(values)).id

    def stop(self, seen: Seen | None, own_job: str | None) -> None:
        """Stops the job on show."""
        with errors_shown():
            self.handlers.cancel(seen[0] if seen else None, own_job)
        gr.Info("Finished records are kept: start the same evaluation again to go on from there.", title="Stopping")

    def tell_estimate(self, _: gr.Request, values: Sequence[object]) -> tuple[Any]:
        """How long the form's evaluation would take; what is wrong with the form is told when it is started."""
        try:
            return (self.handlers.estimate_html(self.form.read(values)),)
        except RecsysError:
            return (gr.skip(),)

    def open(self, request: gr.Request) -> tuple[Any, ...]:
        """What a page shows that has just been opened: the job under way, else its link's run or the newest."""
        return self.look(None, None, self.links.linked_run(request))

    def look(self, own_job: str | None, seen: Seen | None, shown: ShownRun | None) -> tuple[Any, ...]:
        """The job as it is now; what has not changed since ``seen`` is left alone."""
        snapshot = self.handlers.snapshot(own_job)
        before = shown
        shown = self._run_to_show(snapshot, seen, shown)
        now: Seen = (snapshot.job_id, snapshot.is_running, snapshot.status, snapshot.curve, snapshot.may_cancel)
        if now == seen and shown == before:
            return (gr.skip(),) * (_NUM_RUN + _NUM_RESULT)
        redraw = snapshot.curve is not None and (seen is None or seen[3] != snapshot.curve)
        status = snapshot.status or ("" if shown or snapshot.is_running else NOTHING_YET)
        run = (
            now,
            gr.Timer(_SECONDS_WHILE_RUNNING if snapshot.is_running else _SECONDS_WHILE_IDLE),
            gr.HTML(status, visible=bool(status)),
            gr.Column(visible=snapshot.curve is not None),
            snapshot.headline if redraw else gr.skip(),
            self.handlers.running_figure() if redraw else gr.skip(),
            gr.Button(visible=not snapshot.is_running or not snapshot.may_cancel, interactive=not snapshot.is_running),
            gr.Button(visible=snapshot.may_cancel),
        )
        if shown != before or seen is None:
            return (*run, *self.draw(shown, visible=not snapshot.is_running))
        # While a job runs the page is its own; the run that was on show comes back when it is stopped.
        return (
            *run,
            gr.Column(visible=shown is not None and not snapshot.is_running),
            *(gr.skip(),) * (_NUM_RESULT - 1),
        )

    def _run_to_show(self, snapshot: Snapshot, seen: Seen | None, shown: ShownRun | None) -> ShownRun | None:
        """A job that ended while the page watched takes the place of the run on show."""
        ended_now = seen is not None and seen[1] and not snapshot.is_running
        if snapshot.shown is not None and (shown is None or ended_now):
            return snapshot.shown
        return shown if shown is not None or seen is not None else self.handlers.newest()

    def draw(self, shown: ShownRun | None, *, visible: bool = True) -> tuple[Any, ...]:
        """A finished run and the first of its records; without one, only the list of runs."""
        if shown is None:
            runs = self._runs_html(self.handlers.past_reports(), None)
            return (gr.Column(visible=False), None, *(gr.skip(),) * 9, runs, *(gr.skip(),) * 3)
        with errors_shown():
            result = self.handlers.result(shown)
            first_page = self.handlers.records_page(shown, "all", 0)
        comparison, histogram = result_figures(result)
        return (
            gr.Column(visible=visible),
            shown,
            cards.headline_html(result.report),
            comparison,
            "".join(table(result.report) for table in TABLES),
            cards.text_quality_html(result.report),
            histogram,
            gr.Radio(filter_choices(result.results), value="all"),
            *(_download(path, is_empty=not result.results) for path in result.files),
            self._runs_html(result.past, shown[0]),
            *first_page,
        )

    def _runs_html(self, reports: Sequence[Report], shown: str | None) -> str:
        past = self.handlers.workbench.jobs.past
        return runs_html(reports, shown, past.shipped_ids, problem=past.problem)

    def browse(self, shown: ShownRun | None, name: str, page: int = 0) -> tuple[int, str, str]:
        """A page of the records browser."""
        with errors_shown():
            return self.handlers.records_page(shown, name, page)

    def _turn(self, step: int) -> Callable[[ShownRun | None, str, int], tuple[int, str, str]]:
        def turn(shown: ShownRun | None, name: str, page: int) -> tuple[int, str, str]:
            return self.browse(shown, name, page + step)

        return turn

    def open_run(self, event: gr.EventData) -> tuple[Any, ...]:
        """Shows a past run."""
        with errors_shown():
            return self.draw(self.handlers.past_run(sent_name(event, "fingerprint")))
