"""The same question answered twice, side by side: free text, and what only the catalogue allows."""

from __future__ import annotations

from dataclasses import dataclass, replace

from recsys.catalogue import Catalogue
from recsys.data.records import Record
from recsys.recommend import Recommendation, RecommendationRequest
from recsys.settings import DecodingSettings
from recsys.ui.answer_cards import answer_cards
from recsys.ui.answer_details import record_truth
from recsys.ui.markup import escape, plural

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
    """

    name: str
    html: str
    note: str = ""


def requests_to_compare(asked: RecommendationRequest) -> tuple[RecommendationRequest, RecommendationRequest]:
    """The question in free text, and with the catalogue mode that is chosen: a list where none is."""
    chosen = asked.decoding if asked.decoding.is_catalogue else DecodingSettings("catalogue_list")
    return replace(asked, decoding=DecodingSettings()), replace(asked, decoding=chosen)


def side_name(request: RecommendationRequest) -> str:
    """How a request is asked, in two words."""
    return _NAMES[request.decoding.decoding]


def finished_side(answer: Recommendation, catalogue: Catalogue, record: Record | None) -> Side:
    """An answer with what it took, and its hits where the truth is known."""
    completion = answer.completion
    found = sum(item is not None for item in answer.item_ids)
    notes = [
        f"{completion.seconds:.2f} s",
        plural(completion.completion_tokens, "token") if completion.tokens_told else "tokens not told",
        f"{found} of {answer.prompt.num_recommendations} recommended",
    ]
    html = answer_cards(answer, catalogue)
    if record is not None:
        hits = len(set(record.relevant).intersection(answer.item_ids))
        notes.append(f"{plural(hits, 'hit')} of {len(record.relevant)}")
        html += record_truth(answer, catalogue, record)
    return Side(side_name(answer.request), html, " · ".join(notes))


def compare_html(sides: tuple[Side, ...]) -> str:
    """The sides, each under its name."""
    return f'<div class="compare">{"".join(_side(side) for side in sides)}</div>'


def _side(side: Side) -> str:
    name = escape(side.name)
    return (
        f'<section class="compare-side" aria-label="{name}"><header><h2>{name}</h2>'
        f'<span class="card-note">{escape(side.note)}</span></header>{side.html}</section>'
    )
