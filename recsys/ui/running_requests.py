"""Which requests are being answered now, so that a Stop button finds the one of its own page."""

from __future__ import annotations

import threading
from dataclasses import dataclass


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
