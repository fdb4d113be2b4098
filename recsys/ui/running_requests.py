"""What each page's requests came to: which are being answered now, so that Stop finds its own, and the last answer."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recsys.recommend import Recommendation


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
    """What each browser session was recommended last, for the MAX_SESSIONS most recent ones.

    The items stay until the next ones are there; the answer itself goes when the next question is asked, for one that
    fails must not leave the page with the tokens of another.
    """

    items: OrderedDict[str, tuple[int, ...]] = field(default_factory=OrderedDict)
    answers: dict[str, Recommendation] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, session: str) -> None:
        """A new question is asked."""
        with self.lock:
            self.answers.pop(session, None)

    def remember(self, session: str, answer: Recommendation) -> None:
        with self.lock:
            self.items[session] = tuple(item for item in answer.item_ids if item is not None)
            self.answers[session] = answer
            self.items.move_to_end(session)
            while len(self.items) > MAX_SESSIONS:
                gone, _ = self.items.popitem(last=False)
                self.answers.pop(gone, None)

    def forget(self) -> None:
        """Forgets all: the items of another data set may be other movies."""
        with self.lock:
            self.items.clear()
            self.answers.clear()

    def of(self, session: str) -> tuple[int, ...]:
        """The items that were recommended last; none before the first answer."""
        with self.lock:
            return self.items.get(session, ())

    def answer_of(self, session: str) -> Recommendation | None:
        """The answer on the page, if there is one."""
        with self.lock:
            return self.answers.get(session)
