"""``bench evaluation``: records a second of whole evaluations beside the engine alone, on the same batches in one run.

Three things are timed on the same records: the engine, which turns prompts into completions or rankings; answers, which
are the engine with prompts written and titles read; and the evaluation, which also scores, keeps and reports, and is
watched as the command line watches it. They take turns, in turned order every other time, so that a machine that slows
down slows all of them down. Ratios are of wall-clock and of processor time, which other programs hardly touch.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.catalogue_recommend import find_decoder
from recsys.cli.bench_decoding import timed
from recsys.cli.bench_history import answering
from recsys.cli.bench_report import add_out_argument, markdown_table, report
from recsys.cli.options import read_choice
from recsys.cli.progress import ProgressLine
from recsys.data.records import Record
from recsys.evaluation.baseline_scores import score_baseline
from recsys.evaluation.fitted_baselines import FittedBaselines
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.runner import record_seeds, select_records
from recsys.models.host import ModelChoice
from recsys.prompts import Prompt
from recsys.recommend import CompleteList, render_prompt
from recsys.settings import DecodingSettings, EvaluationSettings, GenerationSettings
from recsys.workbench import Workbench

if TYPE_CHECKING:
    from recsys.models.loading import LoadedModel

NUM_TITLES = 4
GOAL = 0.9
"""Of the speed of answers, what an evaluation should keep."""
BASELINES = ("popularity", "ease")
WAYS: dict[str, tuple[int, DecodingSettings]] = {
    "list_greedy": (1, DecodingSettings("catalogue_list")),
    "rank": (10, DecodingSettings("catalogue_rank")),
    "free_greedy": (1, DecodingSettings("free")),
}
"""Beams and decoding of each way of asking."""


@dataclass(frozen=True)
class Asked:
    """Some records and all that the engine is given of them.

    Attributes:
        request: The evaluation, without baselines.
        records: Its records.
        prompts: One for each.
        excluded: Movies that must not come out, for each.
        seeds: One for each.
    """

    request: EvaluationRequest
    records: tuple[Record, ...]
    prompts: tuple[Prompt, ...]
    excluded: tuple[frozenset[int], ...]
    seeds: tuple[int, ...]

    def batches(self) -> list[slice]:
        """Where each batch of the evaluation lies."""
        size = self.request.batch_size
        return [slice(start, start + size) for start in range(0, len(self.records), size)]


def add_evaluation_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("--records", type=int, default=0, help="test records of each evaluation; 0 takes all")
    parser.add_argument("--repeats", type=int, default=4, help="times that each way is measured")
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=WAYS, metavar="NAME")
    add_out_argument(parser, "evaluation")


def bench_evaluation(arguments: argparse.Namespace, workbench: Workbench) -> int:
    """Prints a row for each way of asking, and what baselines take beside it."""
    choice = read_choice(arguments, workbench)
    progress = ProgressLine()
    with tempfile.TemporaryDirectory() as folder:
        # Runs of its own, so that nothing is taken up from before and nothing is left behind.
        own = Workbench(dataclasses.replace(workbench.options, runs=Path(folder)))
        own.host.load(choice, progress)
        rows = [measure(own, choice, name, arguments, progress) for name in arguments.ways]
        baselines = time_baselines(own, arguments.records)
        precision = own.host.state().precision
    progress.close()
    found = {
        "base_model": choice.model,
        "adapter": choice.adapter,
        "precision": precision,
        "data": workbench.data_name,
        "repeats": arguments.repeats,
        "cores": os.cpu_count(),
        "goal": GOAL,
        "ways": rows,
        "baseline_seconds": baselines,
    }
    told = ", ".join(f"{name} {first:.2f} s, then {again:.2f} s" for name, (first, again) in baselines.items())
    text = (
        f"Test records of {found['data']} by {choice.model} in {precision}, medians of {arguments.repeats} rounds in "
        "which each takes its turn. Engine: prompts to completions. Answers: prompts written and titles read too. "
        "Evaluation: all of it, with scores, store, progress and report, without baselines; generation share: what the "
        f"engine takes of its time, by its own clock; cpu: by processor time.\n\n{markdown_table(rows)}\n"
        f"Baselines beside it, fitted and ranked, then ranked again as they are kept: {told}.\n"
    )
    report(arguments, "evaluation", found, text)
    return 0


def measure(
    workbench: Workbench, choice: ModelChoice, name: str, arguments: argparse.Namespace, progress: ProgressLine
) -> dict[str, Any]:
    """One way of asking: records a second of the engine, of answers and of evaluations, and their ratios."""
    kinds: dict[str, Callable[[Workbench, Asked], float | None]] = {
        "engine": run_engine,
        "answers": run_answers,
        "evaluation": run_evaluation,
    }
    for run in kinds.values():  # the decoder, popularity and whatever else is made once
        run(workbench, prepare(workbench, choice, name, num_records=8, seed=arguments.repeats))
    seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
    cpu: dict[str, list[float]] = {kind: [] for kind in kinds}
    shares = []
    asked = prepare(workbench, choice, name, num_records=arguments.records, seed=0)
    for repeat in range(arguments.repeats):
        progress(repeat / arguments.repeats, f"{name}: round {repeat + 1} of {arguments.repeats}")
        # Another seed is another run; where all records are taken they stay the same.
        asked = prepare(workbench, choice, name, num_records=arguments.records, seed=repeat)
        for kind, run in list(kinds.items())[:: -1 if repeat % 2 else 1]:
            _forget_prompts(workbench, choice)
            before = time.process_time()
            taken, generation = timed(partial(_in_a_thread, run, workbench, asked))
            seconds[kind].append(taken)
            cpu[kind].append(time.process_time() - before)
            if generation is not None:
                shares.append(generation / taken)
    medians = {kind: statistics.median(found) for kind, found in seconds.items()}
    return {
        "way": name,
        "records": len(asked.records),
        "batch": asked.request.batch_size,
        **{f"{kind}_records_per_second": len(asked.records) / median for kind, median in medians.items()},
        "evaluation_to_answers": _ratio(seconds["answers"], seconds["evaluation"]),
        "evaluation_to_engine": _ratio(seconds["engine"], seconds["evaluation"]),
        "evaluation_to_answers_cpu": _ratio(cpu["answers"], cpu["evaluation"]),
        "evaluation_to_engine_cpu": _ratio(cpu["engine"], cpu["evaluation"]),
        "generation_share": statistics.median(shares),
    }


def _in_a_thread(run: Callable[[Workbench, Asked], float | None], workbench: Workbench, asked: Asked) -> float | None:
    """A thread gets its memory otherwise than the main one, and the evaluation's model has a thread."""
    with ThreadPoolExecutor(1) as alone:
        return alone.submit(run, workbench, asked).result()


