"""How a data set is cut into training, validation and test: by user, by record, or by time.

By user, the default, is the protocol of records.split_records: nobody is in two sets. By record is the
story's way: disjoint windows of all users are drawn, so a person may be in several sets, each like in one.
By time, everything before a moment is for training and what follows it is held out. Whichever it is, what
``SplitData.likes_of`` gives of a set holds no like that belongs to another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from recsys.data.likes import Likes, Rated
from recsys.data.movielens import MovieLens
from recsys.data.records import (
    NUM_FOLDS,
    SPLIT_NAMES,
    TEST_PERCENT,
    VALIDATION_PERCENT,
    Record,
    SplitData,
    cut_records,
    split_records,
)
from recsys.data.windows import Records, WindowShape
from recsys.errors import SettingsError
from recsys.settings import Settings, SplitName, require_choice, require_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

SplitBy = Literal["user", "record", "time"]
SplitTies = Literal["item_id", "shuffled"]
_PLACES_OF_A_TIME = 2**20
"""So many that two ratings of a person hardly ever get the same; times a number of ratings they still fit 64 bits."""
_DRAWN: tuple[SplitName, ...] = ("test", "validation", "train")


@dataclass(frozen=True)
class SplitSettings(Settings):
    """What is held out.

    Attributes:
        split_by: user (nobody in two sets), record (windows drawn from everybody) or time (what came last).
        split_records: Records in all sets together; 0 takes every one. By record only.
        split_holdout: Test records among them; 0 takes 15%. By record only.
        split_seed: Draws the users or the records.
        split_ties: The order of a person's ratings of the same second: by item id, or shuffled, which shows whether a
            model that reads order reads item ids.
        split_fold: 1 to 5 deals training and validation users to five folds and makes that one the validation set; test
            users stay as they are. 0 keeps the usual sets. By user only.
    """

    split_by: SplitBy = "user"
    split_records: int = 0
    split_holdout: int = 0
    split_seed: int = 0
    split_ties: SplitTies = "item_id"
    split_fold: int = 0

    def __post_init__(self) -> None:
        require_choice("split_by", self.split_by, get_args(SplitBy))
        require_number("split_records", self.split_records, 0, 10**9, integer=True)
        require_number("split_holdout", self.split_holdout, 0, 10**9, integer=True)
        require_number("split_seed", self.split_seed, 0, 2**32 - 1, integer=True)
        require_choice("split_ties", self.split_ties, get_args(SplitTies))
        require_number("split_fold", self.split_fold, 0, NUM_FOLDS, integer=True)
        if self.split_fold and self.split_by != "user":
            mend = "split by user, or leave the fold away"
            raise SettingsError("folds are of users", seen=f"split by {self.split_by}", mend=mend)
        if self.split_by != "record" and (self.split_records or self.split_holdout):
            raise SettingsError(
                "numbers of records are chosen where records are drawn",
                seen=f"split by {self.split_by}, {self.split_records} records, {self.split_holdout} held out",
                mend="split by record, or leave the numbers away",
            )

    @property
    def name(self) -> str:
        """Names what differs from the default split, beside the data set's name; empty for the default."""
        words = []
        if self.split_by != "user":
            words.append(f"split by {self.split_by}")
        if self.split_records:
            words.append(f"{self.split_records} records")
        if self.split_holdout:
            words.append(f"{self.split_holdout} held out")
        if self.split_seed:
            words.append(f"seed {self.split_seed}")
        if self.split_ties == "shuffled":
            words.append("ties shuffled")
        if self.split_fold:
            words.append(f"fold {self.split_fold} of {NUM_FOLDS}")
        return ", ".join(words)


def split_data(dataset: MovieLens, settings: SplitSettings) -> SplitData:
    """Cuts a data set as the settings say.

    Raises:
        SettingsError: when more records are asked for, or held out, than there are, with the numbers.
    """
    if settings.split_ties == "shuffled":
        dataset = shuffle_ties(dataset, seed=settings.split_seed)
    if settings.split_by == "user":
        return split_records(dataset, seed=settings.split_seed, fold=settings.split_fold)
    shape = WindowShape()
    liked, records = cut_records(dataset, shape)
    if settings.split_by == "record":
        return _by_record(records, liked, settings, shape)
    return _by_time(records, liked, shape)


def shuffle_ties(dataset: MovieLens, *, seed: int) -> MovieLens:
    """The same ratings, those of a person in the same second in random order.

    Timestamps become places in the order of all times: the result is for splitting alone.
    """
    ratings = dataset.ratings
    order = np.unique(ratings["timestamp"].to_numpy(), return_inverse=True)[1].astype(np.int64)
    place = np.random.default_rng(seed).integers(_PLACES_OF_A_TIME, size=len(ratings))
    return replace(dataset, ratings=ratings.assign(timestamp=order * _PLACES_OF_A_TIME + place))


def _by_record(records: Records, liked: Rated, settings: SplitSettings, shape: WindowShape) -> SplitData:
    wanted = settings.split_records or len(records)
    num_test = settings.split_holdout or wanted * TEST_PERCENT // 100
    if wanted > len(records):
        raise SettingsError(
            "the data set holds too few disjoint windows of likes",
            seen=f"{wanted:,} records were asked for, {len(records):,} there are",
            mend=f"ask for at most {len(records):,} records, or take a larger data set with --data",
        )
    if num_test >= wanted > 0:
        raise SettingsError(
            "no record is left to train on",
            seen=f"{num_test:,} of {wanted:,} records held out",
            mend="hold out fewer or ask for more",
        )
    order = np.random.default_rng(settings.split_seed).permutation(len(records))[:wanted]
    num_validation = (wanted - num_test) * VALIDATION_PERCENT // 100
    parts = np.split(order, [num_test, num_test + num_validation])
    drawn = {name: records.take(np.sort(part)) for name, part in zip(_DRAWN, parts, strict=True)}
    set_of_like = np.full(len(liked.items), -1, dtype=np.int8)
    for place, name in enumerate(SPLIT_NAMES):
        set_of_like[(drawn[name].starts[:, None] + np.arange(shape.size)).ravel()] = place
    return _split(drawn, set_of_like, liked)


def _by_time(records: Records, liked: Rated, shape: WindowShape) -> SplitData:
    """The last 15% of all likes are test, the 10% before them validation; windows across a border are left out."""
    times = np.sort(liked.times) if len(liked.times) else np.zeros(1, np.int64)
    ends = [len(times) * percent // 100 for percent in (100 - TEST_PERCENT - VALIDATION_PERCENT, 100 - TEST_PERCENT)]
    borders = times[np.minimum(ends, len(times) - 1)]
    set_of_like = np.searchsorted(borders, liked.times, side="right").astype(np.int8)
    starts = records.starts
    asked, last = set_of_like[starts + shape.history_length], set_of_like[starts + shape.size - 1]
    drawn = {name: records.take((asked == place) & (last == place)) for place, name in enumerate(SPLIT_NAMES)}
    return _split(drawn, set_of_like, liked)


def _split(drawn: dict[SplitName, Records], set_of_like: NDArray[np.int8], liked: Rated) -> SplitData:
    users: dict[SplitName, tuple[int, ...]] = {
        name: tuple(liked.where(set_of_like == place).users.tolist()) for place, name in enumerate(SPLIT_NAMES)
    }
    records: dict[SplitName, Sequence[Record]] = {name: drawn[name] for name in SPLIT_NAMES}
    return SplitData(users, records, Likes(liked), set_of_like)
