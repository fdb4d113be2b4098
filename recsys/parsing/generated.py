"""What the parser answers: the titles of one completion, and what the text is when it is no list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ListFormat = Literal["separated", "comma", "newline", "numbered", "arrow", "single", "none"]
TextProblem = Literal["empty", "code", "prose", "other_script"]


@dataclass(frozen=True)
class GeneratedTitle:
    """One title as the model wrote it.

    Attributes:
        rank: 1-based place in the list.
        title: Without its year.
        year: The year written with it, if any.
        start: Where it starts in the completion's text (its year included in the span).
        end: Where it ends.
    """

    rank: int
    title: str
    year: int | None
    start: int
    end: int


@dataclass(frozen=True)
class ParsedCompletion:
    """The titles of one completion and how it is written.

    Attributes:
        titles: In order, at most the number asked for.
        list_format: How the titles are listed; "none" where there is no list.
        problem: What the text is instead of a list, or None.
        num_titles: Complete titles before the cut at the number asked for.
        has_other_text: Something that is no title stands around or between the first N titles: a lead-in
            ("Here are four movies:"), a description or a remark. What follows the N-th title is not judged,
            since generation ends there, nor what follows the list's closing.
    """

    titles: tuple[GeneratedTitle, ...]
    list_format: ListFormat
    problem: TextProblem | None = None
    num_titles: int = 0
    has_other_text: bool = False

    @property
    def is_well_formed(self) -> bool:
        """Whether the text is a list of titles and nothing else."""
        return self.problem is None and bool(self.titles) and not self.has_other_text
