"""``history``: what an export of Letterboxd or IMDb, or a list of titles, says a person liked.

Movies that are sure are taken; doubtful ones are shown and taken with --accept-doubtful.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from recsys.catalogue import Catalogue, HistoryEntry
from recsys.cli.options import add_workbench_options, open_workbench
from recsys.data.own_history import read_own_history_file
from recsys.data.windows import HISTORY_LENGTH
from recsys.errors import SettingsError
from recsys.resolution.own_history import HistoryReview, ReviewRow, review_history
from recsys.settings import MAX_HISTORY
from recsys.workbench import Workbench


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("file", type=Path, help="Letterboxd's or IMDb's ratings.csv, or a list of one title a line")
    add_review_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_workbench_options(parser)


def add_review_options(parser: argparse.ArgumentParser) -> None:
    """Adds what is taken of a person's own history."""
    parser.add_argument("--accept-doubtful", action="store_true", help="take the nearest movie for doubtful titles")
    parser.add_argument(
        "--most",
        type=int,
        default=HISTORY_LENGTH,
        help=f"most recent movies taken, of liked and of disliked ones each (default: {HISTORY_LENGTH})",
    )


def run(arguments: argparse.Namespace) -> int:
    """Prints each title with the movie that it is, and what is taken of them."""
    workbench = open_workbench(arguments)
    review = review_file(arguments.file, workbench)
    liked, disliked = entries_of(review, arguments)
    if arguments.json:
        json.dump(_to_dict(review, liked, disliked), sys.stdout, ensure_ascii=False, indent=2)
        print()
        return 0
    print(render_review(review, workbench.catalogue))
    for name, entries in (("Liked", liked), ("Disliked", disliked)):
        titles = [entry if isinstance(entry, str) else workbench.catalogue[entry].display() for entry in entries]
        print(f"\n{name}, most recent last:", *(titles or ["none"]), sep="\n  ")
    return 0


def review_file(path: Path, workbench: Workbench) -> HistoryReview:
    """Reads a file and looks its titles up.

    Raises:
        DataFormatError: when it cannot be read.
    """
    history = read_own_history_file(path)
    return review_history(history, workbench.catalogue, workbench.resolvers.levenshtein)


def entries_of(
    review: HistoryReview, arguments: argparse.Namespace
) -> tuple[tuple[HistoryEntry, ...], tuple[HistoryEntry, ...]]:
    """The liked and the disliked movies that are taken.

    Raises:
        SettingsError: for a number of movies out of range.
    """
    if not 1 <= arguments.most <= MAX_HISTORY:
        raise SettingsError("--most is out of range", seen=arguments.most, mend=f"give 1 to {MAX_HISTORY}")
    chosen = review.suggestions() if arguments.accept_doubtful else {}
    liked, disliked = (review.entries(side, chosen=chosen, most=arguments.most) for side in ("liked", "disliked"))
    return liked, disliked


def render_review(review: HistoryReview, catalogue: Catalogue) -> str:
    """The review for a terminal: what is not sure row by row, the rest counted."""
    counts = (
        f"{review.count('sure')} sure",
        f"{review.count('doubtful')} doubtful",
        f"{review.count('unknown')} unknown",
    )
    lines = [f"{review.source}: {', '.join(counts)}", *review.notices]
    for row in review.rows:
        if row.verdict != "sure":
            lines.append(f"  {row.verdict:8} line {row.written.line}: {row.written.display()} - {row.reason}")
            lines += [
                f"    {'*' if item == row.suggested else ' '} {catalogue[item].display()}" for item in row.candidates
            ]
    return "\n".join(lines)


def _to_dict(
    review: HistoryReview, liked: tuple[HistoryEntry, ...], disliked: tuple[HistoryEntry, ...]
) -> dict[str, Any]:
    return {
        "source": review.source,
        "notices": list(review.notices),
        "liked": list(liked),
        "disliked": list(disliked),
        "rows": [_row(row) for row in review.rows],
    }


def _row(row: ReviewRow) -> dict[str, Any]:
    written = row.written
    return {
        "line": written.line,
        "title": written.title,
        "year": written.year,
        "opinion": written.opinion,
        "verdict": row.verdict,
        "reason": row.reason,
        "candidates": list(row.candidates),
        "suggested": row.suggested,
    }
