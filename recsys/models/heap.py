"""Freed memory: kept from staying in the C library's heap while a model answers, and handed back after it.

glibc takes a large block from the kernel by itself and gives it back when it is freed, but counts blocks of up to 32
MB as small once one of that size was freed. A layer's working copies then come from the heap; what the layer leaves for
good, its keys and values, lies between them; and the next layer finds no hole that is large enough. A fixed
limit ends that. With other C libraries
nothing happens.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from functools import cache

LARGE_BLOCK = 1 << 20
"""Bytes from which a block is the kernel's; smaller ones would cost a call of the kernel each time for little."""
_KEPT_AT_THE_END = 1 << 24
"""Free bytes at the heap's end that are kept for the next small blocks."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


@cache
def give_large_blocks_back() -> bool:
    """Sets the limit for this process, once; whether it took effect."""
    setting = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if setting is None:  # C libraries other than glibc
        return False
    return bool(setting(_M_MMAP_THRESHOLD, LARGE_BLOCK)) and bool(setting(_M_TRIM_THRESHOLD, _KEPT_AT_THE_END))


def give_memory_back() -> None:
    """Collects what is unreachable and hands freed memory to the system and the GPU driver."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; other C libraries have none
        if trim is not None:
            trim(0)
