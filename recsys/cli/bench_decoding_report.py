"""``bench decoding``: its arguments, the order of its parts, and the table that is printed and saved."""

from __future__ import annotations

import argparse
from typing import Any

from recsys.cli.bench_decoding import (
    GOALS,
    NUM_TITLES,
    RANK_BEAMS,
    STOCK_BATCH,
    bench_catalogue,
    bench_speed,
    make_case,
)
from recsys.cli.bench_decoding_costs import (
    bench_adapter,
    bench_batch_sizes,
    bench_catalogues,
    bench_numbers_of_titles,
    bench_precisions,
)
from recsys.cli.bench_report import add_out_argument, markdown_table, report
from recsys.cli.bench_test_set import bench_test_set
from recsys.cli.options import read_choice
from recsys.cli.progress import ProgressLine
from recsys.settings import PromptSettings
from recsys.workbench import Workbench

PARTS = ("speed", "test-set", "costs", "adapter", "precisions")
_COST_RECORDS = 64
_PRECISION_RECORDS = 32


def add_decoding_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the benchmark's own arguments."""
    parser.add_argument("--records", type=_at_least_one, default=128, help="test records (default: 128)")
    parser.add_argument(
        "--alone",
        type=_at_least_one,
        default=16,
        help="records of the stock runs that go record by record, whose rate does not depend on it (default: 16)",
    )
    parser.add_argument(
        "--parts", nargs="+", choices=(*PARTS, "all"), default=["speed"], help="what to measure (default: speed)"
    )
    add_out_argument(parser, "decoding")


def bench_decoding(arguments: argparse.Namespace, workbench: Workbench) -> int:
    """Runs the parts, prints the table or the JSON, and saves both."""
    choice = read_choice(arguments, workbench)
    parts = set(PARTS) if "all" in arguments.parts else set(arguments.parts)
    progress = ProgressLine()
    workbench.host.load(choice, progress)
    found: dict[str, Any] = {"model": choice.model, "records": arguments.records}

    def say(what: str) -> None:
        progress(0.0, what)

    if "speed" in parts:
        with workbench.host.use(choice, priority="batch") as loaded:
            found["precision"] = loaded.precision
            cases = [
                make_case(workbench, loaded, choice, arguments.records, PromptSettings(include_years=years))
                for years in (False, True)
            ]
            say("catalogue decoding, without and with years")
            runs = [bench_catalogue(case) for case in cases]
            found |= bench_speed(cases[0], runs[0], arguments.alone, say)
            found["with_years"] = bench_speed(cases[1], runs[1], arguments.alone, say)
    if "test-set" in parts:
        say("the whole test set")
        found["test_set"] = bench_test_set(workbench, choice, include_years=False)
    if "costs" in parts:
        with workbench.host.use(choice, priority="batch") as loaded:
            case = make_case(workbench, loaded, choice, arguments.records, PromptSettings())
            say("batch sizes")
            found["batch_sizes"] = bench_batch_sizes(case)
            say("catalogue sizes")
            found["catalogues"] = bench_catalogues(case.first(_COST_RECORDS))
            say("numbers of titles")
            found["numbers_of_titles"] = bench_numbers_of_titles(case.first(_COST_RECORDS))
    if "adapter" in parts:
        say("an adapter, merged and not")
        with workbench.host.use(choice, priority="batch") as loaded:
            case = make_case(workbench, loaded, choice, arguments.records, PromptSettings())
            found["adapter"] = bench_adapter(case.first(_COST_RECORDS), workbench, choice)
    if "precisions" in parts:
        say("precisions")
        found["precisions"] = bench_precisions(workbench, choice, min(_PRECISION_RECORDS, arguments.records))
    progress.close()
    report(arguments, "decoding", found, render_table(found))
    return 0


def render_table(found: dict[str, Any]) -> str:
    """Everything that was measured as Markdown tables."""
    parts = []
    for title, speed in (("without years", found), ("with years", found.get("with_years", {}))):
        if "records_per_second" in speed:
            parts.append(_speed_table(title, speed))
    sections: tuple[tuple[str, str], ...] = (
        ("test_set", "The whole test set"),
        ("batch_sizes", "Cost by batch size, greedy lists"),
        ("catalogues", "Cost by catalogue size, greedy lists"),
        ("numbers_of_titles", "Cost by N"),
        ("adapter", "With an adapter"),
        ("precisions", "Agreement with fp32"),
    )
    for name, title in sections:
        if rows := found.get(name):
            parts.append(f"### {title}\n\n" + markdown_table(rows))
    return "\n".join(parts)


def _speed_table(title: str, speed: dict[str, Any]) -> str:
    rates = speed["records_per_second"]
    rows = [
        {
            "way": name,
            "records": speed["num_records"][name],
            "records a second": rate,
            "times stock per record, greedy": rate / rates["stock_per_record_greedy"],
            "titles a record": speed["titles_per_record"][name],
            "of the prefill floor": speed["prefill_floor_fractions"].get(name),
        }
        for name, rate in rates.items()
    ]
    ratios = [
        {"ratio": f"{ours} / {theirs}", "measured": rates[ours] / rates[theirs], "goal": goal}
        for ours, theirs, goal in GOALS
    ]
    interactive = speed["interactive"]
    return (
        f"### {NUM_TITLES} titles, {title}\n\n{markdown_table(rows)}\n{markdown_table(ratios)}\n"
        f"Prompts of {speed['prompt_tokens']:.0f} tokens; rank with {RANK_BEAMS} beams; stock in batches of "
        f"{STOCK_BATCH}. Plain prefill {speed['prefill_tokens_per_second']:,.0f} tokens a second. One list at batch 1: "
        f"{interactive['median_seconds']:.2f} s (slowest {interactive['slowest_seconds']:.2f} s). Peak memory after "
        f"the catalogue runs {speed['peak_gigabytes']:.2f} GB.\n"
    )


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {text}")
    return number
