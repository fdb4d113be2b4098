"""What the titles of one answer came to, each rank that was asked for in exactly one part.

Shares of one answer are no measure of a model: evaluation.misses classes many records, and knows what is a hit.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, Literal, get_args

from recsys.recommend import Recommendation
from recsys.resolution.base import Resolution

TitlePart = Literal["exact", "resolved", "out_of_catalogue", "repeated", "already_known", "not_written"]
PARTS: Final[tuple[TitlePart, ...]] = get_args(TitlePart)
"""As the catalogue has it (but for case and signs), found by a resolver, not found, named before, liked or disliked
already, and never written."""


def count_titles(answer: Recommendation) -> dict[TitlePart, int]:
    """How many of the ranks asked for are of each part; they add up to N."""
    asked = answer.prompt.num_recommendations
    counts = Counter(_part(resolution) for resolution in answer.resolutions[:asked])
    counts["not_written"] = asked - counts.total()
    return {part: counts[part] for part in PARTS}


def _part(resolution: Resolution) -> TitlePart:
    if resolution.flags & {"already_liked", "already_disliked"}:
        return "already_known"
    if "repeated" in resolution.flags:
        return "repeated"
    if resolution.item_id is None:
        return "out_of_catalogue"
    return "exact" if resolution.match in ("exact", "normalised") else "resolved"
