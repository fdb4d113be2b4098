"""An answer to a question: a sentence that its figures word, and the tables that it stands on. Draws no conclusion."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recsys.catalogue import Catalogue
    from recsys.evaluation.report import Report
    from recsys.tuning.effects.cells import EffectCell
    from recsys.tuning.effects.costs import Cost, CostCell
    from recsys.tuning.effects.figures import CellFigures


@dataclass(frozen=True)
class Table:
    """Figures in rows.

    Attributes:
        caption: What they are of: which subject and settings.
        of: Their denominator: records, users, titles.
        heads: One a column.
        rows: Texts, one a column.
    """

    caption: str
    of: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Finding:
    """What a question came to.

    Attributes:
        answer: Worded by the figures alone.
        tables: What it stands on.
        details: More sentences that figures word.
        notes: What the figures cannot tell.
        numbers: The figures as plain JSON values.
    """

    answer: str
    tables: tuple[Table, ...]
    details: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "answer": self.answer,
            "details": list(self.details),
            "notes": list(self.notes),
            "numbers": dict(self.numbers),
            "tables": [asdict(table) for table in self.tables],
        }


@dataclass(frozen=True)
class Evidence:
    """All that questions may look at.

    Attributes:
        cells: The evaluations by what was asked.
        costs: Processor time by what was timed.
        reports: The reports that come with the repository, by name.
        curves: MAP of validation records after each epoch of a training, by adapter.
        catalogue: Names and years of the movies.
    """

    cells: Mapping[EffectCell, CellFigures]
    costs: Mapping[CostCell, Cost]
    reports: Mapping[str, Report]
    curves: Mapping[str, Sequence[float]]
    catalogue: Catalogue


@dataclass(frozen=True)
class Question:
    """One question: what is asked for it, and how its figures are compared.

    Attributes:
        name: Of the command line.
        title: The question in words.
        cells: The evaluations that it needs.
        answer: Compares them.
        costs: What it needs timed.
        is_partial: Whether a part of what it needs already answers a part; it gives None where that is too little.
    """

    name: str
    title: str
    cells: tuple[EffectCell, ...]
    answer: Callable[[Evidence], Finding | None]
    costs: tuple[CostCell, ...] = ()
    is_partial: bool = False
