"""A sweep: the same validation records under every combination of some settings, one evaluation each.

Each cell is a run like any other, so a sweep that was stopped or killed goes on where it was, cells and records.
Sweeps choose settings and therefore never ask test users, unless that is asked for in so many words.
"""

from __future__ import annotations

import hashlib
import json
import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from recsys.evaluation.intervals import Interval
from recsys.evaluation.report import Report
from recsys.evaluation.request import EvaluationRequest
from recsys.tuning.axes import Axis, Value, make_cells

MEASURES: Final[Mapping[str, str]] = {
    "map": "MAP@K: mean average precision of what the titles resolve to",
    "ndcg": "NDCG@K: hits weigh less the lower they stand",
    "raw_map": "MAP@K counting only titles written exactly as the catalogue has them",
    "well_formed": "share of completions that are a list of titles and nothing else",
    "exactly_n": "share of completions with exactly N titles",
    "exact": "share of written titles that are the catalogue's, letter by letter",
    "out_of_catalogue": "share of written titles that are no movie of the catalogue",
    "repeated": "share of written titles that repeat one above",
    "already_liked": "share of written titles that the history holds",
    "wrong_year": "share of written titles with a year that no such movie has",
    "prose_or_code": "share of completions that are prose, code or in another script",
    "diversity": "mean genre distance of the movies of a list",
    "novelty": "mean −log2 of the share of training users who like the movies",
    "decade_drift": "mean year of the list minus that of the history, in years",
    "seconds": "generation seconds for each record",
    "tokens": "generated tokens for each record",
}
"""What a cell tells, by name."""
_SHARES: Final = ("well_formed", "exactly_n", "exact", "out_of_catalogue", "repeated", "already_liked", "wrong_year")
_BEYOND: Final = {"diversity": "intra_list_diversity", "novelty": "novelty", "decade_drift": "decade_drift"}
_NOT_A_LIST: Final = ("prose", "code", "other_script")

Evaluate = Callable[[EvaluationRequest, str], Report]
"""Evaluates a request, finished records taken up; the text says which cell it is."""


@dataclass(frozen=True)
class Measured:
    """One figure of a cell.

    Attributes:
        value: None where there is nothing to measure.
        interval: 95%, users resampled; None for figures that have none.
        denominator: Of how many; records, or titles written.
    """

    value: float | None
    interval: Interval | None
    denominator: int

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        return cls(values["value"], Interval.from_dict(values["interval"]), values["denominator"])


@dataclass(frozen=True)
class SweepCell:
    """One combination and what it came to.

    Attributes:
        values: The varied settings.
        measured: Every figure of MEASURES by name.
        fingerprint: Names the run, whose records can be looked at.
    """

    values: Mapping[str, Value]
    measured: Mapping[str, Measured]
    fingerprint: str

    @classmethod
    def of_report(cls, values: Mapping[str, Value], report: Report) -> Self:
        return cls(values, _measure(report), report.fingerprint)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        measured = {name: Measured.from_dict(one) for name, one in values["measured"].items()}
        return cls(dict(values["values"]), measured, values["fingerprint"])


