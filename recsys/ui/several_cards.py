"""One question put to several: a table of answers that fills cell by cell, and two figures of what they came to.

Plain functions from values to HTML. Every word of a person, a file or a model goes through `escape`. The bars are of
the titles of these answers alone, each with its count: one question says little of a model, and the page says so.
"""

from __future__ import annotations

from recsys.catalogue import Catalogue
from recsys.data.records import Record
from recsys.recommend import Recommendation
from recsys.resolution.base import Resolution
from recsys.several import Cell, CellAnswer, GridState
from recsys.ui.answer_cards import badge_html, wrote_text
from recsys.ui.evaluation_cards import duration
from recsys.ui.markup import escape, plural
from recsys.ui.several_figures import figures_html
from recsys.ui.statuses import Badge, leading_badge

_LIST = Badge("exact", "=", "a list of titles", "A list of titles and nothing else.")
_MORE = Badge("year", "!", "titles and other text", "Something that is no title stands among the titles.")
_NO_LIST = {
    "empty": "nothing written",
    "code": "code, no list",
    "prose": "prose, no list",
    "other_script": "another script, no list",
}
_STYLES = {"zero_shot": "zero-shot", "few_shot": "few-shot", "instruction": "instruction", "history": "history"}
_STEADY = 10
"""Seconds from which the time left is told in steps of 5, so that it does not flicker."""


def several_html(
    state: GridState,
    catalogue: Catalogue,
    record: Record | None,
    *,
    waiting: str = "",
    elapsed: float = 0.0,
) -> str:
    """The table so far and its figures.

    Args:
        state: How far the grid is.
        catalogue: What the titles are of.
        record: The held-out record that was asked for, if any; its hits are counted.
        waiting: What is to be said in the cell under way.
        elapsed: Seconds since the state was told, which are taken off the time left.
    """
    progress = progress_text(state, elapsed)
    share = state.num_done / state.grid.num_asked if state.grid.num_asked else 1.0
    bar = "" if state.over else f'<span class="load-bar" aria-hidden="true"><i style="width:{share:.0%}"></i></span>'
    head = (
        f'<header class="several-head"><h2>{escape(state.grid.title)}</h2>'
        f'<p class="card-note">{escape(progress)}</p>{bar}</header>'
    )
    spoken = f'<p class="visually-hidden" role="status">{escape(_spoken(state))}</p>'
    phase = "done" if state.over else "busy"
    table = _table(state, catalogue, record, waiting)
    return f'<div class="several" data-phase="{phase}">{head}{table}{figures_html(state)}</div>{spoken}'


def progress_text(state: GridState, elapsed: float = 0.0) -> str:
    """How many are answered and how long the rest takes: "2 of 9 · about 40 s left"."""
    asked = state.grid.num_asked
    if state.over == "stopped":
        return f"Stopped after {state.num_done} of {asked}"
    if state.over == "timed_out":
        return f"Stopped after {state.num_done} of {asked}: the time that this page gives to one click was over"
    if state.over:
        return plural(asked, "answer") if asked else "Nothing here could be asked"
    done = f"{state.num_done} of {asked}"
    if state.eta_seconds is None:
        return done
    left = max(1.0, state.eta_seconds - elapsed)
    return f"{done} · about {duration(left if left < _STEADY else 5 * round(left / 5))} left"


def _spoken(state: GridState) -> str:
    """For screen readers, once for each cell: seconds that count down would never let them rest."""
    if state.over:
        return f"Done: {progress_text(state)}."
    return f"{state.num_done} of {state.grid.num_asked} answered."


def _table(state: GridState, catalogue: Catalogue, record: Record | None, waiting: str) -> str:
    grid = state.grid
    heads = "".join(f'<th scope="col" role="columnheader">{escape(column)}</th>' for column in grid.columns)
    rows = "".join(_row(row, state, catalogue, record, waiting) for row in range(len(grid.rows)))
    wide = " is-wide" if len(grid.columns) == 1 else ""
    return (
        f'<table class="several-table{wide}" role="table" aria-label="{escape(grid.title)}"><thead role="rowgroup">'
        f'<tr role="row"><td role="cell"></td>{heads}</tr></thead><tbody role="rowgroup">{rows}</tbody></table>'
    )


