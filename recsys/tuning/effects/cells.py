"""The evaluations that the questions compare, asked through the runs of sweeps, so that they go on where they stopped.

Test records are asked: nothing is chosen by what comes out, it only describes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from recsys.errors import SettingsError
from recsys.evaluation.request import EvaluationRequest
from recsys.models.model_choice import ModelChoice
from recsys.models.registry import DEFAULT_MODEL, SMALL_MODEL
from recsys.settings import DecodingSettings, EvaluationSettings, GenerationSettings
from recsys.tuning.axes import Value, apply_values
from recsys.tuning.effects.figures import CellFigures

if TYPE_CHECKING:
    from recsys.evaluation.report import Report
    from recsys.tuning.cells import CellEvaluator
    from recsys.workbench import Workbench

BASE_MODELS: Final = (SMALL_MODEL, DEFAULT_MODEL)
"""Subjects that are models without an adapter; the others are adapters."""
SMALL: Final = (SMALL_MODEL, f"{SMALL_MODEL}-story")
"""Subjects that answer in milliseconds, and are therefore asked about all records."""
LARGE: Final = ("smollm2-liked", "smollm2-liked-disliked", "smollm2-story")
K: Final = 4
CellSize = Literal["full", "some", "few"]
_BATCH_SIZE: Final = 32


@dataclass(frozen=True)
class EffectCell:
    """One subject under some settings; the others are the app's defaults.

    Attributes:
        subject: A base model or an adapter.
        values: The settings that differ, with their values.
        seed: Of the run; another one draws other records unless all are asked.
        num_titles: N and K: titles asked for, and the cut of every metric.
        size: Of the small model alone: how many records; "few" is as many as adapters of the large one.
    """

    subject: str
    values: tuple[tuple[str, Value], ...] = ()
    seed: int = 0
    num_titles: int = K
    size: CellSize = "full"

    @classmethod
    def of(
        cls, subject: str, values: Mapping[str, Value], *, num_titles: int = K, size: CellSize = "full"
    ) -> EffectCell:
        """The cell of these settings, in whatever order they are named.

        >>> one, other = {"top_p": 1.0, "temperature": 0.3}, {"temperature": 0.3, "top_p": 1.0}
        >>> EffectCell.of("a", one) == EffectCell.of("a", other)
        True
        """
        return cls(subject, tuple(sorted(values.items())), 0, num_titles, size)


@dataclass(frozen=True)
class Sizes:
    """How many test records are asked; 0 takes all.

    Attributes:
        small: Of the subjects of SMALL.
        some: Of them where many settings are crossed, and of the adapter among them.
        large: Of adapters of the larger model, drawn with seed 0: the same for all of them.
        base: Of the larger model without an adapter, whose answers are longest; they are among the others.
    """

    small: int = 0
    some: int = 128
    large: int = 64
    base: int = 32

    def of(self, cell: EffectCell) -> int:
        """The records of a cell."""
        if cell.subject == SMALL[1]:
            return self.some
        if cell.subject in SMALL:
            return {"full": self.small, "some": self.some, "few": self.large}[cell.size]
        return self.base if cell.subject == DEFAULT_MODEL else self.large


def make_request(cell: EffectCell, sizes: Sizes, workbench: Workbench) -> EvaluationRequest:
    """The evaluation of a cell, without baselines.

    Raises:
        InputError: when there is no such adapter, or a value is out of range.
        SettingsError: for another seed where only some records are asked.
    """
    if cell.seed and sizes.of(cell):
        mend = "compare seeds of subjects that are asked about all records"
        raise SettingsError("another seed draws other records", seen=cell.subject, mend=mend)
    choice = choose(cell.subject, workbench)
    evaluation = EvaluationSettings(
        num_records=sizes.of(cell), k=cell.num_titles, batch_size=_BATCH_SIZE, seed=cell.seed
    )
    base = EvaluationRequest(
        evaluation=evaluation,
        generation=GenerationSettings(num_recommendations=cell.num_titles),
        prompt=workbench.default_prompt(choice),
        choice=choice,
        baselines=(),
        decoding=DecodingSettings(),
    )
    return apply_values(base, dict(cell.values))


def choose(subject: str, workbench: Workbench) -> ModelChoice:
    """The model, with its adapter where the subject is one.

    Raises:
        AdapterError: when there is no such adapter.
    """
    return ModelChoice(subject) if subject in BASE_MODELS else workbench.choices.find(None, "auto", subject)


def ask_cells(
    cells: Iterable[EffectCell],
    sizes: Sizes,
    workbench: Workbench,
    evaluate: CellEvaluator,
    *,
    keep: Callable[[EffectCell, Report], None] = lambda cell, report: None,
) -> Mapping[EffectCell, CellFigures]:
    """Asks every cell once, those of a subject one after another, since changing the model takes seconds.

    Args:
        cells: In any order, named once or often.
        sizes: How many records.
        workbench: Knows models and data.
        evaluate: Evaluates one cell.
        keep: Told each report.

    Raises:
        RecsysError: what an evaluation raises; what is finished is kept.
    """
    wanted = sorted(set(cells), key=lambda cell: (_place(cell.subject), cell.subject))
    found: dict[EffectCell, CellFigures] = {}
    for number, cell in enumerate(wanted, start=1):
        request = make_request(cell, sizes, workbench)
        report = evaluate(request, f"cell {number} of {len(wanted)}, {cell.subject}")
        keep(cell, report)
        found[cell] = CellFigures.of(report, evaluate.results(report), workbench.catalogue)
    return found


def _place(subject: str) -> int:
    return (*SMALL, DEFAULT_MODEL, *LARGE).index(subject) if subject in (*SMALL, DEFAULT_MODEL, *LARGE) else 99


def with_seeds(cell: EffectCell, seeds: Iterable[int]) -> tuple[EffectCell, ...]:
    """The same cell under several seeds."""
    return tuple(replace(cell, seed=seed) for seed in seeds)
