"""Chooses the device and what the weights are held in, and says why.

Knows what processors are good at; loads nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from recsys.errors import ModelUnavailableError
from recsys.models.memory import WeightCounts
from recsys.settings import Precision, require_choice

_BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""Flags of /proc/cpuinfo: x86 with AVX512-BF16 or AMX, Arm with BF16."""


def resolve_device(device: str) -> str:
    """The device that "auto" stands for: "cuda", "mps" or "cpu".

    Raises:
        SettingsError: for another name.
        ModelUnavailableError: when a device was named that is not here.
    """
    require_choice("device", device, ("auto", "cpu", "cuda", "mps"))
    if device == "cpu":
        return device
    import torch

    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return next((name for name, here in present.items() if here), "cpu")
    if not present[device]:
        raise ModelUnavailableError(f"this machine has no {device} device", mend="choose device auto or cpu")
    return device


def cpu_has_fast_bf16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor multiplies bf16 by itself; False where the system does not tell."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.lower().startswith(("flags", "features"))), "")
    return bool(_BF16_FLAGS & set(flags.split()))


def resolve_precision(
    precision: Precision, device: str, *, weights: WeightCounts | None = None, available: int | None = None
) -> tuple[str, str]:
    """What the weights will be held in, and one sentence on why.

    Args:
        precision: What was asked for.
        device: "cpu", "cuda" or "mps".
        weights: The model's weights, where known: "auto" takes bf16, int8 or nf4 where the fast choice does not fit.
        available: Free memory in bytes.

    Raises:
        SettingsError: for a precision that does not exist.
    """
    require_choice("precision", precision, get_args(Precision))
    if precision != "auto":
        return precision, f"{precision} was asked for."
    chosen, reason = _fastest(device)
    if weights is None or available is None or weights.peak_bytes(chosen) <= available:
        return chosen, reason
    smaller = [name for name in ("bf16", "int8", "nf4") if weights.peak_bytes(name) <= available]
    if not smaller:
        return chosen, reason
    needed, free = weights.peak_bytes(chosen) / 1e9, available / 1e9
    return smaller[0], f"{chosen} would be faster but needs {needed:.1f} GB and {free:.1f} GB are free."


def compute_precision(precision: str, device: str) -> str:
    """What a model computes in, and what its weights that are not quantised are held in: fp32, bf16 or fp16.

    int8 goes with fp16, as LLM.int8() was published. nf4 goes with bf16, whose range is fp32's, and on a GPU without
    bf16 with fp16.

    Args:
        precision: fp32, bf16, fp16, int8 or nf4.
        device: "cpu", "cuda" or "mps".
    """
    if precision == "int8":
        return "fp16"
    if precision == "nf4":
        return "fp16" if _fastest(device)[0] == "fp16" else "bf16"
    return precision


def _fastest(device: str) -> tuple[str, str]:
    if device == "cuda":
        import torch

        if torch.cuda.is_bf16_supported(including_emulation=False):
            return "bf16", "This GPU computes in bf16."
        return "fp16", "This GPU computes in fp16 and not in bf16."
    if device == "mps":
        return "fp16", "Apple GPUs are fastest in fp16."
    if cpu_has_fast_bf16():
        return "bf16", "This processor computes in bf16, which is its fastest precision."
    return "fp32", "This processor has no bf16 arithmetic, so fp32 is its fastest precision."
