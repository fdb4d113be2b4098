"""Asks the cells of a grid one after the other, so that each model is loaded once and its adapters are swapped on it.

Every cell goes the way of a single answer, with a turn of its own at the model. What goes wrong with one is told in
its place, and the others are asked all the same.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from recsys.errors import CancelledError, HistoryError, RecsysError
from recsys.limits import stopped_after
from recsys.models.model_choice import ModelChoice
from recsys.recommend import Recommendation, RecommendationRequest
from recsys.several.grid import Cell, Grid

if TYPE_CHECKING:
    from recsys.loaded_data import LoadedData
    from recsys.workbench import Workbench


@dataclass(frozen=True)
class CellAnswer:
    """What a cell came to.

    Attributes:
        answer: Its answer; None where there is none.
        refusal: Why there is none, as a sentence; empty beside an answer.
        seconds: From its turn to its end, a load included; 0 where it was not asked.
    """

    answer: Recommendation | None = None
    refusal: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class GridState:
    """How far a grid is; each is whole, so that a reader may miss some.

    Attributes:
        grid: What is asked.
        answers: By the cell's place in ``grid.cells``; those refused beforehand are there from the first.
        asking: The place of the cell under way; None between cells and at the end.
        num_done: Cells that were asked and are finished.
        eta_seconds: What the rest takes at the pace so far; None before the first answer.
        over: Why no more will come: "", "done", "stopped" by a person, or "timed_out" at a public page's limit.
    """

    grid: Grid
    answers: Mapping[int, CellAnswer] = field(default_factory=dict)
    asking: int | None = None
    num_done: int = 0
    eta_seconds: float | None = None
    over: str = ""


def answer_grid(
    workbench: Workbench,
    grid: Grid,
    *,
    data: LoadedData | None = None,
    cancel: threading.Event | None = None,
) -> Iterator[GridState]:
    """Answers a grid, yielding its state before and after each cell, and at the end.

    Args:
        workbench: Answers each cell.
        grid: What adapter_grid or model_grid made.
        data: The movies that it is of; None takes those in use.
        cancel: Set from another thread to stop; what was written by then is still read.

    Raises:
        HistoryError: for movies that no cell can take.
    """
    cancel, data = cancel or threading.Event(), data or workbench.data
    over = _EitherEvent(cancel)
    pace = _Pace(grid, in_order(grid, workbench.host.state().choice))
    refused = {place: CellAnswer(refusal=cell.refusal) for place, cell in enumerate(grid.cells) if cell.refusal}
    state = GridState(grid, refused)
    with stopped_after(workbench.limits.max_grid_seconds, over):
        for place in pace.order:
            if over.is_set():
                break
            state = replace(state, asking=place, eta_seconds=pace.seconds_left())
            yield state
            found = _answer_cell(workbench, grid.cells[place].request, data, over)
            if found is None:
                break
            pace.note(place, found)
            answers = {**state.answers, place: found}
            state = replace(
                state, answers=answers, asking=None, num_done=state.num_done + 1, eta_seconds=pace.seconds_left()
            )
            yield state
    ended = "done" if state.num_done == grid.num_asked else "stopped" if cancel.is_set() else "timed_out"
    yield replace(state, asking=None, eta_seconds=None, over=ended)


def in_order(grid: Grid, present: ModelChoice | None) -> tuple[int, ...]:
    """The places of the cells that are asked: the model in memory first, then model by model, adapter by adapter."""
    asked = [place for place, cell in enumerate(grid.cells) if not cell.refusal]
    bases = list(dict.fromkeys(_base(grid.cells[place]) for place in asked))
    if present is not None and present.base in bases:
        bases.insert(0, bases.pop(bases.index(present.base)))
    adapters = list(dict.fromkeys(grid.cells[place].request.choice.adapter for place in asked))

    def key(place: int) -> tuple[int, bool, int]:
        adapter = grid.cells[place].request.choice.adapter
        return bases.index(_base(grid.cells[place])), adapter is not None, adapters.index(adapter)

    return tuple(sorted(asked, key=key))


def _answer_cell(
    workbench: Workbench, request: RecommendationRequest, data: LoadedData, over: threading.Event
) -> CellAnswer | None:
    """What one cell comes to; None where it was stopped before anything was written."""
    started = time.monotonic()
    # Its own event: a public page's limit of one answer sets it, which must not stop the others.
    own = _EitherEvent(over)
    try:
        answer = workbench.recommend(request, data=data, cancel=own)
    except CancelledError:
        return None
    except HistoryError:
        raise
    except RecsysError as error:
        return CellAnswer(refusal=str(error), seconds=time.monotonic() - started)
    return CellAnswer(answer, seconds=time.monotonic() - started)


def _base(cell: Cell) -> tuple[object, ...]:
    return cell.request.choice.base


class _EitherEvent(threading.Event):
    """Set once it or another event is set. Those who only look are told; nobody waits for it."""

    def __init__(self, other: threading.Event) -> None:
        super().__init__()
        self._other = other

    def is_set(self) -> bool:
        return super().is_set() or self._other.is_set()


class _Pace:
    """How long the cells that are left will take: by those of the same model where there are some, else by all.

    The first cell of each model also loads it, which is counted apart.
    """

    def __init__(self, grid: Grid, order: tuple[int, ...]) -> None:
        self.order = order
        self._grid = grid
        self._answering: dict[int, float] = {}
        self._loading: dict[tuple[object, ...], float] = {}

    def note(self, place: int, found: CellAnswer) -> None:
        base = _base(self._grid.cells[place])
        writing = found.seconds if found.answer is None else min(found.seconds, found.answer.completion.seconds)
        if base not in self._loading:
            self._loading[base] = found.seconds - writing
            self._answering[place] = writing
        else:
            self._answering[place] = found.seconds

    def seconds_left(self) -> float | None:
        if not self._answering:
            return None
        left = [place for place in self.order if place not in self._answering]
        answering = sum(self._seconds_of(_base(self._grid.cells[place])) for place in left)
        to_load = {_base(self._grid.cells[place]) for place in left} - self._loading.keys()
        return answering + len(to_load) * _mean(list(self._loading.values()))

    def _seconds_of(self, base: tuple[object, ...]) -> float:
        of_base = [s for place, s in self._answering.items() if _base(self._grid.cells[place]) == base]
        return _mean(of_base or list(self._answering.values()))


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