def prepare(workbench: Workbench, choice: ModelChoice, name: str, *, num_records: int, seed: int) -> Asked:
    """The records of an evaluation and what the engine needs of them, written down beforehand."""
    beams, decoding = WAYS[name]
    request = EvaluationRequest(
        evaluation=EvaluationSettings(num_records=num_records, k=NUM_TITLES, seed=seed),
        generation=GenerationSettings(temperature=0, num_beams=beams, num_recommendations=NUM_TITLES),
        prompt=workbench.default_prompt(choice),
        choice=choice,
        baselines=(),
        decoding=decoding,
    )
    records = select_records(workbench.split.records[request.evaluation.split], request.evaluation)
    examples = workbench.examples(request.prompt)
    return Asked(
        request,
        records,
        tuple(render_prompt(request.for_record(record), workbench.catalogue, examples) for record in records),
        tuple(frozenset((*record.history, *record.disliked)) for record in records),
        tuple(record_seeds(records, request.evaluation)),
    )


def run_engine(workbench: Workbench, asked: Asked) -> None:
    """Prompts to completions or rankings, and nothing else."""
    with workbench.host.use(asked.request.choice, priority="batch") as loaded:
        answer = _engine(workbench, loaded, asked)
        for batch in asked.batches():
            answer(batch)


def _engine(workbench: Workbench, loaded: LoadedModel, asked: Asked) -> Callable[[slice], Sequence[Any]]:
    from recsys.generation.generator import TransformersGenerator

    settings, decoding = asked.request.generation, asked.request.decoding
    if not decoding.is_catalogue:
        generator, complete = TransformersGenerator(loaded), CompleteList(workbench.catalogue)
        return lambda batch: generator.generate(
            asked.prompts[batch], settings, seeds=asked.seeds[batch], is_complete=complete
        )
    decoder = find_decoder(loaded, workbench.catalogue, asked.prompts[0])
    if decoding.decoding == "catalogue_list":
        return lambda batch: decoder.list_titles(
            asked.prompts[batch],
            settings,
            excluded=asked.excluded[batch],
            seeds=asked.seeds[batch],
            score=decoding.title_score,
        )
    return lambda batch: decoder.rank_titles(
        asked.prompts[batch],
        n=NUM_TITLES,
        num_beams=decoding.beams_of(settings),
        excluded=asked.excluded[batch],
        score=decoding.title_score,
    )


def run_answers(workbench: Workbench, asked: Asked) -> None:
    """The engine, its prompts written and its titles read and resolved."""
    answer = answering(workbench, asked.request)
    for batch in asked.batches():
        answer(asked.records[batch])


def run_evaluation(workbench: Workbench, asked: Asked) -> float:
    """A whole evaluation, looked at twice a second; gives the seconds that the engine took of it.

    Raises:
        RecsysError: when it failed.
    """
    return workbench.start_evaluation(asked.request).finish().seconds


def time_baselines(workbench: Workbench, num_records: int) -> dict[str, tuple[float, float]]:
    """Seconds of each default baseline where it has to be fitted, and where it is kept of an earlier evaluation."""
    settings = EvaluationSettings(num_records=num_records, k=NUM_TITLES)
    records = select_records(workbench.split.records["test"], settings)
    kept = FittedBaselines()
    score = partial(score_baseline, records=records, split=workbench.split, evaluated="test", k=NUM_TITLES, fitted=kept)
    return {name: (timed(partial(score, name))[0], timed(partial(score, name))[0]) for name in BASELINES}


def _ratio(theirs: Sequence[float], ours: Sequence[float]) -> float:
    """The median over rounds of the speed of ours by that of theirs."""
    return statistics.median(their / our for their, our in zip(theirs, ours, strict=True))


def _forget_prompts(workbench: Workbench, choice: ModelChoice) -> None:
    """Lets go of prompts that were computed: the next to be timed must not find those of the one before."""
    with workbench.host.use(choice, priority="batch") as loaded:
        if (prefixes := loaded.decoders.get("prefixes")) is not None:
            prefixes.clear()
