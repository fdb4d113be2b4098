"""Which process of several this is, as `accelerate launch` and torchrun tell by environment variables.

Everything works alike in one process, where none of them is set. Loads nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

_SHARDING = ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED")
_FSDP_CHECKPOINTS = "FSDP_ACTIVATION_CHECKPOINTING"


def is_first_process() -> bool:
    """Whether this process writes files and talks to people."""
    return int(os.environ.get("RANK", "0")) == 0


def count_processes() -> int:
    """How many processes work together."""
    return max(1, int(os.environ.get("WORLD_SIZE", "1")))


def is_sharded() -> bool:
    """Whether processes share the weights (FSDP, DeepSpeed) in place of each having all."""
    return any(os.environ.get(name) == "true" for name in _SHARDING)


def fsdp_checkpoints_activations() -> bool:
    """Whether FSDP itself computes layers again in the backward pass."""
    return os.environ.get(_FSDP_CHECKPOINTS) == "true"


def take_device(device: str) -> str:
    """The device of this process: with several GPUs, its own.

    A base that processes will share is read into the machine's memory first.

    Raises:
        SettingsError, ModelUnavailableError: as resolve_device.
    """
    from recsys.models.precision import resolve_device  # which asks how much memory this process may take

    if is_sharded():
        return "cpu"
    resolved = resolve_device(device)
    if resolved == "cuda" and "LOCAL_RANK" in os.environ:
        import torch

        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    return resolved


@dataclass(frozen=True)
class Processes:
    """The processes that share some work.

    Attributes:
        rank: Which of them this is; the first, 0, writes what all have found.
        count: How many there are.
        wait: Returns once all of them have come to the same call.
    """

    rank: int = 0
    count: int = 1
    wait: Callable[[], None] = lambda: None

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    @classmethod
    def of_environment(cls) -> Self:
        """Those that `accelerate launch` or torchrun started; one where nothing did."""
        return cls() if count_processes() == 1 else cls(int(os.environ["RANK"]), count_processes(), _wait_for_all)


def _wait_for_all() -> None:
    import torch.distributed

    if not torch.distributed.is_initialized():
        # Messages through the processor's memory do for any device. The first to be done waits for the last, whose
        # share may be the slower one by hours.
        torch.distributed.init_process_group("gloo", timeout=timedelta(days=7))
    torch.distributed.barrier()
