"""Weights that are quantised piece by piece are those of transformers' own loader, bit for bit, in less memory."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from recsys.models.loading import load_model, load_weights
from recsys.models.quantised_loading import load_quantised, quantisation_config
from recsys.models.quantising import keep_unpacked
from recsys.models.registry import find_model
from recsys.models.weights import model_tensor_entries
from tests.fixtures.tiny_adapters import save_tiny_adapter
from tests.fixtures.tiny_models import save_tiny_gptj, save_tiny_llama

PRECISIONS = pytest.mark.parametrize("precision", ["int8", "nf4"])
COMPUTES_IN = {"int8": "float16", "nf4": "bfloat16"}


def save_large(model: Any, folder: Path) -> Path:
    model.half().save_pretrained(folder, max_shard_size="20MB")
    assert len(list(folder.glob("*.safetensors"))) > 3
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Models whose layers are as wide as every processor's 4-bit kernels want them."""
    import torch
    from transformers import GPTJConfig, GPTJForCausalLM, LlamaConfig, LlamaForCausalLM

    root = tmp_path_factory.mktemp("quantised")
    torch.manual_seed(0)
    llama = LlamaConfig(
        vocab_size=8000,
        hidden_size=512,
        intermediate_size=1536,
        num_hidden_layers=12,
        num_attention_heads=8,
        num_key_value_heads=4,
        tie_word_embeddings=True,
    )
    gptj = GPTJConfig(vocab_size=8000, n_positions=512, n_embd=512, n_layer=12, n_head=8, rotary_dim=32)
    return {
        "tiny LLaMA": save_tiny_llama(root / "tiny-llama", hidden=128),
        "LLaMA in shards, tied": save_large(LlamaForCausalLM(llama), root / "llama"),
        "GPT-J in shards": save_large(GPTJForCausalLM(gptj), root / "gptj"),
        "GPT-J mini": Path(find_model("gptj-mini").location),
    }


def logits(model: Any) -> Any:
    import torch

    with torch.inference_mode():
        return model(torch.arange(3, 43)[None]).logits


@PRECISIONS
@pytest.mark.parametrize("name", ["tiny LLaMA", "LLaMA in shards, tied", "GPT-J in shards", "GPT-J mini"])
def test_logits_and_buffers_are_those_of_transformers_loader(
    name: str, precision: str, folders: dict[str, Path]
) -> None:
    import torch

    entries = model_tensor_entries(folders[name])
    ours, stock = (load_weights(folders[name], entries, precision, "cpu", stream=stream) for stream in (True, False))
    assert torch.equal(logits(ours), logits(stock))
    buffers = dict(stock.named_buffers())
    assert dict(ours.named_buffers()).keys() == buffers.keys()
    assert buffers
    for key, buffer in ours.named_buffers():
        assert buffer.dtype == buffers[key].dtype
        assert torch.equal(buffer, buffers[key]), key
    assert {parameter.dtype for parameter in ours.parameters()} == {parameter.dtype for parameter in stock.parameters()}
    assert ours.config.to_dict() == stock.config.to_dict()


