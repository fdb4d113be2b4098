"""The formula of kept activations is near what autograd keeps, for both architectures and every method."""

import pytest

from recsys.models.shapes import create_skeleton
from recsys.training.activations import Activations, AdaptedLayers, LayerSizes
from recsys.training.methods import add_trainable
from recsys.training.settings import LoraSettings

SEQUENCES, TOKENS, HIDDEN = 2, 48, 64


def make_config(architecture, layers):
    from transformers import GPTJConfig, LlamaConfig

    ends = {"bos_token_id": 1, "eos_token_id": 2, "vocab_size": 97}
    if architecture == "gptj":
        return GPTJConfig(n_embd=HIDDEN, n_layer=layers, n_head=4, rotary_dim=8, n_positions=128, **ends)
    return LlamaConfig(
        hidden_size=HIDDEN,
        intermediate_size=160,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        **ends,
    )


def formula(config, method, lora, held_in, **options):
    adapted = AdaptedLayers.of(add_trainable(create_skeleton(config), method, lora))
    return Activations(LayerSizes.of(config), adapted, method, lora, held_in, **options)


def bytes_that_autograd_keeps(config, method, lora, held_in):
    import torch
    from transformers import AutoModelForCausalLM

    dtype = torch.bfloat16 if held_in == "bf16" else torch.float32
    model = add_trainable(AutoModelForCausalLM.from_config(config, dtype=dtype), method, lora).train()
    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    kept = {}

    def keep(tensor):
        if tensor.untyped_storage().data_ptr() not in own:
            kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    tokens = torch.randint(3, 97, (SEQUENCES, TOKENS))
    cache = {} if method == "prefix" else {"use_cache": False}
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(input_ids=tokens, logits_to_keep=1, **cache).logits.float().sum()
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


@pytest.mark.parametrize(
    ("method", "held_in", "within"),
    [
        *[(method, held, 0.01) for method in ("lora", "all-linear") for held in ("fp32", "bf16")],
        *[(method, held, 0.10) for method in ("dora", "ia3", "prefix") for held in ("fp32", "bf16")],
        ("full", "fp32", 0.01),
    ],
)
@pytest.mark.parametrize("architecture", ["llama", "gptj"])
def test_the_formula_is_near_what_autograd_keeps(architecture, method, held_in, within):
    targets = ("all-linear",) if method == "all-linear" else ("q_proj", "v_proj")
    lora = LoraSettings(target_modules=targets, use_dora=method == "dora")
    method = {"all-linear": "lora", "dora": "lora"}.get(method, method)
    # Two layers less one: the first layer's inputs need no gradient, so it keeps less than all others.
    three, two = (make_config(architecture, layers) for layers in (3, 2))
    measured = bytes_that_autograd_keeps(three, method, lora, held_in)
    measured -= bytes_that_autograd_keeps(two, method, lora, held_in)
    told = formula(three, method, lora, held_in).kept_bytes(SEQUENCES, TOKENS)
    told -= formula(two, method, lora, held_in).kept_bytes(SEQUENCES, TOKENS)
    assert told == pytest.approx(measured, rel=within)
