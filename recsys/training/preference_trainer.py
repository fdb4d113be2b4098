"""Direct preference optimisation by trl, on this project's own tokens, epochs and checkpoints.

The loss is trl's (Rafailov et al. 2023, arXiv 2305.18290, equation 7). The reference is the model that the run starts
from: the base, with the adapter switched off, or a frozen copy of the adapter where the run goes on from one. No
second base model is held.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datasets import Dataset
from transformers import TrainerCallback
from trl import DPOConfig, DPOTrainer
from trl.trainer.dpo_trainer import DataCollatorForPreference

from recsys.training.examples import EpochExamples
from recsys.training.preferences import Pair, PreferenceMeasure
from recsys.training.run_trainer import Measure, RunTrainer

_REFERENCE = "ref"
"""The name that trl gives to its frozen copy of an adapter."""


class PreferenceTrainer(RunTrainer, DPOTrainer):
    """Trains an adapter to prefer liked titles to disliked ones.

    Args:
        model: What add_trainable returned, with the weights that it starts from.
        examples: The pairs that are learnt.
        validation: Measures pairs of validation users after each epoch; None where there are none.
        args: Of values that make_arguments made.
        tokenizer: Of the model.
        starts_tuned: Whether the adapter holds trained weights, which are the reference then.
        callbacks: Told how it goes.
        measure: More to measure after each epoch.
    """

    def __init__(
        self,
        model: Any,
        examples: EpochExamples[Pair],
        validation: PreferenceMeasure | None,
        args: DPOConfig,
        *,
        tokenizer: Any,
        starts_tuned: bool,
        callbacks: Sequence[TrainerCallback] = (),
        measure: Measure | None = None,
    ) -> None:
        pad = DataCollatorForPreference(pad_token_id=tokenizer.pad_token_id or 0)
        self.validation = validation
        first = Dataset.from_list([_to_trl(examples[0])])  # trl wants one of its own; batches come from examples
        super().__init__(
            examples=examples,
            collate=lambda pairs: pad([_to_trl(pair) for pair in pairs]),
            measure=measure,
            callbacks=[*callbacks, _Beginning(self)],
            model=model,
            args=args,
            train_dataset=first,
            eval_dataset=first if validation is not None else None,
            processing_class=tokenizer,
        )
        self.train_dataset = examples
        if not starts_tuned:
            model.delete_adapter(_REFERENCE)  # trl then switches the adapter off, which is the same and smaller
        self.before = validation.begin(self.model) if validation is not None else {}

    def validate(self, model: Any) -> dict[str, float]:
        """The loss of validation pairs, and how likely their titles are; every process computes all of it."""
        assert self.validation is not None
        return self.validation(self.accelerator.unwrap_model(model))

    def create_model_card(self, *_args: Any, **_kwargs: Any) -> None:
        """Writes none: a checkpoint is no result, and results have cards of our own."""

    def _prepare_dataset(self, dataset: Any, *_args: Any, **_kwargs: Any) -> Any:
        """Nothing to do: the examples are tokens already."""
        return dataset

    def _send_telemetry(self) -> None:
        """Sends nothing: what leaves the machine is the user's choice (report_to)."""


def drop_reference(model: Any) -> None:
    """Takes trl's frozen copy of the adapter out of a trained model."""
    if _REFERENCE in model.peft_config:
        model.delete_adapter(_REFERENCE)


class _Beginning(TrainerCallback):
    """Logs the likelihoods of a run that begins, so that its curves start at the reference."""

    def __init__(self, trainer: PreferenceTrainer) -> None:
        self._trainer = trainer

    def on_train_begin(self, args: Any, state: Any, control: Any, **_kwargs: Any) -> None:
        if state.global_step == 0 and self._trainer.before:
            self._trainer.log(dict(self._trainer.before))


def _to_trl(pair: Pair) -> dict[str, list[int]]:
    first = pair.liked.first_target
    ids = {"prompt_ids": pair.liked.ids[:first], "chosen_ids": pair.liked.ids[first:]}
    ids["rejected_ids"] = pair.disliked.ids[first:]
    return {name: values.tolist() for name, values in ids.items()}
