"""The evaluation protocol: likes in time order, disjoint windows of history and relevant items, user sets.

A like is a rating of 4 or more. Users with at least one like are shuffled once; the first 15 % are test
users, the next 10 % validation users, the rest training users, so no user is in two sets. Each user's
likes are cut into disjoint windows in time order: the first items are the history, the rest what a
recommender should find. Worked
examples for few-shot prompts come from the training records. This module knows no prompt text and no
recommender.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from recsys.catalogue import Catalogue
from recsys.data.movielens import MovieLens
from recsys.prompts import PromptExample
from recsys.settings import SplitName, require_number

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

LIKED_FROM = 4.0
"""The least rating that counts as a like."""
DISLIKED_TO = 2.0
"""The highest rating that counts as a dislike."""
HISTORY_LENGTH, NUM_RELEVANT, MAX_DISLIKED = 6, 4, 6
"""Of a record, where nothing else is asked for."""
TEST_PERCENT = 15
VALIDATION_PERCENT = 10
_POOL_PER_EXAMPLE = 8
_SMALLEST_POOL = 32
_MOST_CANDIDATES = 20_000


@dataclass(frozen=True)
class Record:
    """One case: what a user had liked, and what they liked next.

    Attributes:
        record_id: f"{user_id}-{window}", windows counted from 0.
        user_id: The MovieLens userId.
        history: Liked items in time order, the most recent last.
        relevant: The items liked next, in time order; none is in ``history``.
        disliked: Items rated 2 or less up to the last item of the history, so nothing of the future is
            told; in time order, the most recent last; none is in ``history`` or ``relevant``.
    """

    record_id: str
    user_id: int
    history: tuple[int, ...]
    relevant: tuple[int, ...]
    disliked: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class SplitData:
    """The user sets with their likes and records.

    Attributes:
        users: User ids of each set in ascending order; no user is in two sets.
        records: Records of each set, by user and window.
        likes: Every user's liked items in time order, no item twice.
        own_likes: The likes that belong to each set, by user, where a user may be in several sets; None where each
            user, with all likes, is in one.
    """

    users: dict[SplitName, tuple[int, ...]]
    records: dict[SplitName, tuple[Record, ...]]
    likes: dict[int, tuple[int, ...]]
    own_likes: dict[SplitName, dict[int, tuple[int, ...]]] | None = None

    def likes_of(self, *splits: SplitName) -> dict[int, tuple[int, ...]]:
        """The likes that belong to these sets, by user, in time order."""
        if self.own_likes is None:
            return {user: self.likes[user] for split in splits for user in self.users[split]}
        theirs = [self.own_likes[split] for split in splits]
        wanted = {user: {item for part in theirs for item in part.get(user, ())} for part in theirs for user in part}
        return {user: tuple(item for item in self.likes[user] if item in items) for user, items in wanted.items()}

    def popularity(self, *splits: SplitName) -> dict[int, int]:
        """How many users of these sets like each item; items that nobody likes are missing."""
        counts: Counter[int] = Counter()
        for items in self.likes_of(*splits).values():
            counts.update(items)
        return dict(counts)


def split_records(
    dataset: MovieLens,
    *,
    seed: int = 0,
    history_length: int = HISTORY_LENGTH,
    num_relevant: int = NUM_RELEVANT,
    max_disliked: int = MAX_DISLIKED,
) -> SplitData:
    """Cuts a data set into user sets and records.

    Args:
        dataset: Ratings with their movies.
        seed: Shuffles the users.
        history_length: Items in that each record gives.
        num_relevant: Items that each record asks for.
        max_disliked: The most recent dislikes that a record keeps.

    Raises:
        SettingsError: when a length is not a whole number in its range.
    """
    require_number("seed", seed, 0, 2**32 - 1, integer=True)
    require_number("history_length", history_length, 1, 50, integer=True)
    require_number("num_relevant", num_relevant, 1, 50, integer=True)
    require_number("max_disliked", max_disliked, 0, 50, integer=True)
    stars = dataset.ratings["rating"]
    liked = rated_by_user(dataset.ratings[stars >= LIKED_FROM])
    disliked = rated_by_user(dataset.ratings[stars <= DISLIKED_TO])
    users = _split_users(np.array(sorted(liked), dtype=np.int64), seed)
    records: dict[SplitName, tuple[Record, ...]] = {
        split: tuple(
            record
            for user in members
            for record in windows_of(user, liked[user], disliked.get(user), history_length, num_relevant, max_disliked)
        )
        for split, members in users.items()
    }
    return SplitData(users, records, {user: tuple(rated.items.tolist()) for user, rated in liked.items()})


@dataclass(frozen=True, eq=False)
class Rated:
    """One user's items in time order with their times.

    Attributes:
        items: (items,) no item twice.
        times: (items,) seconds since 1970.
    """

    items: NDArray[np.int64]
    times: NDArray[np.int64]


def rated_by_user(ratings: pd.DataFrame) -> dict[int, Rated]:
    """Each user's items, sorted by (timestamp, item id) since times often tie; the first of repeats stays."""
    import pandas as pd

    users = ratings["user_id"].to_numpy(np.int64)
    items = ratings["item_id"].to_numpy(np.int64)
    times = ratings["timestamp"].to_numpy(np.int64)
    order = np.lexsort((items, times, users))
    users, items, times = users[order], items[order], times[order]
    first = ~pd.Series(users * 2**32 + items).duplicated().to_numpy()
    users, items, times = users[first], items[first], times[first]
    ids, starts = np.unique(users, return_index=True)
    ends = np.append(starts, len(users))[1:]
    return {
        int(user): Rated(items[start:end], times[start:end]) for user, start, end in zip(ids, starts, ends, strict=True)
    }


