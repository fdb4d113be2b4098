import pytest

from recsys.models.distributed import (
    Processes,
    count_processes,
    fsdp_checkpoints_activations,
    is_first_process,
    is_sharded,
    take_device,
)

_ALL = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED")


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    for name in (*_ALL, "FSDP_ACTIVATION_CHECKPOINTING"):
        monkeypatch.delenv(name, raising=False)


def test_one_process_is_the_first_and_holds_all_weights():
    assert (is_first_process(), count_processes(), is_sharded()) == (True, 1, False)
    assert not fsdp_checkpoints_activations()
    assert take_device("cpu") == "cpu"


def test_alone_there_is_nobody_to_wait_for():
    processes = Processes.of_environment()
    assert (processes.rank, processes.count, processes.is_first) == (0, 1, True)
    processes.wait()


def test_a_process_of_several_knows_its_place(monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "3")
    processes = Processes.of_environment()
    assert (processes.rank, processes.count, processes.is_first) == (1, 3, False)


def test_the_second_of_four_is_not_the_first(monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert (is_first_process(), count_processes()) == (False, 4)


@pytest.mark.parametrize("name", ["ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"])
def test_a_base_that_processes_share_is_read_into_memory_first(monkeypatch, name):
    monkeypatch.setenv(name, "true")
    assert is_sharded()
    assert take_device("auto") == "cpu"


def test_each_process_takes_the_gpu_of_its_own_number(monkeypatch):
    import torch

    taken = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    monkeypatch.setenv("LOCAL_RANK", "2")
    assert take_device("cuda") == "cuda"
    assert taken == [2]
