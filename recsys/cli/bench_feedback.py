"""``bench feedback``: simulated users vote on what they are recommended, and are asked again for some rounds."""

from __future__ import annotations

import argparse
import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, get_args

from recsys.cli.bench_feedback_report import describe_system, render
from recsys.cli.bench_history import answering, name_of
from recsys.cli.bench_report import add_out_argument, asked_facts, report
from recsys.cli.options import read_choice
from recsys.cli.progress import ProgressLine
from recsys.data.records import Record
from recsys.errors import InputError, SettingsError
from recsys.evaluating import name_run
from recsys.evaluation.baseline_scores import FITTED_ON, find_fitted
from recsys.evaluation.feedback_simulation import (
    WAYS,
    AskRound,
    Opinions,
    Ranking,
    Way,
    ask_baseline,
    find_opinions,
    simulate,
)
from recsys.evaluation.request import BASELINES, EvaluationRequest
from recsys.evaluation.run_database import RunDatabase
from recsys.evaluation.runner import evaluate_records, select_records
from recsys.evaluation.store import RunStore
from recsys.models.artifacts import Progress
from recsys.settings import (
    MAX_HISTORY,
    DecodingMode,
    DecodingSettings,
    EvaluationSettings,
    GenerationSettings,
    SplitName,
)
from recsys.workbench import Workbench

DATABASE = "feedback.sqlite3"
"""In the folder of runs: the answers of finished batches, for a command that was stopped."""
_FROM_LIKES = tuple(name for name in BASELINES if name not in ("similarity", "random"))


def add_feedback_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("--split", default="test", choices=get_args(SplitName), help="whose records")
    parser.add_argument("--records", type=int, default=0, help="how many records; 0 takes all of the split")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of votes")
    parser.add_argument("--k", type=int, default=4, help="titles of each list, and the cut of the metrics")
    parser.add_argument("--decoding", default="catalogue_rank", choices=get_args(DecodingMode))
    parser.add_argument("--num-beams", type=int, default=10, help="beams of the search; greedy where it is 1")
    parser.add_argument(
        "--ways",
        nargs="+",
        default=["all", "past", "all-first", "all-hidden"],
        choices=WAYS,
        metavar="WAY",
        help=f"how users vote and what becomes of it, of {', '.join(WAYS)}",
    )
    parser.add_argument(
        "--baselines",
        nargs="*",
        default=["popularity", "item_knn", "ease", "slit"],
        choices=_FROM_LIKES,
        metavar="NAME",
    )
    add_out_argument(parser, "feedback[-ADAPTER]")


def bench_feedback(arguments: argparse.Namespace, workbench: Workbench) -> int:
    """Prints MAP by round of every system, told of the votes and not, and how many votes there were."""
    choice = read_choice(arguments, workbench)
    asked = EvaluationRequest(
        evaluation=EvaluationSettings(arguments.split, arguments.records, arguments.k),
        generation=GenerationSettings(temperature=0, num_beams=arguments.num_beams, num_recommendations=arguments.k),
        prompt=workbench.default_prompt(choice),
        choice=choice,
        baselines=tuple(arguments.baselines),
        decoding=DecodingSettings(arguments.decoding),
    )
    records = select_records(workbench.split.records[asked.evaluation.split], asked.evaluation)
    _require_possible(records, asked, arguments.rounds)
    progress = ProgressLine()
    workbench.host.load(choice, progress)
    systems = make_systems(workbench, asked, progress)
    ways = [
        run_way(WAYS[name], workbench, records, systems, k=arguments.k, rounds=arguments.rounds)
        for name in arguments.ways
    ]
    progress.close()
    found = {
        "command": command_of(arguments, choice.model, choice.adapter),
        **asked_facts(workbench, asked),
        "records": len(records),
        "users": len({record.user_id for record in records}),
        "ways": ways,
    }
    name = "feedback" if choice.adapter is None else f"feedback-{choice.adapter}"
    report(arguments, name, found, render(found))
    return 0


