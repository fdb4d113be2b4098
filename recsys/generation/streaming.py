"""Runs a generation in a thread of its own and hands out its text while it grows.

Knows nothing of models: the work is a callable that is given where to put text and whom to ask
whether to stop.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from recsys.generation.completion import Completion

Work = Callable[[Callable[[str], None], Callable[[], bool]], Completion]
"""(where the text so far goes, whether to stop) -> the completion."""


@dataclass(frozen=True)
class _Failure:
    error: BaseException


def stream_from_thread(work: Work, cancel: threading.Event | None = None) -> Iterator[str | Completion]:
    """Yields the text so far whenever it grew, then the completion.

    What goes wrong in the thread is raised here. Closing the iterator early stops the work and waits for
    its thread, so that the model is free when the caller goes on.

    Args:
        work: The generation.
        cancel: Set from anywhere to stop early; the completion then holds what was written.
    """
    parts: queue.SimpleQueue[str | Completion | _Failure] = queue.SimpleQueue()
    closed = threading.Event()

    def should_stop() -> bool:
        return closed.is_set() or (cancel is not None and cancel.is_set())

    def run() -> None:
        try:
            parts.put(work(parts.put, should_stop))
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that consumes
            parts.put(_Failure(error))

    thread = threading.Thread(target=run, name="generation", daemon=True)
    thread.start()
    try:
        while True:
            part = parts.get()
            if isinstance(part, _Failure):
                raise part.error
            yield part
            if isinstance(part, Completion):
                return
    finally:
        closed.set()
        thread.join()
