"""From a completion to the titles it names.

A title may hold commas, and a model may write code, prose or another script instead of a list. The
parser takes the longest run that the catalogue knows before it falls back on the separator, and
reports what is not a list instead of cutting titles out of it.
"""

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
        year: The year in brackets after it, if any.
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
    """

    titles: tuple[GeneratedTitle, ...]
    list_format: ListFormat
    problem: TextProblem | None = None
    num_titles: int = 0

    @property
    def is_well_formed(self) -> bool:
        """Whether the text is a list of titles and nothing else."""
        return self.problem is None and bool(self.titles)
