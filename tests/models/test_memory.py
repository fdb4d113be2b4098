"""What a model takes, what is free, and which precision is told where it does not fit."""

import pytest

from recsys.errors import ModelUnavailableError
from recsys.models.memory import WeightCounts, available_bytes, count_weights, require_memory

LLAMA_7B = WeightCounts(linear=6_476_005_376, other=262_410_240)
GB = 10**9


def shapes_of(hidden: int, intermediate: int, layers: int, vocabulary: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (vocabulary, hidden)}
    for layer in range(layers):
        for name in "qkvo":
            shapes[f"model.layers.{layer}.self_attn.{name}_proj.weight"] = (hidden, hidden)
        for name in ("gate", "up", "down"):
            shapes[f"model.layers.{layer}.mlp.{name}_proj.weight"] = (intermediate, hidden)
        shapes[f"model.layers.{layer}.input_layernorm.weight"] = (hidden,)
        shapes[f"model.layers.{layer}.post_attention_layernorm.weight"] = (hidden,)
    return shapes | {"model.norm.weight": (hidden,), "lm_head.weight": (vocabulary, hidden)}


def test_llama_7b_has_its_known_number_of_weights() -> None:
    weights = count_weights(shapes_of(4096, 11008, 32, 32000))
    assert weights.linear + weights.other == 6_738_415_616
    assert weights == LLAMA_7B


def test_the_weights_take_what_their_precision_says() -> None:
    assert LLAMA_7B.bytes_in("fp32") == 4 * 6_738_415_616
    assert LLAMA_7B.bytes_in("bf16") == LLAMA_7B.bytes_in("fp16") == 2 * 6_738_415_616
    assert LLAMA_7B.bytes_in("int8") == 6_476_005_376 + 2 * 262_410_240  # 7.0 GB, as measured


def test_nf4_takes_four_bits_a_weight_and_a_scale_for_every_64() -> None:
    assert LLAMA_7B.bytes_in("nf4") == 6_476_005_376 // 2 + 6_476_005_376 // 64 * 4 + 2 * 262_410_240


@pytest.mark.parametrize("precision", ["int8", "nf4"])
def test_quantised_weights_peak_under_five_quarters_of_their_size(precision: str) -> None:
    assert LLAMA_7B.bytes_in(precision) < LLAMA_7B.peak_bytes(precision) < 1.25 * LLAMA_7B.bytes_in(precision)


def test_a_13b_in_int8_fits_a_machine_of_24_gb() -> None:
    weights = count_weights(shapes_of(5120, 13824, 40, 32000))
    assert weights.linear + weights.other == 13_015_864_320
    require_memory("LLaMA 13B", weights, "int8", 21 * GB)


@pytest.mark.parametrize(
    ("precision", "free", "mend"),
    [
        ("fp32", 24, "choose precision fp16"),
        ("fp32", 14.83, "choose precision fp16"),
        ("fp32", 14.8, "choose precision int8"),
        ("bf16", 12, "choose precision int8"),
        ("int8", 7, "choose precision nf4"),
        ("nf4", 4, "choose a smaller model"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_best_that_does(precision: str, free: float, mend: str) -> None:
    with pytest.raises(ModelUnavailableError, match=mend) as told:
        require_memory("LLaMA 7B", LLAMA_7B, precision, int(free * GB))
    assert f"{LLAMA_7B.peak_bytes(precision) / GB:.1f} GB" in str(told.value)
    assert f"{free:.1f} GB are free" in str(told.value)


def test_what_fits_is_let_through() -> None:
    require_memory("LLaMA 7B", LLAMA_7B, "bf16", 15 * GB)


def test_this_machine_has_some_memory() -> None:
    import psutil

    assert 0 < available_bytes("cpu") <= psutil.virtual_memory().total
