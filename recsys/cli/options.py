"""The options that commands share: where things are, and which model answers."""

from __future__ import annotations

import argparse
import typing
from pathlib import Path

from recsys.arguments import add_settings, attribute_docs, read_settings
from recsys.data.splits import SplitSettings
from recsys.engine import find_choice
from recsys.models.host import ModelChoice
from recsys.models.placement import PlacementSettings
from recsys.models.registry import DEFAULT_MODEL
from recsys.remote.settings import ServerSettings
from recsys.settings import INT8_THRESHOLD, Precision, PromptSettings
from recsys.workbench import Workbench
from recsys.workbench_options import KNOWN_FILMS_HELP, WorkbenchOptions

__all__ = ["add_settings", "attribute_docs", "read_settings"]


def add_prompt_options(parser: argparse.ArgumentParser) -> None:
    """Adds the prompt's format; what is not typed is as the model and the adapter want it."""
    add_settings(parser, PromptSettings, or_else="as the model or the adapter wants it")


def read_prompt(arguments: argparse.Namespace, workbench: Workbench, choice: ModelChoice) -> PromptSettings:
    """The prompt of the parsed options, and of the choice where nothing was typed.

    Disliked movies that were given on the command line are named in the prompt where the choice reads them.

    Raises:
        InputError: for a value out of range, or when there is no such adapter.
    """
    rule = workbench.choices.prompt_rule(choice)
    default = rule.default
    if getattr(arguments, "disliked", None) and "include_disliked" not in rule.fixed:
        default = default.replace(include_disliked=True)
    return read_settings(arguments, PromptSettings, default=default)


def add_workbench_options(parser: argparse.ArgumentParser) -> None:
    """Adds where data, adapters and runs are, and which device computes."""
    group = parser.add_argument_group("Workbench")
    group.add_argument(
        "--data", type=Path, help="a MovieLens folder or zip, 100K to 32M (default: the embedded latest-small)"
    )
    group.add_argument("--adapters", type=Path, help="a folder of PEFT folders (default: adapters/)")
    group.add_argument("--runs", type=Path, help="where evaluations are kept (default: the user's cache)")
    group.add_argument("--descriptions", type=Path, help="a csv file of movieId,description for --details=description")
    group.add_argument("--known-films", type=Path, help=KNOWN_FILMS_HELP)
    group.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    add_settings(parser, PlacementSettings)
    add_settings(parser, SplitSettings)


def add_story_split_options(parser: argparse.ArgumentParser) -> None:
    """Adds the split's options under the short names that are free where no evaluation takes them."""
    short = (("--split", "split_by", str), ("--records", "split_records", int), ("--holdout", "split_holdout", int))
    for flag, name, kind in short:
        parser.add_argument(
            flag, dest=name, type=kind, default=argparse.SUPPRESS, help=f"short for --{name.replace('_', '-')}"
        )


def add_choice_options(parser: argparse.ArgumentParser, *, or_else: str = "") -> None:
    """Adds base model, precision and adapter, and the server that may have them.

    Args:
        parser: Where to add them.
        or_else: What may take the defaults' place, as of `add_settings`.
    """
    group = parser.add_argument_group("Model")
    usual = f"(default: the one that the adapter was made for, else {DEFAULT_MODEL})"
    served = "with --engine openai, a name that the server lists (default: its first)"
    group.add_argument("--model", help=f"registry name, local folder or Hub id {usual}; {served}")
    precision, threshold = (argparse.SUPPRESS, argparse.SUPPRESS) if or_else else ("auto", INT8_THRESHOLD)
    about = f"what the weights are held in (default: auto{f', or {or_else}' if or_else else ''})"
    group.add_argument("--precision", default=precision, choices=typing.get_args(Precision), help=about)
    about = f"in int8, inputs above it are multiplied in half precision (default: {INT8_THRESHOLD:g}; 0: none)"
    group.add_argument("--int8-threshold", type=float, default=threshold, help=about)
    group.add_argument("--adapter", default=None, help="name of a folder under adapters/, or of a served LoRA")
    add_server_options(parser)


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Adds whether a server writes the completions, and which."""
    add_settings(parser, ServerSettings)


def read_choice(arguments: argparse.Namespace, workbench: Workbench) -> ModelChoice:
    """The base model, precision and adapter of the parsed options.

    Raises:
        AdapterError: when no model was typed and there is no such adapter to tell it.
        ServerError: when no model was typed and the server tells none.
        SettingsError: for a threshold out of range.
    """
    return find_choice(
        workbench.choices,
        arguments.model,
        getattr(arguments, "precision", "auto"),
        arguments.adapter,
        int8_threshold=getattr(arguments, "int8_threshold", INT8_THRESHOLD),
    )


def open_workbench(arguments: argparse.Namespace) -> Workbench:
    """The workbench of the parsed options."""
    return Workbench(
        WorkbenchOptions(
            data=arguments.data,
            adapters=arguments.adapters,
            runs=arguments.runs,
            device=arguments.device,
            descriptions=arguments.descriptions,
            known_films=arguments.known_films,
            split=read_settings(arguments, SplitSettings),
            server=read_settings(arguments, ServerSettings),
            placement=read_settings(arguments, PlacementSettings),
            opening_model=getattr(arguments, "model", None),
        )
    )
