"""Who gets the model next."""

import threading
import time
from collections.abc import Callable

import pytest

from recsys.errors import CancelledError
from recsys.models.turns import Turns


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within ten seconds"
        time.sleep(0.002)


def start(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_people_go_before_batches_and_the_first_come_first() -> None:
    turns, order, threads = Turns(), [], []
    with turns.take("interactive"):
        for number, (name, priority) in enumerate(
            [("batch 1", "batch"), ("batch 2", "batch"), ("person 1", "interactive"), ("person 2", "interactive")]
        ):

            def work(name: str = name, priority: str = priority) -> None:
                with turns.take(priority):
                    order.append(name)

            threads.append(start(work))
            wait_for(lambda number=number: turns.num_waiting == number + 1)
    for thread in threads:
        thread.join(10)
    assert order == ["person 1", "person 2", "batch 1", "batch 2"]


def test_a_person_waits_for_at_most_one_block_of_a_long_job() -> None:
    turns, events = Turns(), []
    third_block = threading.Event()

    def long_job() -> None:
        for block in range(20):
            with turns.take("batch"):
                events.append(block)
                if block == 3:
                    third_block.set()
                    wait_for(lambda: turns.num_waiting == 1)  # the person arrives during this block

    job = start(long_job)
    assert third_block.wait(10)
    with turns.take("interactive"):
        events.append("person")
    job.join(10)
    assert events == [0, 1, 2, 3, "person", *range(4, 20)]


def test_only_one_holds_the_turn() -> None:
    turns, inside, most = Turns(), 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            with turns.take("batch"):
                inside += 1
                most = max(most, inside)
                inside -= 1

    for thread in [start(work) for _ in range(8)]:
        thread.join(20)
    assert (most, inside, turns.num_waiting) == (1, 0, 0)


def test_a_cancelled_waiter_leaves_the_queue_and_the_next_goes_on() -> None:
    turns, cancel, outcome = Turns(), threading.Event(), []

    def work() -> None:
        try:
            with turns.take("interactive", cancel):
                outcome.append("ran")
        except CancelledError:
            outcome.append("cancelled")

    with turns.take("interactive"):
        thread = start(work)
        wait_for(lambda: turns.num_waiting == 1)
        cancel.set()
        thread.join(10)
        assert outcome == ["cancelled"]
        assert turns.num_waiting == 0
    with turns.take("batch"):
        outcome.append("next")
    assert outcome == ["cancelled", "next"]


def test_what_was_cancelled_before_it_began_does_not_begin() -> None:
    turns, cancel = Turns(), threading.Event()
    cancel.set()
    with pytest.raises(CancelledError), turns.take("interactive", cancel):
        pytest.fail("the block ran")


def test_an_error_inside_the_block_frees_the_turn() -> None:
    turns = Turns()
    with pytest.raises(ValueError, match="inside"), turns.take("batch"):
        raise ValueError("inside")
    with turns.take("batch"):
        pass
