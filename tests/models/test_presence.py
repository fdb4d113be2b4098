"""What can be asked without a download."""

import json

import pytest

from recsys.models.presence import is_here, not_here
from recsys.models.registry import find_model
from recsys.models.spec import ModelSpec

HUB_ID = "owner/model"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A Hub cache with one snapshot of main, still empty."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--owner--model"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc")
    snapshot = repository / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    return snapshot


def on_hub(revision=None):
    return ModelSpec(HUB_ID, "A model", "hub", HUB_ID, None, 1_500_000_000, "MIT", revision=revision)


def test_embedded_models_and_folders_that_exist_are_here(tmp_path):
    assert is_here(find_model("smollm2-135m"))
    assert is_here(find_model("gptj-mini"))
    assert not is_here(ModelSpec("x", "X", "folder", str(tmp_path / "gone"), "llama", None, "MIT"))


def test_a_hub_model_is_here_once_its_weights_are(cache):
    assert not is_here(on_hub())
    (cache / "config.json").write_text("{}")
    assert not is_here(on_hub()), "its configuration alone answers nothing"
    (cache / "model.safetensors").write_bytes(b"x")
    assert is_here(on_hub())
    assert not is_here(on_hub("0" * 40)), "another revision has other weights"


def test_a_hub_model_in_shards_is_here_once_all_of_them_are(cache):
    (cache / "config.json").write_text("{}")
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors", "c": "model-1.safetensors"}}
    (cache / "model.safetensors.index.json").write_text(json.dumps(index))
    (cache / "model-1.safetensors").write_bytes(b"x")
    assert not is_here(on_hub())
    (cache / "model-2.safetensors").write_bytes(b"x")
    assert is_here(on_hub())


@pytest.mark.parametrize("index", ["{", "[]", "{}", '{"weight_map": 3}'])
def test_a_torn_index_is_no_model(cache, index):
    (cache / "config.json").write_text("{}")
    (cache / "model.safetensors.index.json").write_text(index)
    assert not is_here(on_hub())


def test_the_reason_names_the_size_where_it_is_known():
    assert "3.0 GB in 16 bits" in not_here(on_hub())
    unknown = ModelSpec(HUB_ID, "A model", "hub", HUB_ID, None, None, "MIT")
    assert not_here(unknown).startswith("A model is not on this machine: ")
