"""How much memory training takes in each process, told before anything is loaded.

The terms, for P weights of the base and T trained ones:

    weights        P in the base's precision; full training takes fp32 alone
    adapter        4T, fp32; nothing for full training
    gradients      4T
    optimizer      8T: AdamW's two moments in fp32
    activations    recsys.training.activations, for every record of a forward pass
    logits         (w + 12) bytes × vocabulary × labels: the logits, their log-softmax and the gradients of both
    communication  what several processes keep to talk: a second copy of the gradients (DDP's buckets), or the
                   gathered weights of two layers and of the embeddings (FSDP, ZeRO-3)

Sharding (FSDP, ZeRO-3) divides the first four by the number of processes. The sum is an estimate from above of one
step's peak: the gradients are there once the activations are gone. It leaves out the interpreter and its libraries
(0.4 GB here), the temporaries of single operations, and what an allocator keeps in reserve.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, get_args

from recsys.errors import ModelUnavailableError, SettingsError
from recsys.models.memory import WeightCounts, count_weights
from recsys.models.shapes import create_skeleton
from recsys.settings import require_choice, require_number
from recsys.training.activations import Activations, AdaptedLayers, HeldIn, LayerSizes
from recsys.training.methods import add_trainable
from recsys.training.parameters import count_parameters
from recsys.training.settings import LoraSettings, TrainingSettings

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

_NF4_BYTES = 0.5 + 4 / 64
"""Four bits a weight, and one fp32 scale for each block of 64 (Dettmers et al. 2023, arXiv 2305.14314)."""
_LAYER = re.compile(r"\.(?:layers|h)\.\d+\.")
_SCRATCH_SHARE, _SCRATCH_BYTES = 0.35, 100_000_000
"""Room beside what a step allocates, for scratch space of kernels and gaps of allocators: above what was measured."""
_GATHERED_LAYERS = 2
"""FSDP gathers the next layer while it computes one."""


@dataclass(frozen=True)
class TrainingLoad:
    """What one process is given to do, beside the settings of training.

    Attributes:
        sequence_length: Tokens of a record, padding included.
        held_in: What the base weights are held in; int8 computes in fp16, nf4 in bf16.
        labels: Tokens of a record that are learnt; None is all of them.
        gradient_checkpointing: Whether layers are computed again in the backward pass instead of being kept.
        num_processes: How many train together.
        sharded: Whether they share the weights (FSDP, ZeRO-3) or each has all (DDP).
        on_gpu: Whether it computes on a GPU: under autocast, with dropout masks of a byte.
    """

    sequence_length: int
    held_in: HeldIn = "bf16"
    labels: int | None = None
    gradient_checkpointing: bool = False
    num_processes: int = 1
    sharded: bool = False
    on_gpu: bool = False

    def __post_init__(self) -> None:
        require_number("sequence_length", self.sequence_length, 1, 1_000_000, integer=True)
        require_choice("held_in", self.held_in, get_args(HeldIn))
        if self.labels is not None:
            require_number("labels", self.labels, 1, self.sequence_length, integer=True)
        require_number("num_processes", self.num_processes, 1, 100_000, integer=True)

    def require_method(self, method: str) -> None:
        """Refuses what cannot be trained that way.

        Raises:
            SettingsError: naming the pair that does not go together.
        """
        if method == "full" and self.held_in != "fp32":
            mend = "choose precision fp32, or a method that leaves the base as it is"
            raise SettingsError("all weights are trained in fp32", seen=self.held_in, mend=mend)
        if method == "prefix" and self.gradient_checkpointing:
            mend = "switch gradient checkpointing off, or choose the method lora"
            raise SettingsError("prefix tuning does not work with gradient checkpointing", seen=method, mend=mend)
        if self.sharded and self.held_in == "int8":
            mend = "choose bf16 or nf4, or give each process all weights"
            raise SettingsError("int8 weights cannot be shared between processes", seen=self.held_in, mend=mend)


@dataclass(frozen=True)
class TrainingMemory:
    """Bytes that one training process takes, by what they hold; see the module for each."""

    weights: int
    adapter: int
    gradients: int
    optimizer: int
    activations: int
    logits: int
    communication: int = 0

    @property
    def total(self) -> int:
        """All together."""
        return sum(getattr(self, field.name) for field in fields(self))

    @property
    def needed(self) -> int:
        """What should be free: the tensors and scratch space beside them."""
        passing = self.gradients + self.activations + self.logits
        return self.total + int(_SCRATCH_SHARE * passing) + _SCRATCH_BYTES


def estimate_training_memory(
    config: PreTrainedConfig, lora: LoraSettings, training: TrainingSettings, load: TrainingLoad
) -> TrainingMemory:
    """Estimates from a shape alone what training takes in each process.

    Args:
        config: What shapes.find_shape returned.
        lora: The settings of LoRA.
        training: The settings of the run; of precision and gradient checkpointing, the load's count.
        load: What a process is given to do.

    Raises:
        SettingsError: when LoRA's targets are not layers of the model, or the settings do not go together.
    """
    load.require_method(training.method)
    skeleton = create_skeleton(config)
    base = {name: tuple(parameter.shape) for name, parameter in skeleton.named_parameters()}
    model = add_trainable(skeleton, training.method, lora)
    trained = count_parameters(model).trainable
    full = training.method == "full"
    shares = load.num_processes if load.sharded else 1
    # A preference is learnt from two answers, the liked one and the other.
    sequences = training.per_device_train_batch_size * (2 if training.method == "dpo" else 1)
    kept = Activations(LayerSizes.of(config), AdaptedLayers.of(model), training.method, lora, load.held_in, load.on_gpu)
    labels = sequences * (load.labels or load.sequence_length)
    return TrainingMemory(
        weights=_weight_bytes(count_weights(base), load.held_in) // shares,
        adapter=0 if full else 4 * trained // shares,
        gradients=4 * trained // shares,
        optimizer=8 * trained // shares,
        activations=kept.kept_bytes(sequences, load.sequence_length, checkpointed=load.gradient_checkpointing),
        logits=(kept.working_bytes + 12) * int(config.vocab_size) * labels,
        communication=_communication_bytes(base, load, trained, LayerSizes.of(config).layers),
    )


def require_training_memory(estimate: TrainingMemory, available: int, load: TrainingLoad, *, batch: int = 2) -> None:
    """Refuses a run that will not fit, before anything of it is loaded.

    Args:
        estimate: What estimate_training_memory returned.
        available: Free bytes, as recsys.models.memory.available_bytes tells.
        load: What was estimated.
        batch: Records of a forward pass, so that one record is not told to become fewer.

    Raises:
        ModelUnavailableError: with both figures, and what would make it smaller.
    """
    if estimate.needed <= available:
        return
    mends = _list_mends(estimate, load, batch)
    raise ModelUnavailableError(
        f"training needs about {estimate.needed / 1e9:.1f} GB of memory and {available / 1e9:.1f} GB are free",
        mend="; ".join(mends) if mends else "choose a smaller model or a machine with more memory",
    )


def _list_mends(estimate: TrainingMemory, load: TrainingLoad, batch: int) -> list[str]:
    """What would help, that which helps most first."""
    full = not estimate.adapter
    per_batch = estimate.activations + estimate.logits
    saved: dict[str, int] = {}
    if batch > 1:
        saved["take a smaller batch and accumulate gradients instead"] = per_batch - per_batch // batch
    if not load.gradient_checkpointing:
        saved["switch gradient checkpointing on"] = estimate.activations * 3 // 4
    if load.labels is None:
        saved["learn fewer labels, the answer's alone (loss_on answer)"] = estimate.logits // 2
    if full:
        saved["choose the method lora"] = estimate.gradients + estimate.optimizer
    elif load.held_in in ("fp32", "bf16", "fp16") and not load.sharded:
        saved["hold the base in int8 (precision int8)"] = estimate.weights // 2
    return sorted((mend for mend in saved if saved[mend] > 0), key=lambda mend: -saved[mend])


def _weight_bytes(weights: WeightCounts, held_in: HeldIn) -> int:
    if held_in == "nf4":
        return int(weights.linear * _NF4_BYTES) + 2 * weights.other
    return weights.bytes_in(held_in)


def _communication_bytes(base: dict[str, tuple[int, ...]], load: TrainingLoad, trained: int, layers: int) -> int:
    if load.num_processes == 1:
        return 0
    if not load.sharded:
        return 4 * trained
    in_layers = {name: shape for name, shape in base.items() if _LAYER.search(name)}
    outside = {name: shape for name, shape in base.items() if name not in in_layers}
    layer, rest = (_weight_bytes(count_weights(part), load.held_in) for part in (in_layers, outside))
    return _GATHERED_LAYERS * layer // layers + rest
