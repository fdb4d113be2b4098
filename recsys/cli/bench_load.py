"""``bench load``: memory and time of loading a large model's shape into int8 or nf4, by transformers' loader and ours.

The checkpoint has random weights, lies in a temporary folder and is deleted afterwards. Each way loads it in a process
of its own, from disk and not from the system's cache, and then writes a few tokens.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recsys.cli.bench_report import add_out_argument, markdown_table, report
from recsys.errors import ModelUnavailableError
from recsys.machine_memory import machine_bytes_left
from recsys.models.loading_trial import WAYS
from recsys.models.random_checkpoint import checkpoint_bytes, write_random_checkpoint
from recsys.models.shapes import KNOWN, ModelShape
from recsys.process_memory import PhasePeaks, watch_process

_GB = 1e9
_SHAPES: Mapping[str, ModelShape] = {
    "llama-1b": ModelShape("llama", 2048, 5504, 20, 16, 16, 32000),
    **{name: KNOWN[name] for name in ("llama-7b", "llama-13b", "gpt-j-6b")},
}
"""The story's shapes, and one of LLaMA's proportions that loads anywhere."""
_GOAL = 1.25
"""Loading may peak at this many times the loaded size, and one shard."""


def add_load_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the benchmark's arguments."""
    parser.add_argument("--shape", default="llama-1b", choices=tuple(_SHAPES), help="default: llama-1b, 1.1 B weights")
    parser.add_argument("--precisions", nargs="+", default=["int8"], choices=("int8", "nf4"), help="default: int8")
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS, help="default: both")
    parser.add_argument("--tokens", type=int, default=4, help="written after loading (default: 4)")
    parser.add_argument("--shard-gb", type=float, default=1.5, help="of the checkpoint (default: 1.5)")
    parser.add_argument("--keep-free-gb", type=float, default=1.5, help="a load that leaves less is stopped")
    parser.add_argument("--folder", type=Path, help="where the checkpoint is made (default: the system's for such)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_out_argument(parser, "load-SHAPE")


def bench_load(arguments: argparse.Namespace) -> int:
    """Writes the checkpoint, loads it each way and prints a row for each."""
    config = _SHAPES[arguments.shape].to_config()
    with tempfile.TemporaryDirectory(prefix="recsys-bench-", dir=arguments.folder) as name:
        folder = Path(name)
        _require_disk(folder, checkpoint_bytes(config))
        shard = write_random_checkpoint(folder, config, shard_bytes=int(arguments.shard_gb * _GB))
        rows = [
            _measure(arguments, folder, precision, way, shard)
            for precision in arguments.precisions
            for way in arguments.ways
        ]
    for row in rows:
        row |= _beside_stock(row, rows)
    found = {"shape": arguments.shape, "largest_shard": shard, "rows": rows}
    report(arguments, f"load-{arguments.shape}", found, markdown_table(rows))
    return 0


def _measure(arguments: argparse.Namespace, folder: Path, precision: str, way: str, shard: int) -> dict[str, Any]:
    _forget_cached(folder)
    command = [sys.executable, "-m", "recsys.models.loading_trial", str(folder), precision, way, str(arguments.tokens)]
    floor = arguments.keep_free_gb * _GB
    phases, status = watch_process(command, must_end=lambda: machine_bytes_left() < floor)
    row = {"shape": arguments.shape, "precision": precision, "way": way} | _figures(phases, shard)
    row["ended"] = "well" if status == 0 else "stopped: memory ran short" if status < 0 else f"failed ({status})"
    return row


def _figures(phases: Mapping[str, PhasePeaks], shard: int) -> dict[str, Any]:
    """Gigabytes, seconds and their ratios; None for what a load that was stopped did not reach."""
    loading = phases.get("loaded", phases[""])
    loaded, written = loading.told, phases.get("generated", PhasePeaks()).told
    size = loaded.get("size")
    return {
        "seconds": loaded.get("seconds"),
        "cpu_seconds": loaded.get("cpu_seconds"),
        "size_GB": size and size / _GB,
        "peak_GB": loading.private / _GB,
        "peak_anonymous_GB": loading.anonymous / _GB,
        "after_GB": loaded.get("private") and loaded["private"] / _GB,
        "peak_to_size": size and loading.private / size,
        "within_goal": size and loading.private < _GOAL * size + shard,
        "peak_generating_GB": max(phases["generated"].private, loading.private) / _GB if written else None,
        "seconds_a_token": (written and written["seconds"] / max(1, len(written["tokens"]))) or None,
        "tokens": " ".join(map(str, written.get("tokens", ()))),
    }


def _beside_stock(row: Mapping[str, Any], rows: list[dict[str, Any]]) -> dict[str, float | None]:
    """The ratios to transformers' loader in the same precision and run."""
    stock = [other for other in rows if other["way"] == "stock" and other["precision"] == row["precision"]]
    names = ("peak_GB", "peak_anonymous_GB", "cpu_seconds")
    return {
        f"{name.removesuffix('_GB')}_to_stock": row[name] / stock[0][name]
        if stock and row[name] and stock[0][name]
        else None
        for name in names
    }


def _forget_cached(folder: Path) -> None:
    """Puts every shard out of the system's cache, so that the second way does not profit from the first."""
    for path in folder.glob("*.safetensors"):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _require_disk(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + _GB:
        mend = "take a smaller shape, or name another place with --folder"
        seen = f"{needed / _GB:.1f} GB needed, {free / _GB:.1f} GB free in {folder.parent}"
        raise ModelUnavailableError("the checkpoint does not fit on the disk", seen=seen, mend=mend)
