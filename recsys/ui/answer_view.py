"""What every handler of the Recommend tab sends to the page: the answer, its details and the state of the buttons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import gradio as gr

from recsys.models.host import HostState

View = tuple[Any, ...]
"""Answer, details, the buttons that take one place (recommend and compare, stop, leave the queue), and both of the
fold "Several at once"."""


def answer_view(cards: str, details: str, *, stop: bool = False, leave: bool = False) -> View:
    """The page with an answer on its way (``stop``), waiting for a turn (``leave``), or at rest."""
    idle = not stop and not leave
    buttons = (gr.Button(visible=shown) for shown in (idle, idle, stop, leave))
    return cards, details, *buttons, gr.Button(interactive=idle), gr.Button(interactive=idle)


def only_changes(views: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """The same views without what the page shows already: a button drawn anew takes the browser as long as the text."""
    shown: list[Any] = []
    for view in views:
        if not shown:
            shown = list(view)
            yield view
            continue
        yield tuple(gr.skip() if _is_same(old, new) else new for old, new in zip(shown, view, strict=True))
        shown = [old if new == gr.skip() else new for old, new in zip(shown, view, strict=True)]


def _is_same(old: Any, new: Any) -> bool:
    if isinstance(old, gr.Button) and isinstance(new, gr.Button):
        return old.constructor_args == new.constructor_args
    return old is new or (isinstance(old, str) and old == new)


def waiting_for(state: HostState) -> tuple[str, float | None]:
    """What the page says before the first token, and how far a load is."""
    if state.phase == "loading":
        return f"Loading the model: {state.message or 'starting'}", state.progress
    if state.phase == "empty":
        return "Loading the model: starting", 0.0
    return "Reading the prompt…", None
