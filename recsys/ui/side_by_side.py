"""Several requests answered one after the other, each in a side of its own.

What goes wrong with one is told in its side and keeps nothing from the others; after a stop, what was written stays.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

from recsys.errors import CancelledError, RecsysError
from recsys.recommend import Recommendation, RecommendationRequest

SideState = str | Recommendation | RecsysError
"""The cards of an answer that is on its way or waits, the answer, or why there is none."""
Ask = Callable[[RecommendationRequest, threading.Event], Iterator[str | Recommendation]]
"""Cards while an answer is on its way, then the answer; the event stops it."""


def answer_in_turn(
    ask: Ask, requests: Sequence[RecommendationRequest], waiting: str, cancel: threading.Event
) -> Iterator[tuple[tuple[SideState, ...], bool]]:
    """Yields the state of every side whenever one changes, and whether nothing more comes.

    Args:
        ask: Answers one request.
        requests: One for each side, in their order.
        waiting: The cards of a side whose turn has not come.
        cancel: Stops the one that is being answered and all after it.
    """
    states: list[SideState] = [waiting] * len(requests)
    for place, request in enumerate(requests):
        last = place == len(requests) - 1
        try:
            for part in _parts(ask, request, cancel):
                states[place] = part
                yield tuple(states), last and isinstance(part, Recommendation)
        except RecsysError as error:
            states[place] = error
            yield tuple(states), last
        if cancel.is_set() and not last:
            stopped = CancelledError("this side was stopped before its turn")
            states[place + 1 :] = [stopped] * (len(requests) - place - 1)
            yield tuple(states), True
            return


def _parts(ask: Ask, request: RecommendationRequest, cancel: threading.Event) -> Iterator[str | Recommendation]:
    # Each its own event: an iterator that is read to its end sets the one that it was given.
    own = threading.Event()
    for part in ask(request, own):
        if cancel.is_set():
            own.set()
        yield part
