"""Two figures of a grid of answers: what the titles of each came to, and how long each took. Bars are plain HTML."""

from __future__ import annotations

from recsys.recommend import Recommendation
from recsys.several import Cell, GridState, TitlePart, count_titles
from recsys.ui.answer_cards import badge_html
from recsys.ui.markup import escape, plural
from recsys.ui.statuses import Badge

_PARTS: dict[TitlePart, Badge] = {
    "exact": Badge("exact", "=", "exact", "As the catalogue has it, but for case and signs."),
    "resolved": Badge("edited", "≈", "resolved", "Written otherwise; the nearest title of the catalogue was taken."),
    "out_of_catalogue": Badge("out", "∅", "out of catalogue", "No title of the catalogue is near enough."),
    "repeated": Badge("repeated", "↻", "repeated", "Named before in the same answer."),
    "already_known": Badge("liked", "♥", "liked or disliked already", "Named by the person, so no recommendation."),
    "not_written": Badge("year", "–", "not written", "Asked for, but the text names no title at this rank."),
}

_Answered = list[tuple[Cell, Recommendation]]


def figures_html(state: GridState) -> str:
    """Both figures of the answers so far; nothing before the first."""
    answered: _Answered = [
        (state.grid.cells[place], found.answer)
        for place, found in sorted(state.answers.items())
        if found.answer is not None
    ]
    if not answered:
        return ""
    return f'<div class="several-figures">{_titles_figure(state, answered)}{_seconds_figure(state, answered)}</div>'


def _titles_figure(state: GridState, answered: _Answered) -> str:
    asked = answered[0][1].prompt.num_recommendations
    counted = [(cell, count_titles(answer)) for cell, answer in answered]
    bars = [(cell, _stack(counts)) for cell, counts in counted]
    seen = [part for part in _PARTS if any(counts[part] for _, counts in counted)]
    legend = "".join(f"<li>{badge_html(_PARTS[part])}</li>" for part in seen)
    note = f"{plural(asked, 'title')} asked of each; one question is no measure, Evaluate asks many"
    return _figure("What their titles came to", note, _bars(state, bars) + f'<ul class="several-legend">{legend}</ul>')


def _stack(counts: dict[TitlePart, int]) -> str:
    told = ", ".join(f"{number} {_PARTS[part].label}" for part, number in counts.items() if number)
    parts = "".join(
        f'<span class="st-{badge.status}" style="flex-grow:{counts[part]}"><i>{badge.mark}</i>{counts[part]}</span>'
        for part, badge in _PARTS.items()
        if counts[part]
    )
    return f'<span class="several-stack" role="img" aria-label="{escape(told)}" title="{escape(told)}">{parts}</span>'


def _seconds_figure(state: GridState, answered: _Answered) -> str:
    longest = max(answer.completion.seconds for _, answer in answered) or 1.0
    bars = [(cell, _seconds(answer, longest)) for cell, answer in answered]
    return _figure("How long each wrote", "without the load of its model", _bars(state, bars))


def _seconds(answer: Recommendation, longest: float) -> str:
    completion = answer.completion
    speed = f" · {completion.tokens_per_second:.0f} tokens/s" if completion.tokens_told else ""
    width = max(0.005, completion.seconds / longest)
    return (
        f'<span class="several-time"><i aria-hidden="true" style="width:calc({width:.3f} * (100% - 132px))"></i>'
        f"<span>{completion.seconds:.2f} s{speed}</span></span>"
    )


def _bars(state: GridState, bars: list[tuple[Cell, str]]) -> str:
    """A line for each bar; where a row has several, its name stands above them."""
    grid, lines, row = state.grid, [], -1
    grouped = len(grid.columns) > 1
    for cell, bar in bars:
        if grouped and cell.row != row:
            lines.append(f'<li class="several-group">{escape(grid.rows[cell.row])}</li>')
        row = cell.row
        name = (cell.name or grid.columns[cell.column]) if grouped else grid.rows[cell.row]
        lines.append(f'<li><span class="several-bar-name">{escape(name)}</span>{bar}</li>')
    return f'<ul class="several-bars">{"".join(lines)}</ul>'


def _figure(title: str, note: str, body: str) -> str:
    return (
        f'<section class="card several-figure" aria-label="{escape(title)}"><header><h2>{escape(title)}</h2></header>'
        f'<p class="several-figure-note">{escape(note)}</p>{body}</section>'
    )
