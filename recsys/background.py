"""Work that goes on in the server whoever watches: one piece at a time, its state there for anybody who asks.

Knows threads and errors, and nothing of what the work is.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from recsys.errors import CancelledError, ModelBusyError, RecsysError

Phase = Literal["idle", "running", "done", "cancelled", "failed"]
Tell = Callable[[float, str], None]
"""Takes how far the work is, from 0 to 1, and a sentence."""
Work = Callable[[Tell, threading.Event], str]
"""Does the work: is given where to tell how far it is and what is set to stop it; returns what was done."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TaskState:
    """A task at one moment.

    Attributes:
        phase: idle before the first start, then running, and how the last work ended.
        number: How many works were started; tells one from the next.
        fraction: How far it is, from 0 to 1.
        message: What is being done, what was done, or the whole error.
        error: What went wrong, for callers that raise.
    """

    phase: Phase = "idle"
    number: int = 0
    fraction: float = 0.0
    message: str = ""
    error: RecsysError | None = None

    @property
    def is_running(self) -> bool:
        return self.phase == "running"


class BackgroundTask:
    """Does one piece of work at a time in a thread of its own. Safe to share between threads.

    Args:
        name: What it does, as in "a data set is being read".
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._state = TaskState()
        self._cancel = threading.Event()
        self._over = threading.Event()

    def state(self) -> TaskState:
        """The task now; never waits."""
        return self._state

    def start(self, work: Work) -> None:
        """Starts the work.

        Raises:
            ModelBusyError: while another one is under way.
        """
        with self._lock:
            if self._state.is_running:
                raise ModelBusyError(f"{self._name} already", seen=self._state.message, mend="wait until it is done")
            self._cancel, self._over = threading.Event(), threading.Event()
            self._state = TaskState("running", self._state.number + 1, 0.0, "Getting ready")
            given = (work, self._cancel, self._over)
        threading.Thread(target=self._run, args=given, name="background-task", daemon=True).start()

    def cancel(self) -> None:
        """Asks the work under way to stop."""
        self._cancel.set()

    def wait(self, timeout: float | None = None) -> TaskState:
        """Waits until the work is over, or that many seconds, and tells its state."""
        self._over.wait(timeout)
        return self.state()

    def _run(self, work: Work, cancel: threading.Event, over: threading.Event) -> None:
        try:
            message = work(lambda fraction, told: self._tell(fraction=fraction, message=told), cancel)
        except CancelledError as stop:
            self._tell(phase="cancelled", message=str(stop), error=stop)
        except RecsysError as error:
            self._tell(phase="failed", message=str(error), error=error)
        except Exception as bug:  # noqa: BLE001  # a thread's error has nobody else to go to
            _log.exception("%s: failed", self._name)
            told = RecsysError("an error that should not happen", seen=f"{type(bug).__name__}: {bug}")
            self._tell(phase="failed", message=str(told), error=told)
        else:
            self._tell(phase="done", fraction=1.0, message=message)
        over.set()

    def _tell(self, **changes: object) -> None:
        with self._lock:
            self._state = dataclasses.replace(self._state, **changes)  # type: ignore[arg-type]
