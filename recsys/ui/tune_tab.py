"""The Tune tab: what is swept or searched on the left, and on the right the work under way and the result on show.

The work lives in the server: while the tab is open a timer looks at it, and closing the page stops nothing. What is
shown is worked out in tune_view.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from recsys.errors import RecsysError
from recsys.tuning.jobs import TuningJobs, TuningState
from recsys.tuning.kept import Kept, KeptStudy
from recsys.ui import tune_cards as cards
from recsys.ui import tune_view as views
from recsys.ui.evaluation_cards import notice_html, sentences
from recsys.ui.event_values import sent, sent_name
from recsys.ui.request_settings import RequestSettings
from recsys.ui.shown_errors import errors_shown
from recsys.ui.theme import ASSETS
from recsys.ui.training_cards import command_html
from recsys.ui.tune_form import TuneForm
from recsys.ui.tune_view import ShownResult, TuneView
from recsys.ui.tuning_words import measure_title, setting_title

if TYPE_CHECKING:
    from recsys.ui.evaluation_form import EvaluationForm
    from recsys.workbench import Workbench

_LEAD = (
    '<p class="ev-lead">What does each setting do, and which are best? The same validation users are asked under every '
    "combination; test users are kept for the proof.</p>"
)
_SECONDS_WHILE_RUNNING = 1.0
_SECONDS_WHILE_IDLE = 6.0
_QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
# Gradio shows errors of events in the queue only.
_TOLD: dict[str, Any] = {"concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private"}
_IS_OPEN = """(seen, shown, measure, third, open) =>
  [seen, shown, measure, third, document.getElementById("tune")?.offsetParent != null]"""

Seen = tuple[int, str, float | None]
"""What a page has last seen: number of the work, its status, and when the result on show was saved."""


def create_tune_tab(workbench: Workbench, tab: gr.Tab, tabs: gr.Tabs, form: EvaluationForm) -> None:
    """Draws the tab inside the block that is open; what is not varied is as ``form`` says."""
    TuneTab(TuneView(workbench, TuningJobs(workbench)), form).connect(tab, tabs)


def _html(value: str = "", **options: Any) -> gr.HTML:
    return gr.HTML(value, apply_default_css=False, **options)


def _script(*names: str) -> str:
    return "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in names)


class TuneTab:
    """The tab's components and the events between them."""

    def __init__(self, view: TuneView, base_form: EvaluationForm) -> None:
        self.view, self.base_form = view, base_form
        self.seen, self.shown = gr.State(None), gr.State(None)
        self.is_open = gr.Checkbox(False, visible=False)
        self.timer = gr.Timer(_SECONDS_WHILE_IDLE, active=False)
        _html(_LEAD)
        with gr.Row(elem_id="tune", elem_classes=["bench"]):
            with gr.Column(scale=0, min_width=300, elem_classes=["side"]):
                self._draw_setup()
            with gr.Column(min_width=300, elem_classes=["main"]):
                self.status = _html(visible=False, elem_id="tune-status")
                self._draw_result()

    def _draw_setup(self) -> None:
        self.base = _html(elem_id="tune-base")
        self.form = TuneForm(self.view.workbench, self.base_form)
        self.estimate = _html(elem_id="tune-estimate")
        refusal = self.view.jobs.refusal
        if refusal:
            _html(
                notice_html("cancelled", "Not on this page", refusal[:1].upper() + refusal[1:]), elem_id="tune-public"
            )
        self.start = gr.Button("Start", variant="primary", interactive=not refusal, elem_id="tune-start")
        self.stop = gr.Button("Stop", visible=False, elem_id="tune-stop")
        _html('<h2 class="ev-title">Sweeps and searches</h2>')
        self.results = _html(js_on_load=_script("tune.js"), elem_id="tune-results")

    def _draw_result(self) -> None:
        with gr.Column(visible=False, elem_id="tune-result") as self.result:
            with gr.Column(elem_classes="ev-card"):
                self.heading = _html(elem_id="tune-heading")
                with gr.Row(elem_classes=["tn-chooser"]):
                    self.measure = gr.Dropdown(
                        [(measure_title("map"), "map")], value="map", label="Measure", elem_id="tune-measure"
                    )
                    self.third = gr.Radio([], visible=False, elem_id="tune-third", elem_classes=["segments"])
                self.plot = gr.Plot(show_label=False, elem_id="tune-plot", elem_classes=["tn-plot"])
                self.second = gr.Plot(show_label=False, visible=False, elem_id="tune-second", elem_classes=["tn-plot"])
                self.told = _html(elem_id="tune-told")
                with gr.Row(elem_classes=["tn-buttons"]):
                    self.go_on = gr.Button("Go on", visible=False, size="sm", elem_id="tune-go-on")
                    self.prove = gr.Button("Prove on test users", visible=False, size="sm", elem_id="tune-prove")
            with gr.Column(elem_classes="ev-card"):
                _html('<h2 class="ev-title">Every combination</h2>')
                self.table = _html(js_on_load=_script("tune.js"), elem_id="tune-table")
                self.command = _html(js_on_load=_script("answer.js"), elem_id="tune-command")
                self.file = gr.DownloadButton("Result as JSON", size="sm", elem_id="tune-json")

    @property
    def _drawn(self) -> list[Any]:
        figures = [self.plot, self.second, self.told, self.table]
        return [self.heading, self.measure, self.third, *figures, self.go_on, self.prove, self.command, self.file]

    def connect(self, tab: gr.Tab, tabs: gr.Tabs) -> None:
        """Ties the events."""
        looked = [self.seen, self.shown, self.timer, self.status, self.start, self.stop, self.results, self.result]
        looked += self._drawn
        watched = [self.seen, self.shown, self.measure, self.third]
        told = [self.base, self.estimate]
        tab.select(self.look_open, watched, looked, **_QUIET)
        tab.select(self.form.limit_records, self.form.num_records, self.form.num_records, **_QUIET)
        tab.select(self.tell, self.form.inputs, told, **_QUIET)
        changed = [control.change for control in self.form.own_inputs]  # type: ignore[attr-defined]
        gr.on(changed, self.tell, self.form.inputs, told, trigger_mode="always_last", **_QUIET)
        self.timer.tick(self.look, [*watched, self.is_open], looked, js=_IS_OPEN, trigger_mode="once", **_QUIET)
        begun = (
            self.start.click(self.begin, self.form.inputs, None, **_TOLD),
            self.go_on.click(self._begin_again, self.shown, None, **_TOLD),
            self.prove.click(self._prove, self.shown, None, **_TOLD),
            self.stop.click(self._stop, None, None, **_TOLD),
        )
        for event in begun:
            event.success(self.look_open, watched, looked, **_QUIET)
        chosen = [self.measure.input, self.third.input]
        figures = [self.plot, self.second, self.told, self.table]
        gr.on(chosen, self.draw, watched[1:], figures, trigger_mode="always_last", **_QUIET)
        self.results.select(self.open, [self.measure], [self.shown, self.results, self.result, *self._drawn], **_TOLD)
        self.table.use(self.use, self.shown, [tabs, *self.base_form.panel.inputs], **_TOLD)

    def tell(self, *values: Any) -> tuple[str, str]:
        """What is not varied, and how much work the form asks for; what is wrong with it instead."""
        try:
            base = self.view.base_html(self.form.read_base(values))
        except RecsysError as error:
            return cards.problem_html(sentences(error)), ""
        try:
            return base, self.view.estimate_html(self.form.read(values))
        except RecsysError as error:
            return base, cards.problem_html(sentences(error))

    def begin(self, *values: Any) -> None:
        """Starts what the form says."""
        with errors_shown():
            self.view.start(self.form.read(values), prove=self.form.wants_proof(values))

    def look_open(
        self, seen: Seen | None, shown: ShownResult | None, measure: str, third: str | None
    ) -> tuple[Any, ...]:
        """As look, of a tab that is open."""
        return self.look(seen, shown, measure, third, is_open=True)

    def look(
        self, seen: Seen | None, shown: ShownResult | None, measure: str, third: str | None, is_open: bool
    ) -> tuple[Any, ...]:
        """The work as it is now; what has not changed since ``seen`` is left alone."""
        if not is_open:
            return (gr.skip(), gr.skip(), gr.Timer(active=False), *(gr.skip(),) * (5 + len(self._drawn)))
        state = self.view.jobs.state()
        is_new = seen is not None and seen[0] != state.task.number
        if state.kind is not None and (is_new or shown is None):
            shown = (state.kind, state.name)
        elif shown is None:
            shown = self.view.newest()
        kept = self.view.find(shown)
        status = self.view.status_html(state)
        now: Seen = (state.task.number, status, None if kept is None else kept.saved_at)
        timer = gr.Timer(_SECONDS_WHILE_RUNNING if state.task.is_running else _SECONDS_WHILE_IDLE, active=True)
        if now == seen and not is_new:
            return (gr.skip(), gr.skip(), timer, *(gr.skip(),) * (5 + len(self._drawn)))
        head = (now, shown, timer, *self._state(state, status, kept))
        was_running = seen is not None and 'role="progressbar"' in seen[1]
        if seen is not None and now[2] == seen[2] and not is_new and was_running == state.task.is_running:
            return (*head, *(gr.skip(),) * (2 + len(self._drawn)))
        return (
            *head,
            self.view.list_html(shown),
            gr.Column(visible=kept is not None),
            *self._result(kept, measure, third),
        )

    def _state(self, state: TuningState, status: str, kept: Kept | None) -> tuple[Any, ...]:
        status = status or ("" if kept is not None else cards.NOTHING_YET)
        is_running = state.task.is_running
        return gr.HTML(status, visible=bool(status)), gr.Button(visible=not is_running), gr.Button(visible=is_running)

    def _result(self, kept: Kept | None, measure: str, third: str | None) -> tuple[Any, ...]:
        """Everything of a result, with the measure that was chosen where it has it."""
        if kept is None:
            return (gr.skip(),) * len(self._drawn)
        measures, values = views.measures_of(kept), list(views.third_values(kept))
        measure = measure if measure in measures else "map"
        third = third if third in values else next(iter(values), None)
        k = views.base_of(kept).evaluation.k
        name = setting_title(kept.result.sweep.axes[2].name) if values and kept.kind == "sweep" else ""
        may_start = not self.view.jobs.state().task.is_running and not self.view.jobs.refusal
        is_unproved = isinstance(kept, KeptStudy) and kept.result.confirmation is None
        return (
            cards.heading_html(kept),
            gr.Dropdown(
                [(measure_title(one, k), one) for one in measures], value=measure, visible=kept.kind == "sweep"
            ),
            gr.Radio(values, value=third, label=name or None, visible=bool(values)),
            *self._figures(kept, measure, third),
            gr.Button(visible=may_start and kept.done < kept.total),
            gr.Button(visible=may_start and is_unproved),
            command_html(views.command_of(kept)),
            gr.DownloadButton(value=str(views.export_file(kept))),
        )

    def _figures(self, kept: Kept, measure: str, third: str | None) -> tuple[Any, ...]:
        measure = measure if measure in views.measures_of(kept) else "map"
        drawn = views.figures_of(kept, measure, third)
        second = gr.Plot(visible=False) if drawn.second is None else gr.Plot(drawn.second, visible=True)
        return drawn.first, second, views.told_html(kept, measure), views.table_html(kept, measure)

    def draw(self, shown: ShownResult | None, measure: str, third: str | None) -> tuple[Any, ...]:
        """The result on show by another measure, or at another value of its third axis."""
        kept = self.view.find(shown)
        return (gr.skip(),) * 4 if kept is None else self._figures(kept, measure, third)

    def open(self, measure: str, event: gr.EventData) -> tuple[Any, ...]:
        """Shows a result of the list."""
        kind, _, name = sent_name(event, "result").partition("/")
        with errors_shown():
            kept = self.view.require((kind, name))
        shown = (kept.kind, kept.name)
        return shown, self.view.list_html(shown), gr.Column(visible=True), *self._result(kept, measure, None)

    def use(self, shown: ShownResult | None, event: gr.EventData) -> list[Any]:
        """Puts the settings of a cell into the Evaluate tab's form, and goes there; its records stay as they are."""
        with errors_shown():
            asked = self.view.cell_request(shown, sent(event, "cell"))
        generation = asked.generation.replace(num_recommendations=asked.evaluation.k, seed=asked.evaluation.seed)
        settings = RequestSettings(generation, asked.prompt, asked.resolution, asked.choice, asked.decoding)
        return [gr.Tabs(selected="evaluate"), *self.base_form.panel.show(settings)]

    def _begin_again(self, shown: ShownResult | None) -> None:
        with errors_shown():
            self.view.go_on(shown)

    def _prove(self, shown: ShownResult | None) -> None:
        with errors_shown():
            self.view.jobs.prove(self.view.require(shown).name)

    def _stop(self) -> None:
        self.view.jobs.stop()
        gr.Info("Finished cells and records are kept: start the same again to go on from there.", title="Stopping")
