"""The memory of answering: hand-worked terms, plans that fit or say what would, sizes as skeletons have them."""

import json

import pytest

from recsys.errors import ModelUnavailableError, SettingsError
from recsys.models.memory import WeightCounts, count_weights
from recsys.models.memory_plan import AnswerSize, MemoryPlan, ModelPlans, cache_bytes, plan_memory, working_bytes
from recsys.models.planning import fit_model
from recsys.models.registry import find_model, list_models
from recsys.models.shapes import KNOWN, create_skeleton, find_known_shape, find_shape, read_shape

GB = 10**9
LLAMA_7B, LLAMA_8B, GPT_J = KNOWN["llama-7b"], KNOWN["llama-3.1-8b"], KNOWN["gpt-j-6b"]


def plans_of(needed, available):
    """Plans of a model that needs so many GB in each precision."""
    return ModelPlans(
        tuple(
            MemoryPlan("LLaMA 13B", name, int(size * GB), 0, 0, 0, int(available * GB)) for name, size in needed.items()
        )
    )


SIZES = {"fp32": 57.3, "bf16": 28.1, "fp16": 28.1, "int8": 14.9}


@pytest.mark.parametrize("name", KNOWN)
def test_the_arithmetic_counts_what_the_skeleton_has(name):
    skeleton = create_skeleton(find_shape(name))
    shapes = {name: tuple(parameter.shape) for name, parameter in skeleton.named_parameters()}
    assert KNOWN[name].count_weights() == count_weights(shapes)


def test_every_listed_model_has_a_shape_of_as_many_weights_as_it_says():
    for spec in list_models():
        weights = find_known_shape(spec).count_weights()
        assert weights.linear + weights.other == spec.num_parameters


def test_a_folders_config_tells_the_shape(tiny_llama_folder, tiny_gptj_folder):
    for folder in (tiny_llama_folder, tiny_gptj_folder):
        skeleton = create_skeleton(find_shape(str(folder)))
        shapes = {name: tuple(parameter.shape) for name, parameter in skeleton.named_parameters()}
        assert find_known_shape(find_model(str(folder))).count_weights() == count_weights(shapes)


@pytest.mark.parametrize("config", ["{", "[]", '{"model_type": "bert"}', '{"model_type": "llama"}'])
def test_a_config_that_tells_too_little_gives_no_shape(tmp_path, config):
    (tmp_path / "config.json").write_text(config)
    assert read_shape(tmp_path / "config.json") is None


