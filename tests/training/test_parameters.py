"""The parameter line is the story's to the digit, and every count is what the published sizes give by hand."""

import pytest

from recsys.errors import SettingsError
from recsys.models.shapes import create_skeleton, find_shape
from recsys.training.methods import add_trainable, require_targets
from recsys.training.parameters import ParameterCounts, count_trainable
from recsys.training.settings import LoraSettings

STORY = LoraSettings(r=8, target_modules=("q_proj", "v_proj"))


def llama_weights(hidden, intermediate, layers, vocabulary=32000):
    attention = 4 * hidden * hidden  # q, k, v, o
    mlp = 3 * hidden * intermediate  # gate, up, down
    norms = 2 * hidden
    return 2 * vocabulary * hidden + layers * (attention + mlp + norms) + hidden


def lora_weights(r, sizes):
    """A has r × inputs weights, B has outputs × r."""
    return sum(r * inputs + outputs * r for inputs, outputs in sizes)


def test_llama_7b_prints_the_storys_line_to_the_digit():
    line = count_trainable(find_shape("llama-7b"), STORY).line()
    assert line == "trainable params: 4194304 || all params: 6742609920 || trainable%: 0.06220594176090199"


@pytest.mark.parametrize(
    ("name", "hidden", "intermediate", "layers", "trainable", "total"),
    [
        ("llama-7b", 4096, 11008, 32, 4_194_304, 6_742_609_920),
        ("llama-13b", 5120, 13824, 40, 6_553_600, 13_022_417_920),
        ("llama-30b", 6656, 17920, 60, 12_779_520, 32_541_723_136),
        ("llama-65b", 8192, 22016, 80, 20_971_520, 65_306_632_192),
    ],
)
def test_the_storys_llamas_have_the_counts_of_their_published_sizes(
    name, hidden, intermediate, layers, trainable, total
):
    by_hand = layers * lora_weights(8, [(hidden, hidden), (hidden, hidden)])  # = layers × 2 × 8 × 2 × hidden
    assert by_hand == trainable
    assert llama_weights(hidden, intermediate, layers) + by_hand == total
    assert count_trainable(find_shape(name), STORY) == ParameterCounts(trainable, total)


def test_gpt_j_6b_has_the_counts_of_its_published_sizes():
    hidden, layers, vocabulary = 4096, 28, 50400
    inner = 4 * hidden
    attention = 4 * hidden * hidden  # no biases
    mlp = hidden * inner + inner + inner * hidden + hidden  # fc_in and fc_out, with biases
    norm = 2 * hidden  # one a layer, weight and bias
    head = vocabulary * hidden + vocabulary  # untied, with a bias
    base = vocabulary * hidden + layers * (attention + mlp + norm) + 2 * hidden + head
    assert base == 6_050_882_784
    added = layers * lora_weights(8, [(hidden, hidden)] * 2)
    assert added == 3_670_016
    assert count_trainable(find_shape("gpt-j-6b"), STORY) == ParameterCounts(added, base + added)


def test_all_linear_is_every_linear_layer_but_the_output():
    hidden, inner, layers = 4096, 11008, 32
    sizes = [(hidden, hidden)] * 4 + [(hidden, inner)] * 2 + [(inner, hidden)]
    counts = count_trainable(find_shape("llama-7b"), LoraSettings(r=16, target_modules=("all-linear",)))
    assert counts.trainable == layers * lora_weights(16, sizes) == 39_976_960


def test_fewer_key_value_heads_make_smaller_updates():
    hidden, values = 576, 3 * 64
    counts = count_trainable(find_shape("smollm2-135m"), STORY)
    assert counts.trainable == 30 * lora_weights(8, [(hidden, hidden), (hidden, values)]) == 460_800


def test_dora_adds_one_length_for_each_output():
    counts = count_trainable(find_shape("llama-7b"), STORY.replace(use_dora=True))
    assert counts.trainable == 4_194_304 + 32 * (4096 + 4096)


def test_rank_stabilisation_adds_nothing():
    assert count_trainable(find_shape("llama-7b"), STORY.replace(use_rslora=True)).trainable == 4_194_304


def test_ia3_scales_keys_values_and_the_inside_of_the_mlp():
    assert count_trainable(find_shape("llama-7b"), STORY, "ia3").trainable == 32 * (4096 + 4096 + 11008)


def test_a_prefix_is_twenty_keys_and_values_in_every_layer():
    assert count_trainable(find_shape("llama-7b"), STORY, "prefix").trainable == 20 * 32 * 2 * 4096
    assert count_trainable(find_shape("smollm2-135m"), STORY, "prefix").trainable == 20 * 30 * 2 * 3 * 64


def test_full_trains_every_weight_and_dpo_trains_loras():
    assert count_trainable(find_shape("llama-7b"), STORY, "full") == ParameterCounts(6_738_415_616, 6_738_415_616)
    assert count_trainable(find_shape("llama-7b"), STORY, "dpo").trainable == 4_194_304


def test_weights_that_are_tied_count_once():
    assert count_trainable(find_shape("smollm2-135m"), STORY).total == 134_515_008 + 460_800


def test_a_target_that_the_model_lacks_is_refused_with_those_that_it_has():
    lacking = STORY.replace(target_modules=("q_proj", "query_key_value"))
    with pytest.raises(SettingsError, match="query_key_value") as told:
        count_trainable(find_shape("llama-7b"), lacking)
    assert "q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj" in str(told.value)
    with pytest.raises(SettingsError, match="fc_in, fc_out"):
        count_trainable(find_shape("gpt-j-6b"), STORY.replace(target_modules=("o_proj",)))


@pytest.mark.parametrize("target", ["proj", "layers", "input_layernorm", "q_proj.weight", "self_attn", ".q_proj"])
def test_a_target_is_a_whole_name_of_a_layer_that_lora_can_adapt(target):
    with pytest.raises(SettingsError, match="does not have"):
        require_targets(find_shape("smollm2-135m"), [target])


def test_targets_may_name_one_layer_the_output_or_all():
    config = find_shape("smollm2-135m")
    require_targets(config, ["layers.3.self_attn.q_proj", "lm_head", "all-linear"])
    require_targets(create_skeleton(config), ["q_proj"])
    one = count_trainable(config, STORY.replace(target_modules=("layers.3.self_attn.q_proj",)))
    assert one.trainable == 8 * 576 + 576 * 8


def test_only_what_the_method_adds_requires_gradients():
    model = add_trainable(create_skeleton(find_shape("smollm2-135m")), "lora", STORY)
    assert all(parameter.requires_grad == ("lora_" in name) for name, parameter in model.named_parameters())
