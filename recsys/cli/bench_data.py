"""``bench data``: from the files to records, popularity and the title index, beside a plain pandas script.

A made-up set, by default of MovieLens 32M's size, is written to a temporary folder. Each side then goes
through it in a process of its own, one after the other, and both must find the same records and popularity.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from recsys.catalogue import Catalogue
from recsys.cli.bench_report import add_out_argument, markdown_table, report
from recsys.cli.data_stages import STAGES
from recsys.cli.progress import ProgressLine
from recsys.cli.synthetic_ratings import Shape, write_synthetic_folder
from recsys.data.movielens import load
from recsys.errors import RecsysError

SIDES = ("ours", "pandas")
GOAL_SECONDS, GOAL_GIGABYTES = 180, 6
_GOAL_STAGES = STAGES[:5]
"""What the goal is about; reading every record once is shown beside it, since ours makes records only then."""


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the benchmark's arguments."""
    usual = Shape()
    for name in ("ratings", "users", "movies"):
        number = getattr(usual, name)
        parser.add_argument(f"--{name}", type=int, default=number, help=f"{name} of the set (default: {number:_})")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_out_argument(parser, "data")


def bench_data(arguments: argparse.Namespace) -> int:
    """Writes the set, runs both sides, prints the table or the JSON and saves both.

    Raises:
        SettingsError: when so many ratings cannot be spread over the users and movies.
        RecsysError: when a side stops with an error.
    """
    shape = Shape(arguments.ratings, arguments.users, arguments.movies)
    found = measure(shape)
    report(arguments, "data", found, render_data_table(found))
    return 0


def measure(shape: Shape) -> dict[str, Any]:
    """Everything that the table tells."""
    progress = ProgressLine()
    found: dict[str, Any] = {"ratings": shape.ratings, "users": shape.users, "movies": shape.movies}
    found["cores"] = os.cpu_count()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        progress(0.0, "writing the set")
        start = time.perf_counter()
        write_synthetic_folder(folder, shape, Catalogue(load().movies))
        found["writing_seconds"] = time.perf_counter() - start
        found["file_gigabytes"] = (folder / "ratings.csv").stat().st_size / 1e9
        _read_once(folder)
        for side in SIDES:
            progress(0.0, f"the stages of {side}")
            found[side] = _run_side(side, folder)
    progress.close()
    ours, theirs = (found[side] for side in SIDES)
    found["agree"] = {
        "numbers_of_records": ours["records"] == theirs["records"],
        "records": ours["records_checksum"] == theirs["records_checksum"],
        "popularity": ours["popularity_checksum"] == theirs["popularity_checksum"],
    }
    for side in SIDES:
        found[side]["goal_seconds"] = sum(found[side]["seconds"][stage] for stage in _GOAL_STAGES)
    return found


def _read_once(folder: Path) -> None:
    """Waits until the files are on the disk and reads them, so that neither side is the first to fetch them."""
    if hasattr(os, "sync"):
        os.sync()
    for path in folder.iterdir():
        with path.open("rb") as file:
            while file.read(2**24):
                pass


def _run_side(side: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "recsys.cli.data_stages", side, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise RecsysError(f"the stages of {side} stopped", seen=last, mend="take fewer ratings or free some memory")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def render_data_table(found: dict[str, Any]) -> str:
    """The stages of both sides as a Markdown table, with their peaks, and whether they agree."""
    ours, theirs = found["ours"], found["pandas"]
    rows = [_row(stage, ours, theirs) for stage in _GOAL_STAGES]
    rows.append(_cells("**sum**", ours["goal_seconds"], theirs["goal_seconds"], ours, theirs, _GOAL_STAGES[-1]))
    rows.append(_row(STAGES[5], ours, theirs))
    mine, other = (sum(side["seconds"].values()) for side in (ours, theirs))
    rows.append(_cells("**sum, every record made**", mine, other, ours, theirs, STAGES[5]))
    agree = ", ".join(f"{name.replace('_', ' ')} {'yes' if same else 'NO'}" for name, same in found["agree"].items())
    records = sum(ours["records"].values())
    return (
        f"### {found['ratings']:,} ratings, {found['users']:,} users, {found['movies']:,} movies\n\n"
        f"{markdown_table(rows)}\n"
        f"{found['cores']} cores; ratings.csv has {found['file_gigabytes']:.2f} GB. Seconds include the imports; peaks "
        f"are the most memory resident so far, in GB. {records:,} records; ours makes each when it is read, so "
        f"the last row compares like with like. The goal is a sum under {GOAL_SECONDS} s and {GOAL_GIGABYTES} GB.\n"
        f"Both sides agree: {agree}.\n"
    )


def _row(stage: str, ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    return _cells(stage, ours["seconds"][stage], theirs["seconds"][stage], ours, theirs, stage)


def _cells(
    name: str, mine: float, other: float, ours: dict[str, Any], theirs: dict[str, Any], last_stage: str
) -> dict[str, Any]:
    return {
        "stage": name,
        "our seconds": mine,
        "pandas seconds": other,
        "pandas / ours": other / mine,
        "our peak": ours["peak_gigabytes_after"][last_stage],
        "pandas peak": theirs["peak_gigabytes_after"][last_stage],
    }
