"""Scores what was trained, as it was saved: the evaluations that the app would run, written into its folder.

Each score goes with the command that repeats it. Test users are asked once for each way of decoding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recsys.evaluation.report import Report
from recsys.evaluation.request import EvaluationRequest
from recsys.models.adapter_files import read_adapter_notes
from recsys.models.artifacts import Progress, silent
from recsys.models.host import ModelChoice
from recsys.settings import DecodingMode, DecodingSettings, EvaluationSettings, GenerationSettings, SplitName
from recsys.training.saving import write_notes
from recsys.workbench import Workbench

RANK_BEAMS = 10


@dataclass(frozen=True)
class ScoringPlan:
    """What is scored.

    Attributes:
        split: Whose records.
        num_records: How many; 0 takes all.
        decodings: Ways of decoding; free text and lists are greedy, rankings by tree score with ten beams.
        baselines: Scored on the same records, for the log.
    """

    split: SplitName = "test"
    num_records: int = 0
    decodings: tuple[DecodingMode, ...] = ("catalogue_rank", "catalogue_list", "free")
    baselines: tuple[str, ...] = ("popularity", "ease")


def score_saved(
    workbench: Workbench, choice: ModelChoice, folder: Path, plan: ScoringPlan, *, progress: Progress = silent
) -> list[Report]:
    """Evaluates a saved adapter or model and writes its scores into recsys.json and its card.

    Args:
        workbench: With the data that it was trained on.
        choice: The model, with the adapter.
        folder: Of the adapter, or of the model.
        plan: What to score.
        progress: Told how far it is.

    Raises:
        RecsysError: what the evaluation raises.
    """
    reports = []
    for decoding in plan.decodings:
        report = _evaluate(workbench, _request(workbench, choice, plan, decoding), progress)
        reports.append(report)
        notes = read_adapter_notes(folder)
        score = _score(report, choice, plan, decoding)
        others = [one for one in notes.get("scores", []) if not _is_same(one, score)]
        write_notes(folder, {**notes, "scores": [*others, score]})
    return reports


def _request(workbench: Workbench, choice: ModelChoice, plan: ScoringPlan, decoding: DecodingMode) -> EvaluationRequest:
    beams = RANK_BEAMS if decoding == "catalogue_rank" else 1
    return EvaluationRequest(
        evaluation=EvaluationSettings(split=plan.split, num_records=plan.num_records),
        generation=GenerationSettings(temperature=0, num_beams=beams),
        prompt=workbench.choices.default_prompt(choice),
        choice=choice,
        baselines=plan.baselines,
        decoding=DecodingSettings(decoding),
    )


def _evaluate(workbench: Workbench, request: EvaluationRequest, progress: Progress) -> Report:
    decoding = request.decoding.decoding
    return workbench.start_evaluation(request).finish(lambda share, told: progress(share, f"{decoding}: {told}"))


def _score(report: Report, choice: ModelChoice, plan: ScoringPlan, decoding: DecodingMode) -> dict[str, Any]:
    found = report.systems[0].metrics["map"]
    return {
        "split": plan.split,
        "decoding": decoding,
        "map": found.mean,
        "low": None if found.interval is None else found.interval.low,
        "high": None if found.interval is None else found.interval.high,
        "map_users": found.mean_over_users,
        "k": report.request.evaluation.k,
        "num_records": report.num_records,
        "num_users": report.num_users,
        "command": evaluate_command(choice, plan, decoding),
    }


def evaluate_command(choice: ModelChoice, plan: ScoringPlan, decoding: DecodingMode) -> str:
    """The command line that repeats a score."""
    words: Sequence[str] = ["python -m recsys evaluate", f"--records {plan.num_records}", f"--decoding {decoding}"]
    more = [f"--num-beams {RANK_BEAMS}"] if decoding == "catalogue_rank" else ["--temperature 0"]
    more += [f"--split {plan.split}"] if plan.split != "test" else []
    more += [f"--model {choice.model}"] if choice.adapter is None else [f"--adapter {choice.adapter}"]
    return " ".join([*words, *more])


def _is_same(one: Any, score: dict[str, Any]) -> bool:
    return isinstance(one, dict) and all(one.get(name) == score[name] for name in ("split", "decoding"))
