"""The memory of training: hand-worked terms, what makes it grow, and refusals that name both figures and the mend."""

import dataclasses

import pytest

from recsys.errors import ModelUnavailableError, SettingsError
from recsys.models.shapes import find_shape
from recsys.training.memory import TrainingLoad, TrainingMemory, estimate_training_memory, require_training_memory
from recsys.training.settings import LoraSettings, TrainingSettings

LLAMA_7B = 6_738_415_616
IN_LAYERS, OUTSIDE = 32 * (4 * 4096 * 4096 + 3 * 4096 * 11008), 2 * 32000 * 4096
NORMS = 65 * 4096
STORY_TRAINED = 4_194_304
STORY, PLAIN = LoraSettings(), TrainingLoad(128)
ROOM = 16 * 10**9


def estimate(load=PLAIN, *, name="llama-7b", lora=STORY, **training):
    return estimate_training_memory(find_shape(name), lora, TrainingSettings(**training), load)


def test_the_weights_take_what_their_precision_says():
    assert IN_LAYERS + OUTSIDE + NORMS == LLAMA_7B
    sizes = {held: estimate(TrainingLoad(128, held)).weights for held in ("fp32", "bf16", "fp16", "int8", "nf4")}
    assert sizes["fp32"] == 4 * LLAMA_7B
    assert sizes["bf16"] == sizes["fp16"] == 2 * LLAMA_7B
    assert sizes["int8"] == IN_LAYERS + 2 * (OUTSIDE + NORMS)
    assert sizes["nf4"] == IN_LAYERS * 36 // 64 + 2 * (OUTSIDE + NORMS)  # 32 bytes and a scale of 4 for 64 weights


def test_what_lora_trains_takes_sixteen_bytes_a_weight():
    told = estimate()
    assert (told.adapter, told.gradients, told.optimizer) == (4 * STORY_TRAINED, 4 * STORY_TRAINED, 8 * STORY_TRAINED)


def test_full_training_takes_sixteen_bytes_a_weight():
    told = estimate(TrainingLoad(128, "fp32"), method="full")
    assert told.weights + told.adapter + told.gradients + told.optimizer == 16 * LLAMA_7B


def test_the_logits_are_there_where_a_label_is():
    assert estimate(TrainingLoad(128, "bf16", labels=50)).logits == 16 * 50 * 32000 * (2 + 12)
    assert estimate(TrainingLoad(128, "fp32")).logits == 16 * 128 * 32000 * (4 + 12)


def test_a_layer_keeps_what_the_formula_says():
    h, i, heads, s = 4096, 11008, 32, 128
    layer = (8 * h + 8) + (2 * 4 * h + 4 * heads) + 3 * 2 * i
    lora = 2 * (4 * h + 4 * h + 4 * 8)
    assert estimate().activations == 16 * s * 32 * (layer + lora)
    on_gpu = 2 * (2 * h + h + 2 * 8)
    assert estimate(TrainingLoad(s, on_gpu=True)).activations == 16 * s * 32 * (layer + on_gpu)


def test_gradient_checkpointing_keeps_inputs_and_one_layer():
    kept = estimate().activations
    again = estimate(TrainingLoad(128, gradient_checkpointing=True)).activations
    assert again == 32 * 16 * 128 * 2 * 4096 + kept // 32


def test_the_total_is_the_sum_and_more_than_that_should_be_free():
    told = estimate()
    assert told.total == sum(dataclasses.astuple(told))
    assert told.needed > told.total


@pytest.mark.parametrize(
    ("more", "less"),
    [
        ({"load": TrainingLoad(256)}, {"load": TrainingLoad(128)}),
        ({"load": TrainingLoad(128)}, {"load": TrainingLoad(128, labels=50)}),
        ({"load": TrainingLoad(128, "fp32")}, {"load": TrainingLoad(128, "bf16")}),
        ({"load": TrainingLoad(128, "bf16")}, {"load": TrainingLoad(128, "nf4")}),
        ({}, {"load": TrainingLoad(128, gradient_checkpointing=True)}),
        ({"per_device_train_batch_size": 16}, {"per_device_train_batch_size": 8}),
        ({"method": "full", "load": TrainingLoad(128, "fp32")}, {"load": TrainingLoad(128, "fp32")}),
        ({"method": "dpo"}, {}),
        ({"name": "llama-13b"}, {}),
        ({"lora": LoraSettings(r=64)}, {}),
        ({"lora": LoraSettings(use_dora=True)}, {}),
        ({"lora": LoraSettings(target_modules=("all-linear",))}, {}),
        ({"load": TrainingLoad(128, num_processes=4)}, {}),
        ({}, {"load": TrainingLoad(128, num_processes=4, sharded=True)}),
        ({"name": "gpt-j-6b", "load": TrainingLoad(512)}, {"name": "gpt-j-6b"}),
    ],
)
def test_more_work_takes_more_memory(more, less):
    assert estimate(**more).total > estimate(**less).total


def test_processes_that_share_the_weights_hold_a_part_each_and_gather_two_layers():
    h, i = 8192, 22016
    layer, outside = 4 * h * h + 3 * h * i + 2 * h, 2 * 32000 * h + h
    told = estimate(TrainingLoad(128, num_processes=4, sharded=True), name="llama-65b")
    assert told.weights == 2 * (80 * layer + outside) // 4
    assert told.communication == 2 * (2 * layer + outside)
    alone = estimate(name="llama-65b")
    assert told.activations == alone.activations  # every process has records of its own
    assert told.optimizer == alone.optimizer // 4


def test_a_run_that_does_not_fit_is_refused_with_both_figures_and_what_helps():
    load = TrainingLoad(128)
    told = estimate(load)
    with pytest.raises(ModelUnavailableError) as refused:
        require_training_memory(told, ROOM, load, batch=16)
    message = str(refused.value)
    assert f"{told.needed / 1e9:.1f} GB" in message
    assert "16.0 GB are free" in message
    for mend in ("smaller batch", "gradient checkpointing", "fewer labels", "int8"):
        assert mend in message


def test_a_refusal_names_only_what_would_still_help():
    load = TrainingLoad(128, "int8", labels=50, gradient_checkpointing=True)
    with pytest.raises(ModelUnavailableError, match="smaller model or a machine with more memory"):
        require_training_memory(estimate(load, per_device_train_batch_size=1), 10**9, load, batch=1)
    full = TrainingLoad(128, "fp32", labels=50)
    with pytest.raises(ModelUnavailableError, match="choose the method lora"):
        require_training_memory(estimate(full, method="full"), ROOM, full)


def test_a_run_that_fits_is_let_through():
    require_training_memory(TrainingMemory(1, 1, 1, 1, 1, 1), ROOM, TrainingLoad(8))


@pytest.mark.parametrize(
    ("load", "method"),
    [
        (TrainingLoad(128, "int8"), "full"),
        (TrainingLoad(128, "bf16"), "full"),
        (TrainingLoad(128, gradient_checkpointing=True), "prefix"),
        (TrainingLoad(128, "int8", num_processes=2, sharded=True), "lora"),
    ],
)
def test_what_does_not_go_together_is_refused(load, method):
    with pytest.raises(SettingsError):
        estimate(load, method=method)


@pytest.mark.parametrize("wrong", [{"sequence_length": 0}, {"labels": 200}, {"held_in": "int4"}, {"num_processes": 0}])
def test_a_load_is_checked_when_it_is_made(wrong):
    with pytest.raises(SettingsError):
        TrainingLoad(**{"sequence_length": 128, **wrong})
