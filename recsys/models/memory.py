"""How much memory a model will take in each precision, and how much there is.

Works on parameter counts and the system's figures; loads nothing. On a GPU the free memory of all its
devices counts, elsewhere the machine's (machine_memory.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from recsys.errors import ModelUnavailableError
from recsys.machine_memory import machine_bytes_left
from recsys.models.distributed import count_processes

_BYTES_PER_WEIGHT = {"fp32": 4, "bf16": 2, "fp16": 2, "int8": 1}
_SMALLER_FIRST = ("int8", "bf16", "fp16", "fp32")
_WORKING_SHARE = 0.1
"""Room beside the weights for the key/value cache and activations, as a share of their size."""


@dataclass(frozen=True)
class WeightCounts:
    """The weights of a model: those that int8 shrinks, and embeddings, norms and head that it leaves in fp16.

    Attributes:
        linear: Weights of linear layers but for the language-model head.
        other: All others.
    """

    linear: int
    other: int

    def bytes_in(self, precision: str) -> int:
        """The size of the weights once loaded."""
        if precision == "int8":
            return self.linear * _BYTES_PER_WEIGHT["int8"] + self.other * _BYTES_PER_WEIGHT["fp16"]
        return (self.linear + self.other) * _BYTES_PER_WEIGHT[precision]

    def peak_bytes(self, precision: str) -> int:
        """The most that loading and use take: int8 is made from the fp16 weights, which are there meanwhile.

        Measured on a LLaMA-7B shape: 7.0 GB loaded, 19.95 GB at the peak.
        """
        held = self.bytes_in(precision)
        beside = self.bytes_in("fp16") if precision == "int8" else int(held * _WORKING_SHARE)
        return held + beside


def count_weights(shapes: dict[str, tuple[int, ...]]) -> WeightCounts:
    """Sorts the tensors of a LLaMA or GPT-J by what int8 does to them.

    Args:
        shapes: Shape by tensor name, as the safetensors files have them.
    """
    linear = other = 0
    for name, shape in shapes.items():
        size = 1
        for side in shape:
            size *= side
        is_embedding = any(part in name for part in ("embed_tokens", "wte", "lm_head"))
        if len(shape) == 2 and not is_embedding:
            linear += size
        else:
            other += size
    return WeightCounts(linear, other)


def available_bytes(device: str) -> int:
    """Memory that a model may still take on "cuda", or in the machine's memory for any other device.

    Of several processes each has the GPU of its own; one alone has all of them.
    """
    if device == "cuda":
        import torch

        if count_processes() > 1:
            return torch.cuda.mem_get_info()[0]
        return sum(torch.cuda.mem_get_info(index)[0] for index in range(torch.cuda.device_count()))
    return machine_bytes_left()


def require_memory(title: str, weights: WeightCounts, precision: str, available: int) -> None:
    """Refuses a model that will not fit, before anything of it is read.

    Raises:
        ModelUnavailableError: with both figures, and the largest precision that fits.
    """
    needed = weights.peak_bytes(precision)
    if needed <= available:
        return
    fitting = [name for name in _SMALLER_FIRST if weights.peak_bytes(name) <= available and name != precision]
    mend = f"choose precision {fitting[-1]}" if fitting else "choose a smaller model or a machine with more memory"
    raise ModelUnavailableError(
        f"{title} in {precision} needs about {needed / 1e9:.1f} GB of memory and {available / 1e9:.1f} GB are free",
        mend=mend,
    )
