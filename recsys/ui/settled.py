"""What depends on many controls is worked out once they rest, all of it in one event.

Each event costs the browser a good part of a millisecond for each control that it names, and the events of one control
wait for each other, so three that name them all keep a slider from being felt. Here a control that moved tells the
page's scripts alone. When none has moved for REST_MS, the browser packs all values into one, and one event asks the
server for everything that follows them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import gradio as gr
from gradio.components import Component

REST_MS = 250
"""How long the controls must rest; longer than Live waits, whose run goes first."""

Kind = Literal["shape", "choice", "movies"]
"""What a control decides: how answers are shaped, by which model or by what text, or for which movies."""

_MOVED = '() => {{ document.dispatchEvent(new CustomEvent("{name}-moved", {{ detail: "{kind}" }})); }}'
_SCRIPT = """
let timer = null;
const wait = () => { clearTimeout(timer); timer = setTimeout(() => trigger("settled"), %(rest)d); };
document.addEventListener("%(name)s-moved", wait);
%(first)s
"""
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
        name: Of the controls, for the page's scripts: they hear of moves as the document's event "NAME-moved".
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._followers: list[Follower] = []
        self._num_controls = 0

    def tell(self, controls: Iterable[Component], kind: Kind) -> None:
        """Lets the page's scripts hear of moves; called before these controls get any other event, which would wait."""
        changed: list[Any] = [control.change for control in controls]  # type: ignore[attr-defined]
        gr.on(changed, None, js=_MOVED.format(name=self._name, kind=kind), api_visibility="private")

    def add(self, work: Work, inputs: Iterable[Component], outputs: Iterable[Component]) -> None:
        """Lets something follow, until `connect` is called."""
        self._followers.append(Follower(work, tuple(inputs), tuple(outputs)))

    def connect(self, controls: Sequence[Component], *, at_first: bool = False) -> None:
        """Ties the followers to the controls, whose values they are given in this order.

        Args:
            controls: All of them.
            at_first: The followers are worked out when the tab is first opened, too.
        """
        self._num_controls = len(controls)
        script = _SCRIPT % {"name": self._name, "rest": REST_MS, "first": "wait();" if at_first else ""}
        rest: Any = gr.HTML("", js_on_load=script, elem_classes=["unseen"], apply_default_css=False)
        packed = gr.JSON(visible=False)
        read = rest.settled(None, list(controls), packed, js=_PACK, api_visibility="private")
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