def test_a_config_with_heads_of_their_own_width_counts_them(tmp_path):
    told = {"model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 100, "head_dim": 32}  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(told))
    assert read_shape(tmp_path / "config.json").head_width == 32


def test_keys_and_values_are_batch_beams_length_layers_heads_and_width_twice():
    # LLaMA 7B keeps 2 · 32 heads · 128 · 2 bytes = 16,384 bytes a token and layer; 33 layers with the one that grows.
    assert cache_bytes(LLAMA_7B, "fp16", AnswerSize(2, 4, 100)) == 2 * 4 * 100 * 33 * 16_384
    assert cache_bytes(LLAMA_8B, "fp16", AnswerSize(1, 1, 100)) == 100 * 33 * 2 * 8 * 128 * 2
    assert cache_bytes(LLAMA_7B, "fp32", AnswerSize(1, 1, 1)) == 33 * 2 * 16_384


def test_working_space_is_what_reading_and_answering_take():
    size = AnswerSize(2, 1, 100)
    gaps = cache_bytes(LLAMA_7B, "fp16", size) // 2
    layer, logits = 20 * 4096, 32000 * 18  # a layer's 8·h + 6·2·h is more than its 3·2·11008
    assert working_bytes(LLAMA_7B, "fp16", size) == gaps + 2 * (100 * layer + logits) + 20_000_000
    inside, head = 18 * 11008, 32000 * 4096 * 2  # 16 bytes of what a layer gives and the 2 of what waits for it
    assert working_bytes(LLAMA_7B, "int8", size) == gaps + 2 * (100 * inside + logits) + head + 20_000_000
    assert working_bytes(LLAMA_7B, "int8", size, "cuda") == working_bytes(LLAMA_7B, "fp16", size)


def test_a_bf16_head_is_copied_for_each_row_on_a_cpu():
    more = working_bytes(LLAMA_7B, "bf16", AnswerSize(3, 2, 1)) - working_bytes(LLAMA_7B, "fp16", AnswerSize(3, 2, 1))
    assert more == 6 * 32000 * 4096 * 2
    assert working_bytes(LLAMA_7B, "bf16", AnswerSize(), "cuda") == working_bytes(LLAMA_7B, "fp16", AnswerSize())


def test_gptj_writes_its_attention_scores_out():
    gaps = cache_bytes(GPT_J, "fp16", AnswerSize(1, 1, 1000)) // 2
    reading, scores, logits = 1000 * 6 * 16384, 8 * 16 * 1000 * 1000, 50400 * 18
    assert working_bytes(GPT_J, "fp16", AnswerSize(1, 1, 1000)) == gaps + reading + scores + logits + 20_000_000


def test_a_plan_needs_the_larger_of_loading_and_answering():
    assert MemoryPlan("m", "fp16", 100, 30, 10, 5, 1000).needed == 130
    plan = MemoryPlan("m", "fp16", 100, 10, 20, 5, 125)
    assert (plan.answering, plan.needed, plan.fits) == (125, 125, True)


def test_a_plan_never_promises_what_loading_would_refuse():
    weights = LLAMA_7B.count_weights()
    for plan in plan_memory("m", weights, LLAMA_7B, 0).plans:
        assert plan.needed >= weights.peak_bytes(plan.precision)


def test_what_fits_is_one_sentence_with_both_figures():
    assert plans_of(SIZES, 30).sentence("fp16") == (
        "LLaMA 13B in fp16 needs about 28.1 GB of memory and 30.0 GB are free."
    )


def test_what_does_not_fit_names_the_precision_that_does():
    assert plans_of(SIZES, 20.3).sentence("fp16") == (
        "LLaMA 13B in fp16 needs about 28.1 GB of memory and 20.3 GB are free; int8 needs 14.9 GB and fits."
    )


def test_where_nothing_fits_the_smallest_is_named():
    told = plans_of(SIZES, 8).sentence("fp16")
    assert told.startswith(
        "LLaMA 13B does not fit in any precision here: int8 needs about 14.9 GB of memory and 8.0 GB"
    )


def test_nothing_less_precise_is_proposed_than_need_be():
    assert "choose precision bf16" in str(refusal(plans_of(SIZES, 30), "fp32"))
    assert "choose precision bf16" in str(refusal(plans_of(SIZES | {"int8": 40}, 30), "int8"))
    assert "choose a smaller model" in str(refusal(plans_of(SIZES, 8), "int8"))
    plans_of(SIZES, 30).require("fp16")


def refusal(plans, precision):
    with pytest.raises(ModelUnavailableError) as told:
        plans.require(precision)
    return told.value


@pytest.mark.parametrize("wrong", [{"batch": 0}, {"beams": 0}, {"length": 0}, {"batch": 1.5}, {"length": True}])
def test_a_size_that_cannot_be_is_refused(wrong):
    with pytest.raises(SettingsError):
        AnswerSize(**wrong)


def test_auto_takes_the_fastest_that_fits(monkeypatch):
    spec = find_model("huggyllama/llama-7b")
    monkeypatch.setattr("recsys.models.precision.cpu_has_fast_bf16", lambda: True)
    assert fit_model(spec, device="cpu", available=20 * GB).plan.precision == "bf16"
    assert not fit_model(spec, device="cpu", available=3 * GB).fits


def test_a_hub_model_that_nobody_knows_has_no_plan():
    assert fit_model(find_model("someone/their-llama"), device="cpu", available=GB) is None


def test_weights_are_counted_as_their_precision_holds_them():
    plans = plan_memory("m", WeightCounts(linear=900, other=100), LLAMA_7B, GB)
    assert [plans.of(name).weights for name in ("fp32", "fp16", "int8")] == [4000, 2000, 1100]