@PRECISIONS
def test_nothing_is_left_on_the_meta_device_and_tied_weights_are_one(precision: str, folders: dict[str, Path]) -> None:
    folder = folders["LLaMA in shards, tied"]
    model: Any = load_weights(folder, model_tensor_entries(folder), precision, "cpu")
    assert {tensor.device.type for tensor in (*model.parameters(), *model.buffers())} == {"cpu"}
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert str(model.lm_head.weight.dtype) == f"torch.{COMPUTES_IN[precision]}"
    assert not any(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("save", [save_tiny_llama, save_tiny_gptj])
def test_nf4_works_in_layers_too_narrow_for_the_processors_own_kernel(save: Any, tmp_path: Path) -> None:
    """The oracle multiplies by the weights that nf4 stands for, in layers that are not quantised."""
    import torch
    from bitsandbytes.functional import dequantize_4bit
    from bitsandbytes.nn import Linear4bit
    from transformers import AutoModelForCausalLM

    folder = save(tmp_path / "narrow")
    model: Any = load_weights(folder, model_tensor_entries(folder), "nf4", "cpu")
    plain: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    changed = 0
    for name, layer in model.named_modules():
        if isinstance(layer, Linear4bit):
            weight = dequantize_4bit(layer.weight.data, layer.weight.quant_state)
            assert not torch.equal(weight, plain.get_submodule(name).weight)
            plain.get_submodule(name).weight.data = weight
            changed += 1
    assert changed >= 12
    torch.testing.assert_close(logits(model), logits(plain), rtol=0.05, atol=0.1)


@PRECISIONS
def test_a_checkpoint_in_fp32_and_in_fp16_shards_gives_the_same_int8_scales(precision: str, tmp_path: Path) -> None:
    """Weights are rounded to half precision first, wherever they come from."""
    import torch
    from transformers import AutoModelForCausalLM

    single = save_tiny_llama(tmp_path / "fp32", hidden=128)
    dtype = getattr(torch, COMPUTES_IN[precision])
    AutoModelForCausalLM.from_pretrained(single, dtype=dtype).save_pretrained(tmp_path / "half", max_shard_size="50KB")
    models = [load_weights(at, model_tensor_entries(at), precision, "cpu") for at in (single, tmp_path / "half")]
    assert torch.equal(logits(models[0]), logits(models[1]))


def test_the_threshold_of_int8_reaches_every_layer(folders: dict[str, Path]) -> None:
    from bitsandbytes.nn import Linear8bitLt

    spec = find_model(str(folders["tiny LLaMA"]))
    for threshold in (0.0, 3.5):
        loaded = load_model(spec, "int8", device="cpu", int8_threshold=threshold)
        layers = [module for module in loaded.model.modules() if isinstance(module, Linear8bitLt)]
        assert {layer.state.threshold for layer in layers} == {threshold}
        assert len(layers) == 14


@PRECISIONS
def test_an_adapter_works_on_it(precision: str, folders: dict[str, Path], tmp_path: Path) -> None:
    import torch

    from recsys.models.adapter_listing import describe_adapter
    from recsys.models.adapters import select_adapter

    folder = folders["tiny LLaMA"]
    loaded = load_model(find_model(str(folder)), precision, device="cpu")  # type: ignore[arg-type]
    before = logits(loaded.model)
    adapter = describe_adapter(save_tiny_adapter(folder, tmp_path / "mine"))
    select_adapter(loaded, adapter)
    assert not torch.equal(logits(loaded.model), before)
    select_adapter(loaded, None)
    assert torch.equal(logits(loaded.model), before)


def test_a_dora_adapter_works_on_nf4_weights_that_were_used(folders: dict[str, Path], tmp_path: Path) -> None:
    """DoRA reads the base's weights, which processors with AVX512-BF16 hold in another layout once they were used."""
    import torch

    from recsys.models.adapter_listing import describe_adapter
    from recsys.models.adapters import select_adapter

    folder = folders["tiny LLaMA"]
    adapter = describe_adapter(save_tiny_adapter(folder, tmp_path / "mine", use_dora=True))
    spec = find_model(str(folder))
    fresh, used = (load_model(spec, "nf4", device="cpu") for _ in range(2))
    logits(used.model)
    for loaded in (fresh, used):
        select_adapter(loaded, adapter)
    torch.testing.assert_close(logits(used.model), logits(fresh.model), rtol=0.05, atol=0.25)


def test_gradients_pass_weights_that_were_taken_out_of_the_processors_layout(folders: dict[str, Path]) -> None:
    import torch

    folder = folders["tiny LLaMA"]
    model: Any = load_weights(folder, model_tensor_entries(folder), "nf4", "cpu")
    fresh: Any = load_weights(folder, model_tensor_entries(folder), "nf4", "cpu")
    logits(model)
    for one in (model, fresh):
        keep_unpacked(one)
    embedded = model.model.embed_tokens(torch.arange(3, 43)[None]).detach()
    gradients = []
    for one in (model, fresh):
        given = embedded.clone().requires_grad_()
        one(inputs_embeds=given).logits.float().logsumexp(-1).sum().backward()
        gradients.append(given.grad)
    assert gradients[0].abs().max() > 0
    torch.testing.assert_close(gradients[0], gradients[1], rtol=0.1, atol=0.1)


def test_names_without_the_models_prefix_and_tensors_of_old_checkpoints_are_understood(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    folder = save_tiny_gptj(tmp_path / "gptj")
    expected = logits(load_weights(folder, model_tensor_entries(folder), "int8", "cpu"))
    tensors = load_file(folder / "model.safetensors")
    renamed = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}
    renamed["h.0.attn.masked_bias"] = torch.tensor(-1e9)
    save_file(renamed, folder / "model.safetensors", {"format": "pt"})
    assert torch.equal(logits(load_weights(folder, model_tensor_entries(folder), "int8", "cpu")), expected)


def test_ends_of_text_come_from_the_models_generation_config(tmp_path: Path) -> None:
    folder = save_tiny_llama(tmp_path / "llama")
    (folder / "generation_config.json").write_text('{"eos_token_id": [2, 7]}')
    model = load_weights(folder, model_tensor_entries(folder), "int8", "cpu")
    assert model.generation_config.eos_token_id == [2, 7]


def test_a_missing_tensor_and_one_of_another_shape_are_named(tmp_path: Path) -> None:
    import torch

    folder = save_tiny_llama(tmp_path / "llama")
    config = quantisation_config("int8", torch.float16, 6.0)
    entries = model_tensor_entries(folder)
    left = {name: entry for name, entry in entries.items() if "layers.1.mlp.up_proj" not in name}
    with pytest.raises(ValueError, match=r"1 tensors are missing.*layers\.1\.mlp\.up_proj"):
        load_quantised(folder, left, config, dtype=torch.float16, device="cpu")
    settings = json.loads((folder / "config.json").read_text())
    odd = shutil.copytree(folder, tmp_path / "odd")
    (odd / "config.json").write_text(json.dumps(settings | {"vocab_size": 9}))
    with pytest.raises(
        ValueError, match=r"lm_head\.weight is of shape \(504, 32\) and config\.json makes it \(9, 32\)"
    ):
        load_quantised(odd, model_tensor_entries(odd), config, dtype=torch.float16, device="cpu")


def test_progress_is_the_share_of_the_bytes(folders: dict[str, Path]) -> None:
    folder, told = folders["GPT-J mini"], list[float]()
    load_weights(folder, model_tensor_entries(folder), "int8", "cpu", progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) == len(model_tensor_entries(folder))
