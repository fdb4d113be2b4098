"""``bench baselines``: classic recommenders by user folds of training and validation users, test users untouched."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from recsys.baselines.blend import fit_blend
from recsys.baselines.bm25_knn import Bm25Knn
from recsys.baselines.co_occurrence import CoOccurrence
from recsys.baselines.ease import Ease
from recsys.baselines.item_knn import ItemKnn
from recsys.baselines.popularity import Popularity
from recsys.baselines.random_ranking import RandomRanking
from recsys.baselines.slit import Slit
from recsys.cli.progress import ProgressLine
from recsys.errors import SettingsError
from recsys.evaluation.baseline_scores import FitBaseline
from recsys.evaluation.intervals import clustered_interval, mean_over_records, mean_over_users
from recsys.evaluation.user_folds import FoldScores, read_fold_scores, score_folds
from recsys.workbench import Workbench

K = 4
RECOMMENDERS: Mapping[str, FitBaseline] = {
    "random": RandomRanking.fit,
    "popularity": Popularity.fit,
    "item_knn": ItemKnn.fit,
    "bm25_knn": Bm25Knn.fit,
    "co_occurrence": CoOccurrence.fit,
    "ease": Ease.fit,
    "slit": Slit.fit,
    "teacher": fit_blend,
}
REFERENCE = "ease"
GRIDS: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "bm25_knn": {"num_neighbours": (50, 100, 400), "k1": (1.2,), "b": (0.0, 0.4, 0.8)},
    "co_occurrence": {
        "past_decay": (1.0, 4.0, 100.0),
        "num_next": (4, 16),
        "next_decay": (2.0, 100.0),
        "popularity_power": (0.25, 0.5, 1.0),
        "min_likes": (10,),
    },
    "slit": {
        "reg": (30.0, 300.0, 1000.0),
        "num_past": (3, 12),
        "past_decay": (1.0, 4.0, 100.0),
        "num_next": (1, 8, 20),
        "next_decay": (0.5, 2.0, 100.0),
    },
}
"""Settings that --grid tries, each with the others at their defaults."""


def add_baseline_arguments(parser: ArgumentParser) -> None:
    """Adds the command's own arguments."""
    parser.add_argument("--folds", type=int, default=5, help="folds of users")
    parser.add_argument(
        "--model-csv",
        type=Path,
        nargs="+",
        action="append",
        default=[],
        metavar="CSV",
        help="also a model: of each fold of five, what evaluate --split validation --split-fold N --csv wrote; several "
        "times for several models",
    )
    parser.add_argument(
        "--reference", default=REFERENCE, metavar="NAME", help="a row that the others are compared with (default: ease)"
    )
    parser.add_argument(
        "--grid",
        nargs="*",
        choices=GRIDS,
        metavar="NAME",
        help=f"also other settings of these, one at a time; of {', '.join(GRIDS)} without a name",
    )


def bench_baselines(arguments: Namespace, workbench: Workbench) -> int:
    """Prints MAP@4 of each recommender as a Markdown table or JSON."""
    asked = dict(RECOMMENDERS)
    if arguments.grid is not None:
        asked |= make_variants(arguments.grid or tuple(GRIDS))
    models = [f"model {number}" for number in range(1, len(arguments.model_csv) + 1)]
    if arguments.reference not in (*asked, *models):
        mend = f"choose of {', '.join((*asked, *models))}"
        raise SettingsError("there is no such row to compare with", seen=arguments.reference, mend=mend)
    progress = ProgressLine()
    scores = score_folds(asked, workbench.split, k=K, num_folds=arguments.folds, told=progress)
    progress.close()
    for name, paths in zip(models, arguments.model_csv, strict=True):
        scores.append(read_fold_scores(name, paths, scores[0]))
    rows = describe(scores, arguments.reference)
    if arguments.json:
        json.dump(rows, sys.stdout, indent=2)
        print()
    else:
        print(f"{workbench.data_name}, {len(scores[0].values):,} records of training and validation users\n")
        print(render_table(rows, arguments.reference))
    return 0


def make_variants(names: Sequence[str]) -> dict[str, FitBaseline]:
    """The recommenders of these names with each setting of their grids, by name, setting and value."""
    return {
        f"{name} {setting} {value:g}": partial(RECOMMENDERS[name], **{setting: value})
        for name in names
        for setting, values in GRIDS[name].items()
        for value in values
    }


def describe(scores: Sequence[FoldScores], against: str = REFERENCE) -> list[dict[str, Any]]:
    """MAP over records with its interval, over users, and what each has more than a reference on the same records."""
    reference = next(score for score in scores if score.name == against)
    rows = []
    for score in scores:
        row: dict[str, Any] = {
            "recommender": score.name,
            "map": mean_over_records(score.values),
            "interval": _ends(score.values, score.user_ids),
            "map_users": mean_over_users(score.values, score.user_ids),
        }
        if score is not reference:
            more = [ours - theirs for ours, theirs in zip(score.values, reference.values, strict=True)]
            row |= {"minus_reference": mean_over_records(more), "minus_interval": _ends(more, score.user_ids)}
        rows.append(row)
    return rows


def _ends(values: Sequence[float], user_ids: Sequence[int]) -> list[float] | None:
    found = clustered_interval(values, user_ids)
    return None if found is None else [found.low, found.high]


def render_table(rows: Sequence[Mapping[str, Any]], against: str = REFERENCE) -> str:
    """The rows as a Markdown table, intervals at 95% by resampling users."""
    lines = [f"| recommender | MAP@4 over records | over users | minus {against} |", "|---|---|---|---|"]
    for row in rows:
        more = f"{row['minus_reference']:+.4f}{_write(row['minus_interval'])}" if "minus_reference" in row else ""
        mean = f"{row['map']:.4f}{_write(row['interval'])}"
        lines.append(f"| {row['recommender']} | {mean} | {row['map_users']:.4f} | {more} |")
    return "\n".join(lines)


def _write(interval: Sequence[float] | None) -> str:
    return "" if interval is None else f" [{interval[0]:.4f}, {interval[1]:.4f}]"
