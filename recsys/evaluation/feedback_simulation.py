"""Simulated users who vote on what they are recommended, and what that does to the next answers.

A record's user has rated other movies than those of the record. Where such a movie is recommended, the user votes: 👍
on one they rated as a like, 👎 on one they rated as a dislike, nothing on the others. The relevant movies of the record
are never voted on, whether they were hit or not, so that the same movies are to be found in every round and no round is
told of them.

Leaving out what was voted on makes room for other movies, and lists get better by that alone. So each system goes
through the rounds twice: once *told*, with the votes in its history and dislikes, and once where the movies that were
voted on are left out and nothing is learnt of them. What reading the votes is worth is the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from recsys.data.likes import Rated
from recsys.data.records import DISLIKED_TO, LIKED_FROM, Record
from recsys.evaluation.metrics import score_record

if TYPE_CHECKING:
    from recsys.baselines.base import Recommender
    from recsys.data.movielens import MovieLens

FOUND: Final = "found"
"""The share of a record's relevant movies that any list so far held."""

_AT_ONCE: Final = 256
"""Histories that a classic recommender scores at once."""

Ranking = tuple[int | None, ...]
AskRound = Callable[[Sequence[Record], Sequence[tuple[int, ...]]], Sequence[Ranking]]
"""Answers records whose histories and dislikes are those of a round, each with the items that must not come out."""


@dataclass(frozen=True)
class Way:
    """How the simulated users vote.

    Attributes:
        known: Which of their ratings they tell: ``all``, or only the ``past`` ones, up to the last movie of the
            record's history, so that nothing of later days is told.
        skips: What becomes of shown movies without a vote: they ``stay`` and may come again, or they are ``hidden`` in
            the rounds to come, the relevant ones like all others.
        place: Where a liked movie joins the history: ``last``, as the latest like, or ``first``, before all others, for
            systems that read order.
    """

    known: Literal["all", "past"] = "all"
    skips: Literal["stay", "hidden"] = "stay"
    place: Literal["last", "first"] = "last"

    @property
    def name(self) -> str:
        usual = ("stay", "last")
        return "-".join([self.known, *(word for word in (self.skips, self.place) if word not in usual)])


WAYS: Final = {
    way.name: way
    for way in (
        Way(),
        Way(place="first"),
        Way("past"),
        Way("past", place="first"),
        Way(skips="hidden"),
        Way("past", skips="hidden"),
    )
}


@dataclass(frozen=True)
class Opinions:
    """What a record's user would say of other movies than the relevant ones.

    Attributes:
        liked: Movies they would vote 👍 on.
        disliked: Movies they would vote 👎 on.
    """

    liked: frozenset[int]
    disliked: frozenset[int]


@dataclass(frozen=True)
class RoundScore:
    """One record in one round.

    Attributes:
        record_id: The record.
        user_id: Its user.
        item_ids: What was recommended.
        metrics: Every metric at k of this round's list, and FOUND over the lists so far.
        num_likes: 👍 that the user had given before this round.
        num_dislikes: 👎 likewise.
    """

    record_id: str
    user_id: int
    item_ids: Ranking
    metrics: Mapping[str, float]
    num_likes: int = 0
    num_dislikes: int = 0


@dataclass(frozen=True)
class _Session:
    """What a simulated user has seen and said so far."""

    record: Record
    likes: tuple[int, ...] = ()
    dislikes: tuple[int, ...] = ()
    shown: tuple[int, ...] = ()

    def after(self, ranking: Ranking, opinions: Opinions) -> _Session:
        """The session once the user has voted on a list, from its top."""
        items = [item for item in ranking if item is not None]
        fresh = [item for item in dict.fromkeys(items) if item not in (*self.likes, *self.dislikes)]
        return replace(
            self,
            likes=(*self.likes, *(item for item in fresh if item in opinions.liked)),
            dislikes=(*self.dislikes, *(item for item in fresh if item in opinions.disliked)),
            shown=tuple(dict.fromkeys((*self.shown, *items))),
        )

    def asked(self, way: Way, *, told: bool) -> tuple[Record, tuple[int, ...]]:
        """The record as the next round asks it, and what else must not come out."""
        voted = (*self.likes, *self.dislikes)
        skipped = [item for item in self.shown if item not in voted] if way.skips == "hidden" else []
        if not told:
            return self.record, (*voted, *skipped)
        parts = (self.record.history, self.likes) if way.place == "last" else (self.likes, self.record.history)
        record = replace(
            self.record,
            history=(*parts[0], *parts[1]),
            disliked=tuple(dict.fromkeys((*self.record.disliked, *self.dislikes))),
        )
        return record, (*self.dislikes, *skipped)

    def score(self, ranking: Ranking, k: int) -> RoundScore:
        """The list that follows, scored against the record's relevant movies."""
        relevant = set(self.record.relevant)
        found = len(relevant.intersection((*self.shown, *ranking))) / len(relevant)
        metrics = score_record(self.record.relevant, ranking, k) | {FOUND: found}
        numbers = len(self.likes), len(self.dislikes)
        return RoundScore(self.record.record_id, self.record.user_id, ranking, metrics, *numbers)


