"""The same question answered twice, side by side: free text, and what only the catalogue allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from recsys.catalogue import Catalogue
from recsys.data.records import Record
from recsys.errors import CancelledError, RecsysError
from recsys.recommend import Recommendation, RecommendationRequest
from recsys.settings import DecodingSettings
from recsys.ui.answer_cards import answer_cards, cancelled_cards, error_cards
from recsys.ui.answer_details import record_truth
from recsys.ui.markup import escape, plural
from recsys.ui.side_by_side import SideState

_NAMES = {
    "free": "Free text",
    "catalogue_list": "Catalogue list",
    "catalogue_rank": "Catalogue ranking",
    "hybrid": "Hybrid",
}


@dataclass(frozen=True)
class Side:
    """One of the two answers.

    Attributes:
        name: How it was asked.
        html: Its cards, finished or on their way.
        note: What it took and came to; empty while it is on its way.
        head: HTML below the name.
    """

    name: str
    html: str
    note: str = ""
    head: str = ""


def requests_to_compare(asked: RecommendationRequest) -> tuple[RecommendationRequest, RecommendationRequest]:
    """The question in free text, and with the catalogue mode that is chosen: a list where none is."""
    chosen = asked.decoding if asked.decoding.is_catalogue else DecodingSettings("catalogue_list")
    return replace(asked, decoding=DecodingSettings()), replace(asked, decoding=chosen)


def side_name(request: RecommendationRequest) -> str:
    """How a request is asked, in two words."""
    return _NAMES[request.decoding.decoding]


def drawn_sides(
    states: Sequence[SideState], requests: Sequence[RecommendationRequest], catalogue: Catalogue, record: Record | None
) -> str:
    """The sides of a comparison as far as they have come."""
    return compare_html(
        tuple(_drawn(state, request, catalogue, record) for state, request in zip(states, requests, strict=True))
    )


def _drawn(state: SideState, request: RecommendationRequest, catalogue: Catalogue, record: Record | None) -> Side:
    if isinstance(state, Recommendation):
        return finished_side(state, catalogue, record)
    if isinstance(state, RecsysError):
        stopped = isinstance(state, CancelledError)
        return Side(side_name(request), cancelled_cards() if stopped else error_cards(state))
    return Side(side_name(request), state)


def finished_side(
    answer: Recommendation,
    catalogue: Catalogue,
    record: Record | None,
    *,
    name: str = "",
    head: str = "",
    marks: Mapping[int, str] | None = None,
) -> Side:
    """An answer with what it took, and its hits where the truth is known.

    Args:
        answer: The answer.
        catalogue: Its movies.
        record: The held-out record that was asked for, if any.
        name: How it was asked; by default its decoding.
        head: HTML below the name.
        marks: HTML beside the badges of a rank.
    """
    completion = answer.completion
    found = sum(item is not None for item in answer.item_ids)
    notes = [
        f"{completion.seconds:.2f} s",
        plural(completion.completion_tokens, "token") if completion.tokens_told else "tokens not told",
        f"{found} of {answer.prompt.num_recommendations} recommended",
    ]
    html = answer_cards(answer, catalogue, marks or {})
    if record is not None:
        hits = len(set(record.relevant).intersection(answer.item_ids))
        notes.append(f"{plural(hits, 'hit')} of {len(record.relevant)}")
        html += record_truth(answer, catalogue, record)
    return Side(name or side_name(answer.request), html, " · ".join(notes), head)


def compare_html(sides: tuple[Side, ...]) -> str:
    """The sides, each under its name."""
    return f'<div class="compare">{"".join(_side(side) for side in sides)}</div>'


def _side(side: Side) -> str:
    name = escape(side.name)
    return (
        f'<section class="compare-side" aria-label="{name}"><header><h2>{name}</h2>'
        f'<span class="card-note">{escape(side.note)}</span></header>{side.head}{side.html}</section>'
    )
