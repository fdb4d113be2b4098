"""The switch "Live": a setting that moved asks again, the older run stopped, the latest settings winning.

The browser waits until the settings rest, stops its own run through the Stop button and starts the next one when that
has ended (assets/ui/live.js). It remembers the switch for as long as its tab is open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from recsys.ui.theme import ASSETS

REST_MS = 150
"""How long the settings must rest before a run starts."""

ENDED = "() => { document.dispatchEvent(new Event('run-ended')); }"
"""Tells the page's scripts that a run has ended, by whatever way."""

_TEMPLATE = f"""
<div class="live" data-rest="{REST_MS}">
  <button type="button" role="switch" aria-checked="false" aria-describedby="live-help">
    <i aria-hidden="true"></i>Live
  </button>
  <span id="live-help">moving a setting asks again</span>
</div>
"""


def create_live_switch() -> gr.HTML:
    """Makes the switch, off; its event "submit" asks again."""
    return gr.HTML(
        "",
        html_template=_TEMPLATE,
        js_on_load=(ASSETS / "live.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id="live",
    )


def connect_live(
    live: gr.HTML,
    answer: Callable[..., Iterator[Any]],
    inputs: Sequence[Component],
    view: Sequence[Component],
    queue: Mapping[str, Any],
) -> None:
    """Lets the switch ask again; the settings that shape an answer tell it that they moved (settled.py)."""
    # A run that comes while one is ending is kept, not dropped.
    run = live.submit(answer, list(inputs), list(view), trigger_mode="always_last", **queue)
    run.then(None, js=ENDED, api_visibility="private")
