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

    in_16_bits = held_in == "bf16"
    dtype = torch.bfloat16 if in_16_bits and method != "full" else torch.float32
    model = add_trainable(AutoModelForCausalLM.from_config(config, dtype=dtype), method, lora).train()
    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    weights = {tuple(parameter.shape) for parameter in model.parameters()}
    kept = {}

    def keep(tensor):
        # Autocast's copies of weights are counted with the weights.
        is_copy = tuple(tensor.shape[::-1]) in weights and method == "full"
        if tensor.untyped_storage().data_ptr() not in own and not is_copy:
            kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    tokens = torch.randint(3, 97, (SEQUENCES, TOKENS))
    mask = torch.ones_like(tokens)
    mask[0, :5] = 0
    autocast = torch.autocast("cpu", dtype=torch.bfloat16, enabled=in_16_bits and method == "full")
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), autocast:
        model(input_ids=tokens, attention_mask=mask, use_cache=False, logits_to_keep=1).logits.float().sum()
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


@pytest.mark.parametrize("held_in", ["fp32", "bf16"])
@pytest.mark.parametrize("method", ["lora", "all-linear", "dora", "ia3", "prefix", "full"])
@pytest.mark.parametrize("architecture", ["llama", "gptj"])
def test_the_formula_is_near_what_autograd_keeps(architecture, method, held_in):
    targets = ("all-linear",) if method == "all-linear" else ("q_proj", "v_proj")
    lora = LoraSettings(target_modules=targets, use_dora=method == "dora")
    method = {"all-linear": "lora", "dora": "lora"}.get(method, method)
    # Two layers less one: the first layer's inputs need no gradient, so it keeps less than all others.
    three, two = (make_config(architecture, layers) for layers in (3, 2))
    measured = bytes_that_autograd_keeps(three, method, lora, held_in)
    measured -= bytes_that_autograd_keeps(two, method, lora, held_in)
    told = formula(three, method, lora, held_in).kept_bytes(SEQUENCES, TOKENS)
    told -= formula(two, method, lora, held_in).kept_bytes(SEQUENCES, TOKENS)
    assert told == pytest.approx(measured, rel=0.10)
