"""``bench memory --inference``: what loading and answering were planned to take, beside what they took in a child."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recsys.generation.measure_memory import measure_in_child
from recsys.models.loading import fetch_model
from recsys.models.memory_plan import PRECISIONS, AnswerSize
from recsys.models.planning import fit_model
from recsys.models.random_checkpoint import write_random_checkpoint
from recsys.models.registry import DEFAULT_MODEL, SMALL_MODEL, find_model
from recsys.models.shapes import KNOWN
from recsys.settings import Precision

_SIZES = (AnswerSize(1, 1, 256), AnswerSize(8, 1, 256), AnswerSize(2, 4, 128))
_SHAPES = ("smollm2-360m", "smollm2-1.7b")
"""No constant of the plan was set on these, so their rows test it."""
_SHARD_BYTES = 1 << 30
_HEAD = """\
| model | precision | batch × beams × tokens | planned | measured | planned / measured | loading | resting |
|---|---|---|---|---|---|---|---|"""
_ABOUT = """\
Planned and measured are the peaks while a batch is answered; loading is the peak of the load alone, and resting what is
held in between. Each row is a process of its own: memory that the kernel cannot give up, beyond what the libraries take
(recsys/generation/measure_memory.py). The planner asks for the larger of loading and answering to be free."""


def add_inference_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what is measured with --inference."""
    group = parser.add_argument_group("With --inference")
    group.add_argument("--models", nargs="+", default=[DEFAULT_MODEL, SMALL_MODEL], help="registry names or folders")
    group.add_argument(
        *("--shapes",), nargs="*", default=["smollm2-360m"], choices=_SHAPES, help="random weights of these shapes too"
    )
    group.add_argument("--precisions", nargs="+", default=list(PRECISIONS), choices=PRECISIONS, help="default: all")
    group.add_argument("--out", type=Path, help="a folder for inference-memory.md and .json")


def bench_inference_memory(arguments: argparse.Namespace) -> int:
    """Measures every model in every precision at three sizes, each in a process of its own."""
    rows = []
    if not arguments.json:
        print(_HEAD, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        models = {model: model for model in arguments.models}
        models |= {
            _write_shape(shape, Path(folder)): f"random weights of {shape}'s shape" for shape in arguments.shapes
        }
        for row in _measure(models, arguments.precisions):
            rows.append(row)
            if not arguments.json:
                print(_line(row), flush=True)
    if arguments.json:
        print(json.dumps(rows, indent=2))
    if arguments.out:
        write_results(rows, arguments.out)
    return 0


def write_results(rows: list[dict[str, Any]], folder: Path) -> None:
    """Writes the rows as JSON and as a table with a sentence on how to read it."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n".join([_HEAD, *map(_line, rows), "", _ABOUT])
    (folder / "inference-memory.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    (folder / "inference-memory.md").write_text(f"{text}\n", encoding="utf-8")


def _write_shape(shape: str, folder: Path) -> str:
    """A checkpoint of random weights with SmolLM2's tokenizer, whose vocabulary these shapes have; gives its folder."""
    made = folder / shape
    made.mkdir()
    write_random_checkpoint(made, KNOWN[shape].to_config(), shard_bytes=_SHARD_BYTES)
    for path in fetch_model(find_model(DEFAULT_MODEL)).glob("tokenizer*"):
        shutil.copy(path, made)
    return str(made)


def _measure(models: dict[str, str], precisions: list[Precision]) -> Iterator[dict[str, Any]]:
    """A row for each model, with its name in tables, each precision and each size."""
    for model, name in models.items():
        for precision in precisions:
            for size in _SIZES:
                fit = fit_model(find_model(model), precision, device="cpu", size=size)
                assert fit is not None  # what is on this machine tells its size
                measured = measure_in_child(model, precision, size)
                terms = {name: getattr(fit.plan, name) for name in ("weights", "loading", "cache", "working")}
                yield {
                    "model": name,
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
