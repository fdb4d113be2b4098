"""Base model, precision and adapter as controls, and what the page shows after one of them was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import gradio as gr
from gradio.components import Component

from recsys.errors import InputError
from recsys.models.adapter_listing import AdapterInfo
from recsys.models.choices import ModelChoices, PromptRule
from recsys.models.host import ModelChoice
from recsys.remote.settings import is_served
from recsys.settings import Precision, PromptSettings
from recsys.ui.prompt_controls import prompt_state, prompt_updates, read_prompt

NO_ADAPTER = ""

_PRECISION_TITLES = {
    "auto": "Auto",
    "fp32": "fp32 · 32-bit float",
    "bf16": "bf16 · bfloat16",
    "fp16": "fp16 · half",
    "int8": "int8 · LLM.int8()",
    "nf4": "nf4 · 4-bit",
}
PRECISIONS = [(_PRECISION_TITLES[name], name) for name in get_args(Precision)]


def create_choice_controls(choices: ModelChoices, default: ModelChoice, *, public: bool) -> dict[str, Component]:
    """Base model, precision, the threshold of int8 and adapter."""
    models = [(spec.title, spec.name) for spec in choices.models()]
    if default.model not in {name for _, name in models}:
        models.append((default.model, default.model))
    return {
        "model": gr.Dropdown(
            models,
            value=default.model,
            allow_custom_value=not public,
            label="Base model",
            info="Loaded when chosen; one at a time." if public else "Or type a local folder or a Hub id.",
            elem_id="model",
        ),
        "precision": gr.Dropdown(
            PRECISIONS,
            value=default.precision,
            label="Precision",
            info="Auto takes the fastest that is right here.",
            elem_id="precision",
        ),
        "int8_threshold": gr.Number(
            default.int8_threshold,
            minimum=0,
            maximum=1000,
            label="int8 threshold",
            elem_id="int8_threshold",
            **_threshold_state(default.precision),
        ),
        # Any value may come in: an event under way may still carry the adapter of the model before, which a
        # closed list would answer with an error. What is not offered is dropped, and refused where it is asked.
        "adapter": gr.Dropdown(
            allow_custom_value=True,
            label="Adapter",
            elem_id="adapter",
            **adapter_state(choices, default.model, default.adapter, keep=True),
        ),
    }


def connect_choice(
    choices: ModelChoices, choice: Mapping[str, Component], prompt: Mapping[str, Component], quick: Mapping[str, Any]
) -> gr.events.Dependency:
    """A chosen model or adapter sets the other controls; the event that comes after both is returned."""
    model, adapter, style = (choice["model"], choice["adapter"], prompt["style"])
    choice["precision"].change(  # type: ignore[attr-defined]
        lambda precision: gr.Number(**_threshold_state(precision)),
        choice["precision"],
        choice["int8_threshold"],
        **quick,
    )
    asked = [model, adapter]
    shown = [adapter, *prompt.values()]

    def follow(model: object, adapter: object, *values: object) -> list[Any]:
        return follow_choice(choices, model, adapter, dict(zip(prompt, values, strict=True)))

    def wait(style: str, model: object, adapter: object) -> list[Any]:
        return prompt_state(style, find_rule(choices, model, adapter))

    style.change(wait, [style, *asked], [prompt["num_examples"], prompt["queue_symbol"]], **quick)  # type: ignore[attr-defined]
    chosen: gr.events.Dependency = gr.on(
        [control.input for control in asked],  # type: ignore[attr-defined]
        follow,
        [*asked, *prompt.values()],
        shown,
        **quick,
    )
    return chosen


def follow_choice(choices: ModelChoices, model: object, adapter: object, prompt: Mapping[str, Any]) -> list[Any]:
    """The adapter and the prompt's controls after a model or an adapter was chosen.

    An adapter of another model is dropped. A prompt that the person set stays where the choice reads it.
    """
    state = adapter_state(choices, model, adapter)
    rule = find_rule(choices, model, state["value"])
    try:
        current = read_prompt(prompt)
    except InputError:
        current = rule.default
    return [gr.Dropdown(**state), *prompt_updates(rule, choices.prompt_after(rule, current))]


def choice_updates(choices: ModelChoices, choice: ModelChoice, prompt: PromptSettings | None = None) -> list[Any]:
    """The adapter and the prompt's controls as they show a choice that a link or a card made.

    A prompt that the choice does not read gives way to the choice's own.
    """
    rule = find_rule(choices, choice.model, choice.adapter)
    shown = prompt if prompt is not None and rule.accepts(prompt) else rule.default
    adapter = gr.Dropdown(**adapter_state(choices, choice.model, choice.adapter, keep=True))
    return [adapter, *prompt_updates(rule, shown)]


def find_rule(choices: ModelChoices, model: object, adapter: object) -> PromptRule:
    """The prompts that the page's choice reads; every one where the choice itself is wrong, which the answer tells."""
    try:
        return choices.prompt_rule(ModelChoice(str(model or ""), adapter=str(adapter) if adapter else None))
    except InputError:
        return PromptRule()


def adapter_state(choices: ModelChoices, model: object, adapter: object, *, keep: bool = False) -> dict[str, Any]:
    """What the adapter control offers for a model, its value, and a line on what it does not offer.

    Args:
        choices: What there is.
        model: The model.
        adapter: The present value.
        keep: Offer the present one even if it was made for another model, as a link or the command line asked.
    """
    listed = choices.adapters()
    offered = [*choices.adapters_for(str(model or ""))]
    if keep:
        offered += [info for info in listed if info.name == adapter and info.is_usable and info not in offered]
    fits = adapter in [info.name for info in offered]
    return {
        "choices": [("None · base model alone", NO_ADAPTER), *((_title(info), info.name) for info in offered)],
        "value": adapter if fits else NO_ADAPTER,
        "info": _about_served(offered) if is_served(str(model or "")) else _about(listed, offered),
    }


def _about_served(offered: list[AdapterInfo]) -> str:
    return "Served with this model." if offered else "The server lists no LoRA of this model."


def _threshold_state(precision: object) -> dict[str, Any]:
    if precision == "int8":
        return {"interactive": True, "info": "Inputs above it are multiplied in half precision; 0: none."}
    return {"interactive": False, "info": "Only in int8."}


def _about(listed: tuple[AdapterInfo, ...], offered: list[AdapterInfo]) -> str:
    broken = [info for info in listed if not info.is_usable]
    if offered:
        first = "Made for this model, which stays in memory."
    else:
        first = "None was made for this model." if len(listed) > len(broken) else "None was found yet."
    return " ".join([first, *(f"{info.name} {_first_sentence(info.note)}" for info in broken)])


def _first_sentence(note: str) -> str:
    """Of a note such as "Cannot be used: it is torn. Save it again."; `models list` prints it whole."""
    return f"{note[:1].lower()}{note[1:].partition('. ')[0].rstrip('.')}."


def _title(info: AdapterInfo) -> str:
    base = "" if info.base_model else ", its base not told"
    return f"{info.title} · LoRA of rank {info.r}{base}"
