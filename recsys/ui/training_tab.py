"""The Training tab: curves of runs over each other, and below them one card for each run.

A run lives in its own process and only writes files. While the tab is open a timer looks whether they changed;
what is shown is worked out in training_view.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, get_args

import gradio as gr

from recsys.errors import AdapterError, RecsysError
from recsys.models.host import ModelChoice
from recsys.settings import Precision, require_choice
from recsys.training.recorded_runs import RecordedRun
from recsys.ui import training_cards as cards
from recsys.ui.choice_controls import choice_updates
from recsys.ui.event_values import sent_name
from recsys.ui.recommend_tab import Asked
from recsys.ui.shown_errors import errors_shown
from recsys.ui.theme import ASSETS
from recsys.ui.training_figures import CURVE_KINDS, CurveAxis, CurveKind, curve_figure
from recsys.ui.training_view import RunSignature, TrainingView, chosen_runs, curve_lines, signatures

if TYPE_CHECKING:
    from recsys.workbench import Workbench

_LEAD = (
    '<p class="ev-lead">How adapters were trained: loss, learning rate and what they score on people who are not in '
    "the training data, several runs over each other.</p>"
)
_SECONDS_WHILE_TRAINING = 3.0
_SECONDS_WHILE_IDLE = 15.0
_NUM_SHOWN = 5 + 2 * len(CURVE_KINDS)
"""Components that `look` fills besides what was seen and the timer."""
_QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
_IS_OPEN = """(seen, chosen, axis, open) =>
  [seen, chosen, axis, document.getElementById("training")?.offsetParent != null]"""
_FETCH_ZIP = """() => setTimeout(() => document.querySelector("#training-zip")?.click(), 100)"""

Seen = tuple[RunSignature, ...]


def create_training_tab(workbench: Workbench, tab: gr.Tab, tabs: gr.Tabs, asked: Asked) -> None:
    """Draws the tab inside the block that is open; it looks for runs whenever it is opened."""
    TrainingTab(workbench).connect(tab, tabs, asked)


def _html(value: str = "", **options: Any) -> gr.HTML:
    return gr.HTML(value, apply_default_css=False, **options)


def _script() -> str:
    """Copying is what answers do too; using and packing are of this tab alone."""
    return "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in ("answer.js", "training.js"))


class TrainingTab:
    """The tab's components and the events between them."""

    def __init__(self, workbench: Workbench) -> None:
        self.workbench = workbench
        self.view = TrainingView(workbench)
        self.seen = gr.State(None)
        self.is_open = gr.Checkbox(False, visible=False)
        self.timer = gr.Timer(_SECONDS_WHILE_IDLE, active=False)
        with gr.Column(elem_id="training"):
            _html(_LEAD)
            self.empty = _html(visible=False, elem_id="training-empty", js_on_load=_script())
            with gr.Column(visible=False, elem_id="training-curves") as self.curves:
                self._draw_curves()
            self.cards = _html(elem_id="training-cards", js_on_load=_script())
            self.zip = gr.DownloadButton("Download", visible="hidden", elem_id="training-zip")

    def _draw_curves(self) -> None:
        self.progress = _html(elem_id="training-progress")
        with gr.Row(elem_classes=["ev-card", "tr-chooser"]):
            self.chosen = gr.CheckboxGroup([], label="Runs", elem_id="training-runs", scale=4, min_width=280)
            self.axis = gr.Radio(
                [("Epochs", "epoch"), ("Steps", "step")],
                value="epoch",
                label="Along the bottom",
                elem_id="training-axis",
                elem_classes=["segments"],
                scale=0,
                min_width=200,
            )
        self.plots: dict[CurveKind, gr.Plot] = {}
        self.definitions: dict[CurveKind, gr.HTML] = {}
        with gr.Row(elem_classes=["tr-figures"]):
            for kind, title in CURVE_KINDS.items():
                with gr.Column(elem_classes=["ev-card", "tr-figure"], min_width=300):
                    _html(f'<h2 class="ev-title">{title}</h2>')
                    self.plots[kind] = gr.Plot(
                        show_label=False, elem_id=f"training-{kind}", elem_classes=["ev-plot", "tr-plot"]
                    )
                    self.definitions[kind] = _html(elem_id=f"training-{kind}-told")

    def connect(self, tab: gr.Tab, tabs: gr.Tabs, asked: Asked) -> None:
        """Ties the events."""
        drawn = [*self.plots.values(), *self.definitions.values()]
        shown = [self.seen, self.timer, self.empty, self.curves, self.chosen, self.progress, self.cards, *drawn]
        watched = [self.seen, self.chosen, self.axis, self.is_open]
        tab.select(lambda seen, chosen, axis, _: self.look(seen, chosen, axis, True), watched, shown, **_QUIET)
        self.timer.tick(self.look, watched, shown, js=_IS_OPEN, trigger_mode="once", **_QUIET)
        gr.on(
            [self.chosen.input, self.axis.input],
            self.draw,
            [self.chosen, self.axis],
            drawn,
            trigger_mode="always_last",
            **_QUIET,
        )
        packed = self.cards.pack(self.pack, None, self.zip, **_QUIET)
        packed.success(None, None, None, js=_FETCH_ZIP, api_visibility="private")
        choice, prompt = asked.panel.choice, asked.panel.prompt
        used = [tabs, choice["model"], choice["adapter"], *prompt.values()]
        self.cards.use(self.use, choice["precision"], used, **_QUIET)

    def look(self, seen: Seen | None, chosen: Sequence[str] | None, axis: CurveAxis, is_open: bool) -> tuple[Any, ...]:
        """The runs as they are now; what has not changed since ``seen`` is left alone."""
        if not is_open:
            return (gr.skip(), gr.Timer(active=False), *(gr.skip(),) * _NUM_SHOWN)
        runs = self.view.runs()
        now = signatures(runs)
        is_training = any(run.phase() == "running" for run in runs)
        timer = gr.Timer(_SECONDS_WHILE_TRAINING if is_training else _SECONDS_WHILE_IDLE, active=True)
        if now == seen:
            return (gr.skip(), timer, *(gr.skip(),) * _NUM_SHOWN)
        lines = curve_lines(runs)
        kept = chosen_runs(runs, chosen or (), seen)
        offers = self.view.offers(runs)
        progress = cards.progress_html(runs)
        return (
            now,
            timer,
            gr.HTML(cards.empty_html(), visible=not lines),
            gr.Column(visible=bool(lines)),
            gr.CheckboxGroup([(line.name, key) for key, line in lines.items()], value=kept),
            gr.HTML(progress, visible=bool(progress)),
            cards.cards_html([(run, lines.get(run.key), offer) for run, offer in zip(runs, offers, strict=True)]),
            *self._figures(runs, kept, axis),
        )

    def draw(self, chosen: Sequence[str] | None, axis: CurveAxis) -> tuple[Any, ...]:
        """The figures of the runs that are checked."""
        return self._figures(self.view.runs(), chosen or (), axis)

    def _figures(self, runs: Sequence[RecordedRun], chosen: Sequence[str], axis: CurveAxis) -> tuple[Any, ...]:
        lines = [line for key, line in curve_lines(runs).items() if key in chosen]
        of = [run for run in runs if run.key in chosen]
        return (
            *(curve_figure(kind, lines, axis) for kind in CURVE_KINDS),
            *(cards.definition_html(kind, of) for kind in CURVE_KINDS),
        )

    def pack(self, event: gr.EventData) -> Any:
        """Makes the zip file of a card's adapter and hands it to the page."""
        with errors_shown():
            return gr.DownloadButton(value=str(self.view.pack(self._find(event))))

    def use(self, precision: Precision, event: gr.EventData) -> tuple[Any, ...]:
        """Chooses a card's model, adapter and prompt in Recommend, and goes there."""
        with errors_shown():
            run = self._find(event)
            model, adapter = self.view.choice(run)
        with suppress(RecsysError):  # while an evaluation holds the model, it is loaded when it is asked
            require_choice("precision", precision, get_args(Precision))
            self.workbench.host.start_loading(ModelChoice(model, precision, adapter))
        shown = choice_updates(self.workbench.choices, ModelChoice(model, adapter=adapter))
        return gr.Tabs(selected="recommend"), model, *shown

    def _find(self, event: gr.EventData) -> RecordedRun:
        key = sent_name(event, "run")
        for run in self.view.runs():
            if run.key == key:
                return run
        raise AdapterError("there is no such run any more", seen=key[:80], mend="open the tab again")
