"""``bench prompts``: what each detail that titles of a history may carry adds to a prompt's length and to its time."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any, get_args

from recsys.cli.bench_decoding import make_case, timed, write_lists
from recsys.cli.bench_report import add_out_argument, markdown_table, report
from recsys.cli.options import read_choice
from recsys.cli.progress import ProgressLine
from recsys.data.descriptions import require_details
from recsys.errors import SettingsError
from recsys.models.host import ModelChoice
from recsys.prompt_ids import prompt_id
from recsys.settings import GenerationSettings, MovieDetails, PromptSettings
from recsys.workbench import Workbench


def add_prompt_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("--records", type=int, default=32, help="test records (default: 32)")
    add_out_argument(parser, "prompts")


def bench_prompts(arguments: argparse.Namespace, workbench: Workbench) -> int:
    """Prints one row for each kind of details that the data set has; the app's Prompt fold shows what is shipped."""
    progress = ProgressLine()
    choice = read_choice(arguments, workbench)
    workbench.host.load(choice, progress)
    progress.close()
    rows: list[dict[str, Any]] = []
    for details in get_args(MovieDetails):
        try:
            require_details(workbench.dataset.movies, details)
        except SettingsError as error:
            print(f"{details}: {error}", file=sys.stderr)
            continue
        rows.append(_measure(workbench, choice, details, arguments.records))
    for row in rows:
        row["times_the_tokens"] = row["prompt_tokens"] / rows[0]["prompt_tokens"]
        row["times_the_seconds"] = row["milliseconds_a_record"] / rows[0]["milliseconds_a_record"]
    found = {
        "base_model": choice.model,
        "precision": workbench.host.state().precision,
        "data": workbench.data_name,
        "prompt": prompt_id(PromptSettings()),
        "records": arguments.records,
        "cores": os.cpu_count(),
        "details": rows,
    }
    told = f"{arguments.records} records of {found['data']}, greedy catalogue lists by {choice.model}:\n\n"
    report(arguments, "prompts", found, told + markdown_table(rows))
    return 0


def _measure(workbench: Workbench, choice: ModelChoice, details: MovieDetails, num_records: int) -> dict[str, Any]:
    greedy = GenerationSettings(temperature=0)
    with workbench.host.use(choice, priority="batch") as loaded:
        case = make_case(workbench, loaded, choice, num_records, PromptSettings(details=details))
        write_lists(case.first(2), greedy)
        case.decoder.prefixes.clear()
        seconds, _ = timed(lambda: write_lists(case, greedy))
    tokens = sum(map(len, case.token_ids)) / len(case)
    return {"details": details, "prompt_tokens": tokens, "milliseconds_a_record": seconds / len(case) * 1000}
