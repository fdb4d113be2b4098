"""The controls of A and B: the button that keeps A, its card, and what can be done with both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from recsys.ui.ab_answers import AbHandlers
from recsys.ui.answer_view import View
from recsys.ui.settled import Settled
from recsys.ui.theme import ASSETS

_QUICK: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
# Gradio shows warnings and errors of events in the queue only.
_TOLD: dict[str, Any] = {"concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private"}

_FOCUS = """() => {
  const wanted = (tries) => {
    const lost = document.activeElement === document.body || document.activeElement === null;
    const found = [%s].map((id) => document.getElementById(id)).find((button) => button && button.offsetParent);
    if (lost && found) found.focus({ preventScroll: true });
    else if (lost && tries > 0) setTimeout(() => wanted(tries - 1), 50);
  };
  setTimeout(() => wanted(100), 0);
}"""
"""A button that goes takes the focus with it: the first of these that is there gets it then."""
_FOLLOW = """() => {
  const find = (id) => { const button = document.getElementById(id); return button?.offsetParent ? button : null; };
  let begun = false;
  const follow = (tries) => {
    const running = find("stop") ?? find("leave");
    if (running) [begun, tries] = [true, 10]; // the last tries are for the way back
    const lost = document.activeElement === document.body || document.activeElement === null;
    if (lost && (running || begun)) (running ?? find("ab-go"))?.focus({ preventScroll: true });
    if (tries > 0) setTimeout(() => follow(tries - 1), 100);
  };
  follow(100);
}"""
"""While both are answered, buttons take each other's place: the focus goes along, and back in the end."""

AnswerAfter = Callable[[gr.events.Dependency, Callable[..., Iterator[View]], list[Any]], None]


@dataclass(frozen=True)
class AbPanel:
    """The components of A and B.

    Attributes:
        kept: A, None without one.
        keep: Makes the panel's settings A.
        box: All below, while there is an A.
        card: How A and B differ.
        go: Answers with both.
        swap: Swaps them.
        take: Makes the panel as A.
        copy: Makes A as the panel.
        drop: Ends it.
    """

    kept: gr.State
    keep: gr.Button
    box: gr.Column
    card: gr.HTML
    go: gr.Button
    swap: gr.Button
    take: gr.Button
    copy: gr.Button
    drop: gr.Button


def create_ab_panel() -> AbPanel:
    """Makes the controls, of which only the button that keeps A is seen at first."""
    script = (ASSETS / "answer.js").read_text(encoding="utf-8")
    kept = gr.State(None)
    keep = gr.Button("Keep these settings as A", elem_id="ab-keep", size="sm")
    with gr.Column(visible=False, elem_id="ab", elem_classes=["card"]) as box:
        card = gr.HTML("", elem_id="ab-card", apply_default_css=False, js_on_load=script)
        go = gr.Button("Answer with A and B", elem_id="ab-go")
        with gr.Row(elem_classes=["ab-buttons"]):
            swap = gr.Button("Swap A and B", elem_id="ab-swap", size="sm", min_width=0)
            take = gr.Button("Copy A to B", elem_id="ab-take", size="sm", min_width=0)
            copy = gr.Button("Copy B to A", elem_id="ab-copy", size="sm", min_width=0)
            drop = gr.Button("Drop A", elem_id="ab-drop", size="sm", min_width=0)
    return AbPanel(kept, keep, box, card, go, swap, take, copy, drop)


def connect_ab(
    ab: AbPanel,
    handlers: AbHandlers,
    picked: list[Any],
    record_id: gr.State,
    answer_after: AnswerAfter,
    settled: Settled,
) -> list[gr.events.Dependency]:
    """Ties the controls to the panel.

    Args:
        ab: The controls.
        handlers: What they do.
        picked: The liked and the disliked movies.
        record_id: The held-out record.
        answer_after: Answers, after an event, in the queue of the model.
        settled: Redraws the card; its controls are the movies, then the panel's.

    Returns:
        The events after which the panel may have another model.
    """
    inputs = handlers.panel.inputs
    shown = [ab.kept, ab.box, ab.keep, ab.card]
    kept = ab.keep.click(handlers.keep, [*picked, *inputs], shown, **_TOLD)
    kept.then(None, js=_FOCUS % '"ab-go"', **_QUICK)
    ab.drop.click(handlers.drop, None, shown, **_QUICK).then(None, js=_FOCUS % '"ab-keep"', **_QUICK)
    swapped = ab.swap.click(handlers.swap, [ab.kept, *inputs], [ab.kept, *inputs], **_TOLD)
    taken = ab.take.click(handlers.take, ab.kept, inputs, **_TOLD)
    ab.copy.click(handlers.copy, inputs, ab.kept, **_TOLD)
    settled.add(handlers.follow, [ab.kept], [ab.card])
    ab.kept.change(handlers.follow_kept, [ab.kept, *picked, *inputs], ab.card, trigger_mode="always_last", **_QUICK)
    asked = ab.go.click(None, js="() => {}", api_visibility="private")
    answer_after(asked, handlers.answer, [ab.kept, *picked, record_id, *inputs])
    asked.then(None, js=_FOLLOW, **_QUICK)
    page = gr.context.Context.root_block
    page.load(handlers.restore, None, shown, **_TOLD)
    return [swapped, taken]
