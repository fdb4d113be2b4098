"""Adapters are listed, checked, switched on and off; the base underneath never changes."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from recsys.errors import AdapterError
from recsys.models.adapter_listing import AdapterInfo, describe_adapter, find_adapter, list_adapters
from recsys.models.adapters import merged_copy, select_adapter
from recsys.models.loading import LoadedModel, load_model
from recsys.models.registry import find_model
from tests.fixtures.tiny_adapters import STORY_PROMPT, save_tiny_adapter
from tests.fixtures.tiny_models import save_tiny_llama


@pytest.fixture(scope="module")
def adapters(tiny_llama_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("adapters")
    for seed, name in enumerate(("first", "second", "third", "fourth", "fifth")):
        save_tiny_adapter(tiny_llama_folder, root / name, seed=seed)
    return root


@pytest.fixture
def loaded(tiny_llama_folder: Path) -> LoadedModel:
    return load_model(find_model(str(tiny_llama_folder)), "fp32", device="cpu")


def logits(loaded: LoadedModel, text: str = " Spirited Away (2001);") -> Any:
    import torch

    with torch.inference_mode():
        return loaded.model(**loaded.tokenizer(text, return_tensors="pt")).logits


def peft_logits(base: Path, adapter: Path) -> Any:
    """The oracle: PEFT's own way to load an adapter."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter).eval()
    with torch.inference_mode():
        return model(**AutoTokenizer.from_pretrained(base)(" Spirited Away (2001);", return_tensors="pt")).logits


def test_every_folder_with_a_config_is_listed_by_name(adapters: Path) -> None:
    listed = list_adapters(adapters)
    assert [adapter.name for adapter in listed] == ["fifth", "first", "fourth", "second", "third"]
    first = listed[1]
    # Two layers; q: 4×32 + 32×4, v with two of four heads: 4×32 + 16×4.
    assert first.num_parameters == 2 * (4 * 32 + 32 * 4 + 4 * 32 + 16 * 4)
    assert (first.r, first.lora_alpha, first.target_modules) == (4, 8.0, ("q_proj", "v_proj"))


def test_a_missing_folder_holds_no_adapters(tmp_path: Path) -> None:
    assert list_adapters(tmp_path / "nothing") == ()


