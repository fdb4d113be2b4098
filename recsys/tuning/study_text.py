"""A search as text: its trials, the best of them, and the proof. Computes no figure and writes no file."""

from __future__ import annotations

from typing import Final

from recsys.evaluation.metrics import HEADLINE, METRICS
from recsys.tuning.axes import write_value
from recsys.tuning.study_result import GOALS, Confirmation, StudyResult
from recsys.tuning.sweep import MEASURES, SweepCell
from recsys.tuning.sweep_text import figure_text

_NUM_SHOWN: Final = 12


def render_study(result: StudyResult) -> str:
    """The search as plain text."""
    goals = [name for name, _ in GOALS[result.objective]]
    names = list(result.trials[0].values)
    shown = [*result.front, *(place for place in _by_first_goal(result) if place not in result.front)][:_NUM_SHOWN]
    rows = [["trial", *names, *goals], *(_row(place, result.trials[place], names, goals) for place in shown)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in rows]
    heading = f"{len(result.trials)} trials for {', '.join(goals)}; trial 1 has the settings that were there before."
    front = f"Beaten by none in every goal: {', '.join(str(place + 1) for place in result.front)}." if goals[1:] else ""
    told = [f"{name}: {MEASURES[name]}" for name in goals]
    parts = [heading, "", *lines, "", *told, *filter(None, [front])]
    if result.confirmation is not None:
        parts += ["", confirmation_text(result.confirmation)]
    return "\n".join([*parts, "", result.command, ""])


def confirmation_text(confirmation: Confirmation) -> str:
    """What test users said, in sentences that claim no more than the interval and the test do."""
    difference, winner = confirmation.difference, confirmation.winner
    label = METRICS[HEADLINE].label(winner.k)
    interval, test = difference.interval, difference.permutation
    spread = f" [{interval.low:+.4f}, {interval.high:+.4f}]" if interval else ""
    p = f", p = {test.p_value:.4f}" if test else ""
    verdict = {1: "better than before", -1: "worse than before"}.get(difference.clear_sign, "no clear difference")
    return (
        f"On {winner.num_records} test records of {winner.num_users} users, asked once: {label} "
        f"{winner.model.metrics[HEADLINE].mean:.4f} with the winner, "
        f"{confirmation.before.model.metrics[HEADLINE].mean:.4f} before; "
        f"difference {difference.mean:+.4f}{spread}{p}: {verdict}."
    )


def _by_first_goal(result: StudyResult) -> list[int]:
    (name, sign), *_ = GOALS[result.objective]
    return sorted(
        range(len(result.trials)), key=lambda place: -sign * (result.trials[place].measured[name].value or 0.0)
    )


def _row(place: int, trial: SweepCell, names: list[str], goals: list[str]) -> list[str]:
    values = (write_value(trial.values[name]) for name in names)
    return [str(place + 1), *values, *(figure_text(name, trial.measured.get(name)) for name in goals)]
