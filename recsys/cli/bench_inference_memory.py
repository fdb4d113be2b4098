"""``bench memory --inference``: what loading and answering were planned to take, beside what they took in a child."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recsys.generation.measure_memory import measure_in_child
from recsys.models.memory_plan import PRECISIONS, AnswerSize
from recsys.models.planning import fit_model
from recsys.models.registry import DEFAULT_MODEL, SMALL_MODEL, find_model
from recsys.settings import Precision

_SIZES = (AnswerSize(1, 1, 256), AnswerSize(8, 1, 256), AnswerSize(2, 4, 128))
_HEAD = "| model | precision | batch × beams × tokens | planned | measured | planned / measured | loading | resting |"


def add_inference_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what is measured with --inference."""
    group = parser.add_argument_group("With --inference")
    group.add_argument("--models", nargs="+", default=[DEFAULT_MODEL, SMALL_MODEL], help="registry names or folders")
    group.add_argument("--precisions", nargs="+", default=list(PRECISIONS), choices=PRECISIONS, help="default: all")
    group.add_argument("--write", type=Path, help="a file without its ending: .md and .json are written")


def bench_inference_memory(arguments: argparse.Namespace) -> int:
    """Measures every model in every precision at three sizes, each in a process of its own."""
    rows = []
    lines = [_HEAD, "|---|---|---|---|---|---|---|---|"]
    if not arguments.json:
        print("\n".join(lines), flush=True)
    for row in _measure(arguments.models, arguments.precisions):
        rows.append(row)
        lines.append(_line(row))
        if not arguments.json:
            print(lines[-1], flush=True)
    if arguments.json:
        print(json.dumps(rows, indent=2))
    if arguments.write:
        arguments.write.with_suffix(".json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
        arguments.write.with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


def _measure(models: list[str], precisions: list[Precision]) -> Iterator[dict[str, Any]]:
    for model in models:
        for precision in precisions:
            for size in _SIZES:
                fit = fit_model(find_model(model), precision, device="cpu", size=size)
                assert fit is not None  # what is on this machine tells its size
                measured = measure_in_child(model, precision, size)
                terms = {name: getattr(fit.plan, name) for name in ("weights", "loading", "cache", "working")}
                yield {
                    "model": model,
                    "precision": precision,
                    "size": dataclasses.asdict(size),
                    "planned": terms | {"answering": fit.plan.answering, "needed": fit.plan.needed},
                    "measured": dataclasses.asdict(measured),
                    "answering_ratio": fit.plan.answering / measured.answering,
                    "needed_ratio": fit.plan.needed / measured.peak,
                }


def _line(row: dict[str, Any]) -> str:
    size, planned, measured = row["size"], row["planned"], row["measured"]
    cells = [
        row["model"],
        row["precision"],
        f"{size['batch']} × {size['beams']} × {size['length']}",
        f"{planned['answering'] / 1e6:.0f} MB",
        f"{measured['answering'] / 1e6:.0f} MB",
        f"{row['answering_ratio']:.0%}",
        f"{(planned['weights'] + planned['loading']) / 1e6:.0f} planned, {measured['loading'] / 1e6:.0f} MB",
        f"{measured['resting'] / 1e6:.0f} MB",
    ]
    return f"| {' | '.join(cells)} |"