def test_the_environment_names_another_folder(adapters: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_ADAPTERS", str(adapters))
    assert len(list_adapters()) == 5


def test_an_unknown_adapter_is_refused_with_the_known_ones(adapters: Path) -> None:
    with pytest.raises(AdapterError, match="choose one of fifth, first"):
        find_adapter("../first", adapters)


@pytest.mark.parametrize("name", ["first", "second"])
def test_an_adapter_does_what_peft_does(
    loaded: LoadedModel, adapters: Path, tiny_llama_folder: Path, name: str
) -> None:
    import torch

    assert (
        select_adapter(loaded, find_adapter(name, adapters))
        == (f"Adapter {name} was trained on {tiny_llama_folder}, not on {loaded.spec.name}.",)
        or str(tiny_llama_folder) == loaded.spec.name
    )
    torch.testing.assert_close(logits(loaded), peft_logits(tiny_llama_folder, adapters / name))
    assert loaded.adapter == name


def test_without_an_adapter_the_base_is_itself_to_the_last_bit(loaded: LoadedModel, adapters: Path) -> None:
    import torch

    model = loaded.model
    untouched = logits(loaded)
    select_adapter(loaded, find_adapter("first", adapters))
    assert not torch.equal(logits(loaded), untouched)
    select_adapter(loaded, None)
    assert torch.equal(logits(loaded), untouched)
    assert loaded.adapter is None
    assert loaded.model is model


def test_turns_of_many_adapters_stay_right_and_few_stay_in_memory(loaded: LoadedModel, adapters: Path) -> None:
    import torch

    names = [adapter.name for adapter in list_adapters(adapters)]
    seen = {}
    for name in names:
        select_adapter(loaded, find_adapter(name, adapters))
        seen[name] = logits(loaded)
    for name in reversed(names):
        select_adapter(loaded, find_adapter(name, adapters))
        assert torch.equal(logits(loaded), seen[name])
    assert len(loaded.model.peft_config) == 4
    assert not any(torch.equal(seen["first"], seen[name]) for name in names if name != "first")


def test_selecting_does_not_disturb_the_random_numbers_of_a_run(loaded: LoadedModel, adapters: Path) -> None:
    import torch

    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    select_adapter(loaded, find_adapter("first", adapters))
    assert torch.equal(torch.rand(4), expected)


def test_an_adapter_trained_anew_is_read_anew(loaded: LoadedModel, tiny_llama_folder: Path, tmp_path: Path) -> None:
    import torch

    save_tiny_adapter(tiny_llama_folder, tmp_path / "mine", seed=1)
    select_adapter(loaded, describe_adapter(tmp_path / "mine"))
    before = logits(loaded)
    save_tiny_adapter(tiny_llama_folder, tmp_path / "mine", seed=2)
    select_adapter(loaded, describe_adapter(tmp_path / "mine"))
    assert not torch.equal(logits(loaded), before)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16", "int8", "nf4"])
@pytest.mark.parametrize("base", ["tiny_llama_folder", "tiny_gptj_folder"])
def test_adapters_work_on_both_architectures_in_every_precision(
    base: str, precision: Any, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    import torch

    folder = request.getfixturevalue(base)
    loaded = load_model(find_model(str(folder)), precision, device="cpu")
    untouched = logits(loaded)
    adapter = save_tiny_adapter(folder, tmp_path / "adapter")
    select_adapter(loaded, describe_adapter(adapter))
    changed = logits(loaded)
    assert torch.isfinite(changed).all()
    # Against the exact answer, the precision's rounding is small beside what the adapter changes.
    exact = peft_logits(folder, adapter)
    small = 0.5 if precision == "nf4" else 0.25
    assert (changed - exact).abs().mean() < small * (untouched - exact).abs().mean()
    select_adapter(loaded, None)
    assert torch.equal(logits(loaded), untouched)


def test_every_linear_layer_and_dora_work_too(loaded: LoadedModel, tiny_llama_folder: Path, tmp_path: Path) -> None:
    import torch

    every = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    adapter = save_tiny_adapter(
        tiny_llama_folder, tmp_path / "dora", target_modules=every, use_dora=True, use_rslora=True
    )
    select_adapter(loaded, describe_adapter(adapter))
    torch.testing.assert_close(logits(loaded), peft_logits(tiny_llama_folder, adapter))


def test_unknown_keys_of_older_training_scripts_are_tolerated(
    loaded: LoadedModel, adapters: Path, tmp_path: Path
) -> None:
    shutil.copytree(adapters / "first", tmp_path / "alpaca")
    old = {"base_model_name_or_path": "decapoda-research/llama-7b-hf", "bias": "none", "enable_lora": None}
    old |= {"fan_in_fan_out": False, "inference_mode": True, "lora_alpha": 8, "lora_dropout": 0.05}
    old |= {"merge_weights": False, "peft_type": "LORA", "r": 4, "target_modules": ["q_proj", "v_proj"]}
    (tmp_path / "alpaca" / "adapter_config.json").write_text(json.dumps(old | {"task_type": "CAUSAL_LM"}))
    warnings = select_adapter(loaded, describe_adapter(tmp_path / "alpaca"))
    assert "decapoda-research/llama-7b-hf" in warnings[0]


def test_other_base_weights_are_warned_about_and_the_same_are_not(
    loaded: LoadedModel, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    notes = {"prompt_id": STORY_PROMPT, "base_model": "tiny", "base_weight_hash": loaded.weight_hash}
    adapter = describe_adapter(save_tiny_adapter(tiny_llama_folder, tmp_path / "a", notes=notes))
    assert (adapter.prompt_id, adapter.base_model) == (STORY_PROMPT, "tiny")
    assert select_adapter(loaded, adapter) == ()
    other = save_tiny_llama(tmp_path / "other", seed=5)
    warnings = select_adapter(load_model(find_model(str(other)), "fp32", device="cpu"), adapter)
    assert len(warnings) == 1
    assert "trained on other weights" in warnings[0]


def refused(loaded: LoadedModel, adapter: Path, match: str) -> None:
    """The adapter is refused with that message, and the one in effect stays in effect."""
    import torch

    before, name = logits(loaded), loaded.adapter
    with pytest.raises(AdapterError, match=match):
        select_adapter(loaded, AdapterInfo(adapter.name, adapter, "", None, None, (), None, None, None))
    assert torch.equal(logits(loaded), before)
    assert loaded.adapter == name


@pytest.mark.parametrize("active", [None, "second"])
def test_an_adapter_of_another_shape_is_refused(
    loaded: LoadedModel, adapters: Path, tmp_path: Path, active: str | None
) -> None:
    select_adapter(loaded, find_adapter(active, adapters) if active else None)
    wide = save_tiny_llama(tmp_path / "wide", hidden=64)
    refused(loaded, save_tiny_adapter(wide, tmp_path / "for-wide"), "another shape: .*q_proj needs 32")


def test_an_adapter_of_another_architecture_is_refused(
    loaded: LoadedModel, tiny_gptj_folder: Path, tmp_path: Path
) -> None:
    refused(loaded, save_tiny_adapter(tiny_gptj_folder, tmp_path / "for-gptj"), "another architecture")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"peft_type": "IA3"}, "another method"),
        ({"bias": "all"}, "changes the base by bias"),
        ({"init_lora_weights": "pissa"}, "changes the base by init_lora_weights"),
        ({"modules_to_save": ["lm_head"]}, "needs modules_to_save"),
        ({"r": 0}, "no usable r"),
        ({"r": 8}, "cannot be loaded"),
        ({"lora_alpha": None}, "no usable lora_alpha"),
        ({"target_modules": []}, "names no target_modules"),
        ({"target_modules": ["q_proj", "v_proj", "o_proj"]}, "not those that its adapter_config.json describes"),
        ({"target_modules": ["q_proj"]}, "not those that its adapter_config.json describes"),
        ({"target_modules": ["no_such_module"]}, "cannot be loaded"),
    ],
)
@pytest.mark.parametrize("active", [None, "second"])
def test_a_config_at_odds_with_the_rules_or_the_weights_is_refused(
    loaded: LoadedModel, adapters: Path, tmp_path: Path, changes: dict[str, Any], match: str, active: str | None
) -> None:
    select_adapter(loaded, find_adapter(active, adapters) if active else None)
    folder = shutil.copytree(adapters / "first", tmp_path / "changed")
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | changes))
    refused(loaded, folder, match)


