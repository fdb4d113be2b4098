"""What each page's requests came to: which are being answered now, so that Stop finds its own, and the last answer."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RunningRequests:
    """The requests that are being answered, by browser session, so that Stop finds the right one."""

    events: dict[str, threading.Event]
    lock: threading.Lock

    @classmethod
    def none(cls) -> RunningRequests:
        return cls({}, threading.Lock())

    def begin(self, session: str) -> threading.Event:
        with self.lock:
            return self.events.setdefault(session, threading.Event())

    def end(self, session: str) -> None:
        with self.lock:
            self.events.pop(session, None)

    def stop(self, session: str) -> None:
        with self.lock:
            if session in self.events:
                self.events[session].set()


MAX_SESSIONS = 256


@dataclass(frozen=True)
class LastAnswers:
    """The items that each browser session was recommended last, for the MAX_SESSIONS most recent ones."""

    items: OrderedDict[str, tuple[int, ...]] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def remember(self, session: str, item_ids: tuple[int, ...]) -> None:
        with self.lock:
            self.items[session] = item_ids
            self.items.move_to_end(session)
            while len(self.items) > MAX_SESSIONS:
                self.items.popitem(last=False)

    def forget(self) -> None:
        """Forgets all: the items of another data set may be other movies."""
        with self.lock:
            self.items.clear()

    def of(self, session: str) -> tuple[int, ...]:
        with self.lock:
            return self.items.get(session, ())
