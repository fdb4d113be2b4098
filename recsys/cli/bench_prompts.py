"""``bench prompts``: what each detail that titles of a history may carry adds to a prompt's length and to its time."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any, get_args

from recsys.cli.bench_decoding import make_case, timed, write_lists
from recsys.cli.options import read_choice
from recsys.cli.progress import ProgressLine
from recsys.data.descriptions import require_details
from recsys.errors import SettingsError
from recsys.settings import GenerationSettings, MovieDetails, PromptSettings
from recsys.workbench import Workbench


def add_prompt_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("--records", type=int, default=32, help="test records (default: 32)")


def bench_prompts(arguments: argparse.Namespace, workbench: Workbench) -> int:
    """Prints one row for each kind of details that the data set has."""
    progress = ProgressLine()
    choice = read_choice(arguments, workbench)
    workbench.host.load(choice, progress)
    progress.close()
    greedy = GenerationSettings(temperature=0)
    rows: list[dict[str, Any]] = []
    for details in get_args(MovieDetails):
        try:
            require_details(workbench.dataset.movies, details)
        except SettingsError as error:
            print(f"{details}: {error}", file=sys.stderr)
            continue
        with workbench.host.use(choice, priority="batch") as loaded:
            settings = PromptSettings(details=details)
            case = make_case(workbench, loaded, choice, arguments.records, settings)
            write_lists(case.first(2), greedy)
            case.decoder.prefixes.clear()
            seconds, _ = timed(lambda case=case: write_lists(case, greedy))  # type: ignore[misc]
        tokens = sum(map(len, case.token_ids)) / len(case)
        rows.append({"details": details, "prompt_tokens": tokens, "milliseconds_a_record": seconds / len(case) * 1000})
    for row in rows:
        row["times_the_tokens"] = row["prompt_tokens"] / rows[0]["prompt_tokens"]
        row["times_the_seconds"] = row["milliseconds_a_record"] / rows[0]["milliseconds_a_record"]
    if arguments.json:
        json.dump(rows, sys.stdout, indent=2)
        print()
        return 0
    print("details      prompt tokens   times   ms a record (greedy catalogue list)   times")
    for row in rows:
        print(
            f"{row['details']:12} {row['prompt_tokens']:13.0f} {row['times_the_tokens']:7.2f} "
            f"{row['milliseconds_a_record']:13.1f} {row['times_the_seconds']:31.2f}"
        )
    return 0
