"""``bench resolvers``: what each resolver makes of a table of hard titles, kind by kind, and how long it takes."""

from __future__ import annotations

import csv
import json
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recsys.catalogue import Catalogue
from recsys.cli.options import add_choice_options, read_choice
from recsys.errors import DataFormatError, RecsysError
from recsys.parsing import GeneratedTitle
from recsys.resolution.base import Candidate, Match, TitleResolver
from recsys.resolution.common_characters import CommonCharactersResolver
from recsys.resolution.levenshtein import LevenshteinResolver
from recsys.resolution.resolve import resolve_titles
from recsys.settings import ResolutionSettings
from recsys.workbench import Workbench

HARD_CASES = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "hard_cases.csv"
RESOLVERS = ("exact_names", "normalised_names", "levenshtein", "common_characters", "embedding")
_ALL = "all"
_REPEATS = 3

Answer = Callable[[Sequence[GeneratedTitle]], list[int | None]]
"""Titles to item ids, None where no movie is found."""


@dataclass(frozen=True)
class HardCase:
    """A title as somebody writes it, and the item that a person would name.

    Attributes:
        kind: What makes it hard.
        written: Without its year.
        year: The year written with it.
        item_id: None where no movie of the catalogue is right.
    """

    kind: str
    written: str
    year: int | None
    item_id: int | None


def add_resolver_arguments(parser: ArgumentParser) -> None:
    """Adds the command's own arguments."""
    parser.add_argument("--cases", type=Path, default=HARD_CASES, help="a csv file of kind,written,year,item_id")
    parser.add_argument("--resolvers", nargs="+", choices=RESOLVERS, default=RESOLVERS, help="which to compare")
    add_choice_options(parser)


def bench_resolvers(arguments: Namespace, workbench: Workbench) -> int:
    """Prints right answers, wrong movies and misses of each resolver as a Markdown table or JSON."""
    cases = read_cases(arguments.cases)
    rows: list[dict[str, Any]] = []
    for name in arguments.resolvers:
        try:
            with ExitStack() as stack:
                answer = _find(name, workbench, arguments, stack)
                found, milliseconds = timed_answers(answer, cases)
        except RecsysError as error:  # e.g. the model of the embeddings is not on this machine
            print(f"{name} is left out: {error}", file=sys.stderr)
            continue
        rows.append({"resolver": name, "milliseconds_per_title": milliseconds, "kinds": count_kinds(cases, found)})
    if arguments.json:
        json.dump(rows, sys.stdout, indent=2)
        print()
    else:
        print(render_table(rows))
    return 0


def read_cases(path: Path) -> list[HardCase]:
    """Reads a table of hard titles.

    Raises:
        DataFormatError: when the file is missing or a row is no such case.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [
                HardCase(row["kind"], row["written"], int(row["year"] or 0) or None, int(row["item_id"] or 0) or None)
                for row in csv.DictReader(file)
            ]
    except (OSError, KeyError, ValueError, TypeError) as error:
        mend = "give a csv file with the columns kind,written,year,item_id"
        raise DataFormatError("these are no hard titles", path=path, seen=repr(error), mend=mend) from None


def count_kinds(cases: Sequence[HardCase], found: Sequence[int | None]) -> dict[str, dict[str, int]]:
    """For each kind and for all: cases, right ones, wrong movies, and movies that were missed."""
    counts: dict[str, dict[str, int]] = {}
    for kind in (*dict.fromkeys(case.kind for case in cases), _ALL):
        pairs = [(case.item_id, item) for case, item in zip(cases, found, strict=True) if kind in (case.kind, _ALL)]
        counts[kind] = {
            "cases": len(pairs),
            "right": sum(right == item for right, item in pairs),
            "wrong": sum(item is not None and right != item for right, item in pairs),
            "missed": sum(item is None and right is not None for right, item in pairs),
        }
    return counts


def timed_answers(answer: Answer, cases: Sequence[HardCase]) -> tuple[list[int | None], float]:
    """The answers to all cases, and the milliseconds that one took in the fastest of some runs."""
    titles = [GeneratedTitle(rank, case.written, case.year, 0, 1) for rank, case in enumerate(cases, start=1)]
    found = answer(titles)  # tables of names are made at the first call
    seconds = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        answer(titles)
        seconds.append(time.perf_counter() - start)
    return found, 1000 * min(seconds) / max(len(titles), 1)


def render_table(rows: Sequence[dict[str, Any]]) -> str:
    """A Markdown table, kinds down and resolvers across: right of how many, then wrong movies and misses."""
    if not rows:
        return "no resolver could be compared"
    lines = [
        f"| kind | cases | {' | '.join(row['resolver'] for row in rows)} |",
        f"|{'---|' * (len(rows) + 2)}",
    ]
    for kind, counts in rows[0]["kinds"].items():
        cells = [_cell(row["kinds"][kind]) for row in rows]
        lines.append(f"| {kind.replace('_', ' ')} | {counts['cases']} | {' | '.join(cells)} |")
    times = " | ".join(f"{row['milliseconds_per_title']:.2g}" for row in rows)
    return "\n".join([*lines, f"| milliseconds a title | | {times} |"])


def _cell(counts: dict[str, int]) -> str:
    return f"{counts['right']} ({counts['wrong']} wrong, {counts['missed']} missed)"


def _find(name: str, workbench: Workbench, arguments: Namespace, stack: ExitStack) -> Answer:
    catalogue = workbench.catalogue
    if name == "exact_names":
        return lambda titles: [next(iter(catalogue.find_exact(t.title, t.year).item_ids), None) for t in titles]
    if name == "normalised_names":
        return _resolve(catalogue, _Nothing())
    if name == "common_characters":
        return _resolve(catalogue, CommonCharactersResolver(catalogue))
    if name == "levenshtein":
        return _resolve(catalogue, LevenshteinResolver(catalogue))
    loaded = stack.enter_context(workbench.host.use(read_choice(arguments, workbench), priority="batch"))
    return _resolve(catalogue, workbench.resolvers.find("embedding", loaded))


def _resolve(catalogue: Catalogue, resolver: TitleResolver) -> Answer:
    def answer(titles: Sequence[GeneratedTitle]) -> list[int | None]:
        return [found.item_id for found in resolve_titles(titles, catalogue, resolver, ResolutionSettings())]

    return answer


class _Nothing:
    """A resolver that finds nothing near, so that only names that are equal count."""

    name: str = "normalised_names"
    match: Match = "none"
    default_threshold: float = 1.0

    def nearest(self, titles: Sequence[str], years: Sequence[int | None]) -> list[Candidate]:
        return [Candidate((), 1.0, 0.0) for _ in titles]
