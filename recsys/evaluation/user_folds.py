"""Classic recommenders compared without the test users: each fold of users is scored by what the others like."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from recsys.baselines.base import rank
from recsys.data.records import CHOOSING, Record, SplitData, deal_folds
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
    """

    name: str
    values: tuple[float, ...]
    user_ids: tuple[int, ...]


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
    order = tuple(record.user_id for part in asked for record in part)
    return [FoldScores(name, tuple(found), order) for name, found in values.items()]


def _average_precisions(
    fit: FitBaseline, likes: Mapping[int, Sequence[int]], records: Sequence[Record], k: int
) -> list[float]:
    ranked = rank(fit(likes), [record.history for record in records], n=k)
    return [average_precision(record.relevant, item_ids, k) for record, item_ids in zip(records, ranked, strict=True)]
