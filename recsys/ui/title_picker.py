"""The movie picker: an ARIA combobox over a search on the server, and the chosen movies in order.

Its value is a list of ``{"item_id": int | None, "text": str}``; without an item_id the text is a title
as typed, which the model reads as it stands. What the browser sends is checked here again, since neither
the queue's validators nor the page's own rules stand between a client and this value.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import gradio as gr

from recsys.catalogue import Catalogue, HistoryEntry
from recsys.errors import HistoryError
from recsys.prompts import clean_title
from recsys.settings import MAX_HISTORY
from recsys.ui.markup import escape
from recsys.ui.theme import ASSETS

if TYPE_CHECKING:
    from recsys.workbench import Workbench

MAX_QUERY = 200
MAX_HITS = 20

PickerValue = list[dict[str, Any]]

_TEMPLATE = """
<div class="picker" data-max="{max_entries}" data-label="{label}">
  <ol class="picker-list" aria-label="{label}"></ol>
  <div class="picker-field">
    <svg class="picker-glass" viewBox="0 0 16 16" aria-hidden="true">
      <path d="M11 7a4 4 0 1 1-8 0 4 4 0 0 1 8 0M10 10l4 4"/>
    </svg>
    <input type="text" role="combobox" aria-expanded="false" aria-autocomplete="list" aria-label="{search_label}"
      aria-controls="{elem_id}-hits" autocomplete="off" autocapitalize="off" spellcheck="false" maxlength="{max_query}"
      placeholder="{placeholder}">
    <ul class="picker-hits" id="{elem_id}-hits" role="listbox" aria-label="Movies found" hidden></ul>
  </div>
  <p class="visually-hidden" role="status" aria-live="polite"></p>
</div>
"""


def create_title_picker(
    workbench: Workbench, *, label: str, search_label: str, placeholder: str, elem_id: str
) -> gr.HTML:
    """Makes a picker; its custom event "submit" is Enter in the empty field."""

    def search_titles(query: object) -> list[dict[str, Any]]:
        return find_titles(workbench, query)

    template = _TEMPLATE.format(
        label=escape(label),
        search_label=escape(search_label),
        placeholder=escape(placeholder),
        elem_id=elem_id,
        max_query=MAX_QUERY,
        max_entries=min(MAX_HISTORY, workbench.limits.max_history),
    )
    return gr.HTML(
        [],
        html_template=template,
        js_on_load=(ASSETS / "title_picker.js").read_text(encoding="utf-8"),
        server_functions=[search_titles],
        apply_default_css=False,
        elem_id=elem_id,
        elem_classes=["title-picker"],
    )


def find_titles(workbench: Workbench, query: object, *, limit: int = MAX_HITS) -> list[dict[str, Any]]:
    """The movies found for a query, best first, as plain values; a query of another type finds nothing."""
    if not isinstance(query, str) or not query.strip():
        return []
    hits = workbench.search.search(query[:MAX_QUERY], limit=limit)
    return [
        {
            "item_id": hit.item_id,
            "title": hit.title,
            "year": hit.year,
            "genres": list(hit.genres),
            "matched_name": hit.matched_name,
        }
        for hit in hits
    ]


def read_entries(value: object, catalogue: Catalogue) -> tuple[HistoryEntry, ...]:
    """The history that a picker's value stands for.

    Raises:
        HistoryError: when the value is not what a picker sends, or holds too many or blank titles.
    """
    if value is None:
        return ()
    if not isinstance(value, list):
        raise HistoryError("the movies cannot be read", seen=value, mend="reload the page and pick them again")
    if len(value) > MAX_HISTORY:
        raise HistoryError("too many movies", seen=f"{len(value)} movies", mend=f"keep at most {MAX_HISTORY}")
    return tuple(dict.fromkeys(_read_entry(entry, catalogue) for entry in value))


def write_entries(entries: Iterable[HistoryEntry], catalogue: Catalogue) -> PickerValue:
    """The picker's value for a history."""
    return [
        {"item_id": None, "text": entry}
        if isinstance(entry, str)
        else {"item_id": entry, "text": catalogue[entry].display()}
        for entry in entries
    ]


def find_entry(text: str, catalogue: Catalogue) -> HistoryEntry:
    """The item that a typed title names, or the title itself, cleaned."""
    cleaned = clean_title(text)
    found = catalogue.find(cleaned).item_ids
    return found[0] if found else cleaned


def _read_entry(entry: object, catalogue: Catalogue) -> HistoryEntry:
    if not isinstance(entry, dict):
        raise HistoryError("a movie cannot be read", seen=entry, mend="take it out and pick it again")
    item_id, text = entry.get("item_id"), entry.get("text")
    if item_id is None and isinstance(text, str):
        return clean_title(text)
    if isinstance(item_id, bool) or not isinstance(item_id, int):
        raise HistoryError("a movie cannot be read", seen=entry, mend="take it out and pick it again")
    movie = catalogue[item_id]
    if isinstance(text, str) and text not in ("", movie.display()):
        # A page that was open when the data set was replaced: the id may mean another movie now.
        mend = "take it out and pick it again"
        raise HistoryError("this movie was picked from another data set", seen=text, mend=mend)
    return item_id
