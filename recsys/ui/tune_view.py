"""What the Tune tab shows and does, without components: estimates, the work under way, results and their files."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recsys.errors import InputError
from recsys.evaluation.request import EvaluationRequest
from recsys.models.learnt_from import learnt_warning
from recsys.tuning.axes import Value, apply_values, make_cells, write_value
from recsys.tuning.jobs import TuningJobs, TuningState
from recsys.tuning.kept import FOLDERS, Kept, KeptStudy, KeptSweep, values_of
from recsys.tuning.study import Study
from recsys.tuning.sweep import MEASURES, Sweep
from recsys.ui import evaluation_cards, tune_cards
from recsys.ui.evaluation_estimate import estimate
from recsys.ui.tuning_figures import best_so_far_figure, front_figure, sweep_figure

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from recsys.workbench import Workbench

ShownResult = tuple[str, str]
"""Kind and name of the result on show."""

_PRESENT: Final = ("map", "ndcg")


@dataclass(frozen=True)
class Figures:
    """What is drawn of a result; the second figure is of searches with several goals alone."""

    first: go.Figure
    second: go.Figure | None = None


@dataclass(frozen=True)
class TuneView:
    """The Tune tab's actions on one workbench."""

    workbench: Workbench
    jobs: TuningJobs

    def base_html(self, base: EvaluationRequest) -> str:
        """What is not varied, and whether the model knows the users.

        Raises:
            InputError: when there is no such adapter.
        """
        adapters = self.workbench.options.adapters
        return tune_cards.base_html(base, learnt_warning(base.evaluation.split, base.choice, adapters))

    def estimate_html(self, asked: Sweep | Study) -> str:
        """How many cells or trials there will be and how long they take.

        Raises:
            SettingsError: for a sweep that cannot be made.
        """
        if isinstance(asked, Sweep):
            requests, noun = [request for _, request in make_cells(asked.base, asked.axes)], "cell"
        else:
            # What a search will try is not known: the settings before stand for all.
            requests, noun = [asked.base] * asked.num_trials, "trial"
        reports = self.workbench.jobs.past.at_hand()
        speed = self.workbench.host.state().tokens_per_second
        num_records = asked.base.evaluation.num_records or len(self.workbench.split.records["validation"])
        seconds = [estimate(request, num_records, reports, speed).seconds for request in dict.fromkeys(requests)]
        whole = sum(seconds) * len(requests) / len(seconds)
        told = f"{num_records} validation records each. What an earlier start has done is not asked again."
        return tune_cards.estimate_html(len(requests), noun, evaluation_cards.duration(whole), told)

    def start(self, asked: Sweep | Study, *, prove: bool) -> None:
        """Starts a sweep or a search.

        Raises:
            RecsysError: when it cannot be made, on a public page, or while another is under way.
        """
        if isinstance(asked, Sweep):
            self.jobs.start_sweep(asked)
        else:
            self.jobs.start_search(asked, prove=prove)

    def go_on(self, shown: ShownResult | None) -> None:
        """Starts the result on show again, which takes up what is done.

        Raises:
            RecsysError: as start.
        """
        kept = self.require(shown)
        self.start(kept.result.sweep if isinstance(kept, KeptSweep) else kept.study, prove=False)

    def find(self, shown: ShownResult | None) -> Kept | None:
        """The result of that kind and name; None where there is none."""
        if shown is None:
            return None
        kind, name = shown
        return self.jobs.kept.find(kind, name)  # type: ignore[arg-type]  # an unknown kind is refused

    def require(self, shown: ShownResult | None) -> Kept:
        """As find.

        Raises:
            InputError: when there is none.
        """
        kept = self.find(shown)
        if kept is None:
            raise InputError("there is no such result any more", seen=shown, mend="open one of the list")
        return kept

    def newest(self) -> ShownResult | None:
        """The result that is shown at first."""
        return next(((kept.kind, kept.name) for kept in self.jobs.kept.all()), None)

    def list_html(self, shown: ShownResult | None) -> str:
        """Every result as a list."""
        return tune_cards.results_html(self.jobs.kept.all(), shown)

    def status_html(self, state: TuningState) -> str:
        """The work under way in words, or why it ended; nothing once the result speaks for itself."""
        task = state.task
        if task.phase in ("idle", "done"):
            return ""
        if task.phase != "running":
            told = task.message if task.error is None else evaluation_cards.sentences(task.error)
            title = "Stopped" if task.phase == "cancelled" else "It failed"
            return evaluation_cards.notice_html(task.phase, title, told)
        noun = "cells" if state.kind == "sweep" else "trials"
        facts = [f"{state.done} of {state.total} {noun} done", task.message]
        if state.eta_seconds is not None and not state.is_stopping:
            facts.append(f"about {evaluation_cards.duration(state.eta_seconds)} left")
        title = "Stopping" if state.is_stopping else "Sweeping" if state.kind == "sweep" else "Searching"
        return evaluation_cards.progress_html(title, state.fraction, facts)

    def cell_request(self, shown: ShownResult | None, place: object) -> EvaluationRequest:
        """The evaluation of one cell of a result.

        Raises:
            InputError: when there is no such cell.
        """
        kept = self.require(shown)
        cells = kept.result.cells if isinstance(kept, KeptSweep) else kept.result.trials
        if not isinstance(place, int) or not 0 <= place < len(cells):
            raise InputError("there is no such cell", seen=place, mend="take one of the table")
        return apply_values(base_of(kept), cells[place].values)


