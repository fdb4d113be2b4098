"""A classic recommender's best candidates, put in order by its scores and a language model's likelihoods together.

This module knows scores and likelihoods as numbers; it knows no model and no prompt.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from recsys.baselines.base import top_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recsys.baselines.base import Recommender


@dataclass(frozen=True, eq=False)
class Candidates:
    """What a classic recommender would recommend to one person.

    Attributes:
        item_ids: The best first.
        scores: The recommender's score of each.
        knows_history: Whether the recommender knows any item of the history; if not, the candidates are the
            most liked items and their scores are alike.
    """

    item_ids: tuple[int, ...]
    scores: tuple[float, ...]
    knows_history: bool


@dataclass(frozen=True)
class FusedTitle:
    """A movie with the two opinions that its place is made of.

    Attributes:
        item_id: The movie.
        score: classic_score + llm_weight × log_likelihood.
        classic_score: Of the classic recommender.
        classic_rank: By classic_score among all that could be recommended.
        log_likelihood: Of the title as the next one, by the language model.
        llm_rank: By log_likelihood among the candidates; titles that are written alike share the better rank.
        num_candidates: How many there were.
    """

    item_id: int
    score: float
    classic_score: float
    classic_rank: int
    log_likelihood: float
    llm_rank: int
    num_candidates: int

    def to_dict(self) -> dict[str, Any]:
        """The title as plain JSON values."""
        return {
            "item_id": self.item_id,
            "score": round(self.score, 6),
            "classic_score": round(self.classic_score, 6),
            "classic_rank": self.classic_rank,
            "log_likelihood": round(self.log_likelihood, 6),
            "llm_rank": self.llm_rank,
            "num_candidates": self.num_candidates,
        }


def find_candidates(
    recommender: Recommender,
    histories: Sequence[Sequence[int]],
    *,
    n: int,
    excluded: Sequence[Collection[int]],
    allowed: Collection[int] | None = None,
) -> list[Candidates]:
    """The n best items for each history, equal scores in the order of the recommender's columns.

    Args:
        recommender: Whose scores.
        histories: Liked items in time order.
        n: Candidates for each history; fewer only where fewer are left.
        excluded: For each history what may not come out, the history itself too.
        allowed: The only items that may come out; None allows all that the recommender knows.
    """
    item_ids = recommender.item_ids
    column_of = {item: column for column, item in enumerate(item_ids.tolist())}
    scores = np.array(recommender.scores(histories), dtype=np.float32)
    if allowed is not None:
        scores[:, ~np.isin(item_ids, list(allowed))] = -np.inf
    for row, closed in enumerate(excluded):
        scores[row, [column_of[item] for item in closed if item in column_of]] = -np.inf
    return [
        Candidates(
            tuple(item_ids[columns].tolist()),
            tuple(scores[row, columns].tolist()),
            any(item in column_of for item in histories[row]),
        )
        for row, columns in enumerate(top_columns(scores, n))
    ]


def fuse(
    candidates: Candidates, log_likelihoods: NDArray[np.float64], *, llm_weight: float, n: int
) -> tuple[FusedTitle, ...]:
    """The n best candidates by both opinions, the best first; of equal ones the classic recommender's favourite.

    Args:
        candidates: With their classic scores.
        log_likelihoods: (candidates,) of each by the language model, finite.
        llm_weight: What a log-likelihood counts beside a classic score of 1.
        n: Titles; fewer only where there are fewer candidates.
    """
    classic = np.array(candidates.scores, dtype=np.float64)
    fused = classic + llm_weight * log_likelihoods
    llm_ranks = np.searchsorted(np.sort(-log_likelihoods), -log_likelihoods) + 1
    return tuple(
        FusedTitle(
            item_id=candidates.item_ids[place],
            score=float(fused[place]),
            classic_score=candidates.scores[place],
            classic_rank=place + 1,
            log_likelihood=float(log_likelihoods[place]),
            llm_rank=int(llm_ranks[place]),
            num_candidates=len(fused),
        )
        for place in np.argsort(-fused, kind="stable")[:n].tolist()
    )
