"""One person's rounds of asking and voting: what each answer held, and how the next one moved.

A vote changes the history or the dislikes, and the same question is asked again. This module compares two such answers;
it asks no model, and who votes, a person on the page or a simulated user, is not its business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from recsys.catalogue import HistoryEntry
from recsys.errors import HistoryError
from recsys.recommend import Recommendation, RecommendationRequest

Vote = Literal["like", "dislike", "open", "none"]
"""👍, 👎, an opened movie that counts as a like, and a vote taken back."""
VOTES: Final[tuple[Vote, ...]] = get_args(Vote)

Move = Literal["up", "down", "same", "new", "voted", "gone"]
"""Where an item went: to a better or a worse rank, nowhere, into the list, out of it by a vote, out of it by others."""


@dataclass(frozen=True)
class RankedItem:
    """One recommended item of an answer.

    Attributes:
        item_id: The item.
        rank: From 1; ranks of titles that are no recommendation are left out.
        log_likelihood: Of its title as the next one, in nats; None where the answer was written and not ranked.
    """

    item_id: int
    rank: int
    log_likelihood: float | None = None


@dataclass(frozen=True)
class Round:
    """What was asked and what was recommended.

    Attributes:
        request: What was asked: the history, the dislikes and every setting.
        items: The recommended items, no item twice, by rank.
    """

    request: RecommendationRequest
    items: tuple[RankedItem, ...]

    @classmethod
    def of(cls, answer: Recommendation) -> Round:
        """The round that an answer makes."""
        likelihoods = {title.item_id: title.score for title in answer.ranked}
        likelihoods |= {title.item_id: title.log_likelihood for title in answer.fused}
        ranked = [(item, rank) for rank, item in enumerate(answer.item_ids, start=1) if item is not None]
        return cls(answer.request, tuple(RankedItem(item, rank, likelihoods.get(item)) for item, rank in ranked))

    @property
    def seen(self) -> frozenset[HistoryEntry]:
        """What the person liked or disliked when this was asked."""
        return frozenset((*self.request.history, *self.request.disliked))

    def asks_like(self, other: Round) -> bool:
        """Whether both were asked with the same settings, so that what moved was moved by the votes."""
        mine, theirs = (replace(one.request, history=(), disliked=(), record_id=None) for one in (self, other))
        return mine == theirs


@dataclass(frozen=True)
class Movement:
    """Where an item went between two rounds.

    Attributes:
        item_id: The item.
        old_rank: None for one that was not there.
        new_rank: None for one that is gone.
        move: Which way.
        likelihood_change: The new log-likelihood minus the old one, in nats; None where either has none, or where the
            settings differ, since then it is not the votes that changed it.
    """

    item_id: int
    old_rank: int | None
    new_rank: int | None
    move: Move
    likelihood_change: float | None = None

    @property
    def places(self) -> int:
        """Ranks that the item rose by; negative where it fell, 0 where it is only in one of the answers.

        >>> Movement(7, old_rank=4, new_rank=1, move="up").places
        3
        """
        return self.old_rank - self.new_rank if self.old_rank is not None and self.new_rank is not None else 0


def find_movements(before: Round, after: Round) -> tuple[Movement, ...]:
    """Where each item of either answer went: those of the new one by rank, then those that left by their old rank.

    >>> asked, then = RecommendationRequest(), RecommendationRequest(history=(5,))
    >>> first = Round(asked, (RankedItem(5, 1), RankedItem(8, 2)))
    >>> second = Round(then, (RankedItem(8, 1), RankedItem(9, 2)))
    >>> [(one.item_id, one.move, one.places) for one in find_movements(first, second)]
    [(8, 'up', 1), (9, 'new', 0), (5, 'voted', 0)]
    """
    old = {item.item_id: item for item in before.items}
    new = {item.item_id: item for item in after.items}
    comparable = after.asks_like(before)
    found = [_movement_of(item, old.get(item.item_id), comparable=comparable) for item in after.items]
    voted = after.seen - before.seen
    left = [item for item in before.items if item.item_id not in new]
    found += [
        Movement(item.item_id, item.rank, None, "voted" if item.item_id in voted else "gone") for item in left
    ]  # fmt: skip
    return tuple(found)


def _movement_of(item: RankedItem, was: RankedItem | None, *, comparable: bool) -> Movement:
    if was is None:
        return Movement(item.item_id, None, item.rank, "new")
    move: Move = "up" if item.rank < was.rank else "down" if item.rank > was.rank else "same"
    change = None
    if comparable and item.log_likelihood is not None and was.log_likelihood is not None:
        change = item.log_likelihood - was.log_likelihood
    return Movement(item.item_id, was.rank, item.rank, move, change)


def read_vote(value: object) -> Vote:
    """A vote as a page sends it.

    Raises:
        HistoryError: for a vote that there is not.
    """
    found: Vote | None = next((vote for vote in VOTES if vote == value), None)
    if found is None:
        raise HistoryError("there is no such vote", seen=value, mend=f"vote {', '.join(VOTES[:-1])} or {VOTES[-1]}")
    return found


def apply_vote(
    history: Sequence[HistoryEntry], disliked: Sequence[HistoryEntry], item_id: int, vote: Vote
) -> tuple[tuple[HistoryEntry, ...], tuple[HistoryEntry, ...]]:
    """The history and the dislikes after a vote: the item is the latest entry of its side and on no other.

    An opened movie becomes a like only where it was not voted on before; "none" takes the item out of both.

    >>> apply_vote((1, 2), (3,), 3, "like")
    ((1, 2, 3), ())
    """
    if vote == "open" and item_id in (*history, *disliked):
        return tuple(history), tuple(disliked)
    liked, spurned = (tuple(entry for entry in side if entry != item_id) for side in (history, disliked))
    if vote in ("like", "open"):
        return (*liked, item_id), spurned
    return liked, (*spurned, item_id) if vote == "dislike" else spurned
