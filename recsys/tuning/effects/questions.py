"""Every question in the order of the report, and how they are asked and answered."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recsys.errors import DataFormatError
from recsys.evaluation.export import read_json
from recsys.evaluation.summary import describe_machine
from recsys.tuning.cells import CellEvaluator
from recsys.tuning.effects.cells import LARGE, SMALL, EffectCell, Sizes, ask_cells, make_request
from recsys.tuning.effects.comparisons import comparison_questions, needed_reports
from recsys.tuning.effects.costs import MeasureLosses, read_costs, time_costs
from recsys.tuning.effects.figures import CellFigures
from recsys.tuning.effects.findings import Evidence, Finding, Question
from recsys.tuning.effects.finished import FinishedRuns
from recsys.tuning.effects.sampling import sampling_questions
from recsys.tuning.effects.sliders import slider_questions
from recsys.tuning.effects.texts import text_questions

if TYPE_CHECKING:
    from recsys.evaluation.report import Report
    from recsys.workbench import Workbench

QUESTIONS: Final[Mapping[str, Question]] = {
    question.name: question
    for question in (*slider_questions(), *sampling_questions(), *text_questions(), *comparison_questions())
}
"""By name."""
_ADAPTERS: Final = Path(__file__).resolve().parents[3] / "adapters"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Effects:
    """What was asked and found.

    Attributes:
        findings: Of each answered question, by name.
        waiting: Of each question that misses something, how many of its evaluations and timings are missing, and of
            how many.
        sizes: How many records.
        data_name: Where they come from.
        machine: What this was put together on.
        command: What makes it again.
    """

    findings: Mapping[str, Finding]
    waiting: Mapping[str, tuple[int, int]]
    sizes: Sizes
    data_name: str
    machine: str
    command: str

    def missing_told(self) -> dict[str, str]:
        """What of each question is not answered yet, in a sentence."""
        told = {True: "In part: of what it needs,", False: "Not answered yet: of what it needs,"}
        return {
            name: f"{told[name in self.findings]} {missing} of {total} evaluations and timings are missing."
            for name, (missing, total) in self.waiting.items()
        }

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "command": self.command,
            "data": self.data_name,
            "machine": self.machine,
            "records": vars(self.sizes),
            "questions": {
                name: {"title": QUESTIONS[name].title, **finding.to_dict()} for name, finding in self.findings.items()
            },
            "waiting": {name: list(counts) for name, counts in self.waiting.items()},
        }


def ask_questions(
    names: Sequence[str],
    sizes: Sizes,
    workbench: Workbench,
    measure_losses: MeasureLosses,
    *,
    command: str,
    tell: Callable[[float, str], None] = lambda share, told: None,
    finished_only: bool = False,
) -> Effects:
    """Asks for what each question needs, and answers it.

    Args:
        names: Of QUESTIONS.
        sizes: How many records.
        workbench: What evaluates.
        measure_losses: Gives the losses of some records.
        command: What makes it again.
        tell: Told how far it is.
        finished_only: Take what earlier starts have finished, and ask for nothing more.

    Raises:
        RecsysError: what an evaluation raises; what is finished is kept.
    """
    questions = [QUESTIONS[name] for name in names]
    wanted = [cell for question in questions for cell in question.cells]
    timed = [cost for question in questions for cost in question.costs]
    if finished_only:
        cells, costs = finished_cells(wanted, sizes, workbench), read_costs(timed, sizes, workbench)
    else:
        cells = ask_cells(wanted, sizes, workbench, CellEvaluator(workbench, tell))
        costs = time_costs(timed, sizes, workbench, measure_losses, tell)
    reports = dict(_read_reports(workbench.options.shipped_reports))
    evidence = Evidence(
        cells, costs, reports, read_curves(workbench.options.adapters or _ADAPTERS), workbench.catalogue
    )
    findings: dict[str, Finding] = {}
    waiting: dict[str, tuple[int, int]] = {}
    for question in questions:
        counts = _missing(question, evidence)
        finding = question.answer(evidence) if question.is_partial or not counts[0] else None
        if finding is not None:
            findings[question.name] = finding
        if counts[0]:
            waiting[question.name] = counts
    return Effects(findings, waiting, sizes, workbench.data_name, describe_machine(), command)


def finished_cells(
    wanted: Iterable[EffectCell], sizes: Sizes, workbench: Workbench
) -> Mapping[EffectCell, CellFigures]:
    """Of the cells, those that an earlier start has finished on this data; no model is loaded for it."""
    finished = FinishedRuns(workbench)
    found = {}
    for cell in set(wanted):
        report = finished.find(make_request(cell, sizes, workbench))
        if report is not None:
            found[cell] = CellFigures.of(report, finished.results(report), workbench.catalogue)
    return found


def read_curves(adapters: Path) -> Mapping[str, Sequence[float]]:
    """MAP of validation records after each epoch, of every adapter that was trained with them; those of one K alone."""
    found = {}
    for path in sorted(adapters.glob("*/curves.json")):
        try:
            points = json.loads(path.read_text(encoding="utf-8")).get("ranking", [])
            found[path.parent.name] = [float(point["map"]) for point in points]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            _log.warning("the curves of %s are left out: %s", path.parent.name, error)
    return found


def _read_reports(folder: Path) -> Iterable[tuple[str, Report]]:
    for name in needed_reports((*SMALL, *LARGE)):
        try:
            yield name, read_json(folder / f"{name}.json")
        except DataFormatError as error:
            _log.warning("%s", error)


def _missing(question: Question, evidence: Evidence) -> tuple[int, int]:
    cells, costs = set(question.cells), set(question.costs)
    missing = len(cells - evidence.cells.keys()) + len(costs - evidence.costs.keys())
    return missing, len(cells) + len(costs)