def _split_users(users: NDArray[np.int64], seed: int) -> dict[SplitName, tuple[int, ...]]:
    np.random.default_rng(seed).shuffle(users)
    num_test = len(users) * TEST_PERCENT // 100
    num_held_out = num_test + len(users) * VALIDATION_PERCENT // 100
    parts: dict[SplitName, NDArray[np.int64]] = {
        "train": users[num_held_out:],
        "validation": users[num_test:num_held_out],
        "test": users[:num_test],
    }
    return {split: tuple(np.sort(members).tolist()) for split, members in parts.items()}


def windows_of(
    user: int,
    liked: Rated,
    disliked: Rated | None,
    history_length: int = HISTORY_LENGTH,
    num_relevant: int = NUM_RELEVANT,
    max_disliked: int = MAX_DISLIKED,
) -> list[Record]:
    """A user's records: disjoint windows of likes in time order, the rest left over."""
    records = []
    size = history_length + num_relevant
    for window in range(len(liked.items) // size):
        items = liked.items[window * size : (window + 1) * size].tolist()
        asked_at = liked.times[window * size + history_length - 1]
        records.append(
            Record(
                record_id=f"{user}-{window}",
                user_id=user,
                history=tuple(items[:history_length]),
                relevant=tuple(items[history_length:]),
                disliked=_dislikes_before(asked_at, disliked, set(items), max_disliked),
            )
        )
    return records


def _dislikes_before(
    asked_at: np.int64, disliked: Rated | None, window: set[int], max_disliked: int
) -> tuple[int, ...]:
    if disliked is None or max_disliked == 0:
        return ()
    known = disliked.items[: np.searchsorted(disliked.times, asked_at, side="right")].tolist()
    return tuple(item for item in known if item not in window)[-max_disliked:]


def few_shot_records(split: SplitData, catalogue: Catalogue, *, num_examples: int, seed: int = 0) -> tuple[Record, ...]:
    """Training records that show the task well: of one theme, of well-known movies, each of another user.

    A record's worth is the mean genre overlap (Jaccard) over its pairs of movies, times their mean log
    popularity among training users. The best records make a pool; the seed draws from it, records
    without a common movie first. Fewer come back when there are fewer training users with a record.

    Raises:
        SettingsError: when num_examples is not a whole number from 0 to 20.
    """
    require_number("num_examples", num_examples, 0, 20, integer=True)
    popularity = split.popularity("train")
    every = max(1, len(split.records["train"]) // _MOST_CANDIDATES)
    records = split.records["train"][::every]
    worth = {record.record_id: _worth(record, catalogue, popularity) for record in records}
    pool: dict[int, Record] = {}
    for record in sorted(records, key=lambda record: (-worth[record.record_id], record.record_id)):
        pool.setdefault(record.user_id, record)  # the best record of each user
        if len(pool) == max(_POOL_PER_EXAMPLE * num_examples, _SMALLEST_POOL):
            break
    drawn = list(pool.values())
    order = np.random.default_rng(seed).permutation(len(drawn))
    chosen: list[Record] = []
    left: list[Record] = []
    shown: set[int] = set()
    for record in (drawn[i] for i in order):
        movies = {*record.history, *record.relevant}
        if shown.isdisjoint(movies):
            chosen.append(record)
            shown |= movies
        else:
            left.append(record)
    return tuple([*chosen, *left][:num_examples])


def few_shot_examples(
    split: SplitData, catalogue: Catalogue, *, num_examples: int, seed: int = 0
) -> tuple[PromptExample, ...]:
    """Worked examples for a few-shot prompt: the movies of few_shot_records, the same for the same seed.

    Only training users are shown, so an example is never the asker's when the asker is anonymous or of
    the test or validation set.

    Raises:
        SettingsError: when num_examples is not a whole number from 0 to 20.
    """
    chosen = few_shot_records(split, catalogue, num_examples=num_examples, seed=seed)
    return tuple(to_example(record, catalogue) for record in chosen)


def to_example(record: Record, catalogue: Catalogue) -> PromptExample:
    """A record with its movies in place of item ids."""
    liked, answer, disliked = (
        tuple(catalogue[item] for item in items) for items in (record.history, record.relevant, record.disliked)
    )
    return PromptExample(liked=liked, answer=answer, disliked=disliked)


def _worth(record: Record, catalogue: Catalogue, popularity: dict[int, int]) -> float:
    items = (*record.history, *record.relevant)
    genres = [set(catalogue[item].genres) for item in items]
    overlaps = [len(a & b) / len(a | b) if a | b else 0.0 for a, b in combinations(genres, 2)]
    familiarity = sum(math.log1p(popularity[item]) for item in items) / len(items)
    return sum(overlaps) / len(overlaps) * familiarity
