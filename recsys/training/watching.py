"""What happens beside the steps of a run: its curves, its progress, early stopping and a clean stop on Ctrl-C."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from transformers import TrainerCallback

from recsys.models.artifacts import Progress
from recsys.training.curves import (
    CURVES_FILE,
    Curves,
    PreferencePoint,
    RankingPoint,
    TrainPoint,
    ValidationPoint,
    read_curves,
)


class CurvesWriter(TrainerCallback):
    """Keeps a run's curves.json up to date.

    Args:
        name: Of the run.
        folder: Of the run.
        rankings: The ranking that was measured last, if any, for the point of the epoch that ends.
    """

    def __init__(self, name: str, folder: Path, rankings: Callable[[], RankingPoint | None] = lambda: None) -> None:
        self._path = folder / CURVES_FILE
        self._rankings = rankings
        self._start = 0.0
        self.curves = Curves(name)

    @property
    def seconds(self) -> float:
        """Spent training since the first step, resumed runs added up."""
        return time.monotonic() - self._start

    def on_train_begin(self, args: Any, state: Any, control: Any, train_dataloader: Any = None, **_kw: Any) -> None:
        before = 0.0
        if state.global_step and self._path.is_file():
            self.curves = read_curves(self._path).up_to(state.global_step)
            before = self.curves.train[-1].seconds if self.curves.train else 0.0
        self._start = time.monotonic() - before
        steps = -(-len(train_dataloader) // args.gradient_accumulation_steps)
        # max_steps may end the run before, or in the middle of an epoch.
        self.curves = replace(self.curves, steps_per_epoch=steps, num_train_epochs=state.max_steps / steps)

    def on_step_end(self, args: Any, state: Any, control: Any, **_kwargs: Any) -> None:
        if state.global_step >= state.max_steps:
            control.should_log = True  # whatever logging_steps says: the curve ends where the run does

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_kw: Any) -> None:
        if not state.is_world_process_zero or not logs:
            return
        step, epoch = state.global_step, float(state.epoch or 0)
        if "loss" in logs:
            point = TrainPoint(step, epoch, logs["loss"], logs.get("learning_rate", 0.0), round(self.seconds, 2))
            self.curves = replace(self.curves, train=(*self.curves.train, point))
        if "eval_loss" in logs:
            told = ValidationPoint(step, epoch, logs["eval_loss"])
            self.curves = replace(self.curves, validation=(*self.curves.validation, told))
            if (ranking := self._rankings()) is not None:
                ranking = replace(ranking, step=step, epoch=epoch)
                self.curves = replace(self.curves, ranking=(*self.curves.ranking, ranking))
        if "eval_liked" in logs:
            likelihoods = PreferencePoint(step, epoch, logs["eval_liked"], logs["eval_disliked"])
            self.curves = replace(self.curves, preferences=(*self.curves.preferences, likelihoods))
        self.curves.save(self._path)


class ProgressTeller(TrainerCallback):
    """Tells how far a run is and when it will be done, by the pace of this start's steps."""

    def __init__(self, progress: Progress) -> None:
        self._tell = progress
        self._began: tuple[float, int] = (0.0, 0)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_kwargs: Any) -> None:
        self._began = (time.monotonic(), state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_kw: Any) -> None:
        if not state.is_world_process_zero or not logs:
            return
        parts = [f"step {state.global_step} of {state.max_steps}", f"epoch {float(state.epoch or 0):.2f}"]
        names = {"loss": "loss", "eval_loss": "validation loss", "eval_map": "validation MAP@4"}
        parts += [f"{title} {logs[name]:.4f}" for name, title in names.items() if name in logs]
        start, first = self._began
        if (done := state.global_step - first) > 0:
            left = (state.max_steps - state.global_step) * (time.monotonic() - start) / done
            parts.append(f"{left / 60:.0f} min left")
        self._tell(state.global_step / max(state.max_steps, 1), ", ".join(parts))


class EarlyStopping(TrainerCallback):
    """Keeps the weights of the lowest validation loss, and stops where it has not fallen for some epochs.

    Args:
        patience: Epochs without a lower loss.
        keep: Writes the present weights as the best so far.
        curves: What was measured, those of an earlier start included.
    """

    def __init__(self, patience: int, keep: Callable[[], None], curves: CurvesWriter) -> None:
        self._patience, self._keep, self._curves = patience, keep, curves

    def on_evaluate(self, args: Any, state: Any, control: Any, **_kwargs: Any) -> None:
        losses = [point.loss for point in self._curves.curves.validation]
        best = min(range(len(losses)), key=lambda place: losses[place])
        if best == len(losses) - 1:
            if state.is_world_process_zero:
                self._keep()
        elif len(losses) - 1 - best >= self._patience:
            control.should_training_stop = True


class CleanStop(TrainerCallback):
    """Ends a run after the step under way, with a checkpoint, when it is asked to stop."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    def on_step_end(self, args: Any, state: Any, control: Any, **_kwargs: Any) -> None:
        if self.asked.is_set():
            control.should_save = control.should_training_stop = True

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_kwargs: Any) -> None:
        if self.asked.is_set():
            control.should_evaluate = False  # the epoch is not over, and whoever asked does not want to wait

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Takes Ctrl-C and SIGTERM as a wish to stop for a block; a second one ends it at once."""
        if threading.current_thread() is not threading.main_thread():
            yield  # signals reach the main thread alone
            return

        def ask(number: int, frame: FrameType | None) -> None:
            if self.asked.is_set():
                raise KeyboardInterrupt
            self.asked.set()

        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
