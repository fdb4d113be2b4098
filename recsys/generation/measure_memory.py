"""Measures what loading a model and answering with it takes, to hold the plan against: ``bench memory --inference``.

Read every few milliseconds is the process's own memory that the kernel cannot give up (anonymous pages, of
/proc/self/smaps_rollup), beyond what it held once its libraries were loaded and warm. Weights that stay in the mapped
file, as those do whose precision is the file's, count by their size: they are in memory while the model computes, but
copies of them that the file's cache holds are not counted twice. Freed memory is handed back (malloc_trim) between
loading and answering. USS, private pages of files included, is told beside. One process measures one case. Not known
here: GPUs.
"""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recsys.errors import SettingsError
from recsys.models.heap import give_memory_back
from recsys.models.loading import LoadedModel, load_model
from recsys.models.memory_plan import AnswerSize
from recsys.models.registry import find_model
from recsys.settings import Precision

_SECONDS_BETWEEN_LOOKS = 0.01
_NEW_TOKENS = 16
"""Enough to see the cache grow; the prompt has the rest of the length."""


@dataclass(frozen=True)
class MeasuredAnswer:
    """Peaks in bytes, beyond what the process held before.

    Attributes:
        loading: While the model was loaded.
        resting: Once it was, freed memory handed back.
        answering: While a batch was answered.
        uss: Private pages at the end of the answer, those of files included.
    """

    loading: int
    resting: int
    answering: int
    uss: int

    @property
    def peak(self) -> int:
        """The most at any time."""
        return max(self.loading, self.answering)


def measure_in_child(model: str, precision: Precision, size: AnswerSize) -> MeasuredAnswer:
    """Loads and answers in a process of its own.

    Args:
        model: Registry name or folder; it must be on this machine.
        precision: What its weights are held in.
        size: What is answered: prompts of random tokens.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn) as child:
        return child.submit(_measure, model, precision, size).result()


def _measure(model: str, precision: Precision, size: AnswerSize) -> MeasuredAnswer:
    spec = find_model(model)
    _warm_up()
    give_memory_back()
    before, private_before = anonymous_bytes(), _private_bytes()
    # By looks alone: the file that is read is mapped meanwhile, and the kernel's mark would count its pages.
    with _peak(by_mark=False) as loading:
        loaded = load_model(spec, precision, device="cpu")
    give_memory_back()
    held = _mapped_weights(loaded.model) - before
    resting = anonymous_bytes() + held
    with _peak() as answering:
        _answer(loaded, size)
    private = _private_bytes() - private_before
    return MeasuredAnswer(loading.most - before, resting, answering.most + held, private)


def anonymous_bytes() -> int:
    """Memory of this process that no file backs.

    Raises:
        SettingsError: where the system does not tell it.
    """
    try:
        lines = Path("/proc/self/smaps_rollup").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) * 1024
    raise SettingsError("this system does not tell a process's memory", mend="measure on Linux")


def _private_bytes() -> int:
    import psutil

    return int(psutil.Process().memory_full_info().uss)


def _mapped_weights(model: Any) -> int:
    """Bytes of the weights that lie in a mapped safetensors file."""
    ranges = []
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        if line.endswith(".safetensors"):
            first, last = line.split(maxsplit=1)[0].split("-")
            ranges.append((int(first, 16), int(last, 16)))
    weights = {weight.data_ptr(): weight for weight in model.parameters()}
    return sum(
        weight.numel() * weight.element_size()
        for place, weight in weights.items()
        if any(first <= place < last for first, last in ranges)
    )


class _Peak:
    def __init__(self) -> None:
        self.most = anonymous_bytes()


@contextmanager
def _peak(*, by_mark: bool = True) -> Iterator[_Peak]:
    """The most while a block runs: as looked at, or by the kernel's mark, which misses nothing between two looks."""
    peak, over = _Peak(), threading.Event()
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # sets the mark of the resident memory back

    def watch() -> None:
        while not over.wait(_SECONDS_BETWEEN_LOOKS):
            peak.most = max(peak.most, anonymous_bytes())

    thread = threading.Thread(target=watch, name="watch-memory", daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()
        if by_mark:  # it counts pages of files too; those that are resident now are left out
            files = _status_bytes("RssFile") + _status_bytes("RssShmem")
            peak.most = max(peak.most, _status_bytes("VmHWM") - files)


def _status_bytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def _answer(loaded: LoadedModel, size: AnswerSize) -> None:
    import torch

    model: Any = loaded.model
    prompt = max(1, size.length - _NEW_TOKENS)
    tokens = torch.randint(3, model.config.vocab_size, (size.batch, prompt))
    with torch.inference_mode():
        model.generate(
            input_ids=tokens,
            attention_mask=torch.ones_like(tokens),
            num_beams=size.beams,
            do_sample=size.beams == 1,
            top_k=50,
            top_p=0.9,
            min_new_tokens=_NEW_TOKENS,
            max_new_tokens=_NEW_TOKENS,
            pad_token_id=0,
        )


def _warm_up() -> None:
    """Loads what a first answer loads of torch and transformers, which is no part of what a model takes."""
    import bitsandbytes  # noqa: F401 - 40 MB that are not the model's
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=64, hidden_size=64, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2
    )
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        model: Any = LlamaForCausalLM(config)
        model = model.to(dtype)
        with torch.inference_mode():
            model.generate(
                input_ids=torch.ones((1, 4), dtype=torch.long), max_new_tokens=2, do_sample=True, pad_token_id=0
            )
