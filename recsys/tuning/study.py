"""The search for the best settings on validation users, and its proof on test users.

Optuna (an optional extra) proposes, our evaluation measures: every trial asks the same records with the same seeds, so
trials differ by their settings alone. Trials are kept in a database, and a study that was stopped or killed goes on to
the very trials that it would have made. Test users are asked about two settings in all: the winner, and those that were
there before.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from recsys.errors import SettingsError
from recsys.evaluation.request import EvaluationRequest
from recsys.settings import require_choice, require_number
from recsys.tuning.axes import Axis, Value, apply_values
from recsys.tuning.space import DEFAULT_SPACE, STEP, Span, parse_space
from recsys.tuning.study_result import GOALS, Confirmation, StudyResult, find_front
from recsys.tuning.sweep import Evaluate, SweepCell
from recsys.tuning.trials import CELL, Direction, ask_trial, finished_cells, opened_study

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class Study:
    """What is searched.

    Attributes:
        base: Everything that is not searched; its own values are the first trial.
        space: What each searched setting may be.
        objective: ndcg, map or pareto; see GOALS.
        num_trials: How many combinations are tried, those of an earlier start among them.
        seed: Of the proposals.
    """

    base: EvaluationRequest
    space: tuple[Axis | Span, ...] = DEFAULT_SPACE
    objective: str = "ndcg"
    num_trials: int = 30
    seed: int = 0

    def __post_init__(self) -> None:
        require_choice("objective", self.objective, tuple(GOALS))
        require_number("num_trials", self.num_trials, 2, 10_000, integer=True)
        require_number("seed", self.seed, 0, 2**31 - 1, integer=True)
        names = [one.name for one in self.space]
        if not names or len(set(names)) < len(names):
            raise SettingsError("a search needs settings, each once", seen=names, mend="write temperature=0..1.5")
        if self.base.evaluation.split == "test":
            mend = "search on validation users; test users confirm the winner"
            raise SettingsError("settings are not chosen on test users", seen="test", mend=mend)

    @property
    def id(self) -> str:
        """The same for the same search, however many trials; 12 hexadecimal digits."""
        identity = [self.base.to_dict(), [str(one) for one in self.space], self.objective, self.seed]
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def command(self) -> str:
        """The command line that makes it again."""
        words = ["python", "-m", "recsys", "tune", *(f"--search={one}" for one in self.space)]
        words += [f"--objective={self.objective}", f"--trials={self.num_trials}", f"--study-seed={self.seed}"]
        return shlex.join([*words, *self.base.option_words])

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        told = {name: getattr(self, name) for name in ("objective", "num_trials", "seed")}
        return {"base": self.base.to_dict(), "space": [str(one) for one in self.space], **told}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Makes the study from what to_dict gave.

        Raises:
            KeyError: when a part is missing.
            SettingsError: for a setting that is not known (any more).
        """
        told = {name: values[name] for name in ("objective", "num_trials", "seed")}
        return cls(EvaluationRequest.from_dict(values["base"]), parse_space(values["space"]), **told)


def run_study(
    study: Study,
    evaluate: Evaluate,
    folder: Path,
    *,
    confirm: Callable[[SweepCell], Confirmation] | None = None,
    watch: Callable[[StudyResult], None] = lambda result: None,
) -> StudyResult:
    """Searches until there are as many trials as asked for.

    Args:
        study: What is searched.
        evaluate: Evaluates one trial.
        folder: Where trials are kept.
        confirm: Asks test users about the winner; None asks nobody.
        watch: Told after each trial what there is so far.

    Raises:
        ModelUnavailableError: without optuna.
        ModelBusyError: while another process is at this search.
        StorageError, DataFormatError: when trials cannot be kept or read.
        RecsysError: what an evaluation raises; trials and records that are done are kept.
    """
    goals = GOALS[study.objective]
    names = [one.name for one in study.space]
    directions: list[Direction] = ["maximize" if sign > 0 else "minimize" for _, sign in goals]
    with opened_study(folder, study.id, names, directions, _base_values(study)) as kept:
        while (done := len(cells := finished_cells(kept))) < study.num_trials:
            trial = ask_trial(kept, study.seed, done)
            values = _suggest(trial, study)
            report = evaluate(apply_values(study.base, values), f"trial {done + 1} of {study.num_trials}")
            cell = SweepCell.of_report(values, report)
            trial.set_user_attr(CELL, asdict(cell))
            kept.tell(trial, [cell.measured[name].value or 0.0 for name, _ in goals])
            watch(_result(finished_cells(kept), study))
    result = _result(cells, study)
    return result if confirm is None else replace(result, confirmation=confirm(result.winner))


def _result(found: Sequence[SweepCell], study: Study) -> StudyResult:
    cells = tuple(found[: study.num_trials])
    return StudyResult(study.objective, study.command, cells, find_front(cells, GOALS[study.objective]))


def _suggest(trial: optuna.Trial, study: Study) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for one in study.space:
        if isinstance(one, Axis):
            values[one.name] = trial.suggest_categorical(one.name, list(one.values))
        elif one.is_whole:
            values[one.name] = trial.suggest_int(one.name, int(one.low), int(one.high))
        else:
            values[one.name] = round(trial.suggest_float(one.name, one.low, one.high, step=STEP), 6)
    return values


def _base_values(study: Study) -> dict[str, Any]:
    """The base's own values, so that the first trial is what was there before; one outside the space is drawn."""
    flat = {
        name: value for part in study.base.to_dict().values() if isinstance(part, dict) for name, value in part.items()
    }
    return {one.name: flat[one.name] for one in study.space if _holds(one, flat[one.name])}


def _holds(one: Axis | Span, value: Any) -> bool:
    return value in one.values if isinstance(one, Axis) else one.low <= value <= one.high
