"""The line below the model that tells whether it runs on this machine, with numbers, before it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast, get_args

import gradio as gr
from gradio.components import Component

from recsys.errors import RecsysError
from recsys.models.memory_plan import amount
from recsys.models.planning import ModelFit, fit_model
from recsys.models.registry import find_model
from recsys.models.spec import ModelSpec
from recsys.remote.settings import is_served
from recsys.settings import Precision
from recsys.ui.markup import escape

if TYPE_CHECKING:
    from recsys.workbench import Workbench

_UNKNOWN = "How much memory this model takes is told once its config.json was read."
_WORTH_TELLING = 1_000_000_000
"""Bytes; less is no question anywhere, and the list is narrow."""


def create_fit_line() -> gr.HTML:
    """Makes the line, empty until the page is opened: asking the machine takes torch, which is read later."""
    return gr.HTML("", elem_classes=["model-fit"], apply_default_css=False)


def connect_fit(workbench: Workbench, choice: Mapping[str, Component], line: gr.HTML, quick: Mapping[str, Any]) -> None:
    """The line follows model and precision, however they were chosen; the model's list is labelled on opening."""
    asked = [choice["model"], choice["precision"]]

    def tell(model: object, precision: object) -> str:
        return fit_html(workbench, model, precision)

    def opened(model: object, precision: object) -> tuple[gr.Dropdown, str]:
        return gr.Dropdown(choices=label_models(workbench, str(model or ""))), tell(model, precision)

    gr.on([control.change for control in asked], tell, asked, line, **quick)  # type: ignore[attr-defined]
    page = gr.context.Context.root_block
    if page is not None:
        page.load(opened, asked, [choice["model"], line], **quick)


def fit_html(workbench: Workbench, model: object, precision: object) -> str:
    """The line for a choice: quiet where the model runs or nobody knows yet, a warning where it does not."""
    name = str(model or "").strip()
    if not name or is_served(name) or precision not in get_args(Precision):
        return ""  # a server looks after its own memory
    try:
        fit = find_fit(workbench, name, cast(Precision, precision))
    except RecsysError as error:
        return _line(str(error), "problem")
    if fit is None:
        return _line(_UNKNOWN, "note")
    return _line(fit.sentence, "note" if fit.fits else "problem")


def runs_here(workbench: Workbench, model: str, precision: Precision) -> bool:
    """Whether loading is worth a try: False only where it is known beforehand that memory will not do."""
    if is_served(model):
        return True
    try:
        fit = find_fit(workbench, model, precision)
    except RecsysError:
        return True  # the host words what is wrong
    return fit is None or fit.fits


def find_fit(workbench: Workbench, model: str, precision: Precision) -> ModelFit | None:
    """The plan of a choice for this machine, as if the model in memory had been freed.

    Raises:
        RecsysError: for a model or a device that is not there.
    """
    return _fit(workbench, find_model(model, public=workbench.options.public), precision)


def label_models(workbench: Workbench, current: str) -> list[tuple[str, str]]:
    """Labels and names of the models: with gigabytes where it takes some, or that it is too large."""
    labels = [(f"{spec.title}{_size(workbench, spec)}", spec.name) for spec in workbench.models()]
    if current and current not in {name for _, name in labels}:
        labels.append((current, current))
    return labels


def _size(workbench: Workbench, spec: ModelSpec) -> str:
    try:
        fit = _fit(workbench, spec, "auto")
    except RecsysError:
        return ""  # the line tells it once the model is chosen
    if fit is None or (fit.fits and fit.plan.needed < _WORTH_TELLING):
        return ""
    return f" · {amount(fit.plan.needed)}" if fit.fits else " · too large here"


def _fit(workbench: Workbench, spec: ModelSpec, precision: Precision) -> ModelFit | None:
    return fit_model(spec, precision, available=workbench.host.free_bytes(), **workbench.options.placing)


def _line(sentence: str, kind: str) -> str:
    return f'<p class="callout callout-{kind}" role="status">{escape(sentence)}</p>'
