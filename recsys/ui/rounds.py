"""The rounds of one browser session: each answer with the votes that led to it, and the way back.

`Rounds` is a plain value that every vote, answer and undo makes anew. `SessionRounds` holds it for a page, in a
`gr.State`: a vote may come while an answer is on its way, and then that answer counts no more. Nothing is written to
the disk, and no session sees another's.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from recsys.catalogue import HistoryEntry
from recsys.feedback import Movement, Round, Vote, apply_vote, find_movements

T = TypeVar("T")

MAX_ROUNDS: Final = 20
"""Rounds that a session keeps: the first, and the latest ones."""
_MAX_WAITING: Final = 64

Lists = tuple[tuple[HistoryEntry, ...], tuple[HistoryEntry, ...]]
"""What a person liked and disliked."""


@dataclass(frozen=True)
class GivenVote:
    """A vote, and the two lists as they were before it."""

    item_id: int
    vote: Vote
    before: Lists

    @property
    def after(self) -> Lists:
        return apply_vote(*self.before, self.item_id, self.vote)


@dataclass(frozen=True)
class Finished:
    """An answer as the page shows it.

    Attributes:
        round: What was asked and recommended.
        cards: The answer's two cards.
        details: What stands below them.
        data: The number of the data set that it is of.
    """

    round: Round
    cards: str
    details: str
    data: int


@dataclass(frozen=True)
class KeptRound:
    """An answer that can be gone back to.

    Attributes:
        number: From 0.
        shown: The answer.
        votes: What was voted between the answer before and this one.
        movements: Where the items of both went.
        same_settings: Whether both were asked with the same settings.
    """

    number: int
    shown: Finished
    votes: tuple[GivenVote, ...] = ()
    movements: tuple[Movement, ...] = ()
    same_settings: bool = True


@dataclass(frozen=True)
class Rounds:
    """All that a session has been answered since it last began anew.

    Attributes:
        kept: The rounds, at most MAX_ROUNDS.
        votes: Those given since the last answer.
        num_votes: All that were ever given, by which the page tells those that it has seen.
    """

    kept: tuple[KeptRound, ...] = ()
    votes: tuple[GivenVote, ...] = ()
    num_votes: int = 0

    @property
    def lists(self) -> Lists | None:
        """Liked and disliked as the votes left them; None before any answer."""
        if self.votes:
            return self.votes[-1].after
        if not self.kept:
            return None
        asked = self.kept[-1].shown.round.request
        return asked.history, asked.disliked

    @property
    def can_undo(self) -> bool:
        """Whether the last vote can be taken back: that of a round, only while the round before it is kept."""
        if self.votes:
            return True
        return len(self.kept) > 1 and self.kept[-2].number == self.kept[-1].number - 1

    @property
    def can_restart(self) -> bool:
        return bool(self.votes) or len(self.kept) > 1

    def voted(self, item_id: int, vote: Vote, before: Lists) -> Rounds:
        """With one vote more."""
        return replace(self, votes=(*self.votes, GivenVote(item_id, vote, before)), num_votes=self.num_votes + 1)

    def answered(self, shown: Finished) -> Rounds:
        """With an answer: the next round where the votes alone led to it, else a new beginning."""
        asked = shown.round.request
        if not (self.kept and self.votes and self.lists == (asked.history, asked.disliked)):
            return replace(self, kept=(KeptRound(0, shown),), votes=())
        last = self.kept[-1]
        moved = find_movements(last.shown.round, shown.round)
        alike = shown.round.asks_like(last.shown.round)
        kept = (*self.kept, KeptRound(last.number + 1, shown, self.votes, moved, alike))
        if len(kept) > MAX_ROUNDS:
            kept = (kept[0], *kept[2:])
        return replace(self, kept=kept, votes=())

    def undone(self) -> tuple[Rounds, Lists]:
        """Without the last vote and its answer, and the lists as they were; the same where nothing can be undone."""
        if self.votes:
            return replace(self, votes=self.votes[:-1]), self.votes[-1].before
        if not self.can_undo:
            return self, self.lists or ((), ())
        votes = self.kept[-1].votes
        return replace(self, kept=self.kept[:-1], votes=votes[:-1]), votes[-1].before

    def restarted(self) -> tuple[Rounds, Lists]:
        """At round 0 again, and its lists."""
        first = replace(self, kept=self.kept[:1], votes=())
        return first, first.lists or ((), ())

    def unseen(self, lists: Lists, seen: int) -> Lists:
        """The page's lists with the votes that it had not been answered yet when it sent them."""
        missed = max(0, min(len(self.votes), self.num_votes - seen))
        for given in self.votes[len(self.votes) - missed :]:
            lists = apply_vote(*lists, given.item_id, given.vote)
        return lists


class SessionRounds:
    """The rounds of one page, changed in place by handlers that may overlap.

    An answer counts only where nothing newer came after its request: each request takes a turn, and a vote, an undo or
    another request ends all turns before it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turn = 0
        self._rounds = Rounds()

    def __deepcopy__(self, memo: dict[int, Any]) -> SessionRounds:
        """Every session starts with its own empty one."""
        return SessionRounds()

    @property
    def rounds(self) -> Rounds:
        return self._rounds

    def of(self, data: int) -> Rounds:
        """The rounds, forgotten where they are of another data set: its ids may mean other movies."""
        with self._lock:
            if self._rounds.kept and self._rounds.kept[-1].shown.data != data:
                self._turn += 1
                self._rounds = Rounds(num_votes=self._rounds.num_votes)
            return self._rounds

    def begin(self) -> int:
        """A turn for a request."""
        with self._lock:
            self._turn += 1
            return self._turn

    def holds(self, turn: int) -> bool:
        """Whether nothing came after the request of that turn."""
        return turn == self._turn

    def finish(self, turn: int, shown: Finished) -> bool:
        """Takes an answer in, unless something came after its request; whether it was taken in."""
        with self._lock:
            if turn != self._turn:
                return False
            self._rounds = self._rounds.answered(shown)
            return True

    def change(self, work: Callable[[Rounds], tuple[Rounds, T]]) -> T:
        """Puts other rounds in place of those that there are, and ends all turns."""
        with self._lock:
            self._turn += 1
            self._rounds, told = work(self._rounds)
            return told


class FinishedAnswers:
    """Where a handler leaves a session's answer for the rounds to take; the latest few alone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, Finished] = OrderedDict()

    def leave(self, session: str, answer: Finished) -> None:
        with self._lock:
            self._waiting[session] = answer
            self._waiting.move_to_end(session)
            while len(self._waiting) > _MAX_WAITING:
                self._waiting.popitem(last=False)

    def take(self, session: str) -> Finished | None:
        with self._lock:
            return self._waiting.pop(session, None)