def base_of(kept: Kept) -> EvaluationRequest:
    """What was not varied."""
    return kept.result.sweep.base if isinstance(kept, KeptSweep) else kept.study.base


def measures_of(kept: Kept) -> list[str]:
    """The measures that a sweep's cells have."""
    if isinstance(kept, KeptStudy):
        return list(_PRESENT)
    return [name for name in MEASURES if any(name in cell.measured for cell in kept.result.cells)]


def third_values(kept: Kept | None) -> dict[str, Value]:
    """The values of a third axis by their text; none without one."""
    if not isinstance(kept, KeptSweep) or len(kept.result.sweep.axes) < 3:
        return {}
    return {write_value(value): value for value in kept.result.sweep.axes[2].values}


def figures_of(kept: Kept, measure: str, third: str | None) -> Figures:
    """What is drawn of a result.

    Args:
        kept: The result.
        measure: One of MEASURES; of sweeps alone.
        third: The value of the third axis, as text.
    """
    if isinstance(kept, KeptSweep):
        values = third_values(kept)
        fixed = {kept.result.sweep.axes[2].name: values[third]} if third in values else {}
        return Figures(sweep_figure(kept.result, measure, fixed))
    k = kept.study.base.evaluation.k
    first = best_so_far_figure(kept.result, k)
    return Figures(first, front_figure(kept.result, k) if kept.result.objective == "pareto" else None)


def told_html(kept: Kept, measure: str) -> str:
    """The best of a result in words."""
    return tune_cards.best_html(kept.result, measure) if isinstance(kept, KeptSweep) else tune_cards.winner_html(kept)


def table_html(kept: Kept, measure: str) -> str:
    """The cells of a result."""
    if isinstance(kept, KeptSweep):
        return tune_cards.sweep_table_html(kept.result, measure)
    return tune_cards.trial_table_html(kept.result, kept.study.base.evaluation.k)


def command_of(kept: Kept) -> str:
    """The command line that makes a result again."""
    return kept.result.sweep.command if isinstance(kept, KeptSweep) else kept.study.command


def export_file(kept: Kept) -> Path:
    """The result as JSON, where the page can fetch it."""
    path = Path(_exports_folder().name) / f"{FOLDERS[kept.kind]}-{kept.name}.json"
    values: dict[str, Any] = values_of(kept)
    path.write_text(json.dumps(values, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return path


@lru_cache(maxsize=1)
def _exports_folder() -> tempfile.TemporaryDirectory[str]:
    """One folder for the life of the process, removed when it ends."""
    return tempfile.TemporaryDirectory(prefix="tuning-")
