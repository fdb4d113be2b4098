"""What differs between two settings, A that is kept and B of the panel, as names and words."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from recsys.ui.request_settings import RequestSettings
from recsys.ui.setting_names import SETTING_NAMES, value_text


@dataclass(frozen=True)
class Difference:
    """One setting that is not the same in both.

    Attributes:
        name: The setting.
        label: How the page calls it.
        a: Its value in A, in a word or two.
        b: Its value in B.
        idle: Why it changes nothing in either mode; empty where it does.
    """

    name: str
    label: str
    a: str
    b: str
    idle: str = ""


def find_differences(a: RequestSettings, b: RequestSettings) -> tuple[Difference, ...]:
    """The settings that differ, in the order of the panel."""
    theirs, idle_a, idle_b = _values(b), _idle(a), _idle(b)
    return tuple(
        Difference(
            name,
            SETTING_NAMES[name],
            _word(name, value),
            _word(name, theirs[name]),
            idle_a.get(name, "") if name in idle_b else "",
        )
        for name, value in _values(a).items()
        if value != theirs[name]
    )


def _values(settings: RequestSettings) -> dict[str, Any]:
    choice = settings.choice
    parts: dict[str, Any] = {"model": choice.model, "adapter": choice.adapter}
    parts |= {"precision": choice.precision, "int8_threshold": choice.int8_threshold}
    for part in (settings.decoding, settings.generation, settings.prompt, settings.resolution):
        parts |= dataclasses.asdict(part)
    return parts


def _idle(settings: RequestSettings) -> dict[str, str]:
    idle = dict(settings.decoding.without_effect(settings.generation))
    if settings.choice.precision != "int8":
        idle["int8_threshold"] = "Only in int8."
    if settings.prompt.style != "few_shot":
        idle["num_examples"] = "Only the worked-examples style shows examples."
    return idle


def _word(name: str, value: object) -> str:
    if value is None and name in ("adapter", "year_from", "year_to"):
        return "none" if name == "adapter" else "any"
    if name in ("model", "adapter"):
        return str(value)
    return value_text(name, value) or "all"
