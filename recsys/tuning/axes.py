"""The settings that a sweep varies, and the evaluation that each combination of their values makes.

This module evaluates nothing: sweep.py does.
"""

from __future__ import annotations

import dataclasses
import itertools
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from recsys.errors import SettingsError
from recsys.evaluation.request import EvaluationRequest
from recsys.settings import DecodingSettings, GenerationSettings, PromptSettings, ResolutionSettings, Settings

MAX_AXES: Final = 3
MAX_CELLS: Final = 400
Value = float | int | str | bool | None

_NOT_VARIED: Final = ("num_recommendations", "genres", "year_from", "year_to", "seed")
"""What changes the question and not how it is answered, and what each record has of its own."""
_PARTS: Final[Mapping[str, type[Settings]]] = {
    "generation": GenerationSettings,
    "decoding": DecodingSettings,
    "prompt": PromptSettings,
    "resolution": ResolutionSettings,
}


def _place_settings() -> dict[str, str]:
    """The part of a request that each setting is of, by the setting's name."""
    return {
        field.name: part
        for part, settings in _PARTS.items()
        for field in dataclasses.fields(settings)  # type: ignore[arg-type]
        if field.name not in _NOT_VARIED
    }


VARIED: Final[Mapping[str, str]] = _place_settings()
"""Every setting that may be varied, with its part of a request."""


@dataclass(frozen=True)
class Axis:
    """One setting and the values that it takes.

    Attributes:
        name: The setting.
        values: In the order that tables and figures show; no value twice.
    """

    name: str
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        if self.name not in VARIED:
            raise SettingsError("no setting to vary", seen=self.name, mend=f"choose of {', '.join(sorted(VARIED))}")
        if not self.values:
            raise SettingsError(f"{self.name} has no value to take", mend=f"write {self.name}=0,0.5,1")
        if len(set(self.values)) < len(self.values):
            raise SettingsError(f"{self.name} takes a value twice", seen=list(self.values), mend="name each once")

    @classmethod
    def parse(cls, text: str) -> Axis:
        """The axis of a text such as "temperature=0,0.3,0.7".

        Raises:
            SettingsError: for a setting that is not known, or a value of another type.
        """
        name, _, listed = text.partition("=")
        name = name.strip().replace("-", "_")
        texts = [part.strip() for part in listed.split(",") if part.strip()]
        if name not in VARIED:
            return cls(name, tuple(texts))  # which says what is wrong
        return cls(name, tuple(_read(name, value) for value in texts))

    def __str__(self) -> str:
        """The axis as `parse` reads it."""
        return f"{self.name}={','.join(write_value(value) for value in self.values)}"


def write_value(value: Value) -> str:
    """A value as texts show it.

    >>> write_value(0.5), write_value(True), write_value(None)
    ('0.5', 'true', 'none')
    """
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def setting_type(name: str) -> tuple[type, ...]:
    """The types that a setting may have; none for one of some names."""
    annotation = typing.get_type_hints(_PARTS[VARIED[name]])[name]
    return tuple(kind for kind in (typing.get_args(annotation) or (annotation,)) if isinstance(kind, type))


def _read(name: str, text: str) -> Value:
    kinds = setting_type(name)
    if text.lower() == "none" and type(None) in kinds:
        return None
    if bool in kinds:
        if text.lower() not in ("true", "false"):
            raise SettingsError(f"{name} is neither true nor false", seen=text, mend="write true or false")
        return text.lower() == "true"
    try:
        if int in kinds:
            return int(text)
        if float in kinds:
            return float(text)
    except ValueError:
        raise SettingsError(f"{name} takes numbers", seen=text, mend=f"write {name}=1,2") from None
    return text  # one of a Literal's names, which the settings class checks


def make_cells(base: EvaluationRequest, axes: Sequence[Axis]) -> list[tuple[dict[str, Value], EvaluationRequest]]:
    """Every combination of the axes' values with the evaluation that it makes, the last axis varying fastest.

    Args:
        base: Everything that is not varied.
        axes: One to three.

    Raises:
        SettingsError: for too many axes or combinations, the same setting twice, a value out of range, or an axis that
            changes nothing in any combination.
    """
    names = [axis.name for axis in axes]
    if not 0 < len(axes) <= MAX_AXES:
        raise SettingsError("a sweep varies one to three settings", seen=names, mend="name two, say")
    if len(set(names)) < len(names):
        raise SettingsError("a setting is varied twice", seen=names, mend="name each once")
    combinations = [dict(zip(names, values, strict=True)) for values in itertools.product(*(a.values for a in axes))]
    if len(combinations) > MAX_CELLS:
        raise SettingsError("too many combinations", seen=len(combinations), mend=f"keep to {MAX_CELLS}")
    cells = [(values, apply_values(base, values)) for values in combinations]
    for axis in axes:
        _require_effect(axis, [request for _, request in cells])
    return cells


def apply_values(base: EvaluationRequest, values: Mapping[str, Value]) -> EvaluationRequest:
    """The evaluation with these settings changed.

    Raises:
        SettingsError: for a value out of range.
    """
    changes: dict[str, Any] = {}
    for part, changed in _by_part(values):
        settings: Settings = getattr(base, part)
        changes[part] = settings.replace(**changed)
    return replace(base, **changes)


def _by_part(values: Mapping[str, Value]) -> Iterator[tuple[str, dict[str, Value]]]:
    for part in _PARTS:
        changed = {name: value for name, value in values.items() if VARIED[name] == part}
        if changed:
            yield part, changed


def _require_effect(axis: Axis, requests: Sequence[EvaluationRequest]) -> None:
    """Refuses an axis without effect in every cell: all its values would show the same figures."""
    reasons = [request.decoding.without_effect(request.generation).get(axis.name) for request in requests]
    if all(reasons) and len(axis.values) > 1:
        raise SettingsError(f"{axis.name} changes nothing here", seen=reasons[0], mend="set the others so that it acts")
