"""Command-line options made from the settings classes, so that no name or default is written twice."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import re
import typing
from pathlib import Path
from typing import Any, TypeVar

from recsys.data.splits import SplitSettings
from recsys.models.host import ModelChoice
from recsys.models.registry import DEFAULT_MODEL
from recsys.settings import Precision, Settings
from recsys.workbench import Workbench
from recsys.workbench_options import WorkbenchOptions

S = TypeVar("S", bound=Settings)


def add_settings(parser: argparse.ArgumentParser, settings: type[Settings], *, skip: tuple[str, ...] = ()) -> None:
    """Adds one option for each setting, its help taken from the class's docstring."""
    group = parser.add_argument_group(settings.__name__)
    types = typing.get_type_hints(settings)
    helps = attribute_docs(settings)
    for field in dataclasses.fields(settings):  # type: ignore[arg-type]
        if field.name in skip:
            continue
        flag = f"--{field.name.replace('_', '-')}"
        text = f"{helps.get(field.name, '').replace('%', '%%')} (default: {field.default})"
        group.add_argument(flag, dest=field.name, help=text, default=field.default, **_kind(types[field.name]))


def read_settings(arguments: argparse.Namespace, settings: type[S]) -> S:
    """Makes the settings from the parsed options.

    Raises:
        SettingsError: for a value out of range.
    """
    names = {field.name for field in dataclasses.fields(settings)}  # type: ignore[arg-type]
    return settings.from_dict({name: value for name, value in vars(arguments).items() if name in names})


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


def add_workbench_options(parser: argparse.ArgumentParser) -> None:
    """Adds where data, adapters and runs are, and which device computes."""
    group = parser.add_argument_group("Workbench")
    group.add_argument(
        "--data", type=Path, help="a MovieLens folder or zip, 100K to 32M (default: the embedded latest-small)"
    )
    group.add_argument("--adapters", type=Path, help="a folder of PEFT folders (default: adapters/)")
    group.add_argument("--runs", type=Path, help="where evaluations are kept (default: the user's cache)")
    group.add_argument("--descriptions", type=Path, help="a csv file of movieId,description for --details=description")
    group.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    add_settings(parser, SplitSettings)


def add_story_split_options(parser: argparse.ArgumentParser) -> None:
    """Adds the split's options under the short names that are free where no evaluation takes them."""
    short = (("--split", "split_by", str), ("--records", "split_records", int), ("--holdout", "split_holdout", int))
    for flag, name, kind in short:
        parser.add_argument(
            flag, dest=name, type=kind, default=argparse.SUPPRESS, help=f"short for --{name.replace('_', '-')}"
        )


def add_choice_options(parser: argparse.ArgumentParser) -> None:
    """Adds base model, precision and adapter."""
    group = parser.add_argument_group("Model")
    group.add_argument("--model", default=DEFAULT_MODEL, help="registry name, local folder or Hub id")
    group.add_argument("--precision", default="auto", choices=typing.get_args(Precision))
    group.add_argument("--adapter", default=None, help="name of a folder under adapters/")


def read_choice(arguments: argparse.Namespace) -> ModelChoice:
    """The base model, precision and adapter of the parsed options."""
    return ModelChoice(arguments.model, arguments.precision, arguments.adapter)


def open_workbench(arguments: argparse.Namespace) -> Workbench:
    """The workbench of the parsed options."""
    return Workbench(
        WorkbenchOptions(
            data=arguments.data,
            adapters=arguments.adapters,
            runs=arguments.runs,
            device=arguments.device,
            descriptions=arguments.descriptions,
            split=read_settings(arguments, SplitSettings),
        )
    )
