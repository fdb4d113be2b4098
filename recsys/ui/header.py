"""The head of the page: name, one sentence, the data set in use, and a chip that tells what the model is doing.

The chips ask the host, which never blocks: often while something loads, seldom otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from recsys.models.host import HostState
from recsys.ui.markup import escape

if TYPE_CHECKING:
    from recsys.workbench import Workbench

NAME = "recsys bench"
SENTENCE = "How good is a language model as a movie recommender, and what do its generator settings change?"

SECONDS_WHILE_LOADING = 1.0
SECONDS_OTHERWISE = 4.0

_MODE_SCRIPT = "element.querySelector('button').addEventListener('click', () => document.body.classList.toggle('dark'))"
_MODE_BUTTON = (
    '<button type="button" class="mode" aria-label="Switch between light and dark" title="Light or dark">'
    '<svg viewBox="0 0 16 16" aria-hidden="true"><path class="disc" d="M8 2a6 6 0 1 0 0 12z"/>'
    '<circle cx="8" cy="8" r="6"/></svg></button>'
)
# Gradio tells of a changed state through the queue only, which a timer had better not use: the chip tells.
_DATA_SCRIPT = """
element.addEventListener('click', (event) => {
  if (!event.target.closest('button')) return;
  // Where the page is too narrow for all tabs, the last ones are in a menu and have no id.
  const tabs = [...document.querySelectorAll('#tabs > .tab-wrapper button')];
  const named = tabs.filter((tab) => tab.textContent.trim() === 'About');
  (document.getElementById('tab-about-button') ?? named.at(-1))?.click();
});
let told = null;
watch('value', () => {
  const found = /data-changed="([0-9]+)" data-opened="([A-Za-z]+)"/.exec(props.value || '');
  if (found && found[1] !== told) { told = found[1]; trigger('select', { opened: found[2] === 'True' }); }
});
"""


def create_header(workbench: Workbench) -> gr.HTML:
    """Makes the header inside the page that is open.

    Returns:
        What is selected when the data are not those that the page was built or opened with; the event's ``opened``
        tells a page that was opened anew.
    """
    with gr.Row(elem_id="header"):
        gr.HTML(f"<h1>{NAME}</h1><p>{SENTENCE}</p>", elem_id="brand", apply_default_css=False)
        data = gr.HTML(
            data_chip(workbench.data_name), elem_id="data-chip", apply_default_css=False, js_on_load=_DATA_SCRIPT
        )
        chip = gr.HTML(status_chip(workbench.host.state()), elem_id="status", apply_default_css=False)
        gr.HTML(_MODE_BUTTON, elem_id="mode", apply_default_css=False, js_on_load=_MODE_SCRIPT)
    timer = gr.Timer(SECONDS_WHILE_LOADING)
    seen, built = gr.State(None), workbench.data.number

    def refresh(shown: str | None, known: int | None) -> tuple[Any, ...]:
        state, now = workbench.host.state(), workbench.data
        told = status_chip(state)
        is_waiting = state.phase == "loading" or workbench.data_holder.task.state().is_running
        seconds = SECONDS_WHILE_LOADING if is_waiting else SECONDS_OTHERWISE
        first = gr.skip() if told == shown else told, gr.Timer(seconds)
        if known == now.number:
            return *first, gr.skip(), gr.skip()
        if known is None and now.number == built:
            return *first, data_chip(now.name), now.number
        return *first, data_chip(now.name, now.number, is_opened=known is None), now.number

    quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    timer.tick(refresh, [chip, seen], [chip, timer, data, seen], **quiet)
    return data


def data_chip(name: str, changed: int | None = None, *, is_opened: bool = False) -> str:
    """The data set in use, as a button that opens the About tab.

    Args:
        name: Its name.
        changed: Marks one that the page was not built with.
        is_opened: The page was opened anew, so that no movies of another data set are on it.
    """
    mark = "" if changed is None else f' data-changed="{changed}" data-opened="{is_opened}"'
    return (
        f'<button type="button" class="data-chip"{mark} title="Data set in use: {escape(name)}">'
        '<svg viewBox="0 0 16 16" aria-hidden="true"><ellipse cx="8" cy="4" rx="5" ry="2"/>'
        '<path d="M3 4v8c0 1.1 2.2 2 5 2s5-.9 5-2V4M3 8c0 1.1 2.2 2 5 2s5-.9 5-2"/></svg>'
        f'<span class="visually-hidden">Data set: </span><b>{escape(name)}</b></button>'
    )


def status_chip(state: HostState) -> str:
    """The chip for a state of the host."""
    name = escape(state.choice.model) if state.choice else "No model"
    if state.phase == "loading":
        bar = f'<span class="load-bar"><i style="width:{max(0.0, min(1.0, state.progress)):.0%}"></i></span>'
        told = f'<b>{name}</b><span class="chip-message">{escape(state.message or "loading")}</span>{bar}'
    elif state.phase == "failed":
        told = f'<b>{name}</b><span class="chip-message">{escape(state.message or "could not be loaded")}</span>'
    elif state.phase == "empty":
        told = "<b>No model loaded</b><span>loads with the first request</span>"
    else:
        told = f"<b>{name}</b>" + "".join(_facts(state))
    hint = f' title="{escape("; ".join(state.warnings) or state.message)}"'
    return f'<div class="status-chip is-{state.phase}"{hint}><i class="dot" aria-hidden="true"></i>{told}</div>'


def memory_text(num_bytes: int) -> str:
    """Bytes as people read them.

    >>> memory_text(269_030_000), memory_text(7_000_000_000)
    ('269 MB', '7.0 GB')
    """
    return f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 1e9 else f"{num_bytes / 1e6:.0f} MB"


def _facts(state: HostState) -> list[str]:
    adapter = state.choice.adapter if state.choice else None
    facts = [f"<span>{escape(state.precision)}</span>"] if state.precision else []
    facts.append(f"<span>{escape(adapter)}</span>" if adapter else '<span class="is-none">no adapter</span>')
    if state.memory_bytes:
        facts.append(f"<span>{memory_text(state.memory_bytes)}</span>")
    if state.tokens_per_second:
        facts.append(f"<span>{state.tokens_per_second:.0f} tok/s</span>")
    return facts
