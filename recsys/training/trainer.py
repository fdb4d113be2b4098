"""The loss of titles: cross-entropy over the targets of an optimizer step, and over those of validation users."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from transformers import TrainerCallback, TrainingArguments

from recsys.training.batches import collate
from recsys.training.examples import EpochExamples, Example
from recsys.training.run_trainer import Measure, RunTrainer
from recsys.training.target_loss import summed_loss
from recsys.training.title_targets import TitleTargets


class TitleTrainer(RunTrainer):
    """Trains a causal LM on examples of titles.

    Args:
        model: What add_trainable returned.
        examples: The training examples.
        validation: Examples of validation users, for the loss after each epoch.
        args: Of values that make_arguments made.
        pad_token_id: Fills batches up.
        callbacks: Told how it goes.
        measure: More to measure after each epoch.
        targets: Tells what teachers expect of training examples; None learns what people liked alone.
    """

    def __init__(
        self,
        model: Any,
        examples: EpochExamples[Example],
        validation: Sequence[Example],
        args: TrainingArguments,
        *,
        pad_token_id: int,
        callbacks: Sequence[TrainerCallback] = (),
        measure: Measure | None = None,
        targets: TitleTargets | None = None,
    ) -> None:
        self.validation = validation
        self._collate_plain = partial(collate, pad_token_id=pad_token_id)
        super().__init__(
            examples=examples,
            collate=partial(collate, pad_token_id=pad_token_id, targets=targets),
            measure=measure,
            callbacks=callbacks,
            model=model,
            args=args,
            train_dataset=examples,
            eval_dataset=validation if len(validation) else None,
        )
        self.model_accepts_loss_kwargs = True  # so that the targets of a whole optimizer step are counted for us
        self._head = model.get_output_embeddings()

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """The mean over the targets of the whole optimizer step, whatever its number of batches and processes."""
        total, count = summed_loss(model, self._head, inputs)
        loss = total / (count if num_items_in_batch is None else num_items_in_batch)
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes  # gradients are averaged over processes afterwards
        return loss

    def validate(self, model: Any) -> dict[str, float]:
        """The validation loss in nats a target."""
        return {"eval_loss": self._validation_loss(model)}

    def _validation_loss(self, model: Any) -> float:
        """Over all validation examples, each process doing its share."""
        order = sorted(range(len(self.validation)), key=lambda index: -len(self.validation[index]))
        size = self.args.per_device_train_batch_size
        batches = [order[start : start + size] for start in range(0, len(order), size)]
        sums = torch.zeros(2, dtype=torch.float64, device=self.args.device)
        mine = range(self.args.process_index, len(batches), self.args.world_size)
        # All processes call the model equally often, since a sharded one gathers its weights from all of them.
        for turn in range(math.ceil(len(batches) / self.args.world_size)):
            place = mine[turn] if turn < len(mine) else 0
            batch = self._prepare_inputs(self._collate_plain([self.validation[index] for index in batches[place]]))
            with torch.no_grad():
                total, count = summed_loss(model, self._head, batch)
            if turn < len(mine):
                sums += torch.stack([total.double(), count.double()])
        total, count = self.accelerator.reduce(sums, "sum").tolist()
        return float(total / count)
