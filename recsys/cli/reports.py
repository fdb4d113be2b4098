"""``reports``: evaluate the shipped models and adapters by every way of decoding, for the Evaluate tab's first page.

Each is a run like any other: it goes on where it was stopped, and its report tells the one command that makes it
again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from recsys.cli.options import add_workbench_options, open_workbench
from recsys.cli.output import writing
from recsys.cli.progress import ProgressLine
from recsys.evaluation.export import write_json
from recsys.evaluation.report import Report
from recsys.evaluation.request import BASELINES, EvaluationRequest
from recsys.models.host import ModelChoice
from recsys.models.registry import SMALL_MODEL
from recsys.settings import DecodingSettings, EvaluationSettings, GenerationSettings
from recsys.workbench import Workbench


@dataclass(frozen=True)
class Search:
    """One way of asking.

    Attributes:
        generation: Generator settings.
        decoding: Free text, or only what the catalogue holds.
    """

    generation: GenerationSettings = field(default_factory=GenerationSettings)
    decoding: DecodingSettings = field(default_factory=DecodingSettings)


_GREEDY: Final = GenerationSettings(temperature=0)
_BEAMS: Final = GenerationSettings(temperature=0, num_beams=4)
SEARCHES: Final[Mapping[str, Search]] = MappingProxyType(
    {
        "rank": Search(GenerationSettings(temperature=0, num_beams=10), DecodingSettings("catalogue_rank")),
        "list-greedy": Search(_GREEDY, DecodingSettings("catalogue_list")),
        "list-beams": Search(_BEAMS, DecodingSettings("catalogue_list")),
        "free-greedy": Search(_GREEDY),
        "free-beams": Search(_BEAMS),
        "free-sampled": Search(),
        "hybrid": Search(_GREEDY, DecodingSettings("hybrid")),
    }
)
"""Every way of asking by name; free-sampled is the app's default sliders."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("--out", type=Path, default=Path("assets/reports"), help="folder (default: assets/reports)")
    parser.add_argument(
        "--names", nargs="*", metavar="NAME", help=f"{SMALL_MODEL} or adapters (default: it and every adapter)"
    )
    parser.add_argument("--searches", nargs="*", choices=tuple(SEARCHES), default=tuple(SEARCHES), metavar="SEARCH")
    parser.add_argument("--records", type=int, default=0, help="test records; 0 takes all (default: 0)")
    parser.add_argument("--baselines", nargs="*", default=list(BASELINES), choices=BASELINES, metavar="NAME")
    add_workbench_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Makes the reports, one after another, and prints a line for each."""
    workbench = open_workbench(arguments)
    choices = list(_choices(workbench, arguments.names))
    for name, choice in choices:
        for search in arguments.searches:
            report = _evaluate(workbench, _request(workbench, choice, SEARCHES[search], arguments), f"{name} {search}")
            with writing("the report"):
                write_json(report, arguments.out / f"{name}.{search}.json", compact=True)
            score = report.model.metrics["map"]
            print(f"{name:24} {search:12} MAP@{report.k} {score.mean:.4f}  {report.seconds:7.1f} s", flush=True)
    return 0


def _choices(workbench: Workbench, names: list[str] | None) -> Iterator[tuple[str, ModelChoice]]:
    """The shipped model and the adapters, or those of these names."""
    for name in names or [SMALL_MODEL, *(info.name for info in workbench.adapters() if info.is_usable)]:
        choice = ModelChoice(name) if name == SMALL_MODEL else workbench.choices.find(None, "auto", name)
        yield name, choice


def _request(
    workbench: Workbench, choice: ModelChoice, search: Search, arguments: argparse.Namespace
) -> EvaluationRequest:
    return EvaluationRequest(
        evaluation=EvaluationSettings(num_records=arguments.records),
        generation=search.generation,
        prompt=workbench.default_prompt(choice),
        choice=choice,
        baselines=tuple(arguments.baselines),
        decoding=search.decoding,
    )


def _evaluate(workbench: Workbench, request: EvaluationRequest, name: str) -> Report:
    progress = ProgressLine(quiet=not sys.stderr.isatty())
    report = workbench.start_evaluation(request).finish(lambda share, told: progress(share, f"{name}: {told}"))
    progress.close()
    return report
