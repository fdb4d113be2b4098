"""One piece of work at a time, told while it goes on and after it ended, whatever the end."""

import threading

import pytest

from recsys.background import BackgroundTask
from recsys.errors import CancelledError, HistoryError, ModelBusyError


def test_the_state_follows_the_work_from_idle_to_done():
    task, go, half = BackgroundTask("bread is being baked"), threading.Event(), threading.Event()
    assert task.state().phase == "idle"

    def bake(tell, cancel):
        tell(0.5, "in the oven")
        half.set()
        go.wait(10)
        return "baked"

    task.start(bake)
    assert half.wait(10)
    state = task.state()
    assert (state.is_running, state.number, state.fraction, state.message) == (True, 1, 0.5, "in the oven")
    with pytest.raises(ModelBusyError, match="bread is being baked already"):
        task.start(bake)
    go.set()
    state = task.wait(10)
    assert (state.phase, state.fraction, state.message, state.error) == ("done", 1.0, "baked", None)


def test_work_that_was_stopped_says_so_and_the_next_may_start():
    task = BackgroundTask("x")

    def wait(tell, cancel):
        cancel.wait(10)
        raise CancelledError("stopped halfway")

    task.start(wait)
    task.cancel()
    assert task.wait(10).phase == "cancelled"
    task.start(lambda tell, cancel: "again" if not cancel.is_set() else "still stopped")
    state = task.wait(10)
    assert (state.phase, state.number, state.message) == ("done", 2, "again")


def test_an_error_is_kept_as_it_is_and_a_bug_is_told_as_one():
    task = BackgroundTask("x")
    error = HistoryError("no such movie", seen=5)

    def fail(tell, cancel):
        raise error

    task.start(fail)
    state = task.wait(10)
    assert (state.phase, state.error, state.message) == ("failed", error, str(error))
    task.start(lambda tell, cancel: 1 // 0)
    assert "ZeroDivisionError" in task.wait(10).message
