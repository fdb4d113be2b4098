"""``bench numerics``: what precision, batch size and extreme settings change in the answers of one model.

Answers in fp32, one record at a time, are the yardstick. Told are shares of records with the very same text, titles or
first title, so that a reader knows what a figure of a lower precision or a larger batch is worth.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Final, get_args

from recsys.cli.bench_report import add_out_argument, markdown_table, report
from recsys.cli.options import read_choice
from recsys.cli.progress import ProgressLine
from recsys.data.records import Record
from recsys.errors import RecsysError
from recsys.evaluation.runner import record_seeds, select_records
from recsys.models.host import ModelChoice
from recsys.recommend import Recommendation, RecommendationRequest
from recsys.settings import DecodingSettings, EvaluationSettings, GenerationSettings, Precision, SplitName
from recsys.workbench import Workbench

YARDSTICK: Final = "fp32"
BATCHES = (1, 8, 32)
_WAYS: Mapping[str, tuple[GenerationSettings, DecodingSettings]] = {
    "free text, greedy": (GenerationSettings(temperature=0), DecodingSettings()),
    "free text, sampled": (GenerationSettings(temperature=0.7), DecodingSettings()),
    "ranking": (GenerationSettings(temperature=0, num_beams=10), DecodingSettings("catalogue_rank")),
}
EXTREMES: Mapping[str, tuple[float, ...]] = {
    "temperature": (0, 0.01, 2),
    "top_p": (0.001, 1),
    "top_k": (0, 1, 1000),
    "num_beams": (1, 4),
    "repetition_penalty": (1, 2),
}
"""The ends of every slider, asked in all combinations."""


def add_numerics_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("--split", default="test", choices=get_args(SplitName), help="whose records")
    parser.add_argument("--records", type=int, default=64, help="how many records; 0 takes all of the split")
    parser.add_argument(
        "--precisions", nargs="+", default=["bf16", "fp16", "int8", "nf4"], choices=get_args(Precision)[1:]
    )
    add_out_argument(parser, "numerics-MODEL")


def bench_numerics(arguments: argparse.Namespace, workbench: Workbench) -> int:
    """Prints the shares of records that answer as the yardstick does."""
    choice = replace(read_choice(arguments, workbench), precision=YARDSTICK)
    evaluation = EvaluationSettings(arguments.split, arguments.records)
    records = select_records(workbench.split.records[arguments.split], evaluation)
    bench = NumericsBench(workbench, choice, records, evaluation)
    progress = ProgressLine()
    yardstick = {name: bench.ask(choice, way, 1) for name, way in _WAYS.items()}
    progress(0.2, f"{YARDSTICK} is answered")
    batches = [bench.compare_batch(name, size, yardstick[name]) for size in BATCHES[1:] for name in _WAYS]
    progress(0.4, "batches are answered")
    extremes = bench.count_broken()
    progress(0.6, "extreme settings are answered")
    precisions = [row for precision in arguments.precisions for row in bench.compare_precision(precision, yardstick)]
    progress.close()
    adapter = "" if choice.adapter is None else f" --adapter {choice.adapter}"
    found = {
        "command": f"python -m recsys bench numerics --model {choice.model}{adapter} --split {arguments.split} "
        f"--records {arguments.records} --precisions {' '.join(arguments.precisions)}",
        "data": workbench.data_name,
        "records": len(records),
        "precisions": precisions,
        "batches": batches,
        "extremes": extremes,
    }
    report(arguments, f"numerics-{choice.model}", found, render(found))
    return 0


@dataclass(frozen=True)
class NumericsBench:
    """Asks one model about the same records in several ways."""

    workbench: Workbench
    choice: ModelChoice
    records: Sequence[Record]
    evaluation: EvaluationSettings

    def ask(
        self, choice: ModelChoice, way: tuple[GenerationSettings, DecodingSettings], batch_size: int
    ) -> list[Recommendation]:
        """The answers to all records, so many at a time."""
        generation, decoding = way
        asked = RecommendationRequest(
            generation=generation, prompt=self.workbench.default_prompt(choice), choice=choice, decoding=decoding
        )
        requests = [replace(asked, history=record.history) for record in self.records]
        seeds = record_seeds(self.records, self.evaluation)
        return [
            answer
            for at in range(0, len(requests), batch_size)
            for answer in self.workbench.recommend_batch(
                requests[at : at + batch_size], seeds=seeds[at : at + batch_size]
            )
        ]

    def compare_precision(
        self, precision: Precision, yardstick: Mapping[str, Sequence[Recommendation]]
    ) -> Iterator[dict[str, Any]]:
        """One row for each way of asking; a precision that this machine does not have is told."""
        for name, way in _WAYS.items():
            try:
                answers = self.ask(replace(self.choice, precision=precision), way, 1)
            except RecsysError as error:
                yield {"precision": precision, "asked": name, **_shares([], []), "told": error.problem}
                return
            yield {"precision": precision, "asked": name, **_shares(yardstick[name], answers), "told": ""}

    def compare_batch(self, name: str, size: int, yardstick: Sequence[Recommendation]) -> dict[str, Any]:
        """The same precision, with so many records at once."""
        return {"batch": size, "asked": name, **_shares(yardstick, self.ask(self.choice, _WAYS[name], size))}

    def count_broken(self) -> dict[str, Any]:
        """Every combination of the sliders' ends, for one record: what raised, and what was not a number."""
        record, asked, broken = self.records[0], 0, []
        for values in product(*EXTREMES.values()):
            changes = dict(zip(EXTREMES, values, strict=True))
            for decoding in ("free", "catalogue_list", "catalogue_rank"):
                settings = GenerationSettings().replace(**changes)
                request = RecommendationRequest(
                    history=record.history,
                    generation=settings,
                    prompt=self.workbench.default_prompt(self.choice),
                    choice=self.choice,
                    decoding=DecodingSettings(decoding),
                )
                asked += 1
                problem = self._problem(request)
                if problem:
                    broken.append(f"{decoding}, {changes}: {problem}")
        return {"asked": asked, "broken": broken}

    def _problem(self, request: RecommendationRequest) -> str:
        try:
            (answer,) = self.workbench.recommend_batch([request], seeds=[0])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
            return f"{type(error).__name__}: {error}"
        likelihoods = [title.score for title in answer.ranked]
        return "" if all(map(math.isfinite, likelihoods)) else "a likelihood is no number"