def test_broken_and_missing_files_are_named_and_listed_with_the_reason(
    loaded: LoadedModel, adapters: Path, tmp_path: Path
) -> None:
    for name in ("cut", "pickled", "none", "garbled", "list"):
        shutil.copytree(adapters / "first", tmp_path / name)
    weights = (tmp_path / "cut" / "adapter_model.safetensors").read_bytes()
    (tmp_path / "cut" / "adapter_model.safetensors").write_bytes(weights[: len(weights) // 2])
    (tmp_path / "pickled" / "adapter_model.safetensors").rename(tmp_path / "pickled" / "adapter_model.bin")
    (tmp_path / "none" / "adapter_model.safetensors").unlink()
    (tmp_path / "garbled" / "adapter_config.json").write_text("{")
    (tmp_path / "list" / "adapter_config.json").write_text("[]")
    refused(loaded, tmp_path / "cut", "cut off")
    refused(loaded, tmp_path / "pickled", "a pickle can run code")
    refused(loaded, tmp_path / "none", "has no adapter_model.safetensors")
    refused(loaded, tmp_path / "garbled", "is broken")
    refused(loaded, tmp_path / "list", "no JSON object")
    assert all(adapter.note.startswith("Cannot be used:") for adapter in list_adapters(tmp_path))
    assert len(list_adapters(tmp_path)) == 5


def test_a_tensor_that_replaces_base_weights_is_refused(loaded: LoadedModel, adapters: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(adapters / "first", tmp_path / "with-head")
    weights = load_file(folder / "adapter_model.safetensors")
    weights["base_model.model.lm_head.weight"] = torch.zeros(504, 32)
    save_file(weights, folder / "adapter_model.safetensors")
    refused(loaded, folder, "a tensor that is not LoRA's")


def test_a_merged_copy_says_what_base_and_adapter_say_and_leaves_the_base_alone(
    adapters: Path, loaded: LoadedModel
) -> None:
    import torch

    base = logits(loaded)
    select_adapter(loaded, find_adapter("first", adapters))
    beside = logits(loaded)
    merged = merged_copy(loaded)
    assert merged.model is not loaded.model
    assert not [name for name, _ in merged.model.named_parameters() if "lora_" in name]
    torch.testing.assert_close(logits(merged), beside, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(logits(loaded), beside, atol=0, rtol=0)
    select_adapter(loaded, None)
    torch.testing.assert_close(logits(loaded), base, atol=0, rtol=0)


def test_nothing_is_merged_without_an_adapter_or_into_int8(adapters: Path, loaded: LoadedModel) -> None:
    with pytest.raises(AdapterError, match="no adapter"):
        merged_copy(loaded)
    select_adapter(loaded, find_adapter("first", adapters))
    loaded.precision = "int8"
    with pytest.raises(AdapterError, match="int8"):
        merged_copy(loaded)
