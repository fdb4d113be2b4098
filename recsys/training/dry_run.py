"""What a training run would be, told without running it: ``train --dry-run``.

Counts weights, memory, steps and tokens from the shape alone, so that it works for 65B on a laptop without a network.
"""

from __future__ import annotations

import math
from typing import Any

from recsys.models.distributed import count_processes, fsdp_checkpoints_activations, is_sharded
from recsys.models.memory import available_bytes
from recsys.models.precision import resolve_device, resolve_precision
from recsys.models.shapes import find_shape
from recsys.settings import Precision
from recsys.training.activations import HeldIn
from recsys.training.memory import TrainingLoad, TrainingMemory, estimate_training_memory
from recsys.training.parameters import count_trainable
from recsys.training.settings import LoraSettings, TrainingSettings

_ANSWER_SHARE = 0.4
"""The answer's four titles of a record's ten: about the share of its tokens that are learnt."""
_TERMS = {
    "weights": "base weights",
    "adapter": "adapter weights, fp32",
    "gradients": "gradients, fp32",
    "optimizer": "AdamW's two moments, fp32",
    "activations": "activations",
    "logits": "logits and their gradients",
    "communication": "between processes",
}


def describe_dry_run(
    base_model: str,
    lora: LoraSettings,
    training: TrainingSettings,
    *,
    num_records: int,
    sequence_length: int,
    load: TrainingLoad | None = None,
) -> str:
    """Describes a run: the parameter line first, then memory, then steps and tokens of an epoch.

    Args:
        base_model: A name or folder that shapes.find_shape knows.
        lora: The settings of LoRA.
        training: The settings of the run.
        num_records: Training records of an epoch.
        sequence_length: Tokens of the longest record.
        load: What each process is given to do; by default one process on this machine, in the settings' precision.

    Raises:
        UnknownModelError: when the shape is not known here.
        SettingsError: when LoRA's targets are not layers of the model, or the settings do not go together.
    """
    config = find_shape(base_model)
    device = resolve_device("auto")
    load = load or make_load(training, sequence_length, device)
    estimate = estimate_training_memory(config, lora, training, load)
    lines = [count_trainable(config, lora, training.method).line()]
    lines += _describe_memory(estimate, training, load)
    free = available_bytes(device)
    lines.append(f"  free here: {free / 1e9:.2f} GB, {'enough' if estimate.needed <= free else 'not enough'}")
    return "\n".join(lines + _describe_epoch(training, load, num_records))


def make_load(training: TrainingSettings, sequence_length: int, device: str = "cpu") -> TrainingLoad:
    """What one process of a run is given to do: on this device, under `accelerate launch` as that says.

    Args:
        training: The settings of the run.
        sequence_length: Tokens of the longest record.
        device: "cpu", "cuda" or "mps".
    """
    sharded = is_sharded()
    return TrainingLoad(
        sequence_length,
        "fp32" if training.method == "full" else _held_in(training.precision, device),
        math.ceil(_ANSWER_SHARE * sequence_length) if training.loss_on == "answer" else None,
        gradient_checkpointing=training.gradient_checkpointing or fsdp_checkpoints_activations(),
        num_processes=count_processes(),
        sharded=sharded,
        on_gpu=device == "cuda" or sharded,
    )


def _held_in(precision: Precision, device: str) -> HeldIn:
    chosen: Any = resolve_precision(precision, device)[0]
    held: HeldIn = chosen
    return held


def _describe_memory(estimate: TrainingMemory, training: TrainingSettings, load: TrainingLoad) -> list[str]:
    shared = f", {load.num_processes} processes" if load.num_processes > 1 else ""
    how = " that share the weights" if load.sharded else ""
    records = training.per_device_train_batch_size
    lines = [f"memory, estimated, of each process{shared}{how}: {estimate.needed / 1e9:.2f} GB, scratch space included"]
    notes = {
        "weights": f" ({load.held_in})",
        "activations": f" ({records} × {load.sequence_length} tokens"
        f"{', layers computed again' if load.gradient_checkpointing else ''})",
        "logits": f" ({load.labels or load.sequence_length} labels of each record)",
    }
    for term, words in _TERMS.items():
        size = getattr(estimate, term)
        if size:
            lines.append(f"  {words}{notes.get(term, '')}: {size / 1e9:.3f} GB")
    return lines


def _describe_epoch(training: TrainingSettings, load: TrainingLoad, num_records: int) -> list[str]:
    passes = math.ceil(num_records / (training.per_device_train_batch_size * load.num_processes))
    steps = math.ceil(passes / training.gradient_accumulation_steps)
    planned = math.ceil(steps * training.num_train_epochs)
    total = min(planned, training.max_steps) if training.max_steps else planned
    tokens = num_records * load.sequence_length * (2 if training.method == "dpo" else 1)
    return [
        f"steps: {steps} an epoch, {total} in all ({num_records} records, {training.num_train_epochs:g} epochs)",
        f"tokens: {tokens} an epoch at most, {min(load.sequence_length, load.labels or load.sequence_length)} "
        f"of each record's {load.sequence_length} learnt",
    ]
