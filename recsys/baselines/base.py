"""What every recommender of this room answers, and how scores become a ranked list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from recsys.settings import require_number

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

_CHUNK = 256
"""Histories scored at once: 256 rows of 60,000 items are 60 MB."""


class Recommender(Protocol):
    """Scores every item it knows for a history.

    Attributes:
        name: As shown beside figures.
        item_ids: Column → item id, the most liked item first (then by id), so that equal scores, such as
            those of an empty history, rank by popularity.
        coverage: The share of the likes it was fitted on that are of items it knows; the others it can never
            recommend.
    """

    name: str
    item_ids: NDArray[np.int64]
    coverage: float

    def scores(self, histories: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Scores of shape (len(histories), len(item_ids)), higher is better; unknown items are skipped."""
        ...


def rank(
    recommender: Recommender, histories: Sequence[Sequence[int]], *, n: int, exclude_history: bool = True
) -> list[tuple[int, ...]]:
    """The n best items for each history, the best first; equal scores in the order of the columns.

    Args:
        recommender: A fitted recommender.
        histories: Liked item ids of each person.
        n: Length of each list; shorter only when the recommender knows fewer items.
        exclude_history: Leave out what the person already liked.

    Raises:
        SettingsError: when n is not a whole number of 1 or more.
    """
    require_number("n", n, 1, 1_000_000, integer=True)
    column_of = _columns(recommender.item_ids)
    ranked: list[tuple[int, ...]] = []
    for start in range(0, len(histories), _CHUNK):
        chunk = histories[start : start + _CHUNK]
        scores = np.array(recommender.scores(chunk), dtype=np.float32)
        if exclude_history:
            for row, history in enumerate(chunk):
                scores[row, [column_of[item] for item in history if item in column_of]] = -np.inf
        ranked.extend(tuple(recommender.item_ids[columns].tolist()) for columns in top_columns(scores, n))
    return ranked


def top_columns(scores: NDArray[np.float32], n: int) -> list[NDArray[np.int64]]:
    """Columns of the n highest scores of each row, the highest first; a score of -inf is never taken."""
    num_items = scores.shape[1]
    if num_items == 0:
        return [np.empty(0, dtype=np.int64) for _ in scores]
    cut = num_items - min(n, num_items)
    least = np.partition(scores, cut, axis=1)[:, cut]
    tops = []
    for row, low in zip(scores, least, strict=True):
        # All columns that tie with the n-th score come along, so that the order among them is ours, not
        # that of the partition.
        candidates = np.flatnonzero((row >= low) & (row > -np.inf))
        order = np.argsort(-row[candidates], kind="stable")[:n]
        tops.append(candidates[order])
    return tops


class Interactions:
    """Likes as a matrix of users and items.

    Args:
        likes: Liked item ids of each user.
        min_likes: Leave out items that fewer users like.
        max_items: Keep only that many of the most liked items.

    Attributes:
        item_ids: Column → item id, the most liked first, then by id.
        counts: Users who like each column's item.
        num_likes: Likes before any item was left out.
        column_of: Item id → column.

    Raises:
        SettingsError: when min_likes or max_items is out of range.
    """

    def __init__(self, likes: Mapping[int, Sequence[int]], *, min_likes: int = 1, max_items: int | None = None) -> None:
        require_number("min_likes", min_likes, 1, 1_000_000, integer=True)
        if max_items is not None:
            require_number("max_items", max_items, 1, 1_000_000, integer=True)
        counted = Counter(item for liked in likes.values() for item in set(liked))
        kept = [(item, count) for item, count in counted.items() if count >= min_likes]
        kept.sort(key=lambda pair: (-pair[1], pair[0]))
        kept = kept[:max_items]
        self.item_ids: NDArray[np.int64] = np.array([item for item, _ in kept], dtype=np.int64)
        self.counts: NDArray[np.int64] = np.array([count for _, count in kept], dtype=np.int64)
        self.num_likes = sum(counted.values())
        self.column_of = _columns(self.item_ids)
        self._likes = likes

    @property
    def coverage(self) -> float:
        """The share of all likes that are of items kept; 0 without likes."""
        return float(self.counts.sum()) / self.num_likes if self.num_likes else 0.0

    def matrix(self) -> csr_array:
        """The likes, one user a row: 1 where liked."""
        return self.encode(self._likes.values())

    def encode(self, histories: Iterable[Sequence[int]]) -> csr_array:
        """Histories as rows of 0 and 1 (float32); unknown items are skipped, repeats count once."""
        from scipy.sparse import csr_array

        columns: list[int] = []
        ends = [0]
        for history in histories:
            columns.extend(sorted({self.column_of[item] for item in history if item in self.column_of}))
            ends.append(len(columns))
        ones = np.ones(len(columns), dtype=np.float32)
        shape = (len(ends) - 1, len(self.item_ids))
        return csr_array((ones, np.array(columns, dtype=np.int64), np.array(ends, dtype=np.int64)), shape=shape)

    def encode_latest(self, histories: Iterable[Sequence[int]], decay: float) -> csr_array:
        """Histories as rows (float32) in which the last item weighs 1 and the t-th before it exp(−t / decay).

        Unknown items are skipped but keep their place; of a repeated one the last place counts.
        """
        from scipy.sparse import csr_array

        columns: list[int] = []
        weights: list[float] = []
        ends = [0]
        for history in histories:
            for distance, item in enumerate(dict.fromkeys(reversed(history))):
                if (column := self.column_of.get(item)) is not None:
                    columns.append(column)
                    weights.append(np.exp(-distance / decay))
            ends.append(len(columns))
        shape = (len(ends) - 1, len(self.item_ids))
        return csr_array((np.array(weights, np.float32), np.array(columns, np.int64), np.array(ends)), shape=shape)


def _columns(item_ids: NDArray[np.int64]) -> dict[int, int]:
    return {item: column for column, item in enumerate(item_ids.tolist())}
