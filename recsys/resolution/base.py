"""What every resolver answers, and the protocol that resolvers share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from recsys.parsing import GeneratedTitle

Match = Literal["exact", "normalised", "fuzzy", "semantic", "none"]
Flag = Literal["repeated", "already_liked", "already_disliked", "wrong_year", "ambiguous", "forced"]


@dataclass(frozen=True)
class Candidate:
    """The nearest item that a resolver found for one title.

    Attributes:
        item_ids: The nearest item first, then others at the same distance.
        distance: Edits for levenshtein, 1 - shared share for common_characters, 1 - cosine for embedding.
        similarity: 0 to 1, comparable with the resolver's threshold.
    """

    item_ids: tuple[int, ...]
    distance: float
    similarity: float


class TitleResolver(Protocol):
    """Finds the nearest catalogue item for titles that no exact or normalised look-up knows."""

    name: str
    match: Match
    default_threshold: float

    def nearest(self, titles: Sequence[str], years: Sequence[int | None]) -> list[Candidate]:
        """The nearest item for each title (given without its year)."""
        ...


@dataclass(frozen=True)
class Resolution:
    """What one generated title stands for.

    Attributes:
        generated: The title as the model wrote it, with its rank.
        item_id: The catalogue item, or None when the title is out of catalogue.
        match: How it was found; "none" is out of catalogue.
        distance: In the resolver's own unit; 0 for exact and normalised matches; None when nothing is near.
        similarity: 0 to 1.
        flags: What else a reader must know.
        nearest_item_id: The nearest item even where it is too far to count, to be shown as a hint.
    """

    generated: GeneratedTitle
    item_id: int | None
    match: Match
    distance: float | None
    similarity: float
    flags: frozenset[Flag] = frozenset()
    nearest_item_id: int | None = None

    @property
    def is_recommendation(self) -> bool:
        """Whether the title names a new movie; anything else keeps its rank as a miss."""
        return self.item_id is not None and not self.flags & {"repeated", "already_liked", "already_disliked"}
