"""Pulls a slow iterator in a thread of its own, so that the page is told something while it waits.

The iterator is made, pulled and closed in one thread: the model's lock belongs to a thread, and Gradio
takes another one for each step of a handler. It knows nothing of what flows through it.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class _End:
    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class LiveStream(Generic[T]):
    """What the iterator yields, the newest only, with None where nothing came for ``tick`` seconds.

    Args:
        start: Makes the iterator; called in the thread.
        cancel: Set when the reader stops early, so that the iterator can end.
        tick: Seconds of silence after which None is given.
    """

    def __init__(self, start: Callable[[], Iterator[T]], cancel: threading.Event, *, tick: float = 0.25) -> None:
        self._start = start
        self._cancel = cancel
        self._tick = tick
        self._parts: queue.SimpleQueue[T | _End] = queue.SimpleQueue()

    def __iter__(self) -> Iterator[T | None]:
        threading.Thread(target=self._pull, name="live-stream", daemon=True).start()
        try:
            while True:
                part = self._newest()
                if isinstance(part, _End):
                    if part.error is not None:
                        raise part.error
                    return
                yield part
        finally:
            self._cancel.set()

    def _newest(self) -> T | _End | None:
        """The last part that has come; an end is only given once what came before it was."""
        try:
            part = self._parts.get(timeout=self._tick)
        except queue.Empty:
            return None
        while not isinstance(part, _End):
            try:
                following = self._parts.get_nowait()
            except queue.Empty:
                break
            if isinstance(following, _End):
                self._parts.put(following)
                break
            part = following
        return part

    def _pull(self) -> None:
        try:
            for part in self._start():
                self._parts.put(part)
        except BaseException as error:  # noqa: BLE001 - raised again where the reader is
            self._parts.put(_End(error))
        else:
            self._parts.put(_End(None))
