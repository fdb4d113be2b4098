"""The figures of the story that this project started from, quoted as they stand there.

They are context and not results: nothing here was measured, so no code may test, average or plot them beside what was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class QuotedScore:
    """One model of the story.

    Attributes:
        model: As the story names it.
        map_at_k: MAP@K, of a K that is not stated.
    """

    model: str
    map_at_k: float


STORY_SCORES: Final = (
    QuotedScore("GPT-J 6B", 0.005),
    QuotedScore("LLaMA 7B", 0.007),
    QuotedScore("LLaMA 13B", 0.018),
    QuotedScore("LLaMA 30B", 0.021),
    QuotedScore("LLaMA 65B", 0.019),
)
"""In the story's order, by size."""

STORY_TITLE: Final = "Quoted, not comparable: MAP@K of the story's models"

STORY_CAVEAT: Final = (
    "Quoted from the story: its K, its test records and its catalogue are not stated, so no interval and no comparison "
    "can be made with it."
)
"""Stands wherever the figures stand."""
