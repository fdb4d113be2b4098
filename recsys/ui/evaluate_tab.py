"""The Evaluate tab: settings on the left, and on the right the run under way or the run on show.

The page only looks at a job that lives in the server: a timer asks for its state, so closing the page stops
nothing and opening it again shows the job where it is. What is shown is worked out in evaluate_handlers.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import gradio as gr

from recsys.errors import RecsysError
from recsys.models.host import ModelChoice
from recsys.ui import evaluation_cards as cards
from recsys.ui.evaluate_api import add_evaluate_api
from recsys.ui.evaluate_handlers import EvaluateHandlers, ShownRun, result_figures
from recsys.ui.evaluation_form import EvaluationForm
from recsys.ui.evaluation_records import filter_choices

if TYPE_CHECKING:
    from recsys.workbench import Workbench

_LEAD = (
    '<p class="ev-lead">How often does the model name what a person really liked next? Measured on people it has '
    "never seen, beside classic recommenders on the same records.</p>"
)
_SECONDS_WHILE_RUNNING = 1.0
_SECONDS_WHILE_IDLE = 5.0
_OPEN_RUN = """
element.addEventListener('click', (event) => {
  const run = event.target.closest('[data-run]');
  if (run) trigger('select', { fingerprint: run.dataset.run });
});
"""
# Events that only look: no progress overlay, no place in the queue, no name in the API.
_QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


def create_evaluate_tab(workbench: Workbench, default_choice: ModelChoice | None = None) -> None:
    """Draws the tab inside the ``gr.Tab`` that is open, and adds the ``/evaluate`` endpoints.

    Args:
        workbench: What evaluates.
        default_choice: The model that is chosen at first; the embedded one without it.
    """
    EvaluateTab(EvaluateHandlers(workbench), default_choice or ModelChoice()).connect()
    add_evaluate_api(workbench)


@contextmanager
def errors_shown() -> Iterator[None]:
    """Shows what the package raises on purpose as a message on the page."""
    try:
        yield
    except RecsysError as error:
        raise gr.Error(str(error), duration=12, print_exception=False) from error


def _html(value: str = "", **options: Any) -> gr.HTML:
    """HTML without gradio's prose style, which would paint all text in one colour."""
    return gr.HTML(value, apply_default_css=False, **options)


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
        with gr.Row(equal_height=False, elem_id="evaluate"):
            with gr.Column(scale=4, min_width=300, elem_classes="ev-setup"):
                self._draw_setup(default_choice)
            with gr.Column(scale=9, min_width=320, elem_classes="ev-main"):
                self._draw_run()
                self._draw_result()

    def _draw_setup(self, default_choice: ModelChoice) -> None:
        self.form = EvaluationForm(self.handlers, default_choice)
        self.estimate = _html(elem_id="evaluate-estimate")
        with gr.Row():
            self.start = gr.Button("Start evaluation", variant="primary", elem_id="evaluate-start")
            self.cancel = gr.Button("Stop", variant="stop", visible=False, elem_id="evaluate-cancel")
        _html('<h3 class="ev-title">Past runs</h3>')
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
                _html('<h3 class="ev-title">Every metric</h3>')
                self.table = _html(elem_id="evaluate-table")
            with gr.Column(elem_classes="ev-card"):
                _html('<h3 class="ev-title">What the model wrote</h3>')
                self.quality = _html(elem_id="evaluate-quality")
                self.distances = gr.Plot(show_label=False, elem_id="evaluate-distances", elem_classes="ev-plot")
            with gr.Column(elem_classes="ev-card"):
                self._draw_records()

    def _draw_records(self) -> None:
        _html('<h3 class="ev-title">Records</h3>')
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

    def connect(self) -> None:
        """Ties the events."""
        looked = [self.seen, self.timer, self.status, self.running, self.running_headline, self.curve]
        looked += [self.start, self.cancel, self.result, self.shown]
        gr.on(None, self.open, [self.own_job, self.shown], looked, **_QUIET)
        self.timer.tick(self.look, [self.own_job, self.seen, self.shown], looked, trigger_mode="once", **_QUIET)
        started = self.start.click(
            self.begin, self.form.inputs, self.own_job, concurrency_id="evaluate-start", api_visibility="private"
        )
        started.success(self.look, [self.own_job, self.seen, self.shown], looked, **_QUIET)
        self.cancel.click(self.stop, [self.seen, self.own_job], None, **_QUIET)
        gr.on(None, self.tell_estimate, self.form.inputs, self.estimate, trigger_mode="always_last", **_QUIET)
        self._connect_result()

    def _connect_result(self) -> None:
        drawn = [self.headline, self.comparison, self.table, self.quality, self.distances, self.filter]
        drawn += [self.json_file, self.csv_file, self.runs]
        browsed = [self.page, self.records, self.where]
        quiet = {**_QUIET, "queue": True, "concurrency_id": "evaluate-view", "concurrency_limit": 4}
        self.shown.change(self.draw, self.shown, drawn, **quiet).then(
            self.browse, [self.shown, self.filter], browsed, **quiet
        )
        self.filter.input(self.browse, [self.shown, self.filter], browsed, **_QUIET)
        for button, step in ((self.previous, -1), (self.next, 1)):
            button.click(self._turn(step), [self.shown, self.filter, self.page], browsed, **_QUIET)
        self.runs.select(self.open_run, None, [self.shown, self.result], **_QUIET)

    def begin(self, *values: object) -> str:
        """Starts the evaluation and remembers in the browser that it is this one's."""
        with errors_shown():
            return self.handlers.start(self.form.read(values)).id

    def stop(self, seen: tuple[Any, ...] | None, own_job: str | None) -> None:
        """Stops the job on show."""
        with errors_shown():
            self.handlers.cancel(seen[0] if seen else None, own_job)
        gr.Info("Stopping. Finished records are kept: start the same evaluation again to go on from there.")

    def tell_estimate(self, *values: object) -> str:
        """How long the form's evaluation would take."""
        with errors_shown():
            return self.handlers.estimate_html(self.form.read(values))

    def open(self, own_job: str | None, shown: ShownRun | None) -> tuple[Any, ...]:
        """What a page shows that has just been opened: the job under way, else the newest run."""
        return self.look(own_job, None, shown or self.handlers.newest())

    def look(self, own_job: str | None, seen: tuple[Any, ...] | None, shown: ShownRun | None) -> tuple[Any, ...]:
        """The job as it is now; what has not changed since ``seen`` is left alone."""
        snapshot = self.handlers.snapshot(own_job)
        # A job that ended while the page watched takes the place of the run on show; before that, it stays hidden.
        ended_now = bool(seen and seen[0] == snapshot.job_id and seen[1] and not snapshot.is_running)
        if snapshot.shown is not None and (ended_now or shown is None):
            shown = snapshot.shown
        signature = (snapshot.job_id, snapshot.is_running, snapshot.status, snapshot.curve, snapshot.may_cancel, shown)
        if signature == seen:
            return (gr.skip(),) * 10
        redraw = snapshot.curve is not None and (seen is None or seen[3] != snapshot.curve)
        empty = snapshot.status or ("" if shown or snapshot.is_running else self.handlers.nothing_yet)
        return (
            signature,
            gr.Timer(_SECONDS_WHILE_RUNNING if snapshot.is_running else _SECONDS_WHILE_IDLE),
            gr.HTML(empty, visible=bool(empty)),
            gr.Column(visible=snapshot.curve is not None),
            snapshot.headline if redraw else gr.skip(),
            self.handlers.running_figure() if redraw else gr.skip(),
            gr.Button(interactive=not snapshot.is_running),
            gr.Button(visible=snapshot.may_cancel),
            gr.Column(visible=shown is not None and not snapshot.is_running),
            shown,
        )

    def draw(self, shown: ShownRun | None) -> tuple[Any, ...]:
        """The run on show."""
        if shown is None:
            return (*(gr.skip(),) * 8, cards.runs_html(self.handlers.past_reports(), None))
        with errors_shown():
            result = self.handlers.result(shown)
        comparison, histogram = result_figures(result)
        json_path, csv_path = result.files
        return (
            cards.headline_html(result.report),
            comparison,
            cards.metrics_table_html(result.report),
            cards.text_quality_html(result.report),
            histogram,
            gr.Radio(filter_choices(result.results), value="all"),
            gr.DownloadButton(value=str(json_path)),
            gr.DownloadButton(value=str(csv_path)),
            cards.runs_html(result.past, shown[0]),
        )

    def browse(self, shown: ShownRun | None, name: str, page: int = 0) -> tuple[int, str, str]:
        """A page of the records browser."""
        with errors_shown():
            return self.handlers.records_page(shown, name, page)

    def _turn(self, step: int) -> Callable[[ShownRun | None, str, int], tuple[int, str, str]]:
        def turn(shown: ShownRun | None, name: str, page: int) -> tuple[int, str, str]:
            return self.browse(shown, name, page + step)

        return turn

    def open_run(self, event: gr.EventData) -> tuple[ShownRun, Any]:
        """Shows a past run."""
        with errors_shown():
            return self.handlers.past_run(str(event.fingerprint)), gr.Column(visible=True)