def _shares(yardstick: Sequence[Recommendation], answers: Sequence[Recommendation]) -> dict[str, Any]:
    pairs = list(zip(yardstick, answers, strict=True))

    def share(same: Sequence[bool]) -> float | None:
        return sum(same) / len(same) if same else None

    return {
        "records": len(pairs),
        "same_text": share([one.completion.text == other.completion.text for one, other in pairs]),
        "same_titles": share([one.item_ids == other.item_ids for one, other in pairs]),
        "same_first_title": share([one.item_ids[:1] == other.item_ids[:1] for one, other in pairs]),
    }


def render(found: Mapping[str, Any]) -> str:
    """The findings as Markdown."""
    extremes = found["extremes"]
    broken = (
        "none broke or gave a likelihood that is no number"
        if not extremes["broken"]
        else "; ".join(extremes["broken"][:5])
    )
    precisions = [{**row, "told": row["told"] or "–"} for row in found["precisions"]]
    return (
        f"`{found['command']}`: {found['records']} records of {found['data']}, beside {YARDSTICK} asked one record "
        "at a time. Shares of records.\n\n"
        f"### Precision\n\n{markdown_table(precisions)}\n"
        f"### Batch size, in {YARDSTICK}\n\n{markdown_table(found['batches'])}\n"
        f"### Extreme settings\n\n{extremes['asked']} combinations of the sliders' ends and the ways of decoding, for "
        f"one record: {broken}.\n"
    )
