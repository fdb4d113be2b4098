"""The few rules of ZeroGPU Spaces: `spaces` comes first, and functions that compute are marked.

There a GPU is lent to one call at a time, so models are put on "cuda" when the app starts, by the main
thread, and the calls that use them carry a mark. Anywhere else nothing happens here.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from typing import Any, TypeVar

ZEROGPU_VARIABLE = "SPACES_ZERO_GPU"

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


def is_zerogpu() -> bool:
    """Whether this is a Space whose GPU is lent per call."""
    asked = os.environ.get(ZEROGPU_VARIABLE, "").lower() in {"1", "true", "t"}
    return asked and importlib.util.find_spec("spaces") is not None


def prepare_zerogpu() -> None:
    """Imports `spaces` on ZeroGPU; called before anything imports torch."""
    if is_zerogpu():
        importlib.import_module("spaces")


def gpu_task(function: AnyFunction, *, seconds: int = 60) -> AnyFunction:
    """Marks a function, or generator function, that computes with the model.

    Args:
        function: What a request runs.
        seconds: The longest that one call may take on ZeroGPU.
    """
    if not is_zerogpu():
        return function
    spaces = importlib.import_module("spaces")
    marked: AnyFunction = spaces.GPU(duration=seconds)(function)
    return marked
