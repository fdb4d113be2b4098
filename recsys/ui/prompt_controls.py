"""The prompt's format as controls; those that model or adapter leave no choice are disabled, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr
from gradio.components import Component

from recsys.models.choices import PromptRule
from recsys.settings import PromptSettings
from recsys.ui.setting_controls import HELP, as_whole

_STYLES = [
    ("Worked examples", "few_shot"),
    ("Bare list", "zero_shot"),
    ("Instruction", "instruction"),
    ("History · trained models", "history"),
]
_SYMBOLS = [("=>", "=>"), ("[ ]", "[]"), ("( )", "()"), ("Plain words", "words")]
_SEPARATORS = [("Semicolon", ";"), ("Comma", ","), ("New line", "newline"), ("Numbered", "numbered")]
_DETAILS = [("None", "none"), ("Genres", "genres"), ("Tags", "tags"), ("Description", "description")]
_ONLY_FEW_SHOT = "Only the worked-examples style shows examples."
_WITHOUT_SYMBOL = {
    "instruction": "The instruction asks in words, so no symbol is needed.",
    "history": "The answer goes on with the list, so no symbol is needed.",
}
_KINDS: dict[str, Any] = {
    "style": gr.Radio,
    "num_examples": gr.Slider,
    "queue_symbol": gr.Radio,
    "list_separator": gr.Radio,
    "include_years": gr.Checkbox,
    "include_disliked": gr.Checkbox,
    "details": gr.Radio,
}


def create_prompt_controls(rule: PromptRule) -> dict[str, Component]:
    """The prompt's format, as the model and the adapter that are chosen at first read it."""
    segments = ["segments"]
    drawn: dict[str, dict[str, Any]] = {
        "style": {"label": "Style", "elem_id": "style", "elem_classes": segments},
        "num_examples": {
            "minimum": 1,
            "maximum": 8,
            "step": 1,
            "label": "Examples",
            "elem_id": "num_examples",
            "buttons": [],
        },
        "queue_symbol": {
            "choices": _SYMBOLS,
            "label": "Queue symbol",
            "elem_id": "queue_symbol",
            "elem_classes": segments,
        },
        "list_separator": {
            "choices": _SEPARATORS,
            "label": "Separator",
            "elem_id": "list_separator",
            "elem_classes": segments,
        },
        "include_years": {"label": "Titles carry their year", "elem_id": "include_years"},
        "include_disliked": {"label": "Name the disliked movies in the prompt", "elem_id": "include_disliked"},
        "details": {
            "choices": _DETAILS,
            "label": "Details of movies",
            "info": HELP["details"],
            "elem_id": "details-kind",
            "elem_classes": segments,
        },
    }
    states = prompt_states(rule, rule.default)
    return {name: kind(**drawn[name], **states[name]) for name, kind in _KINDS.items()}


def prompt_updates(rule: PromptRule, prompt: PromptSettings) -> list[Any]:
    """The controls, in their order, as they show a prompt under a rule."""
    states = prompt_states(rule, prompt)
    return [kind(**states[name]) for name, kind in _KINDS.items()]


def prompt_states(rule: PromptRule, prompt: PromptSettings) -> dict[str, dict[str, Any]]:
    """Value, whether it may be changed and, where not, why, for each control.

    The reason stands once, at the style: it is the same for all that an adapter fixes.
    """
    states: dict[str, dict[str, Any]] = {
        name: {"value": getattr(prompt, name), "interactive": name not in rule.fixed} for name in _KINDS
    }
    # One style alone is shown among the others, so that one sees what the model does not read.
    styles = [style for style in _STYLES if style[1] in rule.styles]
    states["style"] |= {"choices": styles if len(styles) > 1 else _STYLES, "info": rule.reason or None}
    states["num_examples"] |= _examples_state(prompt.style)
    states["queue_symbol"] |= _symbol_state(prompt.style, rule)
    return states


def prompt_state(style: str, rule: PromptRule) -> list[Any]:
    """Examples and queue symbol, disabled with the reason where the style has none."""
    return [gr.Slider(**_examples_state(style)), gr.Radio(**_symbol_state(style, rule))]


def read_prompt(values: Mapping[str, Any]) -> PromptSettings:
    """The settings of the controls' values.

    Raises:
        SettingsError: for a value out of range or of the wrong type.
    """
    return PromptSettings.from_dict({name: as_whole(name, value) for name, value in values.items()})


def _examples_state(style: str) -> dict[str, Any]:
    shown = style == "few_shot"
    return {"interactive": shown, "info": HELP["num_examples"] if shown else _ONLY_FEW_SHOT}


def _symbol_state(style: str, rule: PromptRule) -> dict[str, Any]:
    reason = _WITHOUT_SYMBOL.get(style)
    return {
        "interactive": reason is None and "queue_symbol" not in rule.fixed,
        "info": reason or HELP["queue_symbol"],
    }
