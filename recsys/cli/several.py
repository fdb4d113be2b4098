"""``recommend --each-adapter`` and ``--each-model``: one question, a table of answers."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from recsys.cli.answer_lines import title_lines
from recsys.cli.progress import ProgressLine
from recsys.cli.text_table import render_table
from recsys.errors import SettingsError
from recsys.recommend import Recommendation, RecommendationRequest
from recsys.several import (
    PARTS,
    CellAnswer,
    Grid,
    GridState,
    adapter_grid,
    answer_grid,
    count_titles,
    model_grid,
    models_here,
)
from recsys.workbench import Workbench

_PART_HEADS = {
    "exact": "exact",
    "resolved": "resolved",
    "out_of_catalogue": "out",
    "repeated": "repeated",
    "already_known": "known",
    "not_written": "none",
}


def add_several_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that put one question to several adapters or models."""
    group = parser.add_argument_group("Several at once")
    names: dict[str, Any] = {"nargs": "*", "metavar": "NAME"}
    adapters = "ask the base model alone and with each of these adapters, each by its own prompt (no name: with all)"
    models = "ask each of these models zero-shot, few-shot and with its adapters (no name: all that are here)"
    group.add_argument("--each-adapter", help=adapters, **names)
    group.add_argument("--each-model", help=models, **names)


def asks_several(arguments: argparse.Namespace) -> bool:
    """Whether the question goes to several at once."""
    return arguments.each_adapter is not None or arguments.each_model is not None


def run_several(arguments: argparse.Namespace, workbench: Workbench, asked: RecommendationRequest) -> int:
    """Answers and prints the grid; progress goes to stderr.

    Raises:
        RecsysError: when the question is wrong, or both grids are asked for.
    """
    progress, state = ProgressLine(), None
    for state in answer_grid(workbench, _grid(arguments, workbench, asked)):
        if state.asking is not None:
            left = "" if state.eta_seconds is None else f", about {state.eta_seconds:.0f} s left"
            name = state.grid.label(state.grid.cells[state.asking])
            progress(state.num_done / state.grid.num_asked, f"{name}{left}")
    progress.close()
    assert state is not None  # a grid yields its end at least
    if arguments.json:
        json.dump(to_dict(state, workbench), sys.stdout, ensure_ascii=False, indent=2)
        print()
    else:
        print(render_grid(state, workbench))
    return 0


def to_dict(state: GridState, workbench: Workbench) -> dict[str, Any]:
    """The grid as plain JSON values: one entry for each cell, in the order of the table."""
    cells = []
    for place, cell in enumerate(state.grid.cells):
        found = state.answers.get(place, CellAnswer())
        cells.append(
            {
                "row": state.grid.rows[cell.row],
                "column": state.grid.columns[cell.column],
                "model": cell.request.choice.model,
                "adapter": cell.request.choice.adapter,
                "style": cell.request.prompt.style,
                "note": cell.note,
                "reason": found.refusal,
                "seconds": round(found.seconds, 4),
                "counts": None if found.answer is None else count_titles(found.answer),
                "answer": None if found.answer is None else found.answer.to_dict(workbench.catalogue),
            }
        )
    return {"title": state.grid.title, "cells": cells}


def render_grid(state: GridState, workbench: Workbench) -> str:
    """The counts of each answer as a table, then what each wrote and what it is, or why there is none."""
    grid, rows, texts = state.grid, [], []
    for place, cell in enumerate(grid.cells):
        found = state.answers.get(place, CellAnswer())
        if found.answer is not None:
            rows.append((grid.label(cell), cell.request.prompt.style, *_numbers(found.answer, workbench)))
        told = _lines(found.answer, workbench) if found.answer else [f"  no answer: {found.refusal}"]
        texts += ["", grid.label(cell), *([f"  ({cell.note})"] if cell.note else []), *told]
    heads = ("asked", "prompt", *(_PART_HEADS[part] for part in PARTS), "of N", "form", "hits", "seconds")
    table = [render_table(heads, rows)] if rows else []
    return "\n".join([grid.title, "", *table, *texts])


def _grid(arguments: argparse.Namespace, workbench: Workbench, asked: RecommendationRequest) -> Grid:
    models, adapters = arguments.each_model, arguments.each_adapter
    if models is not None and adapters is not None:
        mend = "give --each-model or --each-adapter"
        raise SettingsError("one question goes to several models or to several adapters", mend=mend)
    if models is not None:
        return model_grid(workbench, asked, models or models_here(workbench))
    fitting = [info.name for info in workbench.choices.adapters_for(asked.choice.model)]
    return adapter_grid(workbench, asked, [None, *(adapters or fitting)])


def _numbers(answer: Recommendation, workbench: Workbench) -> list[str]:
    counts = count_titles(answer)
    form = "list" if answer.parsed.is_well_formed else answer.parsed.problem or "list and more"
    hits = "-"
    if answer.request.record_id:
        relevant = workbench.record(answer.request.record_id).relevant
        hits = f"{len(set(relevant) & set(answer.item_ids))} of {len(relevant)}"
    numbers = [*(str(counts[part]) for part in PARTS), str(sum(counts.values()))]
    return [*numbers, form, hits, f"{answer.completion.seconds:.1f}"]


def _lines(answer: Recommendation, workbench: Workbench) -> list[str]:
    wrote = f"  wrote: {' '.join(answer.completion.text.split()) or '(nothing)'}"
    return [wrote, *title_lines(answer, workbench.catalogue), *(f"  Warning: {told}" for told in answer.warnings)]