def _require_possible(records: Sequence[Record], asked: EvaluationRequest, rounds: int) -> None:
    if not records:
        raise InputError("there are no records to evaluate", seen=asked.evaluation.split, mend="take another split")
    most = max(len(record.history) for record in records) + rounds * asked.evaluation.k
    if rounds < 1 or most > MAX_HISTORY:
        seen = f"{rounds} rounds of {asked.evaluation.k} titles"
        mend = (
            f"a history and all votes may be {MAX_HISTORY} movies: ask for fewer rounds or titles, and for at least one"
        )
        raise SettingsError("so many rounds cannot be asked", seen=seen, mend=mend)
    if asked.prompt.include_disliked:
        mend = "a movie that is left out would be named to the model: take an adapter whose prompt names no dislikes"
        raise SettingsError("the votes cannot be kept from this model", seen="a prompt with dislikes", mend=mend)


def make_systems(workbench: Workbench, asked: EvaluationRequest, progress: Progress) -> dict[str, AskRound]:
    """The model and the baselines, each as what answers a round."""
    fitted, splits = workbench.data.fitted_baselines, FITTED_ON[asked.evaluation.split]
    systems: dict[str, AskRound] = {name_of(asked): ask_model(workbench, asked, progress)}
    for name in asked.baselines:
        recommender = find_fitted(name, workbench.split, splits, fitted).recommender
        systems[name] = ask_baseline(recommender, n=asked.evaluation.k)
    return systems


def ask_model(workbench: Workbench, asked: EvaluationRequest, progress: Progress) -> AskRound:
    """The model as what answers a round; finished batches are kept, and what was asked before is not asked again.

    A round is named by all that its answers depend on, so whatever is changed in how users vote makes it another one.
    """
    folder = workbench.options.runs_folder
    run = name_run(asked, workbench.data, workbench.host, threading.Event())
    answer = answering(workbench, asked)

    def ask(records: Sequence[Record], left_out: Sequence[tuple[int, ...]]) -> list[Ranking]:
        closed = [
            replace(record, disliked=tuple(dict.fromkeys((*record.disliked, *out))))
            for record, out in zip(records, left_out, strict=True)
        ]
        store = RunStore(folder, name_round(run, closed), database=RunDatabase(folder / DATABASE))
        with store.hold():
            results = evaluate_records(
                closed, answer, k=asked.evaluation.k, batch_size=asked.batch_size, store=store, progress=progress
            )
            by_id = {result.record_id: result.item_ids for result in results}
        return [by_id[record.record_id] for record in closed]

    return ask


def name_round(run: str, records: Sequence[Record]) -> str:
    """Names what is asked of these records in 16 hexadecimal digits."""
    questions = [[record.record_id, record.history, record.disliked] for record in records]
    return hashlib.sha256(json.dumps([run, questions]).encode()).hexdigest()[:16]


def run_way(
    way: Way, workbench: Workbench, records: Sequence[Record], systems: Mapping[str, AskRound], *, k: int, rounds: int
) -> dict[str, Any]:
    """Takes every system through the rounds twice, told of the votes and not."""
    opinions: Sequence[Opinions] = find_opinions(workbench.dataset, records, way)
    described = []
    for name, ask in systems.items():
        work: Callable[..., Any] = partial(simulate, records, opinions, ask, way=way, num_rounds=rounds, k=k)
        described.append(describe_system(name, work(told=True), work(told=False), way))
    known = [len(one.liked) + len(one.disliked) for one in opinions]
    return {"way": way.name, "known_ratings_per_record": sum(known) / len(known), "systems": described}


def command_of(arguments: argparse.Namespace, model: str, adapter: str | None) -> str:
    """The command line that makes the findings again, on the same data."""
    words = [f"python -m recsys bench feedback --model {model}", *([f"--adapter {adapter}"] if adapter else [])]
    words += [f"--split {arguments.split}", f"--records {arguments.records}", f"--rounds {arguments.rounds}"]
    words += [f"--k {arguments.k}", f"--decoding {arguments.decoding}", f"--num-beams {arguments.num_beams}"]
    words += [f"--ways {' '.join(arguments.ways)}", f"--baselines {' '.join(arguments.baselines)}".rstrip()]
    return " ".join(words)
