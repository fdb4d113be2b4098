"""Which training runs there are to look at: of adapters, of shipped models, and in the cache while they run.

A run is a folder with a curves.json. Reads files only; starts and stops nothing.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

from recsys.errors import AdapterError, DataFormatError
from recsys.models.adapter_card import AdapterCard, read_adapter_card
from recsys.models.adapter_files import CONFIG_FILE
from recsys.models.adapter_listing import default_adapters_folder
from recsys.models.registry import SHIPPED_MODELS
from recsys.training.curves import CURVES_FILE, Curves, RankingPoint, TrainPoint, ValidationPoint, read_curves
from recsys.training.run_folder import training_folder

RunKind = Literal["adapter", "model", "training"]
Phase = Literal["running", "stopped", "done"]

SECONDS_UNTIL_SILENT = 900.0
"""A run that has written nothing for so long is taken for stopped: one ranking on a slow machine takes minutes."""


@dataclass(frozen=True)
class RecordedRun:
    """A training run as its folder shows it.

    Attributes:
        kind: Where it was found: an adapter, a shipped model, or the cache of training.
        folder: The folder.
        title: Name of the folder, told apart from an adapter of the same name.
        card: Its facts.
        curves: Its curves; None where there are none, or broken ones.
        problem: Why facts or curves cannot be read, as one sentence; else empty.
        changed_at: When its curves were written last, in seconds of the epoch.
    """

    kind: RunKind
    folder: Path
    title: str
    card: AdapterCard
    curves: Curves | None = None
    problem: str = ""
    changed_at: float = field(default=0.0)

    @property
    def key(self) -> str:
        """Names the run among all of this machine."""
        return f"{self.kind}/{self.folder.name}"

    @property
    def last_step(self) -> int:
        """Optimizer steps done, as the card tells them or else the last point of the curves."""
        return self.card.steps or max((point.step for point in _points(self.curves)), default=0)

    @property
    def last_epoch(self) -> float:
        """Epochs done."""
        return max((point.epoch for point in _points(self.curves)), default=0.0)

    @property
    def planned_steps(self) -> int:
        """Optimizer steps of all planned epochs; 0 when not told."""
        return 0 if self.curves is None else round(self.curves.steps_per_epoch * self.curves.num_train_epochs)

    def phase(self, now: float | None = None) -> Phase:
        """Whether it is being written now, has ended, or ended before its planned epochs."""
        if self.curves is None or 0 < self.planned_steps <= self.last_step:
            return "done"
        # A clock that was put back leaves runs whose last word lies ahead; the next word of one that runs mends it.
        is_fresh = abs((time.time() if now is None else now) - self.changed_at) < SECONDS_UNTIL_SILENT
        return "running" if self.kind == "training" and is_fresh else "stopped"

    @property
    def seconds_left(self) -> float | None:
        """How long the steps that are left take at the mean speed so far; None before the first."""
        last = self.curves.train[-1] if self.curves is not None and self.curves.train else None
        if last is None or last.step <= 0:
            return None
        return max(last.seconds / last.step * (self.planned_steps - last.step), 0.0)


def list_recorded_runs(
    adapters: Path | None = None, *, models: Path | None = None, training: Path | None = None
) -> tuple[RecordedRun, ...]:
    """Every run: adapters by name (those without curves too), then shipped models, then runs of the cache.

    A run of the cache whose adapter was saved with the same curves is that adapter, and not listed again.

    Args:
        adapters: The folder of PEFT folders; None takes default_adapters_folder().
        models: Whose folders are shipped models, where they have curves; None takes assets/.
        training: Where training writes; None takes the cache's.
    """
    of_adapters = tuple(_read_all("adapter", adapters or default_adapters_folder()))
    of_models = tuple(_read_all("model", models or SHIPPED_MODELS))
    saved = {run.folder.name: run.curves for run in (*of_adapters, *of_models)}
    of_cache = []
    for run in _read_all("training", training or training_folder()):
        if run.folder.name not in saved:
            of_cache.append(run)
        elif run.curves is None or run.curves != saved[run.folder.name]:
            of_cache.append(dataclasses.replace(run, title=f"{run.title} (training folder)"))
    return (*of_adapters, *of_models, *of_cache)


def _read_all(kind: RunKind, root: Path) -> Iterator[RecordedRun]:
    needed = (CURVES_FILE, CONFIG_FILE) if kind == "adapter" else (CURVES_FILE,)
    try:
        # Names with a dot are those of folders that are being written, or that a kill left.
        visible = (path for path in root.iterdir() if not path.name.startswith("."))
        folders = sorted(path for path in visible if any((path / name).is_file() for name in needed))
    except OSError:  # there is no such folder yet
        return
    for folder in folders:
        yield _read(kind, folder)


def _read(kind: RunKind, folder: Path) -> RecordedRun:
    problem = ""
    try:
        card = read_adapter_card(folder)
    except AdapterError:
        card, problem = AdapterCard(folder.name), f"What {folder.name} says of itself in recsys.json cannot be read."
    run = RecordedRun(kind, folder, folder.name, card, problem=problem)
    try:
        status = (folder / CURVES_FILE).stat()
        curves = _read_curves(folder / CURVES_FILE, status.st_mtime_ns, status.st_size)
    except FileNotFoundError:
        return run
    except (DataFormatError, OSError):
        told = f"The curves of {folder.name} cannot be read: delete its {CURVES_FILE}, or train again."
        return dataclasses.replace(run, problem=told)
    return dataclasses.replace(run, curves=curves, changed_at=status.st_mtime)


@lru_cache(maxsize=64)
def _read_curves(path: Path, _changed_at: int, _size: int) -> Curves:
    """The curves of a file as it was at that time; a page that looks every few seconds reads it once."""
    try:
        curves = read_curves(path)
    except RecursionError as error:
        raise DataFormatError("these curves are nested too deeply", path=path) from error
    if not _is_sound(curves):
        raise DataFormatError("these curves hold something else than numbers", path=path)
    return curves


def _is_sound(curves: Curves) -> bool:
    """Whether every value is a finite number, or None at the ends of an interval."""
    told = [curves.steps_per_epoch, curves.num_train_epochs]
    for point in _points(curves):
        told += [value for name, value in vars(point).items() if not (name in ("low", "high") and value is None)]
    return all(isinstance(v, int | float) and not isinstance(v, bool) and _is_finite(v) for v in told)


def _is_finite(value: float) -> bool:
    return abs(value) < 1e300 and math.isfinite(value)


def _points(curves: Curves | None) -> Iterable[TrainPoint | ValidationPoint | RankingPoint]:
    return () if curves is None else (*curves.train, *curves.validation, *curves.ranking)
