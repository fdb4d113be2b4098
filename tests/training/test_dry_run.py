"""The dry run: the story's line first, then memory, steps and tokens, without weights or a network."""

import socket

import pytest

from recsys.errors import SettingsError, UnknownModelError
from recsys.models.shapes import STORY_MODELS
from recsys.training.dry_run import describe_dry_run, make_load
from recsys.training.memory import TrainingLoad
from recsys.training.settings import LoraSettings, TrainingSettings

STORY = LoraSettings()
STORY_LINE = "trainable params: 4194304 || all params: 6742609920 || trainable%: 0.06220594176090199"


def describe(name="llama-7b", lora=STORY, load=None, num_records=1000, **training):
    settings = TrainingSettings(**{"precision": "bf16", **training})
    return describe_dry_run(name, lora, settings, num_records=num_records, sequence_length=200, load=load)


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("a dry run asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_the_first_line_is_the_storys_to_the_digit():
    assert describe().splitlines()[0] == STORY_LINE


@pytest.mark.parametrize("name", STORY_MODELS)
def test_every_model_of_the_story_is_described_without_a_network(name):
    lines = describe(name).splitlines()
    assert lines[0].startswith("trainable params: ")
    assert lines[1].startswith("memory, estimated, of each process: ")
    assert lines[-2].startswith("steps: ")


def test_steps_and_tokens_are_counted_by_hand():
    text = describe(num_records=1000, num_train_epochs=3, gradient_accumulation_steps=2)
    assert "steps: 32 an epoch, 96 in all (1000 records, 3 epochs)" in text  # 63 passes of 16, two a step
    assert "tokens: 200000 an epoch at most, 80 of each record's 200 learnt" in text
    assert "32 an epoch, 50 in all" in describe(num_records=1000, gradient_accumulation_steps=2, max_steps=50)


def test_a_run_on_four_gpus_divides_the_steps_and_shares_the_weights():
    load = TrainingLoad(200, num_processes=4, sharded=True, gradient_checkpointing=True, on_gpu=True)
    text = describe("llama-65b", load=load, num_records=6400, num_train_epochs=1)
    assert "of each process, 4 processes that share the weights" in text
    assert "base weights (bf16): 32.643 GB" in text  # 65,285,660,672 × 2 / 4
    assert "layers computed again" in text
    assert "steps: 100 an epoch, 100 in all" in text


def test_full_training_tells_that_its_weights_are_fp32():
    text = describe("smollm2-135m", method="full")
    assert "base weights (fp32): 0.538 GB" in text  # 134,515,008 × 4
    assert "adapter" not in text


def test_the_answers_titles_are_four_tenths_of_what_is_learnt():
    assert make_load(TrainingSettings(precision="bf16"), 100).labels == 40
    assert make_load(TrainingSettings(precision="int8", loss_on="titles"), 100) == TrainingLoad(100, "int8")


def test_accelerate_launch_tells_how_many_processes_share_the_weights(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    load = make_load(TrainingSettings(precision="bf16", gradient_checkpointing=True), 100)
    assert (load.num_processes, load.sharded, load.on_gpu, load.gradient_checkpointing) == (4, True, True, True)


def test_a_folder_is_described_from_its_config(tiny_gptj_folder):
    assert describe(str(tiny_gptj_folder)).startswith("trainable params: 2048 ||")  # 2 layers × 2 × 8 × (32 + 32)


def test_an_unknown_model_or_target_is_refused():
    with pytest.raises(UnknownModelError, match="llama-7b"):
        describe("llama-8b")
    with pytest.raises(SettingsError, match="no_proj"):
        describe(lora=LoraSettings(target_modules=("no_proj",)))
