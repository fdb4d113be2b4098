"""The options that commands share: where things are, and which model answers."""

from __future__ import annotations

import argparse
import typing
from pathlib import Path

from recsys.arguments import add_settings, attribute_docs, read_settings
from recsys.data.splits import SplitSettings
from recsys.models.host import ModelChoice
from recsys.models.registry import DEFAULT_MODEL
from recsys.settings import Precision
from recsys.workbench import Workbench
from recsys.workbench_options import WorkbenchOptions

__all__ = ["add_settings", "attribute_docs", "read_settings"]


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
