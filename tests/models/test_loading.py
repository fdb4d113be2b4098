"""Base models load in every precision, neutral and safe, and what goes wrong is worded."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from recsys.errors import ModelUnavailableError, UnknownModelError
from recsys.models import loading
from recsys.models.loading import LoadedModel, load_model
from recsys.models.registry import DEFAULT_MODEL, ModelSpec, find_model


def load_folder(folder: Path, precision: Any = "fp32", **options: Any) -> LoadedModel:
    return load_model(find_model(str(folder)), precision, device="cpu", **options)


def greedy(loaded: LoadedModel, text: str, max_new_tokens: int) -> str:
    import torch

    inputs = loaded.tokenizer(text, return_tensors="pt")
    with torch.inference_mode():
        written = loaded.model.generate(**inputs, max_new_tokens=max_new_tokens, do_sample=False)
    return loaded.tokenizer.decode(written[0][inputs.input_ids.shape[1] :], skip_special_tokens=True)


BYTES_PER_WEIGHT = {"fp32": 4, "bf16": 2, "fp16": 2}


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16", "int8", "nf4"])
@pytest.mark.parametrize(
    "name", ["tiny_llama_folder", "tiny_chat_llama_folder", "tiny_sentencepiece_llama_folder", "tiny_gptj_folder"]
)
def test_every_kind_of_model_generates_in_every_precision(
    name: str, precision: str, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(name)
    loaded = load_folder(folder, precision)
    assert (loaded.precision, loaded.device, loaded.adapter) == (precision, "cpu", None)
    assert greedy(loaded, " Spirited Away (2001);", 8)
    assert not loaded.model.training
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())
    assert loaded.tokenizer.padding_side == "left"
    assert loaded.tokenizer.pad_token_id is not None
    if precision in BYTES_PER_WEIGHT:
        buffers = sum(buffer.numel() * buffer.element_size() for buffer in loaded.model.buffers())
        assert loaded.memory_bytes == loaded.model.num_parameters() * BYTES_PER_WEIGHT[precision] + buffers


def test_fewer_bits_take_less_memory(tiny_llama_folder: Path) -> None:
    sizes = [load_folder(tiny_llama_folder, precision).memory_bytes for precision in ("nf4", "int8", "fp16", "fp32")]
    assert sizes == sorted(set(sizes))


def test_the_identity_of_the_weights_does_not_depend_on_precision(tiny_llama_folder: Path) -> None:
    assert len({load_folder(tiny_llama_folder, precision).weight_hash for precision in ("fp32", "int8", "nf4")}) == 1


def test_tied_weights_count_once(tmp_path: Path, tiny_llama_folder: Path) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_llama_folder)
    untied = loading.count_memory(model)
    model.config.tie_word_embeddings = True
    model.lm_head.weight = model.model.embed_tokens.weight
    assert untied - loading.count_memory(model) == 504 * 32 * 4


def test_no_default_of_the_models_makers_shapes_a_completion(tiny_chat_llama_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_chat_llama_folder, tmp_path / "opinionated")
    opinions = {"do_sample": True, "temperature": 0.1, "top_k": 1, "repetition_penalty": 1.9, "eos_token_id": [2, 7]}
    (folder / "generation_config.json").write_text(json.dumps(opinions))
    config = load_folder(folder).model.generation_config
    for name in ("do_sample", "temperature", "top_k", "top_p", "repetition_penalty", "max_new_tokens", "num_beams"):
        assert getattr(config, name) is None, name
    # The ends of the files stay, and both special tokens that end a text are known to do so.
    assert config.eos_token_id == [0, 2, 7]
    assert (config.bos_token_id, config.pad_token_id) == (0, 2)


def test_progress_rises_and_ends_at_one(tiny_llama_folder: Path) -> None:
    told: list[tuple[float, str]] = []
    load_folder(tiny_llama_folder, progress=lambda fraction, message: told.append((fraction, message)))
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert told[-1] == (1.0, "tiny-llama is loaded in fp32.")


def test_pickled_weights_are_refused(tiny_llama_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_llama_folder, tmp_path / "pickled")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelUnavailableError, match="pickled weights are not loaded"):
        load_folder(folder)


def test_code_that_a_folder_brings_along_is_not_run(tiny_llama_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_llama_folder, tmp_path / "code")
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Config: pass\nclass Model: pass\n")
    assert type(load_folder(folder).model).__name__ == "LlamaForCausalLM"
    assert not (tmp_path / "ran").exists()


def test_broken_folders_are_told_apart(tiny_llama_folder: Path, tmp_path: Path) -> None:
    spec = ModelSpec("mine", "Mine", "folder", "", "llama", None, "")

    def broken(name: str) -> Path:
        return shutil.copytree(tiny_llama_folder, tmp_path / name)

    def refused(folder: Path, match: str) -> None:
        with pytest.raises(ModelUnavailableError, match=match):
            load_model(spec, "fp32", device="cpu", folder=folder)

    cut = broken("cut") / "model.safetensors"
    cut.write_bytes(cut.read_bytes()[:-100])
    refused(cut.parent, "Mine cannot be loaded.*cut off")
    config = broken("no-config") / "config.json"
    config.unlink()
    refused(config.parent, "Mine cannot be loaded")
    tokenizer = broken("tokenizer") / "tokenizer.json"
    tokenizer.write_text("{")
    refused(tokenizer.parent, "Mine cannot be loaded")
    refused(tmp_path / "missing", "Mine cannot be loaded")


def test_weights_of_another_shape_than_the_config_are_refused(tiny_llama_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_llama_folder, tmp_path / "odd")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 96}))
    with pytest.raises(ModelUnavailableError, match="odd cannot be loaded"):
        load_folder(folder)


def test_another_architecture_is_refused_before_loading(tiny_llama_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_llama_folder, tmp_path / "bert")
    (folder / "config.json").write_text('{"model_type": "bert"}')
    spec = ModelSpec("bert", "Bert", "folder", str(folder), None, None, "")
    with pytest.raises(UnknownModelError, match="not a LLaMA or GPT-J"):
        load_model(spec, "fp32", device="cpu")


def test_too_little_memory_is_told_before_loading(tiny_llama_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "available_bytes", lambda device: 150_000)
    monkeypatch.setattr(loading, "load_weights", lambda *_, **__: pytest.fail("it was loaded"))
    with pytest.raises(ModelUnavailableError, match=r"needs about .* choose precision fp16"):
        load_folder(tiny_llama_folder, "fp32")


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_memory_that_runs_out_while_loading_is_told(
    tiny_llama_folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(loading, "load_weights", fail)
    with pytest.raises(ModelUnavailableError, match="memory ran out while tiny-llama was loading"):
        load_folder(tiny_llama_folder)


@pytest.mark.model
def test_the_embedded_model_loads_from_the_cache_in_under_five_seconds() -> None:
    import torch  # noqa: F401 - what is measured is the model, in a process that has torch

    spec = find_model(DEFAULT_MODEL)
    load_model(spec)  # makes the cache where it is not there, and imports what is imported once
    began = time.perf_counter()
    loaded = load_model(spec)
    assert time.perf_counter() - began < 5
    assert loaded.precision in {"bf16", "fp32", "fp16"}
    assert loaded.model.num_parameters() == spec.num_parameters == 134_515_008


@pytest.mark.model
@pytest.mark.parametrize(
    ("precision", "megabytes"), [("fp32", 538), ("bf16", 269), ("fp16", 269), ("int8", 163), ("nf4", 116)]
)
def test_the_embedded_model_knows_the_capital_of_france_in_every_precision(precision: Any, megabytes: int) -> None:
    loaded = load_model(find_model(DEFAULT_MODEL), precision, device="cpu")
    assert greedy(loaded, "The capital of France is", 4).startswith(" Paris")
    assert loaded.memory_bytes == pytest.approx(megabytes * 1e6, rel=0.01)


@pytest.mark.model
@pytest.mark.parametrize("precision", ["bf16", "int8", "nf4"])
def test_adapters_work_on_the_embedded_model(precision: Any, tmp_path: Path) -> None:

    from recsys.models.adapter_listing import describe_adapter
    from recsys.models.adapters import select_adapter
    from recsys.models.artifacts import fetch_smollm2
    from tests.fixtures.tiny_adapters import save_tiny_adapter

    loaded = load_model(find_model(DEFAULT_MODEL), precision, device="cpu")
    before = greedy(loaded, "The capital of France is", 8)
    notes = {"base_weight_hash": loaded.weight_hash}
    adapter = describe_adapter(save_tiny_adapter(fetch_smollm2(), tmp_path / "mine", r=8, notes=notes))
    assert adapter.num_parameters == 460_800  # r=8 on q_proj and v_proj
    began = time.perf_counter()
    assert select_adapter(loaded, adapter) == ()
    assert time.perf_counter() - began < 5
    assert greedy(loaded, "The capital of France is", 8) != before
    select_adapter(loaded, None)
    assert greedy(loaded, "The capital of France is", 8) == before
