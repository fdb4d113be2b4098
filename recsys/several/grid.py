"""Which cells a grid of answers has: who is asked, with which prompt, and what cannot be asked, with the reason.

Nothing is loaded: whether a model fits comes from its sizes, whether it is here from the disk, and whether it reads a
prompt from the registry and the adapter's files. What is wrong with the question itself is raised, since it would
stand in every cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from recsys.errors import HistoryError, RecsysError, SettingsError
from recsys.models.adapter_listing import AdapterInfo
from recsys.models.model_choice import ModelChoice
from recsys.models.planning import fit_model
from recsys.models.presence import is_here, not_here
from recsys.models.registry import find_model
from recsys.recommend import RecommendationRequest
from recsys.remote.settings import is_served
from recsys.settings import PromptSettings

if TYPE_CHECKING:
    from recsys.loaded_data import LoadedData
    from recsys.workbench import Workbench

BASE_ALONE = "Base model alone"
NO_ADAPTER = "No adapter was made for this model."
_ADAPTER_COLUMNS = ("Each with its own prompt",)
_MODEL_COLUMNS = ("Zero-shot", "Few-shot", "Its adapters")


@dataclass(frozen=True)
class Cell:
    """One answer of a grid, asked for or refused.

    Attributes:
        row: Its place in the rows.
        column: Its place in the columns; a row may have several cells in one column, one for each adapter.
        request: What is asked.
        name: The adapter of a cell that shares its place with others; else empty.
        note: How it is asked otherwise than its column says, as a sentence; else empty.
        refusal: Why it is not asked, as a sentence; empty where it is.
    """

    row: int
    column: int
    request: RecommendationRequest
    name: str = ""
    note: str = ""
    refusal: str = ""


@dataclass(frozen=True)
class Grid:
    """The cells of one question, row by row.

    Attributes:
        title: What is compared, in a few words.
        rows: What each row is called.
        columns: What each column is called.
        cells: In the order in which they are read; they are asked in another (answers.py).
    """

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[Cell, ...]

    @property
    def num_asked(self) -> int:
        """Cells that are asked at all."""
        return sum(not cell.refusal for cell in self.cells)

    def label(self, cell: Cell) -> str:
        """A cell's row and what tells it from the others of that row."""
        beside = cell.name or (self.columns[cell.column] if len(self.columns) > 1 else "")
        return " · ".join(filter(None, (self.rows[cell.row], beside)))


def models_here(workbench: Workbench) -> tuple[str, ...]:
    """The names of the listed models that can be asked without a download."""
    return tuple(spec.name for spec in workbench.models() if is_here(spec))


def adapter_grid(
    workbench: Workbench,
    asked: RecommendationRequest,
    adapters: Sequence[str | None],
    data: LoadedData | None = None,
) -> Grid:
    """One question to several adapters of its base model.

    Args:
        workbench: Where models, adapters and limits are.
        asked: The question. An adapter that was trained with another prompt is asked with that one.
        adapters: Names; None is the base model alone.
        data: The movies that the question is of; None takes those in use.

    Raises:
        HistoryError, SettingsError: when the question is wrong, or there are more cells than a visitor may ask for.
    """
    titles = {info.name: info.title for info in workbench.adapters()}
    plan = _Plan(workbench, asked, data)
    chosen = tuple(dict.fromkeys(adapter or None for adapter in adapters))
    cells = [plan.own_prompt(row, 0, asked.choice.model, adapter) for row, adapter in enumerate(chosen)]
    rows = tuple(BASE_ALONE if adapter is None else titles.get(adapter) or adapter for adapter in chosen)
    return plan.grid(
        f"One question, several adapters of {plan.title(asked.choice.model)}", rows, _ADAPTER_COLUMNS, cells
    )


def model_grid(
    workbench: Workbench,
    asked: RecommendationRequest,
    models: Sequence[str],
    data: LoadedData | None = None,
) -> Grid:
    """One question to several models: zero-shot, few-shot, and with each of their adapters.

    Args:
        workbench: Where models, adapters and limits are.
        asked: The question; its model, adapter and prompt style give way to those of the cells.
        models: Registry names, folders or Hub ids.
        data: The movies that the question is of; None takes those in use.

    Raises:
        HistoryError, SettingsError: when the question is wrong, or there are more cells than a visitor may ask for.
    """
    plan = _Plan(workbench, asked, data)
    chosen = tuple(dict.fromkeys(models))
    cells = [cell for row, model in enumerate(chosen) for cell in plan.of_model(row, model)]
    rows = tuple(map(plan.title, chosen))
    return plan.grid("One question, several models and prompts", rows, _MODEL_COLUMNS, cells)


