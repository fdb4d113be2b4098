"""How much memory a model will take in each precision, and how much there is.

Works on parameter counts and the system's figures; loads nothing. On a GPU the free memory of all its
devices counts, elsewhere the machine's (machine_memory.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from recsys.errors import ModelUnavailableError
from recsys.machine_memory import machine_bytes_left
from recsys.models.distributed import count_processes

_BYTES_PER_WEIGHT = {"fp32": 4, "bf16": 2, "fp16": 2, "int8": 1, "nf4": 0.5 + 4 / 64}
"""nf4 has a scale of 32 bits for every 64 weights; int8 one for every row, which does not count."""
_QUANTISED = ("int8", "nf4")
_SMALLER_FIRST = ("nf4", "int8", "bf16", "fp16", "fp32")
_WORKING_SHARE = 0.1
"""Room beside the weights for the key/value cache and activations, as a share of their size."""


@dataclass(frozen=True)
class WeightCounts:
    """The weights of a model: those that int8 and nf4 shrink, and embeddings, norms and head, which stay in 16 bits.

    Attributes:
        linear: Weights of linear layers but for the language-model head.
        other: All others.
    """

    linear: int
    other: int

    def bytes_in(self, precision: str) -> int:
        """The size of the weights once loaded."""
        others = "fp16" if precision in _QUANTISED else precision
        return int(self.linear * _BYTES_PER_WEIGHT[precision] + self.other * _BYTES_PER_WEIGHT[others])

    def peak_bytes(self, precision: str) -> int:
        """The most that loading and use take. Quantised weights are made piece by piece: no copy is beside them."""
        held = self.bytes_in(precision)
        return held + int(held * _WORKING_SHARE)


def count_weights(shapes: dict[str, tuple[int, ...]]) -> WeightCounts:
    """Sorts the tensors of a LLaMA or GPT-J by whether int8 and nf4 shrink them.

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
