"""The records browser: for each record what was liked, what was written, what it means and what came next.

All text of models and data is escaped. Each record folds out in the browser, so opening one asks no server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal

from recsys.catalogue import Catalogue
from recsys.evaluation.report import Report
from recsys.evaluation.results import RecordResult, ResolvedTitle
from recsys.parsing import GeneratedTitle
from recsys.resolution.base import Resolution
from recsys.settings import ResolverName
from recsys.ui.answer_cards import badge_html
from recsys.ui.markup import escape, plural
from recsys.ui.statuses import badges

RecordFilter = Literal["all", "hits", "misses", "out_of_catalogue", "not_a_list"]

PAGE_SIZE: Final = 8

_FILTERS: dict[RecordFilter, tuple[str, Callable[[RecordResult], bool]]] = {
    "all": ("All", lambda result: True),
    "hits": ("With a hit", lambda result: bool(hits(result))),
    "misses": ("No hit", lambda result: not hits(result)),
    "out_of_catalogue": ("Invented a title", lambda result: any(title.match == "none" for title in result.titles)),
    "not_a_list": ("Not a clean list", lambda result: not result.well_formed),
}

_PROBLEMS = {
    "empty": "nothing written",
    "code": "code, not a list",
    "prose": "prose, not a list",
    "other_script": "another script",
}
_FINISHES = {
    "titles_complete": "the list was complete or closed",
    "end_of_text": "the model ended the text",
    "max_new_tokens": "cut at the token limit",
    "stopped": "stopped",
}


_HIT = '<span class="badge ev-hit-badge">✓ hit</span>'


def hits(result: RecordResult) -> set[int]:
    """The relevant items among those recommended."""
    return {item_id for item_id in result.item_ids if item_id is not None} & set(result.relevant)


def filter_choices(results: Sequence[RecordResult]) -> list[tuple[str, str]]:
    """Label with count, and name, of every filter."""
    return [(f"{title} ({sum(map(fits, results))})", name) for name, (title, fits) in _FILTERS.items()]


def filter_records(results: Sequence[RecordResult], name: str) -> list[RecordResult]:
    """The records that a filter keeps, the best answered first; an unknown filter keeps all."""
    fits = next((fits for known, (_, fits) in _FILTERS.items() if known == name), _FILTERS["all"][1])
    kept = [result for result in results if fits(result)]
    return sorted(kept, key=lambda result: -result.metrics.get("map", 0.0))


def num_pages(num_records: int) -> int:
    """Pages that hold so many records; one, though empty, for none."""
    return max(1, -(-num_records // PAGE_SIZE))


def records_html(results: Sequence[RecordResult], page: int, catalogue: Catalogue, resolver: ResolverName) -> str:
    """One page of records, each folded; pages count from 0."""
    shown = results[page * PAGE_SIZE : (page + 1) * PAGE_SIZE]
    if not shown:
        return '<p class="ev-empty-line">No record fits this filter.</p>'
    return f'<ol class="ev-records">{"".join(_record(result, catalogue, resolver) for result in shown)}</ol>'


def no_records_html(report: Report) -> str:
    """What stands in place of the records of a report that came without them."""
    command = f'<pre class="ev-written">{escape(report.command)}</pre>' if report.command else ""
    told = "This report came with the repository, and its records did not. To look at them, evaluate again:"
    return f'<p class="ev-quiet">{told}</p>{command}'


def _record(result: RecordResult, catalogue: Catalogue, resolver: ResolverName) -> str:
    hit = hits(result)
    return (
        f'<li><details class="ev-record{" ev-record-hit" if hit else ""}" data-record="{escape(result.record_id)}">'
        f"<summary>{_summary(result, hit)}</summary>"
        '<div class="ev-record-body">'
        f"{_column('Liked before', _history(result, catalogue))}"
        f"{_column('What the model wrote', _written(result))}"
        f"{_column('What it resolves to', _resolved(result, catalogue, resolver))}"
        f"{_column('What was liked next', _truth(result, catalogue, hit))}"
        "</div></details></li>"
    )


def _summary(result: RecordResult, hit: set[int]) -> str:
    dots = "".join(
        f'<i class="{"ev-dot-hit" if item_id in hit and item_id is not None else "ev-dot"}"></i>'
        for item_id in result.item_ids
    )
    told = _PROBLEMS.get(result.problem or "", "") or plural(len(result.titles), "title")
    return (
        f'<span class="ev-record-hits"><b>{len(hit)}</b>&thinsp;/&thinsp;{len(result.relevant)} hit</span>'
        f'<span class="ev-dots" aria-hidden="true">{dots}</span>'
        f'<span class="ev-record-name">Record {escape(result.record_id)}</span>'
        f'<span class="ev-record-told">{escape(told)}</span>'
        f'<span class="ev-record-score">AP {result.metrics.get("map", 0.0):.3f}</span>'
    )


def _column(title: str, body: str) -> str:
    return f"<section><h5>{title}</h5>{body}</section>"


def _history(result: RecordResult, catalogue: Catalogue) -> str:
    return "<ol>" + "".join(f"<li>{escape(_name(item_id, catalogue))}</li>" for item_id in result.history) + "</ol>"


def _written(result: RecordResult) -> str:
    text = escape(result.completion.strip()) if result.completion.strip() else '<em class="ev-quiet">nothing</em>'
    notes = [
        plural(result.tokens, "token"),
        f"{result.seconds:.1f} s",
        _FINISHES.get(result.finish_reason, result.finish_reason),
    ]
    problem = _PROBLEMS.get(result.problem or "")
    warned = f'<p><span class="badge st-error">{problem}</span></p>' if problem else ""
    noted = " · ".join(escape(note) for note in notes if note)
    return f'<pre class="ev-written" dir="auto">{text}</pre>{warned}<p class="ev-quiet">{noted}</p>'


def _resolved(result: RecordResult, catalogue: Catalogue, resolver: ResolverName) -> str:
    if not result.titles:
        return '<p class="ev-quiet">No title to resolve.</p>'
    hit = hits(result)
    rows = []
    for rank, (title, counted) in enumerate(zip(result.titles, result.item_ids, strict=True), start=1):
        marks = [badge_html(badge) for badge in badges(_as_resolution(title, rank), resolver)]
        is_hit = counted is not None and counted in hit
        marks += [_HIT] if is_hit else []
        name = f"<span>{_resolved_name(title, catalogue)}</span>"
        rows.append(
            f'<li class="{"ev-hit" if is_hit else ""}">{name}<span class="ev-marks">{"".join(marks)}</span></li>'
        )
    return f'<ol class="ev-titles">{"".join(rows)}</ol>'


def _resolved_name(title: ResolvedTitle, catalogue: Catalogue) -> str:
    written = f"{title.title} ({title.year})" if title.year is not None else title.title
    if title.item_id is not None:
        name = _name(title.item_id, catalogue)
        was = "" if name == written else f"<small>written: {escape(written)}</small>"
        return escape(name) + was
    near = title.nearest_item_id
    hint = "" if near is None else f"<small>nearest: {escape(_name(near, catalogue))}</small>"
    return f"<s>{escape(written)}</s>{hint}"


def _as_resolution(title: ResolvedTitle, rank: int) -> Resolution:
    """The resolution that a stored title came from, so that its badges are those of the Recommend tab."""
    return Resolution(
        generated=GeneratedTitle(rank, title.title, title.year, 0, 0),
        item_id=title.item_id,
        match=title.match,  # type: ignore[arg-type]
        distance=title.distance,
        similarity=title.similarity,
        flags=frozenset(title.flags),  # type: ignore[arg-type]
        nearest_item_id=title.nearest_item_id,
    )


def _truth(result: RecordResult, catalogue: Catalogue, hit: set[int]) -> str:
    rows = "".join(
        f'<li class="{"ev-hit" if item_id in hit else ""}"><span>{escape(_name(item_id, catalogue))}</span>'
        f"<span>{_HIT if item_id in hit else ''}</span></li>"
        for item_id in result.relevant
    )
    return f'<ul class="ev-titles">{rows}</ul>'


def _name(item_id: int, catalogue: Catalogue) -> str:
    movie = catalogue.by_id.get(item_id)
    return movie.display() if movie else f"item {item_id}"
