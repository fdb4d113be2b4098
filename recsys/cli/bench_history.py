"""``bench history``: the same records with none to all of their liked movies shown, for a model and for baselines."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from recsys.cli.bench_report import add_out_argument, asked_facts, markdown_table, report
from recsys.cli.options import read_choice
from recsys.cli.progress import ProgressLine
from recsys.data.records import Record
from recsys.data.windows import HISTORY_LENGTH
from recsys.errors import InputError
from recsys.evaluation.baseline_scores import score_baseline
from recsys.evaluation.metrics import HEADLINE
from recsys.evaluation.request import BASELINES, EvaluationRequest
from recsys.evaluation.runner import evaluate_records, record_seeds, select_records
from recsys.evaluation.scores import MetricScore, PairedDifference
from recsys.evaluation.summary import Scored, adjust_p_values, paired_difference
from recsys.models.artifacts import Progress
from recsys.recommend import Recommendation
from recsys.settings import DecodingMode, DecodingSettings, EvaluationSettings, GenerationSettings, SplitName
from recsys.workbench import Workbench

K = 4
FULL = "all shown"
_FROM_LIKES = tuple(name for name in BASELINES if name != "similarity")

Rankings = Mapping[int, Mapping[str, Sequence[Scored]]]
"""Of each length, the scores of each system on the same records in the same order."""


def add_history_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("--split", default="validation", choices=get_args(SplitName), help="whose records")
    parser.add_argument("--records", type=int, default=0, help="how many records; 0 takes all of the split")
    parser.add_argument("--decoding", default="catalogue_rank", choices=get_args(DecodingMode))
    parser.add_argument("--num-beams", type=int, default=10, help="beams of the search; greedy where it is 1")
    parser.add_argument(
        "--baselines", nargs="*", default=["popularity", "ease", "slit"], choices=_FROM_LIKES, metavar="NAME"
    )
    add_out_argument(parser, "history-SPLIT")


def bench_history(arguments: argparse.Namespace, workbench: Workbench) -> int:
    """Prints MAP@4 of every system at every length, and what each length has less than all that there is."""
    choice = read_choice(arguments, workbench)
    asked = EvaluationRequest(
        evaluation=EvaluationSettings(arguments.split, arguments.records, K),
        generation=GenerationSettings(temperature=0, num_beams=arguments.num_beams, num_recommendations=K),
        prompt=workbench.default_prompt(choice),
        choice=choice,
        baselines=tuple(arguments.baselines),
        decoding=DecodingSettings(arguments.decoding),
    )
    if not workbench.split.records[asked.evaluation.split]:
        raise InputError("there are no records to evaluate", seen=arguments.split, mend="take another split")
    progress = ProgressLine()
    workbench.host.load(choice, progress)
    rankings = rank_every_length(workbench, asked, progress)
    progress.close()
    systems = describe(rankings)
    num_records = len(next(iter(rankings[0].values())))
    found = {
        "command": command_of(arguments, choice.model, choice.adapter),
        **asked_facts(workbench, asked),
        "records": num_records,
        "systems": systems,
    }
    report(arguments, f"history-{arguments.split}", found, render(found))
    return 0


def rank_every_length(workbench: Workbench, asked: EvaluationRequest, progress: Progress) -> Rankings:
    """Asks the model and the baselines about the same records, with ever more of their latest likes shown."""
    rankings: dict[int, dict[str, Sequence[Scored]]] = {}
    for length in range(HISTORY_LENGTH + 1):
        evaluation = asked.evaluation.replace(history_length=length)
        records = select_records(workbench.split.records[evaluation.split], evaluation)
        ranked: dict[str, Sequence[Scored]] = {}
        ranked[name_of(asked)] = list(
            evaluate_records(
                records,
                answering(workbench, asked),
                k=K,
                batch_size=asked.batch_size,
                progress=_part_of(progress, length),
            )
        )
        for name in asked.baselines:
            run = score_baseline(
                name,
                records,
                workbench.split,
                evaluated=evaluation.split,
                k=K,
                fitted=workbench.data.fitted_baselines,
            )
            ranked[name] = run.scores
        rankings[length] = ranked
    return rankings


def answering(workbench: Workbench, asked: EvaluationRequest) -> Callable[[Sequence[Record]], list[Recommendation]]:
    """What answers a batch of records by the workbench, as an evaluation does."""

    def answer(records: Sequence[Record]) -> list[Recommendation]:
        return workbench.recommend_batch(
            [asked.for_record(record) for record in records],
            seeds=record_seeds(records, asked.evaluation),
            evaluated=asked.evaluation.split,
        )

    return answer


def describe(rankings: Rankings) -> list[dict[str, Any]]:
    """For each system by length: MAP with its interval, over users, and the paired difference to all that there is.

    The p-values of one system are corrected for its lengths.
    """
    full = max(rankings)
    systems = []
    for name in rankings[full]:
        shorter = [length for length in rankings if length != full]
        differences = adjust_p_values(
            [paired_difference(rankings[length][name], rankings[full][name], against=FULL) for length in shorter]
        )
        by_length = dict(zip(shorter, differences, strict=True))
        rows = [_row(length, ranked[name], by_length.get(length)) for length, ranked in rankings.items()]
        systems.append({"system": name, "lengths": rows})
    return systems


def _row(length: int, scores: Sequence[Scored], difference: PairedDifference | None) -> dict[str, Any]:
    score = MetricScore.of_records([one.metrics[HEADLINE] for one in scores], [one.user_id for one in scores])
    row: dict[str, Any] = {
        "history_length": length,
        "map": score.mean,
        "interval": None if score.interval is None else [score.interval.low, score.interval.high],
        "map_users": score.mean_over_users,
    }
    if difference is not None:
        ends, test = difference.interval, difference.permutation
        row["minus_full"] = difference.mean
        row["minus_interval"] = None if ends is None else [ends.low, ends.high]
        row["p_value"] = None if test is None else test.p_value
        row["adjusted_p_value"] = difference.adjusted_p_value
    return row


def render(found: Mapping[str, Any]) -> str:
    """The findings as two Markdown tables: MAP@4 by length, and the differences to all that there is."""
    systems = found["systems"]
    means, differences = [], []
    for place, row in enumerate(systems[0]["lengths"]):
        at = {system["system"]: system["lengths"][place] for system in systems}
        shown = {"liked movies shown": str(row["history_length"])}
        means.append(shown | {name: _mean(cell) for name, cell in at.items()})
        if "minus_full" in row:
            differences.append(shown | {name: _difference(cell) for name, cell in at.items()})
    asked = f"`{found['command']}`: {found['records']} {found['split']} records of {found['data']}"
    return (
        f"{asked}. Of each the latest liked movies are shown; the others are known to nobody. {found['note']}".rstrip()
        + "\n\n"
        f"### MAP@{found['k']}, 95% interval, in brackets over users\n\n"
        f"{markdown_table(means)}\n"
        "### Minus all shown: 95% interval and p, corrected by Holm for the lengths of a system\n\n"
        f"{markdown_table(differences)}"
    )


def _mean(row: Mapping[str, Any]) -> str:
    return f"{row['map']:.4f}{_ends(row['interval'])} ({row['map_users']:.4f})"


def _difference(row: Mapping[str, Any]) -> str:
    p_value = row["adjusted_p_value"]
    told = "" if p_value is None else f", p {p_value:.4f}"
    return f"{row['minus_full']:+.4f}{_ends(row['minus_interval'])}{told}"


def _ends(interval: Sequence[float] | None) -> str:
    return "" if interval is None else f" [{interval[0]:.4f}, {interval[1]:.4f}]"


def name_of(asked: EvaluationRequest) -> str:
    """The model with its adapter, as a column is headed."""
    return asked.choice.model if asked.choice.adapter is None else f"{asked.choice.model} + {asked.choice.adapter}"


def command_of(arguments: argparse.Namespace, model: str, adapter: str | None) -> str:
    """The command line that makes the findings again, on the same data."""
    words = [
        "python -m recsys bench history",
        f"--model {model}",
        *([] if adapter is None else [f"--adapter {adapter}"]),
    ]
    words += [f"--split {arguments.split}", f"--records {arguments.records}", f"--decoding {arguments.decoding}"]
    words += [f"--num-beams {arguments.num_beams}", f"--baselines {' '.join(arguments.baselines)}".rstrip()]
    return " ".join(words)


def _part_of(progress: Progress, length: int) -> Progress:
    """Progress of one length as a part of all of them."""
    return lambda share, message: progress(
        (length + share) / (HISTORY_LENGTH + 1), f"{length} of {HISTORY_LENGTH} liked movies shown: {message}"
    )
