"""``bench``: timings of titles, generation, decoding and data on this machine, as ratios in one run."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from recsys.cli.bench_baselines import add_baseline_arguments, bench_baselines
from recsys.cli.bench_data import add_data_arguments, bench_data
from recsys.cli.bench_decoding_report import add_decoding_arguments, bench_decoding
from recsys.cli.bench_dislikes import add_dislike_arguments, bench_dislikes
from recsys.cli.bench_evaluation import add_evaluation_arguments, bench_evaluation
from recsys.cli.bench_feedback import add_feedback_arguments, bench_feedback
from recsys.cli.bench_history import add_history_arguments, bench_history
from recsys.cli.bench_load import add_load_arguments, bench_load
from recsys.cli.bench_memory import add_memory_arguments, bench_memory
from recsys.cli.bench_numerics import add_numerics_arguments, bench_numerics
from recsys.cli.bench_prompts import add_prompt_arguments, bench_prompts
from recsys.cli.bench_resolvers import add_resolver_arguments, bench_resolvers
from recsys.cli.bench_swap import add_swap_arguments, bench_swap
from recsys.cli.bench_training import add_training_arguments, bench_training
from recsys.cli.options import add_choice_options, add_workbench_options, open_workbench, read_choice
from recsys.cli.progress import ProgressLine
from recsys.cli.synthetic_catalogue import LARGE_CATALOGUE, enlarge, misspell
from recsys.workbench import Workbench

_SUBJECTS: Mapping[str, Callable[[argparse.Namespace, Workbench], int]] = {
    "baselines": bench_baselines,
    "decoding": bench_decoding,
    "dislikes": bench_dislikes,
    "evaluation": bench_evaluation,
    "feedback": bench_feedback,
    "history": bench_history,
    "numerics": bench_numerics,
    "prompts": bench_prompts,
    "resolvers": bench_resolvers,
    "training": bench_training,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    subjects = parser.add_subparsers(dest="subject", required=True, metavar="SUBJECT")
    resolution = subjects.add_parser("resolution", help="titles a second, at 9,061 and 87,585 movies")
    generation = subjects.add_parser("generation", help="tokens a second, greedy, with beams and batched")
    decoding = subjects.add_parser("decoding", help="catalogue decoding beside stock generate, records a second")
    add_decoding_arguments(decoding)
    data = subjects.add_parser("data", help="a made-up set of MovieLens 32M's size, beside a plain pandas script")
    add_data_arguments(data)
    add_load_arguments(subjects.add_parser("load", help="a large shape's load into int8 or nf4: memory and time"))
    add_memory_arguments(subjects.add_parser("memory", help="what training takes, estimated and measured"))
    add_swap_arguments(subjects.add_parser("swap", help="time of an adapter's change, memory after a model's"))
    add_resolver_arguments(resolvers := subjects.add_parser("resolvers", help="each resolver on hard titles, by kind"))
    prompts = subjects.add_parser("prompts", help="what genres, tags or descriptions add to prompts and their time")
    add_prompt_arguments(prompts)
    training = subjects.add_parser("training", help="records a second of train, beside transformers' plain Trainer")
    add_training_arguments(training)
    baselines = subjects.add_parser("baselines", help="classic recommenders by user folds, without test users")
    add_baseline_arguments(baselines)
    add_dislike_arguments(dislikes := subjects.add_parser("dislikes", help="what naming dislikes does to likelihoods"))
    add_history_arguments(history := subjects.add_parser("history", help="MAP@4 with 0 to all liked movies shown"))
    numerics = subjects.add_parser("numerics", help="what precision, batch size and extreme settings change in answers")
    add_numerics_arguments(numerics)
    add_feedback_arguments(feedback := subjects.add_parser("feedback", help="MAP@4 after rounds of simulated votes"))
    evaluation = subjects.add_parser("evaluation", help="records a second of evaluations beside the engine alone")
    add_evaluation_arguments(evaluation)
    with_model = (generation, decoding, prompts, training, dislikes, history, numerics, feedback, evaluation)
    for subject in with_model:
        add_choice_options(subject)
    for subject in (*with_model, resolution, resolvers, baselines):
        subject.add_argument("--json", action="store_true", help="print JSON")
        add_workbench_options(subject)


def run(arguments: argparse.Namespace) -> int:
    """Prints a table of the timings."""
    alone = {"data": bench_data, "load": bench_load, "memory": bench_memory, "swap": bench_swap}.get(arguments.subject)
    if alone is not None:
        return alone(arguments)
    workbench = open_workbench(arguments)
    bench = _SUBJECTS.get(arguments.subject)
    if bench is not None:
        return bench(arguments, workbench)
    rows = bench_resolution(workbench) if arguments.subject == "resolution" else _bench_generation(arguments, workbench)
    if arguments.json:
        json.dump(rows, sys.stdout, indent=2)
        print()
        return 0
    for row in rows:
        print(
            "  ".join(f"{name} {value:,.4g}" if isinstance(value, float) else str(value) for name, value in row.items())
        )
    return 0


def bench_resolution(workbench: Workbench) -> list[dict[str, Any]]:
    """Times both edit resolvers on misspelt titles of a small and of a large catalogue."""
    from recsys.resolution.common_characters import CommonCharactersResolver
    from recsys.resolution.levenshtein import LevenshteinResolver

    rows = []
    for catalogue in (workbench.catalogue, enlarge(workbench.catalogue, LARGE_CATALOGUE)):
        titles = misspell(catalogue, 1000)
        for make in (LevenshteinResolver, CommonCharactersResolver):
            resolver = make(catalogue)
            resolver.nearest(["warm up"], [None])
            four = _seconds(lambda r=resolver, t=titles: r.nearest(t[:4], [None] * 4), repeats=5)  # type: ignore[misc]
            many = _seconds(lambda r=resolver, t=titles: r.nearest(t, [None] * len(t)))  # type: ignore[misc]
            rows.append(
                {
                    "resolver": resolver.name,
                    "movies": len(catalogue),
                    "seconds_for_1000": many,
                    "milliseconds_for_4": four * 1000,
                }
            )
    return rows


def _bench_generation(arguments: argparse.Namespace, workbench: Workbench) -> list[dict[str, Any]]:
    from recsys.recommend import RecommendationRequest
    from recsys.settings import GenerationSettings

    choice = read_choice(arguments, workbench)
    progress = ProgressLine()
    workbench.host.load(choice, progress)
    progress.close()
    records = workbench.split.records["test"][:8]
    prompt = workbench.default_prompt(choice)
    rows: list[dict[str, Any]] = []
    for name, batch, beams in (("greedy", 1, 1), ("4 beams", 1, 4), ("greedy", 8, 1)):
        settings = GenerationSettings(temperature=0, num_beams=beams, max_new_tokens=48)
        asked = RecommendationRequest(generation=settings, prompt=prompt, choice=choice)
        requests = [dataclasses.replace(asked, history=record.history) for record in records[:batch]]
        workbench.recommend_batch(requests, seeds=[0] * batch)
        start = time.perf_counter()
        answers = workbench.recommend_batch(requests, seeds=[0] * batch)
        seconds = time.perf_counter() - start
        tokens = sum(a.completion.completion_tokens for a in answers)
        rows.append({"search": name, "batch": batch, "seconds": seconds, "tokens_per_second": tokens / seconds})
    for row in rows:
        row["ratio_to_first"] = row["tokens_per_second"] / rows[0]["tokens_per_second"]
    return rows


def _seconds(work: Callable[[], object], *, repeats: int = 1) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - start) / repeats
