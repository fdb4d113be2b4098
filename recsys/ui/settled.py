"""What depends on many controls is worked out once they rest, all of it in one event.

Each event costs the browser a good part of a millisecond for each control that it names, so three that name all of them
keep a slider from being felt. Here the browser waits until no control has moved for REST_MS and packs all values into
one; then one event asks the server for everything that follows them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

REST_MS = 250
"""How long the controls must rest; longer than Live waits, whose run goes first."""

# A wait that another one follows is never over, so nothing comes after it.
_REST = """() => new Promise((go) => {
  const waits = (document.settling ??= {});
  clearTimeout(waits.%(name)s);
  waits.%(name)s = setTimeout(go, %(rest)d);
})"""
_PACK = "(...values) => [values]"

Work = Callable[..., Sequence[Any]]
"""Is given the request, the values of all controls and those of its own inputs; returns what its outputs become."""


@dataclass(frozen=True)
class Follower:
    """Something that depends on the controls.

    Attributes:
        work: What it becomes.
        inputs: What else it reads.
        outputs: What it shows.
    """

    work: Work
    inputs: tuple[Component, ...]
    outputs: tuple[Component, ...]


class Settled:
    """Everything that follows some controls.

    Args:
        name: An identifier of the page's; no other has it.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._followers: list[Follower] = []
        self._num_controls = 0

    def add(self, work: Work, inputs: Iterable[Component], outputs: Iterable[Component]) -> None:
        """Lets something follow, until `connect` is called."""
        self._followers.append(Follower(work, tuple(inputs), tuple(outputs)))

    def connect(self, controls: Sequence[Component], *, on_load: bool = False) -> None:
        """Ties the followers to the controls, whose values they are given in this order.

        Args:
            controls: What may move.
            on_load: The followers are worked out when the page is opened, too.
        """
        packed, self._num_controls = gr.JSON(visible=False), len(controls)
        begun: list[Any] = [control.change for control in controls]  # type: ignore[attr-defined]
        page = gr.context.Context.root_block
        if on_load and page is not None:
            begun.append(page.load)
        rest = _REST % {"name": self._name, "rest": REST_MS}
        rested = gr.on(begun, None, js=rest, api_visibility="private")
        read = rested.then(None, list(controls), packed, js=_PACK, api_visibility="private")
        read.then(
            self._follow,
            [packed, *(one for follower in self._followers for one in follower.inputs)],
            [one for follower in self._followers for one in follower.outputs],
            trigger_mode="always_last",
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )

    def _follow(self, request: gr.Request, packed: object, *given: Any) -> list[Any]:
        if not isinstance(packed, list) or len(packed) != self._num_controls:  # no page of ours sent this
            return [gr.skip() for follower in self._followers for _ in follower.outputs]
        left = list(given)
        shown: list[Any] = []
        for follower in self._followers:
            own = [left.pop(0) for _ in follower.inputs]
            shown += follower.work(request, packed, *own)
        return shown
