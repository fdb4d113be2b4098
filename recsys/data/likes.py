"""What users rated, as arrays sorted by user and time, and the likes of users that are read from them.

MovieLens 32M has sixteen million likes. As tuples of Python numbers in a dict they would take gigabytes
and minutes, so they stay arrays, and a user's likes become a tuple when somebody asks for them. This
module knows no records and no sets of users.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_KEY_BITS = 63
_MOST_BLOCKS = 64
_WIDEST_COUNT = 10_000_000
"""Item ids up to which each has a counter of its own."""


@dataclass(frozen=True, eq=False)
class Rated:
    """Users' items in time order; times often tie, and then the lower item id comes first.

    Attributes:
        users: (users,) in ascending order.
        starts: (users + 1,) where each user's items start, and the end of the last.
        items: (ratings,) of a user no item twice.
        times: (ratings,) seconds since 1970.
    """

    users: NDArray[np.int64]
    starts: NDArray[np.int64]
    items: NDArray[np.int32]
    times: NDArray[np.int64]

    @classmethod
    def of(cls, ratings: pd.DataFrame, taken: pd.Series[bool]) -> Rated:
        """Sorts the ratings that are taken; of an item that a user rated twice the first rating stays."""
        rows = taken.to_numpy()
        users, items, times = (ratings[name].to_numpy()[rows] for name in ("user_id", "item_id", "timestamp"))
        repeats = not _grouped_without_repeats(users, items)
        users, items, times = _by_user_and_time(users, items, times)
        if repeats:
            import pandas as pd

            first = ~pd.Series(users * 2**32 + items).duplicated().to_numpy()
            users, items, times = users[first], items[first], times[first]
        starts = np.flatnonzero(np.diff(users, prepend=-1))
        return cls(users[starts], np.append(starts, len(users)), items, times)

    def where(self, kept: NDArray[np.bool_]) -> Rated:
        """The same with some items alone; users that none is left of are dropped."""
        starts = np.append(0, np.cumsum(kept))[self.starts]
        has_any = np.diff(starts) > 0
        return Rated(
            self.users[has_any], np.append(starts[:-1][has_any], starts[-1]), self.items[kept], self.times[kept]
        )

    def rows_of(self, users: Sequence[int]) -> NDArray[np.intp]:
        """The rows of users that are all here."""
        return np.searchsorted(self.users, np.array(users, dtype=np.int64))


class Likes(Mapping[int, tuple[int, ...]]):
    """Liked items of users in time order, by user; a user's tuple is made when it is read.

    Args:
        rated: The likes of all users.
        rows: Rows of the users that are meant, in the order of iteration; None for all.
    """

    def __init__(self, rated: Rated, rows: NDArray[np.intp] | None = None) -> None:
        self.rated = rated
        self._rows = np.arange(len(rated.users)) if rows is None else rows

    @cached_property
    def _row_of(self) -> dict[int, int]:
        return dict(zip(self.rated.users[self._rows].tolist(), self._rows.tolist(), strict=True))

    def __getitem__(self, user: int) -> tuple[int, ...]:
        row = self._row_of[user]
        return tuple(self.rated.items[self.rated.starts[row] : self.rated.starts[row + 1]].tolist())

    def __iter__(self) -> Iterator[int]:
        return iter(self._row_of)

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, user: object) -> bool:
        return user in self._row_of

    def only(self, users: Sequence[int]) -> Likes:
        """The likes of some users that all have likes, in that order."""
        return Likes(self.rated, self.rated.rows_of(users))

    def counts(self) -> dict[int, int]:
        """How many of these users like each item; items that nobody likes are missing."""
        meant = np.zeros(len(self.rated.users), dtype=np.bool_)
        meant[self._rows] = True
        items = self.rated.items[np.repeat(meant, np.diff(self.rated.starts))]
        if items.size and items.max() > _WIDEST_COUNT:
            ids, numbers = np.unique(items, return_counts=True)
            return dict(zip(ids.tolist(), numbers.tolist(), strict=True))
        every = np.bincount(items)
        return {item: int(every[item]) for item in np.flatnonzero(every).tolist()}


def _grouped_without_repeats(users: NDArray[np.int32], items: NDArray[np.int32]) -> bool:
    """Whether rows ascend by user and item, as the large releases are written: then no item is there twice."""
    same_user = users[1:] == users[:-1]
    return bool(((users[1:] > users[:-1]) | (same_user & (items[1:] > items[:-1]))).all())


def _by_user_and_time(
    users: NDArray[np.int32], items: NDArray[np.int32], times: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
    """Sorts by (user, time, item).

    User, time and item are packed into one number where they fit, blocks of users one after another, so that plain
    numbers are sorted and no row has to be looked up afterwards.
    """
    if not len(users):
        return users.astype(np.int64), items, times
    first_time = times.min()
    item_bits, time_bits = int(items.max()).bit_length(), int(times.max() - first_time).bit_length()
    user_bits = _KEY_BITS - item_bits - time_bits
    if user_bits < 1 or min(users.min(), items.min()) < 0 or int(users.max()) >> user_bits >= _MOST_BLOCKS:
        order = np.lexsort((items, times, users))
        return users[order].astype(np.int64), items[order], times[order]
    block_of = (users >> min(user_bits, 31)).astype(np.int8)
    sizes = np.bincount(block_of)
    found = np.empty(len(users), np.int64), np.empty(len(users), np.int32), np.empty(len(users), np.int64)
    for block, (start, end) in enumerate(pairwise(np.append(0, np.cumsum(sizes)).tolist())):
        chosen = block_of == block
        keys = users[chosen].astype(np.int64) & ((1 << user_bits) - 1)
        keys <<= time_bits
        keys |= times[chosen] - first_time
        keys <<= item_bits
        keys |= items[chosen]
        keys.sort()
        found[0][start:end] = (keys >> (time_bits + item_bits)) + (block << user_bits if block else 0)
        found[1][start:end] = keys & ((1 << item_bits) - 1)
        found[2][start:end] = ((keys >> item_bits) & ((1 << time_bits) - 1)) + first_time
    return found
