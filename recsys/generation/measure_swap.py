"""Measures what it takes to change the adapter, or the model, of a host: ``bench swap``.

An adapter's change is the time from asking the host to holding the model with it. A model's is the private memory of
the process (USS), freed memory handed back, each time after the same few tokens: from the first model to the second and
back. One process measures one case, since a first model warms libraries up that later ones find warm.
"""

from __future__ import annotations

import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from recsys.errors import AdapterError
from recsys.generation.generator import TransformersGenerator
from recsys.models.adapter_listing import default_adapters_folder, list_adapters
from recsys.models.heap import give_memory_back
from recsys.models.host import ModelChoice, ModelHost
from recsys.prompts import render
from recsys.settings import GenerationSettings, PromptSettings

_FEW_TOKENS = GenerationSettings(temperature=0, max_new_tokens=8)
_Found = TypeVar("_Found")


@dataclass(frozen=True)
class AdapterSwap:
    """Seconds of each change of adapter.

    Attributes:
        model: The base.
        adapters: Those that took turns.
        first: (adapters,) seconds of the first change to each: its files are read.
        later: Seconds of each later one.
        cpu: Processor seconds of each later one, which other work on the machine does not lengthen.
        same_model: Whether it was one model object throughout: nothing was loaded again.
    """

    model: str
    adapters: tuple[str, ...]
    first: tuple[float, ...]
    later: tuple[float, ...]
    cpu: tuple[float, ...]
    same_model: bool


@dataclass(frozen=True)
class ModelSwap:
    """Private memory of a process that goes from model to model.

    Attributes:
        models: In the order in which they were loaded.
        empty: Bytes before the first, libraries loaded and a model freed once.
        resting: (models,) bytes once each has answered, freed memory handed back.
        seconds: (models,) of each load.
    """

    models: tuple[str, ...]
    empty: int
    resting: tuple[int, ...]
    seconds: tuple[float, ...]


def measure_adapter_swap(model: str, changes: int = 20) -> AdapterSwap:
    """Changes between two adapters of a model, in a process of its own.

    Args:
        model: Registry name. Where one adapter alone comes with the repository for it, a copy is the second.
        changes: Later changes.

    Raises:
        AdapterError: when none comes with the repository.
    """
    return _in_child(_swap_adapters, model, changes)


def measure_model_swap(models: Sequence[str]) -> ModelSwap:
    """Loads model after model in one host, in a process of its own."""
    return _in_child(_swap_models, tuple(models))


def _in_child(measure: Callable[..., _Found], *asked: object) -> _Found:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn) as child:
        return child.submit(measure, *asked).result()


def _swap_adapters(model: str, changes: int) -> AdapterSwap:
    with tempfile.TemporaryDirectory() as folder:
        names = _two_adapters(model, Path(folder))
        host = ModelHost(adapters_folder=Path(folder), device="cpu")
        with host.use(ModelChoice(model)) as loaded:
            base = loaded.model
        first = tuple(_change(host, ModelChoice(model, adapter=name))[0] for name in names)
        later = [_change(host, ModelChoice(model, adapter=names[number % 2])) for number in range(changes)]
        with host.use(ModelChoice(model)) as loaded:
            same = loaded.model is base
    seconds, cpu = zip(*later, strict=True)
    return AdapterSwap(model, names, first, seconds, cpu, same)


def _two_adapters(model: str, folder: Path) -> tuple[str, ...]:
    """Copies two adapters of a model to a folder and gives their names."""
    of_model = [found.name for found in list_adapters() if found.base_model == model and found.is_usable][:2]
    if not of_model:
        raise AdapterError("no adapter comes with the repository for this model", seen=model, mend="take another")
    for name in of_model:
        shutil.copytree(default_adapters_folder() / name, folder / name)
    if len(of_model) == 1:
        of_model.append(f"{of_model[0]}-copy")
        shutil.copytree(folder / of_model[0], folder / of_model[1])
    return tuple(of_model)


def _change(host: ModelHost, choice: ModelChoice) -> tuple[float, float]:
    began, cpu = time.perf_counter(), time.process_time()
    with host.use(choice):
        return time.perf_counter() - began, time.process_time() - cpu


def _swap_models(models: tuple[str, ...]) -> ModelSwap:
    host = ModelHost(device="cpu")
    for model in dict.fromkeys(models):  # what a first load and answer leave of libraries is no part of a model
        _answer(host, model)
    host.free()
    empty = _private_bytes()
    resting, seconds = [], []
    for model in models:
        began = time.perf_counter()
        with host.use(ModelChoice(model)):
            seconds.append(time.perf_counter() - began)
        _answer(host, model)
        resting.append(_private_bytes())
    return ModelSwap(models, empty, tuple(resting), tuple(seconds))


def _answer(host: ModelHost, model: str) -> None:
    prompt = render(["Toy Story (1995)"], PromptSettings("history"), num_recommendations=4)
    with host.use(ModelChoice(model)) as loaded:
        TransformersGenerator(loaded).generate([prompt], _FEW_TOKENS)


def _private_bytes() -> int:
    import psutil

    give_memory_back()
    return int(psutil.Process().memory_full_info().uss)
