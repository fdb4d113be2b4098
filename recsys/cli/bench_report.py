"""What every benchmark does with its findings: a Markdown table, two files of them, and what is printed."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from recsys.data.atomic import open_atomically
from recsys.evaluation.request import EvaluationRequest
from recsys.models.learnt_from import has_learnt_from
from recsys.workbench import Workbench

LEARNT = (
    "The model was trained on these very users: its column tells how well it remembers, not how well it recommends."
)


def add_out_argument(parser: argparse.ArgumentParser, name: str) -> None:
    """Adds the folder that the findings go to."""
    parser.add_argument(
        "--out", type=Path, default=Path("build/benchmarks"), help=f"folder for {name}.json and {name}.md"
    )


def asked_facts(workbench: Workbench, asked: EvaluationRequest) -> dict[str, Any]:
    """What a benchmark that asks as an evaluation does tells of its request: model, data, and who was learnt from."""
    choice, split = asked.choice, asked.evaluation.split
    return {
        "base_model": choice.model,
        "adapter": choice.adapter,
        "precision": workbench.host.state().precision,
        "data": workbench.data_name,
        "split": split,
        "k": asked.evaluation.k,
        "note": LEARNT if has_learnt_from(split, choice, workbench.options.adapters) else "",
        "request": asked.to_dict(),
    }


def report(arguments: argparse.Namespace, name: str, found: dict[str, Any], table: str) -> None:
    """Saves the findings as JSON and as a table under ``--out``, and prints what ``--json`` asks for.

    Args:
        arguments: With ``out`` and ``json``.
        name: Of the two files, without an ending.
        found: Plain values.
        table: The same as Markdown.
    """
    text = json.dumps(found, indent=2) + "\n"
    for ending, content in (("json", text), ("md", table)):
        with open_atomically(arguments.out / f"{name}.{ending}") as file:
            file.write(content.encode())
    sys.stdout.write(text if arguments.json else table)


def markdown_table(rows: Sequence[dict[str, Any]]) -> str:
    """Rows as a Markdown table, headed by the names of the first."""
    names = list(rows[0])
    write: Callable[[Sequence[str]], str] = lambda cells: "| " + " | ".join(cells) + " |\n"  # noqa: E731
    lines = [write([name.replace("_", " ") for name in names]), write(["---"] * len(names))]
    return "".join([*lines, *(write([_cell(row[name]) for name in names]) for row in rows)])


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
