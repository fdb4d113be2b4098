"""Votes on the page: they change the lists, ask again, and can be taken back.

A vote stops the request under way and the latest one wins; an older answer that still comes is thrown away. While an
answer to votes is on its way the one before stays, so that nothing jumps and one may vote on.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component

from recsys.errors import HistoryError, RecsysError
from recsys.feedback import Vote, read_vote
from recsys.ui.answer_cards import press
from recsys.ui.answer_view import only_changes
from recsys.ui.event_values import sent, sent_number
from recsys.ui.rounds import FinishedAnswers, Lists, Rounds, SessionRounds
from recsys.ui.rounds_card import rounds_html
from recsys.ui.running_requests import RunningRequests
from recsys.ui.theme import ASSETS
from recsys.ui.title_picker import read_entries, write_entries

if TYPE_CHECKING:
    from recsys.workbench import Workbench

NUM_SHOWN = 10
"""Answer, details, six buttons, the rounds and the strip."""
_MAX_SEEN = 10**9
_STOPPED = "Stopped: the votes are in the lists, and no answer has read them yet."


@dataclass(frozen=True)
class RoundsParts:
    """The components of the rounds.

    Attributes:
        session: The session's rounds.
        card: The strip.
        again: Whether a vote asks again.
        opening: Whether opening a movie is a like.
        ask: Changes where an answer to votes is wanted.
    """

    session: gr.State
    card: gr.HTML
    again: gr.Checkbox
    opening: gr.Checkbox
    ask: gr.State


def create_rounds() -> RoundsParts:
    """Makes the two switches and the strip, which is empty before the first vote."""
    with gr.Row(elem_classes=["rounds-switches"]):
        again = gr.Checkbox(True, label="Recommend again after each vote", elem_id="vote-again", container=False)
        opening = gr.Checkbox(False, label="Opening a movie counts as a like", elem_id="vote-open", container=False)
    script = (ASSETS / "rounds.js").read_text(encoding="utf-8")
    card = gr.HTML("", elem_id="rounds", apply_default_css=False, js_on_load=script)
    return RoundsParts(gr.State(SessionRounds()), card, again, opening, gr.State(0))


def connect_votes(
    handlers: RoundsHandlers,
    parts: RoundsParts,
    answer: gr.HTML,
    lists: list[Component],
    inputs: list[Component],
    view: list[Component],
    model_queue: str,
) -> None:
    """Connects the votes of the answer, and the way back.

    Args:
        handlers: What they do.
        parts: The components of the rounds.
        answer: Whose votes.
        lists: Liked and disliked.
        inputs: What a request is read from.
        view: Answer, details and buttons, as the handlers' answer yields them.
        model_queue: The concurrency id of everything that uses the model.
    """
    one_by_one: dict[str, Any] = {
        "concurrency_limit": 1,
        "concurrency_id": "rounds",
        "show_progress": "hidden",
        "api_visibility": "private",
    }
    shown = [*lists, answer, parts.session, parts.card, parts.ask]
    # Two quick votes are two votes: none is dropped while the other is being taken.
    answer.vote(
        handlers.vote,
        [parts.session, parts.again, parts.opening, *lists],
        shown,
        trigger_mode="multiple",
        **one_by_one,
    )
    parts.ask.change(
        handlers.ask_again,
        [parts.session, *inputs],
        [*view, parts.session, parts.card],
        trigger_mode="always_last",
        concurrency_id=model_queue,
        concurrency_limit=1,
        show_progress="hidden",
        api_visibility="private",
    )
    restored = [*lists, view[0], view[1], parts.session, parts.card]
    parts.card.undo(handlers.undo, parts.session, restored, **one_by_one)
    parts.card.restart(handlers.restart, parts.session, restored, **one_by_one)


class RoundsHandlers:
    """What votes do; one object for all visitors, which keeps nothing of them.

    Args:
        workbench: Whose catalogue and limits.
        running: The requests that are being answered, so that a vote stops its session's own.
        finished: Where answers are left.
        answer: Answers the request on the page; what it yields first are the answer's cards, then its details, then
            buttons.
    """

    def __init__(
        self,
        workbench: Workbench,
        running: RunningRequests,
        finished: FinishedAnswers,
        answer: Callable[..., Iterator[tuple[Any, ...]]],
    ) -> None:
        self.workbench = workbench
        self.running = running
        self.finished = finished
        self.answer = answer
        self._asks = itertools.count(1)

    def vote(
        self,
        request: gr.Request,
        session: SessionRounds,
        again: bool,
        opening: bool,
        liked: object,
        disliked: object,
        event: gr.EventData,
    ) -> tuple[Any, ...]:
        """Liked, disliked, the answer with its buttons pressed, the rounds, the strip, and whether to ask again."""
        try:
            item_id, seen = sent_number(event, "item_id"), max(0, min(_MAX_SEEN, sent_number(event, "seen")))
            before, vote = self._read(liked, disliked), read_vote(sent(event, "vote"))
            lists, counted = self._take_vote(session, item_id, vote, seen, before, opening=bool(opening))
        except RecsysError as error:
            raise gr.Error(str(error), print_exception=False) from error
        if not counted:
            return (gr.skip(),) * 6
        self.running.stop(request.session_hash or "")
        rounds = session.rounds
        if not rounds.kept:  # a comparison: two answers, and no rounds of them
            return *self._write(lists), *(gr.skip(),) * 4
        ask = next(self._asks) if again else gr.skip()
        return *self._write(lists), self._cards(rounds), session, self._card(rounds, asking=bool(again)), ask

    def _take_vote(
        self, session: SessionRounds, item_id: int, vote: Vote, seen: int, before: Lists, *, opening: bool
    ) -> tuple[Lists, bool]:
        """The lists after a vote, and whether it counted."""
        _ = self.workbench.catalogue[item_id]
        session.of(self.workbench.data.number)
        most = self.workbench.limits.max_history

        def work(rounds: Rounds) -> tuple[Rounds, tuple[Lists, bool]]:
            now = rounds.unseen(before, seen)
            if vote == "open" and (not opening or item_id in (*now[0], *now[1])):
                return rounds, (now, False)
            voted = rounds.voted(item_id, vote, now)
            if any(len(side) > most for side in voted.votes[-1].after):
                raise HistoryError("a list is full", seen=f"{most} movies", mend="take one out, then vote again")
            return (voted if rounds.kept else rounds), (voted.votes[-1].after, True)

        return session.change(work)

    def follow(
        self, answer: Callable[..., Iterator[tuple[Any, ...]]]
    ) -> Callable[[gr.Request, SessionRounds, Any], Iterator[tuple[Any, ...]]]:
        """The same handler, whose answer is taken into the rounds: it is given them, and yields them and the strip.

        An answer that something newer has overtaken changes nothing but the buttons.
        """

        def follow(request: gr.Request, session: SessionRounds, *values: Any) -> Iterator[tuple[Any, ...]]:
            turn = session.begin()
            for cards, details, *buttons in answer(request, *values):
                if not session.holds(turn):
                    yield gr.skip(), gr.skip(), *buttons, session, gr.skip()
                    continue
                told = gr.skip()
                if self._take_answer(request, session, turn):
                    told = self._card(session.rounds)
                yield cards, details, *buttons, session, told

        def followed(request: gr.Request, session: SessionRounds, *values: Any) -> Iterator[tuple[Any, ...]]:
            yield from only_changes(follow(request, session, *values))

        # Gradio names endpoints by their functions; functools.wraps would show it the handler's own parameters.
        followed.__name__ = answer.__name__
        return followed

    def ask_again(
        self, request: gr.Request, session: SessionRounds, liked: object, disliked: object, *values: Any
    ) -> Iterator[tuple[Any, ...]]:
        """Answers the votes; the answer before stays until the new one is whole.

        A page that votes quickly sends its lists before it has heard of its latest votes. It asks once more when it
        has, so what it asked before then is not answered.
        """
        if self._read(liked, disliked) != session.rounds.lists:
            yield (gr.skip(),) * NUM_SHOWN
            return
        turn = session.begin()
        last: tuple[Any, ...] = ()
        for number, view in enumerate(self.answer(request, liked, disliked, *values)):
            # A fast answer is the second view: buttons that change for so short a time would only flicker.
            if number > 1 and session.holds(turn):
                yield gr.skip(), gr.skip(), *last[2:], session, gr.skip()
            last = view
        yield self._ended(request, session, turn, last)

    def _ended(self, request: gr.Request, session: SessionRounds, turn: int, view: tuple[Any, ...]) -> tuple[Any, ...]:
        cards, details, *buttons = view
        if not session.holds(turn):
            self.finished.take(request.session_hash or "")
            return gr.skip(), gr.skip(), *buttons, session, gr.skip()
        if self._take_answer(request, session, turn):
            return cards, details, *buttons, session, self._card(session.rounds)
        if 'data-phase="error"' in str(cards):
            return cards, details, *buttons, session, self._card(session.rounds)
        return gr.skip(), gr.skip(), *buttons, session, self._card(session.rounds, note=_STOPPED)

    def _take_answer(self, request: gr.Request, session: SessionRounds, turn: int) -> bool:
        finished = self.finished.take(request.session_hash or "")
        return finished is not None and session.finish(turn, finished)

    def undo(self, request: gr.Request, session: SessionRounds) -> tuple[Any, ...]:
        """The lists, the answer and the strip as they were before the last vote; the model is not asked."""
        return self._go_back(request, session, Rounds.undone)

    def restart(self, request: gr.Request, session: SessionRounds) -> tuple[Any, ...]:
        """The same at round 0."""
        return self._go_back(request, session, Rounds.restarted)

    def _go_back(
        self, request: gr.Request, session: SessionRounds, work: Callable[[Rounds], tuple[Rounds, Lists]]
    ) -> tuple[Any, ...]:
        self.running.stop(request.session_hash or "")
        if not session.of(self.workbench.data.number).can_restart:
            return *(gr.skip(),) * 5, self._card(session.rounds)
        lists = session.change(work)
        rounds = session.rounds
        details = rounds.kept[-1].shown.details
        return *self._write(lists), self._cards(rounds), details, session, self._card(rounds)

    def _cards(self, rounds: Rounds) -> str:
        """The latest answer with the buttons of the votes since pressed."""
        cards = rounds.kept[-1].shown.cards
        for given in rounds.votes:
            cards = press(cards, given.item_id, given.vote)
        return cards

    def _card(self, rounds: Rounds, *, asking: bool = False, note: str = "") -> str:
        return rounds_html(rounds, self.workbench.catalogue, asking=asking, note=note)

    def _read(self, liked: object, disliked: object) -> Lists:
        catalogue = self.workbench.catalogue
        return read_entries(liked, catalogue), read_entries(disliked, catalogue)

    def _write(self, lists: Lists) -> tuple[Any, Any]:
        catalogue = self.workbench.catalogue
        return write_entries(lists[0], catalogue), write_entries(lists[1], catalogue)
