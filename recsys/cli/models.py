"""``models``: list what can be loaded, fetch and check a model, index and map the catalogue by its embeddings."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys

from recsys.cli.model_listing import add_size_options, describe_model, list_fits, model_to_dict, read_size
from recsys.cli.options import (
    add_choice_options,
    add_server_options,
    add_workbench_options,
    open_workbench,
    read_choice,
)
from recsys.cli.progress import ProgressLine
from recsys.errors import ModelUnavailableError
from recsys.workbench import Workbench


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="models with the memory that they take here, and adapters")
    listing.add_argument("--json", action="store_true", help="print JSON")
    add_server_options(listing)
    add_size_options(listing)
    load = actions.add_parser("load", help="fetch a model if need be, load it and say what it takes")
    load.add_argument("--json", action="store_true", help="print JSON")
    index = actions.add_parser("index", help="embed every title of the catalogue for the embedding resolver")
    index.add_argument("--ship", action="store_true", help="write to assets/ instead of the cache")
    item_map = actions.add_parser("map", help="place every title on a plane by its embedding, for the app's Map tab")
    for action in (listing, load, index, item_map):
        add_workbench_options(action)
    for action in (load, index, item_map):
        add_choice_options(action)


def run(arguments: argparse.Namespace) -> int:
    """Runs the action."""
    workbench = open_workbench(arguments)
    if arguments.action == "list":
        return _list(arguments, workbench)
    if arguments.action == "map":
        return _map(arguments, workbench)
    progress = ProgressLine()
    choice = read_choice(arguments, workbench)
    workbench.host.load(choice, progress)
    progress.close()
    if arguments.action == "index":
        path = workbench.build_embedding_index(choice, ship=arguments.ship, progress=progress)
        progress.close()
        print(f"{path} ({path.stat().st_size:,} bytes)")
        return 0
    state = workbench.host.state()
    if arguments.json:
        json.dump(dataclasses.asdict(state), sys.stdout, indent=2)
        print()
    else:
        print(f"{choice.model}: {state.message} {state.precision}, {state.memory_bytes / 1e6:.0f} MB")
        for warning in state.warnings:
            print(f"Warning: {warning}")
    return 0


def _map(arguments: argparse.Namespace, workbench: Workbench) -> int:
    from recsys.resolution.item_map import ItemMap

    model = read_choice(arguments, workbench).model
    found = workbench.resolvers.find_index(model)
    if found is None:
        mend = f"run first: python -m recsys models index --model {model}"
        raise ModelUnavailableError("this catalogue is not embedded with the model", seen=model, mend=mend)
    index, at = found
    path = at.with_suffix(".map.npz")
    ItemMap.of(index).save(path)
    print(f"{path} ({path.stat().st_size:,} bytes)")
    return 0


def _list(arguments: argparse.Namespace, workbench: Workbench) -> int:
    if workbench.host.server is not None:
        workbench.host.server.look()
    fits = list_fits(workbench, read_size(arguments))
    if arguments.json:
        listed = {
            "models": [model_to_dict(spec, fit) for spec, fit in fits],
            "adapters": [dataclasses.asdict(adapter) for adapter in workbench.adapters()],
        }
        json.dump(listed, sys.stdout, indent=2, default=str)
        print()
        return 0
    for spec, fit in fits:
        print(describe_model(spec, fit))
    for adapter in workbench.adapters():
        about = (
            f"{adapter.title}: on {adapter.base_model or 'any base'}, r={adapter.r or 'not told'}. "
            if adapter.is_usable
            else ""
        )
        print(f"adapter {adapter.name}\n    {about}{adapter.note}".rstrip())
    if not workbench.adapters():
        print("no adapters")
    return 0
