"""The mark of ZeroGPU is there on such a Space and nowhere else."""

import sys
import types
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from typing import Any

import pytest

from recsys.models.zerogpu import gpu_task, is_zerogpu, prepare_zerogpu


def answer() -> str:
    return "answer"


def test_elsewhere_a_function_stays_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    prepare_zerogpu()
    assert gpu_task(answer) is answer


def test_the_variable_without_the_package_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACES_ZERO_GPU", "1")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not is_zerogpu()
    assert gpu_task(answer) is answer


def test_on_zerogpu_the_function_is_marked_with_its_duration(monkeypatch: pytest.MonkeyPatch) -> None:
    def mark(*, duration: int) -> Callable[[Any], Any]:
        return lambda function: lambda: (function(), duration)

    spaces = types.ModuleType("spaces")
    spaces.GPU = mark  # type: ignore[attr-defined]
    spaces.__spec__ = ModuleSpec("spaces", None)
    monkeypatch.setitem(sys.modules, "spaces", spaces)
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    assert is_zerogpu()
    assert gpu_task(answer, seconds=90)() == ("answer", 90)
