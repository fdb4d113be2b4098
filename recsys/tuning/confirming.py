"""The proof of a search: its winner and the settings that were there before, on the same test records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from recsys.evaluation.summary import paired_difference
from recsys.tuning.axes import Value, apply_values
from recsys.tuning.study_result import Confirmation

if TYPE_CHECKING:
    from recsys.evaluation.request import EvaluationRequest
    from recsys.tuning.cells import CellEvaluator


def confirm_winner(
    base: EvaluationRequest, values: Mapping[str, Value], evaluate: CellEvaluator, *, num_records: int = 0
) -> Confirmation:
    """Asks test users about two settings, once each; nothing is chosen by what comes out.

    Args:
        base: The settings that were there before.
        values: The winner's.
        evaluate: Evaluates both.
        num_records: Test records; 0 takes all.

    Raises:
        RecsysError: what an evaluation raises.
    """
    test = replace(base, evaluation=base.evaluation.replace(split="test", num_records=num_records))
    before = evaluate(test, "test users, the settings before")
    winner = evaluate(apply_values(test, values), "test users, the winner")
    difference = paired_difference(evaluate.results(winner), evaluate.results(before), against="the settings before")
    return Confirmation(winner, before, difference)
