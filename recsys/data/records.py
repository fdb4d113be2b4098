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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from recsys.catalogue import Catalogue
from recsys.data.likes import Likes, Rated
from recsys.data.movielens import MovieLens
from recsys.data.windows import HISTORY_LENGTH, MAX_DISLIKED, NUM_RELEVANT, Records, WindowShape
from recsys.data.windows import Record as Record
from recsys.errors import SettingsError
from recsys.prompts import PromptExample
from recsys.settings import SplitName, require_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIKED_FROM = 4.0
"""The least rating that counts as a like."""
DISLIKED_TO = 2.0
"""The highest rating that counts as a dislike."""
SPLIT_NAMES: tuple[SplitName, ...] = ("train", "validation", "test")
TEST_PERCENT = 15
VALIDATION_PERCENT = 10
NUM_FOLDS = 5
CHOOSING: tuple[SplitName, ...] = ("train", "validation")
"""The users that settings may be chosen by."""
_POOL_PER_EXAMPLE = 8
_SMALLEST_POOL = 32
_MOST_CANDIDATES = 20_000


@dataclass(frozen=True, eq=False)
class SplitData:
    """The user sets with their likes and records.

    Attributes:
        users: User ids of each set in ascending order; no user is in two sets.
        records: Records of each set, by user and window.
        likes: Every user's liked items in time order, no item twice.
        set_of_like: Where a user may be in several sets, (likes,) the place in SPLIT_NAMES of the set that each like
            belongs to, -1 for none; None where each user, with all likes, is in one.
    """

    users: dict[SplitName, tuple[int, ...]]
    records: dict[SplitName, Sequence[Record]]
    likes: Mapping[int, tuple[int, ...]]
    set_of_like: NDArray[np.int8] | None = None

    def likes_of(self, *splits: SplitName) -> Mapping[int, tuple[int, ...]]:
        """The likes that belong to these sets, by user, in time order."""
        users = [user for split in splits for user in self.users[split]]
        if not isinstance(self.likes, Likes):
            return {user: self.likes[user] for user in users}
        if self.set_of_like is None:
            return self.likes.only(users)
        wanted = np.isin(self.set_of_like, [SPLIT_NAMES.index(split) for split in splits])
        return Likes(self.likes.rated.where(wanted))

    def popularity(self, *splits: SplitName) -> dict[int, int]:
        """How many users of these sets like each item; items that nobody likes are missing."""
        likes = self.likes_of(*splits)
        if isinstance(likes, Likes):
            return likes.counts()
        return dict(Counter(item for items in likes.values() for item in items))

    def find_record(self, record_id: str) -> Record | None:
        """The record of that id, in whichever set; None when there is none."""
        for records in self.records.values():
            if isinstance(records, Records):
                found = records.find(record_id)
            else:
                found = next((record for record in records if record.record_id == record_id), None)
            if found is not None:
                return found
        return None


def split_records(
    dataset: MovieLens,
    *,
    seed: int = 0,
    history_length: int = HISTORY_LENGTH,
    num_relevant: int = NUM_RELEVANT,
    max_disliked: int = MAX_DISLIKED,
    fold: int = 0,
) -> SplitData:
    """Cuts a data set into user sets and records.

    Args:
        dataset: Ratings with their movies.
        seed: Shuffles the users.
        history_length: Items in that each record gives.
        num_relevant: Items that each record asks for.
        max_disliked: The most recent dislikes that a record keeps.
        fold: 1 to NUM_FOLDS deals training and validation users to folds and makes that one the validation set; test
            users stay as they are. 0 deals none.

    Raises:
        SettingsError: when a number is not a whole one in its range, or there are fewer users than folds.
    """
    require_number("seed", seed, 0, 2**32 - 1, integer=True)
    require_number("history_length", history_length, 1, 50, integer=True)
    require_number("num_relevant", num_relevant, 1, 50, integer=True)
    require_number("max_disliked", max_disliked, 0, 50, integer=True)
    require_number("fold", fold, 0, NUM_FOLDS, integer=True)
    shape = WindowShape(history_length, num_relevant, max_disliked)
    liked, records = cut_records(dataset, shape)
    users = _split_users(liked.users.copy(), seed)
    if fold:
        users |= _hold_out(users, fold)
    set_of_user = np.zeros(len(liked.users), dtype=np.int8)
    for place, split in enumerate(SPLIT_NAMES):
        set_of_user[liked.rows_of(users[split])] = place
    set_of_record = set_of_user[records.user_rows]
    theirs: dict[SplitName, Sequence[Record]] = {
        split: records.take(set_of_record == place) for place, split in enumerate(SPLIT_NAMES)
    }
    return SplitData(users, theirs, Likes(liked))


def cut_records(dataset: MovieLens, shape: WindowShape) -> tuple[Rated, Records]:
    """The likes of all users, and every window of them as a record, by user and window."""
    stars = dataset.ratings["rating"]
    liked = Rated.of(dataset.ratings, stars >= LIKED_FROM)
    disliked = Rated.of(dataset.ratings, stars <= DISLIKED_TO)
    return liked, Records.cut(liked, disliked, shape)


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


def deal_folds(users: Sequence[int], num_folds: int, seed: int = 0) -> list[frozenset[int]]:
    """Users dealt to folds, whatever their order.

    Raises:
        SettingsError: when there are fewer users than folds.
    """
    if len(users) < num_folds:
        raise SettingsError("there are fewer users than folds", seen=len(users), mend="ask for fewer folds")
    shuffled = np.random.default_rng(seed).permutation(np.sort(np.array(users, dtype=np.int64)))
    return [frozenset(shuffled[fold::num_folds].tolist()) for fold in range(num_folds)]


def _hold_out(users: Mapping[SplitName, tuple[int, ...]], fold: int) -> dict[SplitName, tuple[int, ...]]:
    """A fold of training and validation users as validation users, the others as training users."""
    theirs = sorted(user for name in CHOOSING for user in users[name])
    held_out = deal_folds(theirs, NUM_FOLDS)[fold - 1]
    return {
        "train": tuple(user for user in theirs if user not in held_out),
        "validation": tuple(user for user in theirs if user in held_out),
    }


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
