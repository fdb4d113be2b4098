"""Records, and the sequence of records that makes each one when it is read.

A record is a window of a user's likes: what came first is the history, the rest what was liked next. MovieLens 32M has
more than a million, so a sequence of them keeps which windows it holds and cuts a record out of the likes on access.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

import numpy as np

from recsys.data.likes import Rated

if TYPE_CHECKING:
    from numpy.typing import NDArray

HISTORY_LENGTH, NUM_RELEVANT, MAX_DISLIKED = 6, 4, 6
"""Of a record, where nothing else is asked for."""
_RECORDS_AT_ONCE = 4096


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


@dataclass(frozen=True)
class WindowShape:
    """What a record holds at most.

    Attributes:
        history_length: Items in.
        num_relevant: Items asked for.
        max_disliked: The most recent dislikes that are kept.
    """

    history_length: int = HISTORY_LENGTH
    num_relevant: int = NUM_RELEVANT
    max_disliked: int = MAX_DISLIKED

    @property
    def size(self) -> int:
        """Likes of one window."""
        return self.history_length + self.num_relevant


class Records(Sequence[Record]):
    """Records by user and window, made on access; equal to a tuple of the same records.

    Args:
        liked: The likes that windows are cut out of.
        disliked: The dislikes of the same people.
        shape: What a record holds.
        rows: (records,) the user of each record, as the row in ``liked``.
        windows: (records,) the user's window, counted from 0.
    """

    def __init__(
        self, liked: Rated, disliked: Rated, shape: WindowShape, rows: NDArray[np.int32], windows: NDArray[np.int32]
    ) -> None:
        self._liked, self._disliked, self._shape = liked, disliked, shape
        self._rows, self._windows = rows, windows

    @classmethod
    def cut(cls, liked: Rated, disliked: Rated, shape: WindowShape) -> Records:
        """Every disjoint window of every user's likes in time order, the rest left over."""
        numbers = np.diff(liked.starts) // shape.size
        rows = np.repeat(np.arange(len(numbers), dtype=np.int32), numbers)
        firsts = np.repeat(np.cumsum(numbers) - numbers, numbers)
        return cls(liked, disliked, shape, rows, (np.arange(len(rows)) - firsts).astype(np.int32))

    @property
    def user_rows(self) -> NDArray[np.int32]:
        """(records,) the user of each record, as the row among the likes."""
        return self._rows

    @property
    def starts(self) -> NDArray[np.int64]:
        """(records,) where each record's window starts among the likes."""
        starts: NDArray[np.int64] = self._liked.starts[self._rows] + self._windows.astype(np.int64) * self._shape.size
        return starts

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> Records:
        """The records that a mask or places choose."""
        return Records(self._liked, self._disliked, self._shape, self._rows[chosen], self._windows[chosen])

    def find(self, record_id: str) -> Record | None:
        """The record of that id; None when it is not here."""
        user, _, window = record_id.partition("-")
        if not (user.isdecimal() and window.isdecimal()):
            return None
        if max(len(user), len(window)) > len(str(2**31)):
            return None
        row = int(np.searchsorted(self._liked.users, int(user)))
        first, end = np.searchsorted(self._rows, [row, row + 1]).tolist()
        places = first + np.flatnonzero(self._windows[first:end] == int(window))
        found = self[int(places[0])] if len(places) else None
        return found if found is not None and found.record_id == record_id else None

    def dislikes(self, place: int) -> tuple[int, ...]:
        """Items that a record's user rated 2 or less up to the last item of the record; none is in it.

        In time order, and as many as there are. Those of ``Record.disliked`` are the latest up to the last item of
        the history, so that a prompt tells nothing of what came after; these tell no more than the record itself.
        """
        liked, disliked, row = self._liked, self._disliked, int(self._rows[place])
        user = liked.users[row]
        at = int(np.searchsorted(disliked.users, user))
        if at == len(disliked.users) or disliked.users[at] != user:
            return ()
        start = int(liked.starts[row]) + int(self._windows[place]) * self._shape.size
        window = set(liked.items[start : start + self._shape.size].tolist())
        first, end = disliked.starts[at : at + 2].tolist()
        last = liked.times[start + self._shape.size - 1]
        known = first + int(np.searchsorted(disliked.times[first:end], last, side="right"))
        return tuple(item for item in disliked.items[first:known].tolist() if item not in window)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> Records: ...
    def __getitem__(self, index: int | slice) -> Record | Records:
        if isinstance(index, slice):
            return Records(self._liked, self._disliked, self._shape, self._rows[index], self._windows[index])
        place = range(len(self))[index]
        return next(self._made(place, place + 1))

    def __iter__(self) -> Iterator[Record]:
        for start in range(0, len(self), _RECORDS_AT_ONCE):
            yield from self._made(start, min(start + _RECORDS_AT_ONCE, len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Records | tuple):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"<{len(self):,} records>"

    def _made(self, start: int, end: int) -> Iterator[Record]:
        """Makes the records of some places; what can be looked up for all of them at once is."""
        part = slice(start, end)
        liked, disliked, shape = self._liked, self._disliked, self._shape
        users = liked.users[self._rows[part]]
        places = self[part].starts[:, None] + np.arange(shape.size)
        asked_at = liked.times[places[:, shape.history_length - 1]]
        rows = np.searchsorted(disliked.users, users)
        ends = disliked.starts[rows + np.isin(users, disliked.users)]
        bounds = zip(disliked.starts[rows].tolist(), ends.tolist(), asked_at, strict=True)
        windows = zip(users.tolist(), self._windows[part].tolist(), liked.items[places].tolist(), bounds, strict=True)
        for user, window, items, (first, last, moment) in windows:
            yield Record(
                f"{user}-{window}",
                user,
                tuple(items[: shape.history_length]),
                tuple(items[shape.history_length :]),
                self._dislikes(first, last, moment, items),
            )

    def _dislikes(self, first: int, last: int, asked_at: np.int64, window: list[int]) -> tuple[int, ...]:
        if first == last or self._shape.max_disliked == 0:
            return ()
        known = first + int(np.searchsorted(self._disliked.times[first:last], asked_at, side="right"))
        # At most a window's size of them can be in the window, so no more than these are ever needed.
        recent = self._disliked.items[max(first, known - self._shape.max_disliked - self._shape.size) : known].tolist()
        return tuple(item for item in recent if item not in window)[-self._shape.max_disliked :]
