"""Whether a base is the one of this machine is told from its files, without loading it."""

import pytest

from recsys.models.base_identity import local_weight_hash
from recsys.models.loading import load_model
from recsys.models.registry import find_model


def test_a_folder_has_the_hash_that_its_model_has_once_loaded(tiny_llama_folder):
    loaded = load_model(find_model(str(tiny_llama_folder)), "fp32", device="cpu")
    assert local_weight_hash(str(tiny_llama_folder)) == loaded.weight_hash


@pytest.mark.parametrize("name", ["huggyllama/llama-7b", "some/model", "no such model", "", "\x00"])
def test_what_is_not_on_this_machine_has_no_hash(name):
    assert local_weight_hash(name) is None


def test_the_embedded_model_has_none_before_it_is_fetched(tmp_path, monkeypatch):
    monkeypatch.setenv("RECSYS_CACHE", str(tmp_path))
    assert local_weight_hash("smollm2-135m") is None


def test_a_folder_with_broken_weights_has_none(tiny_llama_folder, tmp_path):
    (tmp_path / "config.json").write_bytes((tiny_llama_folder / "config.json").read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"\x05")
    assert local_weight_hash(str(tmp_path)) is None
