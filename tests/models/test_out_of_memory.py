"""When memory runs out, fewer records are tried at once; what ran out is told apart from every other error."""

from types import SimpleNamespace

import pytest
import torch

from recsys.errors import ModelUnavailableError
from recsys.models.out_of_memory import BatchHalver, is_out_of_memory


class Model:
    """As much of a loaded model as the halver touches."""

    def __init__(self):
        self.cleared = 0
        self.decoders = {"prefixes": SimpleNamespace(clear=self.clear)}

    def clear(self):
        self.cleared += 1


class Memory:
    """Doubles numbers, as long as no more than so many rows come at once."""

    def __init__(self, room, error=torch.OutOfMemoryError):
        self.room, self.error, self.widths = room, error, []

    def double(self, part):
        self.widths.append(len(part))
        if len(part) > self.room:
            raise self.error("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has …")
        return [2 * item for item in part]


def test_a_batch_that_fits_is_answered_at_once_and_nothing_is_said():
    memory = Memory(room=8)
    assert BatchHalver().answer(range(5), memory.double, Model()) == ([0, 2, 4, 6, 8], None)
    assert memory.widths == [5]


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, MemoryError])
def test_a_batch_that_does_not_fit_is_halved_until_it_does(error):
    memory, model = Memory(room=2, error=error), Model()
    answers, told = BatchHalver().answer(range(9), memory.double, model)
    assert answers == [0, 2, 4, 6, 8, 10, 12, 14, 16]
    assert memory.widths == [9, 4, 2, 2, 2, 2, 1]
    assert told == "Memory ran out with more records at once: 9 were answered 2 at a time."
    assert model.cleared == 2


def test_what_fitted_is_remembered_for_the_model_and_counted_in_rows():
    halver, model, memory = BatchHalver(), Model(), Memory(room=4)
    halver.answer(range(8), memory.double, model, beams=2)
    memory.widths.clear()
    halver.answer(range(8), memory.double, model, beams=4)  # 4 records of 2 beams fitted: 2 of 4 beams
    halver.answer(range(3), memory.double, model)
    halver.answer(range(8), Memory(room=8).double, Model())
    assert memory.widths == [2, 2, 2, 2, 3]


def test_one_record_that_does_not_fit_is_told_with_what_would_help():
    with pytest.raises(ModelUnavailableError, match="while one record was answered") as told:
        BatchHalver().answer(range(4), Memory(room=0).double, Model(), beams=4)
    assert told.value.seen == "CUDA out of memory. Tried to allocate 2.00 GiB."
    assert told.value.mend.startswith("take fewer beams")


def test_other_errors_are_passed_on():
    memory = Memory(room=0, error=RuntimeError)
    memory.error = lambda _: RuntimeError("shapes do not match")
    with pytest.raises(RuntimeError, match="shapes"):
        BatchHalver().answer([1], memory.double, Model())


def test_tensors_of_the_failed_try_are_freed_before_the_next():
    import weakref

    kept = []

    def work(part):
        assert all(reference() is None for reference in kept)
        big = torch.zeros(1000)
        kept.append(weakref.ref(big))
        if len(part) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return list(part)

    assert BatchHalver().answer([1, 2, 3], work, Model())[0] == [1, 2, 3]


def test_the_words_of_each_allocator_are_known():
    with pytest.raises(RuntimeError) as real:
        torch.empty(1 << 50, dtype=torch.uint8)
    assert is_out_of_memory(real.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("no kernel"))
    assert not is_out_of_memory(ValueError("out of memory"))
