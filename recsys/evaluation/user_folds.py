"""Classic recommenders compared without the test users: each fold of users is scored by what the others like."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from recsys.baselines.base import rank
from recsys.data.records import CHOOSING, Record, SplitData, deal_folds
from recsys.errors import DataFormatError
from recsys.evaluation.baseline_scores import FitBaseline
from recsys.evaluation.metrics import average_precision
from recsys.settings import require_number


@dataclass(frozen=True)
class FoldScores:
    """Average precision of every record, its user's fold left out of the fit.

    Attributes:
        name: The recommender.
        values: AP@k of each record.
        user_ids: The user of each.
        record_ids: The id of each.
    """

    name: str
    values: tuple[float, ...]
    user_ids: tuple[int, ...]
    record_ids: tuple[str, ...]


def score_folds(
    recommenders: Mapping[str, FitBaseline],
    split: SplitData,
    *,
    k: int = 4,
    num_folds: int = 5,
    seed: int = 0,
    told: Callable[[float, str], None] = lambda _share, _message: None,
) -> list[FoldScores]:
    """Scores recommenders on the records of training and validation users by cross-validation over users.

    Args:
        recommenders: How each is fitted, by name.
        split: Its test users are not touched.
        k: The rank cut.
        num_folds: Folds of users.
        seed: Deals users to folds.
        told: The share that is done, and what is being done.

    Returns:
        One for each recommender, records in the same order in all of them.

    Raises:
        SettingsError: when there are fewer users than folds.
    """
    require_number("num_folds", num_folds, 2, 1000, integer=True)
    likes = split.likes_of(*CHOOSING)
    folds = deal_folds(sorted(likes), num_folds, seed)
    records = [record for name in CHOOSING for record in split.records[name]]
    asked = [[record for record in records if record.user_id in fold] for fold in folds]
    values: dict[str, list[float]] = {name: [] for name in recommenders}
    for number, fold in enumerate(folds):
        others = {user: likes[user] for user in likes if user not in fold}
        for place, (name, fit) in enumerate(recommenders.items()):
            told((number + place / len(recommenders)) / num_folds, f"fold {number + 1} of {num_folds}: {name}")
            values[name] += _average_precisions(fit, others, asked[number], k)
    users = tuple(record.user_id for part in asked for record in part)
    ids = tuple(record.record_id for part in asked for record in part)
    return [FoldScores(name, tuple(found), users, ids) for name, found in values.items()]


def read_fold_scores(name: str, paths: Sequence[Path], like: FoldScores) -> FoldScores:
    """The scores of a model that was trained once without each fold, from the CSV files of its evaluations.

    Args:
        name: Of the model.
        paths: One file for each fold, as write_csv writes them, of the same k.
        like: Scores of another recommender, whose records and order are taken.

    Raises:
        DataFormatError: when a file cannot be read, or the files do not hold each of these records once.
    """
    found: dict[str, float] = {}
    for path in paths:
        try:
            with path.open(encoding="utf-8", newline="") as file:
                rows = [(row["record_id"], float(row["map"])) for row in csv.DictReader(file)]
        except (OSError, ValueError, KeyError, TypeError) as error:
            mend = "write it with evaluate --split validation --split-fold N --csv"
            raise DataFormatError("these are no results of records", path=path, seen=str(error), mend=mend) from error
        for record_id, value in rows:
            if record_id in found:
                mend = "give one file for each fold"
                raise DataFormatError("a record is there twice", path=path, seen=record_id, mend=mend)
            found[record_id] = value
    if found.keys() != set(like.record_ids):
        seen = f"{len(found)} records, {len(found.keys() - set(like.record_ids))} of them other ones"
        mend = f"the folds hold {len(like.record_ids)} records: give the files of all folds, of the same data and split"
        raise DataFormatError("the folds are not these", path=paths[0], seen=seen, mend=mend)
    return FoldScores(name, tuple(found[record_id] for record_id in like.record_ids), like.user_ids, like.record_ids)


def _average_precisions(
    fit: FitBaseline, likes: Mapping[int, Sequence[int]], records: Sequence[Record], k: int
) -> list[float]:
    ranked = rank(fit(likes), [record.history for record in records], n=k)
    return [average_precision(record.relevant, item_ids, k) for record, item_ids in zip(records, ranked, strict=True)]
