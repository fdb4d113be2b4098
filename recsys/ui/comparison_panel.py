"""The card that shows two runs side by side: its components, and what opens and closes it.

The run on show is A, the one that was chosen from the list is B.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from recsys.errors import InputError
from recsys.evaluation.comparison import RunComparison
from recsys.ui import comparison_card as card
from recsys.ui.comparison_figures import comparison_figures
from recsys.ui.evaluate_handlers import EvaluateHandlers, ShownRun
from recsys.ui.evaluation_view import distance_unit
from recsys.ui.event_values import sent_name
from recsys.ui.shown_errors import errors_shown

_QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
# Gradio shows errors of events in the queue only; resampling takes a second of a core.
_TOLD: dict[str, Any] = {"concurrency_limit": 2, "show_progress": "hidden", "api_visibility": "private"}
_GO_THERE = """() => setTimeout(() => {
  const card = document.getElementById('evaluate-two');
  if (!card) return;
  card.scrollIntoView({ block: 'start', behavior: 'smooth' });
  card.querySelector('#evaluate-two-close')?.focus({ preventScroll: true });
}, 150)"""
_GO_BACK = "() => document.querySelector('#evaluate-runs [data-run][aria-current]')?.focus()"


def _html(value: str = "", **options: Any) -> gr.HTML:
    return gr.HTML(value, apply_default_css=False, **options)


class ComparisonPanel:
    """Draws the closed card where it is made.

    Args:
        handlers: Reads the runs.
    """

    def __init__(self, handlers: EvaluateHandlers) -> None:
        self.handlers = handlers
        with gr.Column(visible=False, elem_id="evaluate-two", elem_classes="ev-card") as self.card:
            with gr.Row(elem_classes=["card-head"]):
                _html('<h2 class="ev-title">Two runs side by side</h2>')
                self.close = gr.Button(
                    "Close", size="sm", elem_id="evaluate-two-close", elem_classes=["quiet"], min_width=0, scale=0
                )
            self.told = _html(elem_id="evaluate-two-told")
            self.bars = self._plot("bars")
            self.metrics = _html(elem_id="evaluate-two-metrics")
            with gr.Row(elem_classes=["ev-two-figures"]):
                self.records, self.records_told = self._figure("records", "Record by record")
                self.distances, self.distances_told = self._figure("distances", "Distances")
                self.decades, self.decades_told = self._figure("decades", "Decades")
                with gr.Column(min_width=280):
                    _html('<h3 class="ev-title">Settings that differ</h3>')
                    self.settings = _html(elem_id="evaluate-two-settings")

    def _plot(self, name: str) -> gr.Plot:
        return gr.Plot(show_label=False, elem_id=f"evaluate-two-{name}", elem_classes="ev-plot")

    def _figure(self, name: str, title: str) -> tuple[gr.Plot, gr.HTML]:
        with gr.Column(min_width=280):
            _html(f'<h3 class="ev-title">{title}</h3>')
            told = _html(elem_id=f"evaluate-two-{name}-told")
            return self._plot(name), told

    @property
    def outputs(self) -> list[Any]:
        """What ``show`` fills."""
        texts = [self.told, self.metrics, self.settings, self.records_told, self.distances_told, self.decades_told]
        return [self.card, *texts, self.bars, self.records, self.distances, self.decades]

    def connect(self, runs: gr.HTML, shown: gr.State) -> None:
        """Ties the list of runs and the run on show to the card."""
        opened = runs.compare(self.compare, shown, self.outputs, **_TOLD)
        opened.success(None, None, None, js=_GO_THERE, api_visibility="private")
        closed = self.close.click(self.hide, None, self.card, **_QUIET)
        closed.then(None, None, None, js=_GO_BACK, api_visibility="private")
        # Beside another run the comparison would be taken for one with it.
        runs.select(self.hide, None, self.card, **_QUIET)

    def compare(self, shown: ShownRun | None, event: gr.EventData) -> tuple[Any, ...]:
        """Compares the run on show with the one that was pressed."""
        with errors_shown():
            if shown is None:
                raise InputError("no run is on show to compare with", mend="open one of the list first")
            return self.show(self.handlers.compare(shown, sent_name(event, "fingerprint")))

    def show(self, comparison: RunComparison) -> tuple[Any, ...]:
        """The card of a comparison."""
        bars, records, distances, decades = comparison_figures(comparison, unit=distance_unit(comparison.a.report))
        return (
            gr.Column(visible=True),
            card.comparison_html(comparison),
            card.metrics_html(comparison),
            card.settings_html(comparison),
            card.records_html(comparison),
            card.distances_html(comparison),
            card.decades_html(comparison),
            bars,
            records,
            gr.Plot(distances, visible=distances is not None),
            gr.Plot(decades, visible=decades is not None),
        )

    def hide(self) -> gr.Column:
        """The card closed."""
        return gr.Column(visible=False)
