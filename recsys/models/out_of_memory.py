"""When memory runs out while a model computes: it is given back, and fewer records are tried at once.

What ran out is told apart from other errors by the types and words that torch, its CPU allocator and Python use.
This module knows neither records nor answers: it halves a sequence and calls back.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar
from weakref import WeakKeyDictionary

from recsys.errors import ModelUnavailableError
from recsys.models.heap import give_memory_back
from recsys.models.loading import LoadedModel

Item = TypeVar("Item")
Answer = TypeVar("Answer")

_WORDS = ("can't allocate memory", "not enough memory", "out of memory")
"""Of the RuntimeErrors that torch's CPU allocator and older CUDA calls raise."""
_log = logging.getLogger(__name__)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or in the machine."""
    if isinstance(error, MemoryError):
        return True
    torch = sys.modules.get("torch")  # whatever it raises, it was imported
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _WORDS)


class BatchHalver:
    """Answers a batch in parts that fit, and remembers of each model how many rows did. Safe to share between threads.

    A row is a record's beam. What was learnt goes with the model: the next one starts with whole batches.
    """

    def __init__(self) -> None:
        self._fitting: WeakKeyDictionary[LoadedModel, int] = WeakKeyDictionary()

    def answer(
        self,
        items: Sequence[Item],
        work: Callable[[Sequence[Item]], list[Answer]],
        loaded: LoadedModel,
        *,
        beams: int = 1,
    ) -> tuple[list[Answer], str | None]:
        """Answers every item, in halves and halves of halves where memory runs out.

        Args:
            items: What is asked.
            work: Answers some of them; called again with fewer when memory ran out.
            loaded: The model, held by the caller.
            beams: Rows of each item.

        Returns:
            The answers in order, and one sentence where they were not computed all at once because of memory.

        Raises:
            ModelUnavailableError: when one item alone is too much.
        """
        fitting = self._fitting.get(loaded)
        width = len(items) if fitting is None else max(1, min(len(items), fitting // beams))
        answers: list[Answer] = []
        while len(answers) < len(items):
            part = items[len(answers) : len(answers) + width]
            told = _try(work, part, answers)
            if told is None:
                continue
            # Outside of the except block: the error's frames would keep the tensors that are to be freed.
            _free(loaded)
            if len(part) == 1:
                raise _too_much_for_one(told, beams=beams)
            width = len(part) // 2
            self._fitting[loaded] = width * beams
            _log.warning("memory ran out with %d records at once: now %d", len(part), width)
        if width >= len(items):
            return answers, None
        return answers, f"Memory ran out with more records at once: {len(items)} were answered {width} at a time."


def _too_much_for_one(seen: str, *, beams: int = 1) -> ModelUnavailableError:
    """The error for a single request that does not fit."""
    fewer = "take fewer beams, " if beams > 1 else ""
    return ModelUnavailableError(
        "memory ran out while one record was answered",
        seen=seen,
        mend=f"{fewer}shorten the prompt or its examples, choose a smaller precision or model, or close other programs",
    )


def _try(work: Callable[[Sequence[Item]], list[Answer]], part: Sequence[Item], answers: list[Answer]) -> str | None:
    """Adds the answers of a part; what ran out instead of them."""
    try:
        answers.extend(work(part))
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        traceback.clear_frames(error.__traceback__)
        return _first_line(error)
    return None


@contextmanager
def memory_told(beams: int) -> Iterator[None]:
    """Words what ran out while one request was answered, and gives back what that answer held.

    Raises:
        ModelUnavailableError: in place of what torch raised.
    """
    told = None
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        traceback.clear_frames(error.__traceback__)
        told = _first_line(error)
    if told is not None:
        give_memory_back()
        raise _too_much_for_one(told, beams=beams)


def _first_line(error: BaseException) -> str:
    """What an error says in its first line, or its name."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _free(loaded: LoadedModel) -> None:
    prefixes = loaded.decoders.get("prefixes")
    if prefixes is not None:
        prefixes.clear()
    give_memory_back()
