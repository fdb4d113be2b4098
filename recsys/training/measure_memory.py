"""Measures the memory that training really takes, to hold the estimate against: ``bench memory``.

A model of a shape with random weights does a few steps on random tokens in this process. Two peaks are read: what
torch allocated for tensors, which is what the estimate speaks of, and what the process took, with the scratch space
of the CPU's kernels and the allocator's gaps. The latter never falls again, so one process measures one case. Not
known here: GPUs.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.errors import SettingsError
from recsys.models.shapes import create_skeleton
from recsys.training.memory import TrainingLoad
from recsys.training.methods import add_trainable
from recsys.training.settings import LoraSettings, TrainingSettings

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

_STEPS = 2
"""The optimizer makes its moments in the first step, so the second has the peak."""


@dataclass(frozen=True)
class MeasuredMemory:
    """Peaks of training, in bytes.

    Attributes:
        tensors: What torch allocated for weights, gradients, moments and activations.
        process: What the process took beyond what it held before, tensors and all else.
    """

    tensors: int
    process: int


def measure_training_memory(
    config: PreTrainedConfig, lora: LoraSettings, training: TrainingSettings, load: TrainingLoad
) -> MeasuredMemory:
    """Trains a few steps and reads what they took at their peaks.

    Args:
        config: The shape; its weights are made up.
        lora: The settings of LoRA.
        training: The settings of the run.
        load: What a step does; fp32 or bf16 in one process.

    Raises:
        SettingsError: for a precision that is not measured, or where the system does not tell its peak.
    """
    import torch

    load.require_method(training.method)
    if load.held_in not in ("fp32", "bf16") or load.num_processes > 1 or training.method == "dpo":
        raise SettingsError("only fp32 or bf16 in one process is measured", seen=load, mend="choose one of these")
    _load_libraries(config, training, lora)
    before = _status_bytes("VmRSS")
    torch.manual_seed(training.seed)
    model = _make_model(config, lora, training, load)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-4)
    for _ in range(_STEPS):
        _take_step(model, optimizer, training, load)
    process = _status_bytes("VmHWM") - before
    held = [*model.parameters(), *model.buffers()]
    held += [moment for state in optimizer.state.values() for moment in state.values()]
    resting = sum(tensor.numel() * tensor.element_size() for tensor in held)
    return MeasuredMemory(resting + _profile_step(model, optimizer, training, load), process)


def _profile_step(model: Any, optimizer: Any, training: TrainingSettings, load: TrainingLoad) -> int:
    """The most that one step allocates beside what is there between steps."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        _take_step(model, optimizer, training, load)
    # The profiler's own list of events, since its table adds allocations up by operation and so hides their order.
    events: Any = profiler.profiler.kineto_results.events()
    return max(accumulate(event.nbytes() for event in events if event.name() == "[memory]"), default=0)


def _make_model(config: Any, lora: LoraSettings, training: TrainingSettings, load: TrainingLoad) -> Any:
    """Random weights, made in their precision at once: in fp32 first, they would set the peak."""
    import torch
    from transformers import AutoModelForCausalLM

    create: Any = AutoModelForCausalLM.from_config
    base = create(config, dtype=torch.bfloat16 if load.held_in == "bf16" else torch.float32, trust_remote_code=False)
    model = add_trainable(base, training.method, lora)
    if load.gradient_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    return model.train()


def _load_libraries(config: Any, training: TrainingSettings, lora: LoraSettings) -> None:
    """The optimizer alone loads 100 MB of torch when first used, which is no part of what a model takes."""
    import torch

    add_trainable(create_skeleton(config), training.method, lora)
    layer = torch.nn.Linear(64, 64).bfloat16()
    loss: Any = torch.nn.functional.cross_entropy(layer(torch.ones(64, 64).bfloat16()).float(), torch.arange(64))
    loss.backward()
    torch.optim.AdamW(layer.parameters()).step()


def _take_step(model: Any, optimizer: Any, training: TrainingSettings, load: TrainingLoad) -> None:
    import torch

    shape = (training.per_device_train_batch_size, load.sequence_length)
    tokens = torch.randint(3, model.config.vocab_size, shape)
    learnt = torch.zeros(shape, dtype=torch.bool)
    learnt[:, -(load.labels or load.sequence_length) :] = True
    logits = model(input_ids=tokens, use_cache=False, logits_to_keep=learnt).logits
    loss: Any = torch.nn.functional.cross_entropy(logits.float(), tokens[learnt])
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()


def _status_bytes(name: str) -> int:
    """A figure of /proc/self/status, which Linux gives in KiB."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise SettingsError("this system does not tell a process's peak memory", seen=name, mend="measure on Linux")
