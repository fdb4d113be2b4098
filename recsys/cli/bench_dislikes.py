"""``bench dislikes``: how the likelihood of liked and disliked titles moves when the prompt names dislikes."""

from __future__ import annotations

import dataclasses
import json
import sys
from argparse import ArgumentParser, Namespace
from typing import get_args

from recsys.cli.options import read_choice
from recsys.cli.progress import ProgressLine
from recsys.settings import SplitName
from recsys.workbench import Workbench


def add_dislike_arguments(parser: ArgumentParser) -> None:
    """Adds the command's own arguments."""
    parser.add_argument("--split", default="validation", choices=get_args(SplitName), help="whose records")


def bench_dislikes(arguments: Namespace, workbench: Workbench) -> int:
    """Prints the shifts of a model, with or without an adapter."""
    from recsys.training.likelihood_shift import measure_shift

    choice = read_choice(arguments, workbench)
    progress = ProgressLine()
    workbench.host.load(choice, progress)
    progress.close()
    prompt = workbench.default_prompt(choice).replace(style="history")
    with workbench.host.use(choice, priority="batch") as loaded:
        shifts, num_cases, num_users = measure_shift(
            loaded, workbench.split.records[arguments.split], workbench.catalogue, prompt
        )
    rows = [{**dataclasses.asdict(shift), "change": shift.change} for shift in shifts]
    if arguments.json:
        json.dump({"cases": num_cases, "users": num_users, "shifts": rows}, sys.stdout, indent=2)
        print()
        return 0
    print(f"{num_cases:,} pairs of a title liked next and one disliked, of {num_users} {arguments.split} users")
    print("log-likelihood of a title in nats, without and with other dislikes named")
    for shift in shifts:
        ends = "" if shift.interval is None else f" [{shift.interval.low:+.4f}, {shift.interval.high:+.4f}]"
        print(f"{shift.kind:<9} {shift.plain:9.4f} {shift.told:9.4f}  {shift.change:+.4f}{ends}")
    return 0