@dataclass(frozen=True)
class Sweep:
    """What is swept.

    Attributes:
        base: Everything that is not varied.
        axes: One to three settings with their values.
    """

    base: EvaluationRequest
    axes: tuple[Axis, ...]

    @property
    def id(self) -> str:
        """The same for the same sweep, in 12 hexadecimal digits."""
        canonical = json.dumps([self.base.to_dict(), [str(axis) for axis in self.axes]], sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    @property
    def num_cells(self) -> int:
        """Combinations of all values."""
        return math.prod(len(axis.values) for axis in self.axes)

    @property
    def command(self) -> str:
        """The command line that makes it again."""
        words = ["python", "-m", "recsys", "sweep", *(f"--axis={axis}" for axis in self.axes)]
        return shlex.join([*words, *self.base.option_words])

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        axes = [{"name": axis.name, "values": list(axis.values)} for axis in self.axes]
        return {"base": self.base.to_dict(), "axes": axes}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Makes the sweep from plain values.

        Raises:
            SettingsError: for a setting that is not known (any more).
        """
        axes = tuple(Axis(axis["name"], tuple(axis["values"])) for axis in values["axes"])
        return cls(EvaluationRequest.from_dict(values["base"]), axes)


@dataclass(frozen=True)
class SweepResult:
    """What a sweep found.

    Attributes:
        sweep: What was swept.
        cells: Every combination, in the order of make_cells; fewer while it runs.
        dataset_name: Where the records come from.
        num_records: Records of each cell.
        num_users: Users that they are of.
        precision: What the weights were held in.
        machine: What it ran on.
    """

    sweep: Sweep
    cells: tuple[SweepCell, ...]
    dataset_name: str
    num_records: int
    num_users: int
    precision: str
    machine: str

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values, definitions and command included."""
        told = {name: getattr(self, name) for name in _TOLD}
        cells = [asdict(cell) for cell in self.cells]
        return {
            **told,
            "sweep": self.sweep.to_dict(),
            "command": self.sweep.command,
            "cells": cells,
            "measures": dict(MEASURES),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Makes the result from what to_dict gave.

        Raises:
            KeyError, TypeError: when a part is missing or of another form.
            SettingsError: for a setting that is not known (any more).
        """
        cells = tuple(SweepCell.from_dict(cell) for cell in values["cells"])
        return cls(Sweep.from_dict(values["sweep"]), cells, **{name: values[name] for name in _TOLD})


_TOLD: Final = ("dataset_name", "num_records", "num_users", "precision", "machine")


def run_sweep(
    sweep: Sweep, evaluate: Evaluate, *, watch: Callable[[SweepResult, int], None] = lambda result, total: None
) -> SweepResult:
    """Evaluates every cell.

    Args:
        sweep: What is swept.
        evaluate: Evaluates one cell.
        watch: Told after each cell what there is so far, and how many cells there will be.

    Raises:
        SettingsError: for a sweep that cannot be made.
        RecsysError: what the evaluation of a cell raises; cells and records that are done are kept.
    """
    cells = make_cells(sweep.base, sweep.axes)
    done: list[SweepCell] = []
    result: SweepResult | None = None
    for number, (values, request) in enumerate(cells, start=1):
        report = evaluate(request, f"{number} of {len(cells)}")
        done.append(SweepCell.of_report(values, report))
        result = SweepResult(
            sweep, tuple(done), report.dataset_name, report.num_records, report.num_users, report.precision,
            report.machine,
        )  # fmt: skip
        watch(result, len(cells))
    if result is None:
        raise AssertionError("make_cells gives at least one")
    return result


def best_cell(cells: Sequence[SweepCell], measure: str, *, least: bool = False) -> SweepCell | None:
    """The cell with the greatest (or least) figure, the first of equal ones; None where none has it."""
    known = [cell for cell in cells if cell.measured[measure].value is not None]
    sign = -1 if least else 1
    return max(known, key=lambda cell: sign * (cell.measured[measure].value or 0.0), default=None)


def _measure(report: Report) -> dict[str, Measured]:
    model, shares = report.model, report.text_quality
    found = {
        name: Measured(model.metrics[name].mean, model.metrics[name].interval, report.num_records)
        for name in ("map", "ndcg")
    }
    if model.raw is not None:
        found["raw_map"] = Measured(model.raw["map"].mean, model.raw["map"].interval, report.num_records)
    found |= {name: Measured(shares[name].value, None, shares[name].denominator) for name in _SHARES}
    odd = sum(shares[name].numerator for name in _NOT_A_LIST)
    found["prose_or_code"] = Measured(odd / report.num_records, None, report.num_records)
    for name, key in _BEYOND.items():
        if key in model.beyond_accuracy:
            measure = model.beyond_accuracy[key]
            found[name] = Measured(measure.value, measure.interval, measure.denominator)
    found["seconds"] = Measured(report.seconds / report.num_records, None, report.num_records)
    found["tokens"] = Measured(report.tokens / report.num_records, None, report.num_records)
    return found
