"""What every trainer of this project does alike: epochs' examples, finite losses, evaluation, whole checkpoints.

Everything else (optimizer, schedule, accumulation, processes, precision, resuming) is transformers' Trainer's own. A
checkpoint is written beside its place and renamed, so a folder named checkpoint-N is always complete. Knows no loss.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerCallback

from recsys.errors import TrainingError
from recsys.training.batches import LengthBatches
from recsys.training.checkpoints import list_checkpoints, seal_checkpoint
from recsys.training.examples import EpochExamples
from recsys.training.settings import TrainingSettings

_KEPT_CHECKPOINTS = 2
_UNFINISHED = ".unfinished"
_LOGS_OF_AN_EPOCH = 20

Measure = Callable[[Any], dict[str, float]]
"""Measures the model after an epoch, beside its validation loss; called by one process, with the bare model."""


class RunTrainer(Trainer):
    """The part of a trainer that no loss changes. A subclass says what the loss is, and how it is validated.

    Args:
        examples: What batches are made of.
        collate: Makes a batch of examples.
        measure: What else is measured after an epoch.
        callbacks: Told how it goes.
        **of_trainer: What the trainer that is built on takes besides.
    """

    def __init__(
        self,
        *,
        examples: EpochExamples[Any],
        collate: Callable[[Sequence[Any]], Any],
        measure: Measure | None,
        callbacks: Sequence[TrainerCallback],
        **of_trainer: Any,
    ) -> None:
        self.examples = examples
        self.measure = measure
        self._collate = collate
        super().__init__(callbacks=[_EpochOfExamples(examples), *callbacks], **of_trainer)
        self.remove_callback(PrinterCallback)  # progress goes to stderr, results to stdout

    def validate(self, model: Any) -> dict[str, float]:
        """The validation loss as eval_loss, and what belongs to it.

        Args:
            model: As processes share it, in eval mode.
        """
        raise NotImplementedError

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Batches of like length; processes take them in turn."""
        batches = LengthBatches(self.examples, self.args.per_device_train_batch_size, seed=self.args.seed)
        loader: Any = DataLoader(self.examples, batch_sampler=batches, collate_fn=self._collate)  # type: ignore[arg-type]
        prepared: DataLoader[Any] = self.accelerator.prepare(loader)
        return prepared

    def training_step(self, *args: Any, **kwargs: Any) -> Tensor:
        """One forward and backward pass; a loss that is no number ends the run before it spoils the weights."""
        loss: Tensor = super().training_step(*args, **kwargs)
        # Reading a number of a GPU makes it wait, so there it is looked at only where it is logged.
        looks = self.args.device.type == "cpu" or self.state.global_step % int(self.args.logging_steps) == 0
        if looks and not torch.isfinite(loss).all():
            raise TrainingError(
                f"the loss became {loss.item()} at step {self.state.global_step + 1}",
                mend="lower learning_rate or take precision bf16 or fp32; the last checkpoint is kept",
            )
        return loss

    def evaluate(self, *_args: Any, **_kwargs: Any) -> dict[str, float]:
        """What ``validate`` tells, and what ``measure`` adds."""
        model = self.model_wrapped
        was_training = model.training
        model.eval()
        metrics = self.validate(model)
        if self.measure is not None and self.is_world_process_zero():
            metrics |= self.measure(self.accelerator.unwrap_model(model))
        self.accelerator.wait_for_everyone()
        model.train(was_training)
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Writes a checkpoint beside its place and renames it, then drops older ones."""
        run = Path(super()._get_output_dir(trial))
        name = f"checkpoint-{self.state.global_step}"
        if (run / name).is_dir():
            return  # written at the end of this step already
        if self.is_world_process_zero():
            shutil.rmtree(run / _UNFINISHED, ignore_errors=True)
        self.accelerator.wait_for_everyone()
        super()._save_checkpoint(model, trial)
        self.accelerator.wait_for_everyone()
        if self.is_world_process_zero():
            seal_checkpoint(run / _UNFINISHED / name)
            (run / _UNFINISHED / name).rename(run / name)
            for old in list_checkpoints(run)[:-_KEPT_CHECKPOINTS]:
                shutil.rmtree(old)
        self.accelerator.wait_for_everyone()

    def _get_output_dir(self, trial: Any) -> str:
        """Where the parts of a checkpoint are written before it is renamed."""
        return str(Path(super()._get_output_dir(trial)) / _UNFINISHED)


class _EpochOfExamples(TrainerCallback):
    """Brings the examples to the epoch that begins, after a resume too."""

    def __init__(self, examples: EpochExamples[Any]) -> None:
        self._examples = examples

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_kwargs: Any) -> None:
        self._examples.set_epoch(int((state.epoch or 0) + 1e-6))


def make_arguments(settings: TrainingSettings, run: Path, *, steps_per_epoch: int, **more: Any) -> dict[str, Any]:
    """The values of transformers' TrainingArguments for these settings.

    Args:
        settings: Of the run.
        run: Its folder.
        steps_per_epoch: Optimizer steps of an epoch, for how often the loss is logged.
        **more: What differs: precision flags, use_cpu, report_to.
    """
    return {
        "output_dir": str(run),
        "num_train_epochs": settings.num_train_epochs,
        "max_steps": settings.max_steps or -1,
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": settings.lr_scheduler_type,
        "warmup_steps": settings.warmup_ratio if settings.warmup_ratio < 1 else 0.999,
        "weight_decay": settings.weight_decay,
        "max_grad_norm": settings.max_grad_norm,
        "per_device_train_batch_size": settings.per_device_train_batch_size,
        "gradient_accumulation_steps": settings.gradient_accumulation_steps,
        "gradient_checkpointing": False,  # what trl would turn on; transformers calls it by another name now
        "logging_steps": max(1, steps_per_epoch // _LOGS_OF_AN_EPOCH),
        "logging_nan_inf_filter": False,
        "save_steps": settings.save_steps,
        "seed": settings.seed,
        "optim": "adamw_torch",
        "remove_unused_columns": False,
        "label_names": ["labels"],
        "disable_tqdm": True,
        "report_to": "none",
        "dataloader_pin_memory": False,
        "ddp_find_unused_parameters": False,
        **({"activation_checkpointing": True} if settings.gradient_checkpointing else {}),
        **more,
    }