class _Plan:
    """Makes the cells of one question, each checked."""

    def __init__(self, workbench: Workbench, asked: RecommendationRequest, data: LoadedData | None) -> None:
        self.workbench, self.asked, self.data = workbench, asked, data or workbench.data
        workbench.limits.check_generation(asked.generation, asked.decoding)
        workbench.limits.check_history(len(asked.history), len(asked.disliked))
        self._reasons: dict[str, str] = {}  # why a model is not asked at all; "" where it is

    def grid(self, title: str, rows: tuple[str, ...], columns: tuple[str, ...], cells: Sequence[Cell]) -> Grid:
        grid = Grid(title, rows, columns, tuple(cells))
        if not cells:
            raise SettingsError("nothing is chosen to be compared", mend="choose one model or adapter, or more")
        self.workbench.limits.check_cells(grid.num_asked)
        return grid

    def title(self, model: str) -> str:
        known = {spec.name: spec.title for spec in self.workbench.models()}
        return known.get(model, model)

    def of_model(self, row: int, model: str) -> Iterator[Cell]:
        yield self.styled(row, 0, model)
        yield self.styled(row, 1, model)
        adapters = self.workbench.choices.adapters_for(model)
        for info in adapters:
            yield replace(self.own_prompt(row, 2, model, info.name), name=_name(info))
        if not adapters:
            yield Cell(row, 2, self._request(model, None, self.asked.prompt), refusal=NO_ADAPTER)

    def styled(self, row: int, column: int, model: str) -> Cell:
        """A model alone without examples (column 0) or with some (column 1)."""
        prompt = self.asked.prompt.replace(style=("zero_shot", "few_shot")[column])
        request = self._request(model, None, prompt)
        rule = self.workbench.choices.prompt_rule(request.choice)
        if prompt.style in rule.styles:
            return self._checked(Cell(row, column, request))
        if column == 0:  # what it reads has no worked examples either
            note = f"Asked with its own prompt. {rule.reason}"
            return self._checked(Cell(row, column, replace(request, prompt=self._own(request.choice)), note=note))
        return Cell(row, column, request, refusal=rule.reason)

    def own_prompt(self, row: int, column: int, model: str, adapter: str | None) -> Cell:
        """A model with one adapter, or alone, asked with the question's prompt where that is read, else its own."""
        request = self._request(model, adapter, self.asked.prompt)
        try:
            prompt = self._own(request.choice)
        except RecsysError as error:
            return Cell(row, column, request, refusal=str(error))
        return self._checked(Cell(row, column, replace(request, prompt=prompt)))

    def _own(self, choice: ModelChoice) -> PromptSettings:
        rule, prompt = self.workbench.choices.prompt_rule(choice), self.asked.prompt
        return prompt if rule.accepts(prompt) else rule.default.replace(num_examples=prompt.num_examples)

    def _request(self, model: str, adapter: str | None, prompt: PromptSettings) -> RecommendationRequest:
        asked = self.asked.choice
        precision = "auto" if is_served(model) else asked.precision
        return replace(self.asked, prompt=prompt, choice=ModelChoice(model, precision, adapter, asked.int8_threshold))

    def _checked(self, cell: Cell) -> Cell:
        """The cell, refused where its model does not fit or is not here, or does not take what is asked.

        Raises:
            HistoryError: for movies that no cell could take.
        """
        try:
            self.workbench.check(cell.request, self.data)
        except HistoryError:
            raise
        except RecsysError as error:
            return replace(cell, refusal=str(error))
        return replace(cell, refusal=self._why_not(cell.request.choice))

    def _why_not(self, choice: ModelChoice) -> str:
        if choice.model not in self._reasons:
            self._reasons[choice.model] = "" if is_served(choice.model) else self._ask_machine(choice)
        return self._reasons[choice.model]

    def _ask_machine(self, choice: ModelChoice) -> str:
        workbench = self.workbench
        try:
            spec = find_model(choice.model, public=workbench.options.public)
            available = workbench.host.free_bytes()
            fit = fit_model(spec, choice.precision, device=workbench.options.device, available=available)
        except RecsysError as error:
            return str(error)
        if fit is not None and not fit.fits:
            return fit.sentence
        return "" if is_here(spec) else not_here(spec)


def _name(info: AdapterInfo) -> str:
    return info.title or info.name
