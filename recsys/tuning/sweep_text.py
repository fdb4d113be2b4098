"""A sweep as text: one row a combination, one column a figure. Computes no figure and writes no file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from recsys.tuning.axes import write_value
from recsys.tuning.sweep import MEASURES, Measured, SweepCell, SweepResult

SHOWN: Final = (
    *("map", "ndcg", "raw_map", "well_formed", "exact", "out_of_catalogue", "repeated", "already_liked"),
    *("diversity", "seconds"),
)
"""The figures of a table; JSON has them all."""


def render_sweep(result: SweepResult) -> str:
    """The sweep as plain text, with what its figures mean."""
    rows = sweep_rows(result)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([describe(result), "", *lines, "", *_definitions(), ""])


def render_sweep_markdown(result: SweepResult) -> str:
    """The sweep as GitHub-flavoured Markdown, with its command."""
    head, *rows = sweep_rows(result)
    lines = [head, ["---"] * len(head), *rows]
    table = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
    definitions = [f"- {line}" for line in _definitions()]
    return "\n".join([describe(result), "", *table, "", *definitions, "", "```", result.sweep.command, "```", ""])


def sweep_rows(result: SweepResult) -> list[list[str]]:
    """The head and one row for each combination."""
    names = [axis.name for axis in result.sweep.axes]
    k = result.sweep.base.evaluation.k
    heads = [*names, *(f"{name}@{k}" if name in ("map", "ndcg", "raw_map") else name for name in SHOWN)]
    return [heads, *(_row(cell, names) for cell in result.cells)]


def describe(result: SweepResult) -> str:
    """What was swept on which records, in a sentence."""
    base = result.sweep.base
    model = base.choice.model if base.choice.adapter is None else f"{base.choice.model} with {base.choice.adapter}"
    axes = " × ".join(f"{axis.name} ({len(axis.values)})" for axis in result.sweep.axes)
    return (
        f"{model} ({result.precision}) on {result.num_records} records of {result.num_users} {base.evaluation.split} "
        f"users of {result.dataset_name}: {axes}. {result.machine}."
    )


def _row(cell: SweepCell, names: Sequence[str]) -> list[str]:
    return [
        *(write_value(cell.values[name]) for name in names),
        *(figure_text(name, cell.measured.get(name)) for name in SHOWN),
    ]


def figure_text(name: str, measured: Measured | None) -> str:
    """A figure as tables show it, with its interval where it is a score."""
    if measured is None or measured.value is None:
        return "–"
    if name in ("map", "ndcg", "raw_map"):
        interval = measured.interval
        return f"{measured.value:.4f}" + (f" [{interval.low:.4f}, {interval.high:.4f}]" if interval else "")
    return f"{measured.value:.3f}"


def _definitions() -> list[str]:
    return [f"{name}: {MEASURES[name]}" for name in SHOWN]
