"""Whose turn it is: one holder at a time, people before batches, and within each the first come first.

Knows threads and priorities, and nothing of models.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from recsys.errors import CancelledError

Priority = Literal["interactive", "batch"]

_RANK: dict[Priority, int] = {"interactive": 0, "batch": 1}
_POLL_SECONDS = 0.05
"""How often a waiter looks whether it was cancelled."""


class Turns:
    """A lock that interactive callers get before batch callers, whoever came first.

    It knows callers by their call and not by their thread, since a stream may move between threads: a
    caller that asks again while it holds the turn waits for itself.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._waiting: list[tuple[int, int]] = []
        self._arrivals = itertools.count()
        self._held = False

    @contextmanager
    def take(self, priority: Priority, cancel: threading.Event | None = None) -> Iterator[None]:
        """Waits for the turn and holds it for the block.

        Raises:
            CancelledError: when ``cancel`` is set before the turn came.
        """
        self._wait((_RANK[priority], next(self._arrivals)), cancel)
        try:
            yield
        finally:
            with self._condition:
                self._held = False
                self._condition.notify_all()

    @property
    def num_waiting(self) -> int:
        """How many callers wait now."""
        return len(self._waiting)

    def _wait(self, ticket: tuple[int, int], cancel: threading.Event | None) -> None:
        with self._condition:
            heapq.heappush(self._waiting, ticket)
            try:
                while self._held or self._waiting[0] != ticket:
                    if cancel is not None and cancel.is_set():
                        raise CancelledError("stopped while waiting for the model")
                    self._condition.wait(None if cancel is None else _POLL_SECONDS)
                if cancel is not None and cancel.is_set():
                    raise CancelledError("stopped before the model was used")
                self._held = True
            finally:
                self._waiting.remove(ticket)
                heapq.heapify(self._waiting)
                self._condition.notify_all()
