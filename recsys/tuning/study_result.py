"""What a search found: its trials, those that none beats, and the winner on test users. Searches nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from recsys.evaluation.report import Report
from recsys.evaluation.scores import PairedDifference
from recsys.tuning.sweep import SweepCell

Goals = tuple[tuple[str, int], ...]

GOALS: Final[Mapping[str, Goals]] = {
    "ndcg": (("ndcg", 1),),
    "map": (("map", 1),),
    "pareto": (("ndcg", 1), ("well_formed", 1), ("seconds", -1)),
}
"""The figures of each objective, 1 where more is better and -1 where less is; several give a front of trade-offs."""


@dataclass(frozen=True)
class Confirmation:
    """The winner on test users beside the settings that were there before.

    Attributes:
        winner: Its report.
        before: The report of the base's own settings on the same records.
        difference: Winner minus before in the headline metric, record by record.
    """

    winner: Report
    before: Report
    difference: PairedDifference

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        reports = {"winner": self.winner.to_dict(), "before": self.before.to_dict()}
        return {**reports, "difference": asdict(self.difference)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        winner, before = Report.from_dict(values["winner"]), Report.from_dict(values["before"])
        return cls(winner, before, PairedDifference.from_dict(values["difference"]))


@dataclass(frozen=True)
class StudyResult:
    """What a search found.

    Attributes:
        objective: What was searched for; see GOALS.
        command: The command line that makes it again.
        trials: Every finished trial in its order; the first has the settings that were there before.
        front: Places of the trials that none beats in every goal, the best of the first goal first; with a single goal
            the winner and its equals.
        confirmation: The winner on test users; None before.
    """

    objective: str
    command: str
    trials: tuple[SweepCell, ...]
    front: tuple[int, ...]
    confirmation: Confirmation | None = None

    @property
    def winner(self) -> SweepCell:
        """The trial with the best first goal."""
        return self.trials[self.front[0]]

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "objective": self.objective,
            "command": self.command,
            "trials": [asdict(trial) for trial in self.trials],
            "front": list(self.front),
            "confirmation": None if self.confirmation is None else self.confirmation.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Makes the result from what to_dict gave.

        Raises:
            KeyError, TypeError: when a part is missing or of another form.
        """
        told = values["confirmation"]
        return cls(
            values["objective"],
            values["command"],
            tuple(SweepCell.from_dict(trial) for trial in values["trials"]),
            tuple(values["front"]),
            None if told is None else Confirmation.from_dict(told),
        )


def find_front(cells: Sequence[SweepCell], goals: Goals) -> tuple[int, ...]:
    """The Pareto front: places of the cells that no other one equals or beats in every goal and beats in one.

    Args:
        cells: What was measured; a figure that is missing counts as the worst.
        goals: Each figure with its sign.

    Returns:
        The best of the first goal first, then in the order of the cells.
    """
    points = [tuple(_signed(cell, name, sign) for name, sign in goals) for cell in cells]
    front = [place for place, point in enumerate(points) if not any(_beats(other, point) for other in points)]
    return tuple(sorted(front, key=lambda place: -points[place][0]))


def _signed(cell: SweepCell, name: str, sign: int) -> float:
    value = cell.measured[name].value if name in cell.measured else None
    return float("-inf") if value is None else sign * value


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(mine >= theirs for mine, theirs in zip(one, other, strict=True)) and tuple(one) != tuple(other)
