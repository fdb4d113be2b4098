"""The preset row: one of the shipped presets or of a person's own, and what can be done with it.

The row keeps a person's own presets in their browser alone. The server checks and converts what it is sent, answers,
and keeps nothing. What is in the browser is read as if a stranger had written it: see assets/ui/presets.js.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable
from typing import Any

import gradio as gr

from recsys.presets import MAX_NAME, MAX_TEXT, SHIPPED
from recsys.ui.markup import escape
from recsys.ui.theme import ASSETS

OWN_SETTINGS = "Own settings"
"""What settings are called that are no preset's."""
STORAGE_KEY = "recsys.presets"
MAX_PRESETS = 100
"""Of one person."""

_serial: Callable[[], int] = itertools.count(1).__next__

# Buttons keep their place when they cannot be used, so that no focus is lost.
_TEMPLATE = """
<div class="presets" data-shipped="{shipped}" data-key="{key}" data-most="{most}" data-longest="{longest}"
  data-text="{text}" data-own="{own}">
  <label class="presets-choice"><span>Preset</span><select class="presets-select" aria-label="Preset"></select></label>
  <p class="presets-about"></p>
  <div class="presets-buttons" role="group" aria-label="What to do with presets">
    <button type="button" data-do="save" aria-expanded="false">Save</button>
    <button type="button" data-do="rename" aria-expanded="false">Rename</button>
    <button type="button" data-do="delete">Delete</button>
    <button type="button" data-do="export">Export</button>
    <button type="button" data-do="import" aria-expanded="false">Import</button>
    <button type="button" data-do="restore">Restore defaults</button>
  </div>
  <form class="presets-form presets-naming" hidden>
    <label><span>Name</span><input type="text" autocomplete="off" spellcheck="false"></label>
    <button type="submit">Save</button><button type="button" data-do="cancel">Cancel</button>
  </form>
  <form class="presets-form presets-bringing" hidden>
    <label><span>What Export wrote, pasted</span><textarea rows="3" spellcheck="false"></textarea></label>
    <label><span>Or its file</span><input type="file" accept=".json,application/json"></label>
    <button type="submit">Import</button><button type="button" data-do="cancel">Cancel</button>
  </form>
  <p class="presets-status"><span role="status"></span> <button type="button" data-do="undo" hidden>Undo</button></p>
</div>
"""


def create_preset_row(*, elem_id: str = "presets") -> gr.HTML:
    """Makes the row.

    Its events: ``pick`` (``name`` of a shipped preset, or ``preset``, the JSON of one's own), ``save`` (``name``),
    ``bring`` (``text``, to be read as a preset) and ``restore``. Its value is what `told` makes; its property
    ``present`` are the settings of the panel as a preset has them, None where they cannot be.
    """
    template = _TEMPLATE.format(
        shipped=_attribute([preset.to_dict() | {"about": preset.about} for preset in SHIPPED]),
        key=STORAGE_KEY,
        most=MAX_PRESETS,
        longest=MAX_NAME,
        text=MAX_TEXT,
        own=OWN_SETTINGS,
    )
    return gr.HTML(
        {},
        html_template=template,
        js_on_load=(ASSETS / "presets.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=elem_id,
        elem_classes=["preset-row"],
        present=None,
    )


def told(did: str, text: str, *, preset: dict[str, Any] | None = None, problems: Iterable[str] = ()) -> dict[str, Any]:
    """What the row says after something was done.

    Args:
        did: picked, saved, brought, restored, or wrong where it could not be done.
        text: In words.
        preset: What the browser is to keep, or where controls were set, what they are now.
        problems: What could not be taken as it was, each as a sentence.
    """
    return {"serial": _serial(), "did": did, "text": " ".join([text, *problems]), "preset": preset}


def _attribute(value: object) -> str:
    """JSON in an attribute of a template, whose backslashes JavaScript would read."""
    return escape(json.dumps(value, ensure_ascii=False)).replace("\\", "&#92;")
