import threading
import time

import pytest

from recsys.ui.live_stream import LiveStream


def test_everything_that_matters_arrives_and_the_last_part_last():
    parts = list(LiveStream(lambda: iter(["a", "ab", "abc"]), threading.Event()))
    assert parts[-1] == "abc"
    assert set(parts) <= {"a", "ab", "abc", None}


def test_only_the_newest_of_what_has_come_is_given():
    gate, all_there = threading.Event(), threading.Event()

    def slow():
        yield "first"
        gate.wait(5)
        yield from ("second", "third", "fourth")
        all_there.set()

    stream = iter(LiveStream(slow, threading.Event()))
    assert next(stream) == "first"
    gate.set()
    assert all_there.wait(5)
    time.sleep(0.05)
    assert [part for part in stream if part is not None] == ["fourth"]


def test_silence_is_told_by_none():
    gate = threading.Event()

    def silent():
        gate.wait(5)
        yield "at last"

    stream = iter(LiveStream(silent, threading.Event(), tick=0.01))
    assert next(stream) is None
    gate.set()
    assert "at last" in list(stream)


def test_an_error_is_raised_where_the_reader_is():
    def broken():
        yield "a"
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(LiveStream(broken, threading.Event()))


def test_a_reader_that_leaves_cancels_the_work_and_the_thread_ends():
    cancel, closed = threading.Event(), threading.Event()

    def work():
        try:
            while not cancel.is_set():
                yield "more"
                time.sleep(0.005)
        finally:
            closed.set()

    stream = iter(LiveStream(work, cancel))
    next(stream)
    stream.close()
    assert cancel.is_set()
    assert closed.wait(5)


def test_the_iterator_lives_in_one_thread():
    threads = set()

    def work():
        for _ in range(3):
            threads.add(threading.get_ident())
            yield "x"

    list(LiveStream(work, threading.Event()))
    assert len(threads) == 1
    assert threading.get_ident() not in threads
