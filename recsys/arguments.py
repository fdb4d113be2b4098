"""Command-line options made from the settings classes, so that no name or default is written twice."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import re
import typing
from typing import Any, TypeVar

from recsys.settings import Settings

S = TypeVar("S", bound=Settings)


def add_settings(
    parser: argparse.ArgumentParser, settings: type[Settings], *, skip: tuple[str, ...] = (), or_else: str = ""
) -> None:
    """Adds one option for each setting, its help taken from the class's docstring.

    Args:
        parser: Where to add them.
        settings: The settings class.
        skip: Settings that get no option here.
        or_else: What may take the default's place, for the help. An option that was not typed is then missing from
            the parsed arguments, so that `read_settings` can tell.
    """
    group = parser.add_argument_group(settings.__name__)
    types = typing.get_type_hints(settings)
    helps = attribute_docs(settings)
    for field in dataclasses.fields(settings):  # type: ignore[arg-type]
        if field.name in skip:
            continue
        flag = f"--{field.name.replace('_', '-')}"
        usual = f"{field.default}, or {or_else}" if or_else else field.default
        text = f"{helps.get(field.name, '').replace('%', '%%')} (default: {usual})"
        default = argparse.SUPPRESS if or_else else field.default
        group.add_argument(flag, dest=field.name, help=text, default=default, **_kind(types[field.name]))


def read_settings(arguments: argparse.Namespace, settings: type[S], *, default: S | None = None) -> S:
    """Makes the settings from the parsed options; the default holds where none was typed.

    Raises:
        SettingsError: for a value out of range.
    """
    names = {field.name for field in dataclasses.fields(settings)}  # type: ignore[arg-type]
    typed = {name: value for name, value in vars(arguments).items() if name in names}
    return (default or settings()).replace(**typed)


def written_settings(settings: Settings, *, skip: tuple[str, ...] = (), always: tuple[str, ...] = ()) -> list[str]:
    """The words of a command line that `read_settings` would read as these settings.

    Args:
        settings: What is written; what is as by default is left out.
        skip: Settings that are not written.
        always: Settings that are written even so.
    """
    default = type(settings)()
    words: list[str] = []
    for field in dataclasses.fields(settings):  # type: ignore[arg-type]
        value = getattr(settings, field.name)
        if field.name in skip or (value == getattr(default, field.name) and field.name not in always):
            continue
        words += _written(field.name.replace("_", "-"), value)
    return words


def _written(flag: str, value: object) -> list[str]:
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    if isinstance(value, tuple):
        return [f"--{flag}", *map(str, value)]
    return [f"--{flag}={value}"]


def attribute_docs(documented: type) -> dict[str, str]:
    """The ``Attributes:`` section of a Google-style docstring, as name → text."""
    section = (inspect.getdoc(documented) or "").partition("Attributes:\n")[2]
    found = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", section, flags=re.MULTILINE)
    return {name: re.sub(r"\s+", " ", text).strip() for name, text in found}


def _kind(annotation: Any) -> dict[str, Any]:
    if typing.get_origin(annotation) is typing.Literal:
        return {"choices": typing.get_args(annotation)}
    if typing.get_origin(annotation) is tuple:
        return {"nargs": "*", "metavar": "NAME"}
    plain = [part for part in typing.get_args(annotation) if part is not type(None)] or [annotation]
    if plain[0] is bool:
        return {"action": argparse.BooleanOptionalAction}
    return {"type": plain[0], "metavar": plain[0].__name__.upper()}