def simulate(
    records: Sequence[Record],
    opinions: Sequence[Opinions],
    ask: AskRound,
    *,
    way: Way,
    told: bool,
    num_rounds: int,
    k: int,
) -> list[tuple[RoundScore, ...]]:
    """Every record through the rounds: asked, voted on and asked again.

    Args:
        records: The records.
        opinions: What each record's user would say, in the order of ``records``.
        ask: The system.
        way: How users vote.
        told: Whether votes become history and dislikes; else the movies are left out and nothing is learnt of them.
        num_rounds: Rounds after votes; round 0 comes before the first.
        k: The rank cut of every metric; users look at and vote on no more than the first k titles.

    Returns:
        For each round from 0 one score for each record, in their order.
    """
    sessions = [_Session(record) for record in records]
    rounds: list[tuple[RoundScore, ...]] = []
    for _ in range(num_rounds + 1):
        asked = [session.asked(way, told=told) for session in sessions]
        answers = ask([record for record, _ in asked], [out for _, out in asked])
        rankings = [tuple(answer[:k]) for answer in answers]
        both = list(zip(sessions, rankings, strict=True))
        rounds.append(tuple(session.score(ranking, k) for session, ranking in both))
        sessions = [
            session.after(ranking, known) for (session, ranking), known in zip(both, opinions, strict=True)
        ]  # fmt: skip
    return rounds


def find_opinions(dataset: MovieLens, records: Sequence[Record], way: Way) -> list[Opinions]:
    """What each record's user would say: by their ratings, without the record's own movies.

    Args:
        dataset: All ratings.
        records: Cut from them.
        way: Whether ratings later than the last movie of a record's history count.
    """
    stars = dataset.ratings["rating"]
    liked = Rated.of(dataset.ratings, stars >= LIKED_FROM)
    disliked = Rated.of(dataset.ratings, stars <= DISLIKED_TO)
    return [_opinions_of(record, liked, disliked, way) for record in records]


def _opinions_of(record: Record, liked: Rated, disliked: Rated, way: Way) -> Opinions:
    likes, dislikes = _items_of(liked, record.user_id), _items_of(disliked, record.user_id)
    if way.known == "past":
        asked_at = max((likes[item] for item in record.history if item in likes), default=0)
        likes, dislikes = ({item: at for item, at in side.items() if at <= asked_at} for side in (likes, dislikes))
    own = {*record.history, *record.relevant}
    return Opinions(frozenset(likes.keys() - own), frozenset(dislikes.keys() - own - likes.keys()))


def _items_of(rated: Rated, user: int) -> dict[int, int]:
    """A user's items with their times."""
    row = int(np.searchsorted(rated.users, user))
    if row == len(rated.users) or rated.users[row] != user:
        return {}
    part = slice(*rated.starts[row : row + 2].tolist())
    return dict(zip(rated.items[part].tolist(), rated.times[part].tolist(), strict=True))


def ask_baseline(recommender: Recommender, *, n: int) -> AskRound:
    """A classic recommender as a system: it reads the history, and what was voted on cannot come out.

    The dislikes that a record came with are not left out, as they are not in an evaluation, which round 0 is.

    Args:
        recommender: A fitted one.
        n: Titles of a list.
    """
    from recsys.baselines.hybrid import find_candidates

    def ask(records: Sequence[Record], left_out: Sequence[tuple[int, ...]]) -> list[Ranking]:
        excluded = [{*record.history, *out} for record, out in zip(records, left_out, strict=True)]
        histories = [record.history for record in records]
        parts = [slice(start, start + _AT_ONCE) for start in range(0, len(records), _AT_ONCE)]
        found = [find_candidates(recommender, histories[part], n=n, excluded=excluded[part]) for part in parts]
        return [one.item_ids for part in found for one in part]

    return ask