def _row(row: int, state: GridState, catalogue: Catalogue, record: Record | None, waiting: str) -> str:
    grid = state.grid
    places = [place for place, cell in enumerate(grid.cells) if cell.row == row]
    head = f'<th scope="row" role="rowheader">{escape(grid.rows[row])}</th>'
    refusals = {grid.cells[place].refusal for place in places}
    if len(refusals) == 1 and "" not in refusals and len(grid.columns) > 1:
        whole = f'<td role="cell" colspan="{len(grid.columns)}">{_refusal(refusals.pop())}</td>'
        return f'<tr role="row">{head}{whole}</tr>'
    cells = []
    for column, name in enumerate(grid.columns):
        here = [place for place in places if grid.cells[place].column == column]
        shown = "".join(_cell(place, state, catalogue, record, waiting) for place in here)
        cells.append(f'<td role="cell" data-column="{escape(name)}">{shown}</td>')
    return f'<tr role="row">{head}{"".join(cells)}</tr>'


def _cell(place: int, state: GridState, catalogue: Catalogue, record: Record | None, waiting: str) -> str:
    cell, found = state.grid.cells[place], state.answers.get(place)
    if found is None:
        body = _unanswered(place, state, waiting)
    elif found.answer is None:
        body = _refusal(found.refusal)
    else:
        body = _answer(found.answer, catalogue) + _facts(found, found.answer, record)
    return f'<section class="several-cell">{_name(cell, found, state.grid.columns[cell.column])}{body}</section>'


def _name(cell: Cell, found: CellAnswer | None, column: str) -> str:
    """The adapter where several share the place, the prompt where the column does not tell it, and why it is that."""
    asked = found is None or found.answer is not None
    style = _STYLES[cell.request.prompt.style]
    style = f"{style} prompt" if asked and style != column.lower() else ""
    words = " · ".join(filter(None, (escape(cell.name) and f"<b>{escape(cell.name)}</b>", style)))
    note = f'<p class="several-note">{escape(cell.note)}</p>' if cell.note and asked else ""
    return (f'<p class="several-name">{words}</p>' if words else "") + note


def _unanswered(place: int, state: GridState, waiting: str) -> str:
    if state.over:
        return '<p class="several-quiet">Not asked</p>'
    if place == state.asking:
        return f'<p class="several-quiet is-asking">{escape(waiting or "Writing…")}</p>{_bones()}'
    return _bones()


def _bones() -> str:
    return '<p class="bone"></p><p class="bone bone-short"></p>'


def _refusal(reason: str) -> str:
    return f'<p class="several-refusal">{escape(reason)}</p>'


def _answer(answer: Recommendation, catalogue: Catalogue) -> str:
    resolver = answer.request.resolution.resolver
    titles = "".join(
        _title(resolution, catalogue, leading_badge(resolution, resolver)) for resolution in answer.resolutions
    )
    listed = f'<ol class="several-titles">{titles}</ol>' if titles else ""
    return f'<div class="several-answer">{wrote_text(answer, resolver)}{listed}</div>'


def _title(resolution: Resolution, catalogue: Catalogue, badge: Badge) -> str:
    movie = None if resolution.item_id is None else catalogue[resolution.item_id]
    name = movie.display() if movie else resolution.generated.title
    miss = "" if resolution.is_recommendation else ' class="is-miss"'
    mark = (
        f'<span class="badge st-{badge.status}" title="{escape(f"{badge.label}: {badge.meaning}")}">'
        f'<i aria-hidden="true">{badge.mark}</i><span class="visually-hidden">{escape(badge.label)}</span></span>'
    )
    return f"<li{miss}>{mark}<span>{escape(name)}</span></li>"


def _facts(found: CellAnswer, answer: Recommendation, record: Record | None) -> str:
    completion = answer.completion
    told = [f"{completion.seconds:.2f} s"]
    if completion.tokens_told:
        told.append(plural(completion.completion_tokens, "token"))
    if completion.finish_reason == "stopped":
        told.append("stopped early")
    if record is not None:
        hits = len(set(record.relevant).intersection(answer.item_ids))
        told.append(f"{plural(hits, 'hit')} of {len(record.relevant)}")
    warnings = "".join(f'<p class="several-note">{escape(warning)}</p>' for warning in answer.warnings)
    return f'<p class="several-facts">{badge_html(_form(answer))}<span>{escape(" · ".join(told))}</span></p>{warnings}'


def _form(answer: Recommendation) -> Badge:
    """Whether the text is a list of titles and nothing else."""
    parsed = answer.parsed
    if parsed.is_well_formed:
        return _LIST
    if parsed.problem is None:
        return _MORE
    words = _NO_LIST[parsed.problem]
    return Badge("error", "×", words, "Worked examples in the prompt, or an adapter, usually mend it.")
