"""What the Training tab shows and does, without components: the runs, their figures, what each offers, its zip file."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.data.atomic import open_atomically
from recsys.errors import AdapterError, UnknownModelError
from recsys.models.adapter_archive import write_archive
from recsys.models.adapter_listing import describe_adapter
from recsys.models.base_identity import local_weight_hash
from recsys.models.registry import find_model
from recsys.training.recorded_runs import RecordedRun, list_recorded_runs
from recsys.ui.training_cards import RunOffer
from recsys.ui.training_figures import CurveLine

if TYPE_CHECKING:
    from recsys.workbench import Workbench

MOST_CHOSEN = 6
"""Runs that are drawn at first: one for each colour."""

RunSignature = tuple[str, float, str]
"""Key of a run, time of its curves, and phase, problem and facts: what makes the page draw anew."""


@dataclass(frozen=True)
class TrainingView:
    """Reads runs for a page."""

    workbench: Workbench

    def runs(self) -> tuple[RecordedRun, ...]:
        """Every run of this machine."""
        return list_recorded_runs(self.workbench.options.adapters)

    def offers(self, runs: Sequence[RecordedRun]) -> list[RunOffer]:
        """What each card offers."""
        return [RunOffer(self._base(run), self._no_use(run), self._is_whole(run)) for run in runs]

    def choice(self, run: RecordedRun) -> tuple[str, str | None]:
        """Model and adapter that a run stands for in Recommend.

        Raises:
            AdapterError: when it stands for none.
        """
        reason = self._no_use(run)
        if reason is not None:
            raise AdapterError("this run cannot be used yet", seen=run.folder.name, mend=reason.rstrip(".") or None)
        return (run.folder.name, None) if run.kind == "model" else (str(run.card.base_model), run.folder.name)

    def pack(self, run: RecordedRun) -> Path:
        """A zip file of the run's adapter, where the page can fetch it.

        Raises:
            AdapterError: when it is no adapter, or files are missing.
        """
        if run.kind != "adapter":
            raise AdapterError("only adapters can be downloaded", seen=run.folder.name)
        path = Path(_archives_folder().name) / f"{run.folder.name}.zip"
        with open_atomically(path) as file:
            write_archive(run.folder, file)
        return path

    def _no_use(self, run: RecordedRun) -> str | None:
        """Why a run cannot be used, None where it can; empty where that needs no word: it is no adapter yet."""
        if run.kind == "training":
            return ""
        if run.kind == "model":
            is_listed = any(spec.name == run.folder.name for spec in self.workbench.models())
            return None if is_listed else "The list of models does not have it."
        adapter = describe_adapter(run.folder)
        if adapter.r is None:
            return adapter.note
        if not run.card.base_model:
            return "Its folder does not name its base model: choose both in Recommend."
        try:
            find_model(run.card.base_model, public=self.workbench.options.public)
        except UnknownModelError:
            return "Its base model is not offered here."
        return None

    def _is_whole(self, run: RecordedRun) -> bool:
        """Whether it is an adapter that the page can hand out: settings and weights, not settings alone."""
        return run.kind == "adapter" and describe_adapter(run.folder).r is not None

    def _base(self, run: RecordedRun) -> str:
        told = run.card.base_weight_hash
        if not told or not run.card.base_model:
            return ""
        here = local_weight_hash(run.card.base_model)
        if here is None:
            return f"weights {told}, not on this machine to compare"
        return (
            f"weights {told}, those of this machine" if here == told else f"weights {told}, not those of this machine"
        )


def curve_lines(runs: Sequence[RecordedRun]) -> dict[str, CurveLine]:
    """The line of each run that has curves, by its key; a line's place is that in the list of checkboxes."""
    drawn = [run for run in runs if run.curves is not None]
    return {
        run.key: CurveLine(run.title, place, run.curves, run.planned_steps * (run.phase() == "running"))
        for place, run in enumerate(drawn)
        if run.curves is not None
    }


def signatures(runs: Sequence[RecordedRun]) -> tuple[RunSignature, ...]:
    """What a page has seen of the runs."""
    return tuple((run.key, run.changed_at, f"{run.phase()} {run.problem} {run.card}") for run in runs)


def chosen_runs(runs: Sequence[RecordedRun], chosen: Sequence[str], seen: tuple[RunSignature, ...] | None) -> list[str]:
    """The runs that are drawn: those that a person chose and that are still there, and those that have just begun.

    At first, when nothing was seen, the runs under way and then the others, up to MOST_CHOSEN.
    """
    drawn = [run for run in runs if run.curves is not None]
    if seen is None:
        first = sorted(drawn, key=lambda run: run.phase() != "running")[:MOST_CHOSEN]
        return [run.key for run in drawn if run in first]
    known = {key for key, _, _ in seen}
    return [run.key for run in drawn if run.key in chosen or run.key not in known]


@lru_cache(maxsize=1)
def _archives_folder() -> tempfile.TemporaryDirectory[str]:
    """One folder for the life of the process, removed when it ends."""
    return tempfile.TemporaryDirectory(prefix="adapters-")
