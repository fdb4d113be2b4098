"""A and B as cards: how they differ, and their two answers side by side with what both have.

Plain functions from values to HTML. Every word of a person or of a model goes through `escape`.
"""

from __future__ import annotations

from collections.abc import Sequence

from recsys.catalogue import Catalogue
from recsys.data.records import Record
from recsys.errors import CancelledError, RecsysError
from recsys.recommend import Recommendation
from recsys.resolution.base import Resolution
from recsys.ui.ab_differences import Difference
from recsys.ui.answer_cards import cancelled_cards, error_cards
from recsys.ui.compare_cards import Side, compare_html, finished_side
from recsys.ui.markup import escape, plural
from recsys.ui.side_by_side import SideState

NAMES = ("A", "B")


def kept_html(differences: Sequence[Difference], notes: Sequence[str], link: str) -> str:
    """The card of A: what differs from the panel, A before B.

    Args:
        differences: Of A, and of B, which is the panel.
        notes: What one should know before asking both, each as a sentence.
        link: Restores both.
    """
    if differences:
        lead = f"{plural(len(differences), 'setting')} differ" + ("s" if len(differences) == 1 else "")
    else:
        lead = "no difference yet"
    rows = "".join(_difference(difference) for difference in differences)
    table = (
        '<table class="ab-table"><thead><tr><th scope="col"><span class="visually-hidden">Setting</span></th>'
        f'<th scope="col">A</th><th scope="col">B</th></tr></thead><tbody>{rows}</tbody></table>'
        if rows
        else "<p>The panel is B. Move a control or take another preset, and what differs is listed here.</p>"
    )
    told = "".join(f'<p class="ab-note">{escape(note)}</p>' for note in notes)
    return (
        f'<section class="ab-kept" aria-label="Settings A and B"><header><h2>A is kept, the panel is B</h2>'
        f'<span class="card-note" role="status">{lead}</span></header>{table}{told}'
        f'<p class="ab-link"><button type="button" class="copy" data-copy="{escape(link)}">Copy link to both</button>'
        '<span class="visually-hidden" role="status"></span></p></section>'
    )


def _difference(difference: Difference) -> str:
    hint = f' class="is-idle" title="No effect in either: {escape(difference.idle)}"' if difference.idle else ""
    return (
        f'<tr{hint}><th scope="row">{escape(difference.label)}</th><td>{escape(difference.a)}</td>'
        f"<td>{escape(difference.b)}</td></tr>"
    )


def sides_html(
    states: Sequence[SideState], differences: Sequence[Difference], catalogue: Catalogue, record: Record | None
) -> str:
    """The two answers, as far as they have come; the marks of both come when both are there."""
    answers = [state for state in states if isinstance(state, Recommendation)]
    marks = mark_both(answers[0], answers[1]) if len(answers) == 2 else ({}, {})
    heads = (_head([(d.label, d.a) for d in differences]), _head([(d.label, d.b) for d in differences]))
    sides = [
        _side(name, state, head, mine, catalogue, record)
        for name, state, head, mine in zip(NAMES, states, heads, marks, strict=True)
    ]
    return _overlap(answers) + compare_html(tuple(sides))


def _side(
    name: str, state: SideState, head: str, marks: dict[int, str], catalogue: Catalogue, record: Record | None
) -> Side:
    if isinstance(state, Recommendation):
        return finished_side(state, catalogue, record, name=name, head=head, marks=marks)
    if isinstance(state, CancelledError):
        return Side(name, cancelled_cards(), "stopped", head)
    if isinstance(state, RecsysError):
        return Side(name, error_cards(state), "no answer", head)
    return Side(name, state, "", head)


def _head(values: Sequence[tuple[str, str]]) -> str:
    chips = "".join(f"<li>{escape(label)} <b>{escape(value)}</b></li>" for label, value in values)
    shown = chips or "<li>the same settings in both</li>"
    return f'<ul class="settings-in-effect ab-head" aria-label="Settings that differ">{shown}</ul>'


def mark_both(a: Recommendation, b: Recommendation) -> tuple[dict[int, str], dict[int, str]]:
    """By rank, what of each answer the other has too, and in B how many ranks it moved from A."""
    ranks_a, ranks_b = _ranks(a), _ranks(b)
    mine = {rank: _mark("both" if key in ranks_b else "only", "A") for key, rank in ranks_a.items()}
    theirs = {
        rank: _mark("both", "B", ranks_a[key] - rank) if key in ranks_a else _mark("only", "B")
        for key, rank in ranks_b.items()
    }
    return mine, theirs


def _ranks(answer: Recommendation) -> dict[object, int]:
    """The first rank of each title: of its item, or of what was written where that is none."""
    ranks: dict[object, int] = {}
    for resolution in answer.resolutions:
        ranks.setdefault(_key(resolution), resolution.generated.rank)
    return ranks


def _key(resolution: Resolution) -> object:
    generated = resolution.generated
    return resolution.item_id if resolution.item_id is not None else (generated.title.casefold(), generated.year)


def _mark(kind: str, name: str, moved: int | None = None) -> str:
    if kind == "only":
        return f'<span class="ab-mark is-only" title="The other side does not have it.">only {name}</span>'
    if moved is None:
        return '<span class="ab-mark is-both" title="B has it too.">in both</span>'
    arrow = f"↑{moved}" if moved > 0 else f"↓{-moved}" if moved < 0 else "="
    words = f"{plural(abs(moved), 'rank')} {'higher' if moved > 0 else 'lower'} than in A" if moved else "the rank of A"
    return (
        f'<span class="ab-mark is-both" title="A has it too; {words}.">in both <b aria-hidden="true">{arrow}</b>'
        f'<span class="visually-hidden">, {words}</span></span>'
    )


def _overlap(answers: Sequence[Recommendation]) -> str:
    if len(answers) < 2:
        return ""
    a, b = (_ranks(answer) for answer in answers)
    both = len(a.keys() & b.keys())
    told = f"{both} of {plural(len(a.keys() | b.keys()), 'title')} in both answers"
    return f'<p class="ab-overlap" role="status">{told}.</p>'
