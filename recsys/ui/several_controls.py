"""The fold that puts the question on the page to several at once: which adapters, which models, and two buttons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component

from recsys.models.host import ModelChoice
from recsys.several import models_here
from recsys.several.grid import BASE_ALONE
from recsys.ui.choice_controls import NO_ADAPTER

if TYPE_CHECKING:
    from recsys.workbench import Workbench


@dataclass(frozen=True)
class SeveralControls:
    """The fold's controls.

    Attributes:
        adapters: Those of the present model that are asked; NO_ADAPTER is the model alone.
        ask_adapters: Asks them.
        models: The models that are asked.
        ask_models: Asks them.
    """

    adapters: gr.Dropdown
    ask_adapters: gr.Button
    models: gr.Dropdown
    ask_models: gr.Button

    @property
    def buttons(self) -> list[Component]:
        """What may not be pressed while an answer is on its way."""
        return [self.ask_adapters, self.ask_models]


def create_several_controls(workbench: Workbench, default: ModelChoice) -> SeveralControls:
    """Makes the fold, closed."""
    with gr.Accordion("Several at once", open=False, elem_id="fold-several", elem_classes=["fold"]):
        adapters = gr.Dropdown(
            multiselect=True,
            allow_custom_value=True,  # an event under way may still carry those of the model before
            label="Adapters of the base model",
            info="The question on this page, to each with the prompt that it reads.",
            elem_id="several-adapters",
            **adapters_state(workbench, default.model),
        )
        ask_adapters = gr.Button("These adapters", size="sm", elem_id="ask-adapters")
        models = gr.Dropdown(
            multiselect=True,
            allow_custom_value=not workbench.options.public,
            label="Models",
            info="Each zero-shot, few-shot and with each of its adapters.",
            elem_id="several-models",
            **models_state(workbench, default.model),
        )
        ask_models = gr.Button("All models × prompts", size="sm", elem_id="ask-models")
    return SeveralControls(adapters, ask_adapters, models, ask_models)


def connect_several(
    workbench: Workbench, controls: SeveralControls, model: Component, quick: Mapping[str, Any]
) -> None:
    """Both lists follow the base model, and what was downloaded meanwhile is there when the page is opened."""

    def follow(name: object) -> list[gr.Dropdown]:
        chosen = str(name or "")
        return [gr.Dropdown(**adapters_state(workbench, chosen)), gr.Dropdown(**models_state(workbench, chosen))]

    shown = [controls.adapters, controls.models]
    model.change(follow, model, shown, **quick)  # type: ignore[attr-defined]
    page = gr.context.Context.root_block
    if page is not None:
        page.load(follow, model, shown, **quick)


def adapters_state(workbench: Workbench, model: str) -> dict[str, Any]:
    """The model alone and its adapters, all of them chosen."""
    fitting = workbench.choices.adapters_for(model)
    choices = [(BASE_ALONE, NO_ADAPTER), *((info.title or info.name, info.name) for info in fitting)]
    return {"choices": choices, "value": [name for _, name in choices]}


def models_state(workbench: Workbench, model: str) -> dict[str, Any]:
    """All models; chosen are those that need no download, and the one of the page where it is not listed."""
    choices = [(spec.title, spec.name) for spec in workbench.models()]
    here = list(models_here(workbench))
    if model and model not in {name for _, name in choices} and not workbench.options.public:
        choices.append((model, model))
        here.append(model)
    return {"choices": choices, "value": here}
