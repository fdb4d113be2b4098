"""Headers of safetensors files tell shapes and identity without loading."""

import json
import shutil
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.models.weights import count_parameters, hash_weights, model_tensor_entries, read_tensor_entries
from tests.fixtures.tiny_models import save_tiny_llama


def test_the_headers_tell_what_safetensors_itself_reads(tiny_llama_folder: Path) -> None:
    from safetensors.torch import load_file

    entries = model_tensor_entries(tiny_llama_folder)
    tensors = load_file(tiny_llama_folder / "model.safetensors")
    assert {name: entry.shape for name, entry in entries.items()} == {
        name: tuple(tensor.shape) for name, tensor in tensors.items()
    }
    assert count_parameters(entries) == sum(tensor.numel() for tensor in tensors.values())


def test_shards_are_one_model_with_one_identity(tiny_llama_folder: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    AutoModelForCausalLM.from_pretrained(tiny_llama_folder).save_pretrained(tmp_path, max_shard_size="60KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    whole, shards = model_tensor_entries(tiny_llama_folder), model_tensor_entries(tmp_path)
    assert count_parameters(shards) == count_parameters(whole)
    assert hash_weights(shards) == hash_weights(whole)
    next(tmp_path.glob("model-*.safetensors")).unlink()
    with pytest.raises(ValueError, match="is missing, one of"):
        model_tensor_entries(tmp_path)


def test_other_weights_have_another_identity(tiny_llama_folder: Path, tmp_path: Path) -> None:
    other = save_tiny_llama(tmp_path / "other", seed=1)
    assert hash_weights(model_tensor_entries(other)) != hash_weights(model_tensor_entries(tiny_llama_folder))


def test_a_folder_without_safetensors_has_no_tensors(tmp_path: Path) -> None:
    assert model_tensor_entries(tmp_path) == {}


def test_a_file_cut_off_anywhere_is_told(tiny_llama_folder: Path, tmp_path: Path) -> None:
    whole = (tiny_llama_folder / "model.safetensors").read_bytes()
    path = tmp_path / "cut.safetensors"
    for length in (0, 4, 8, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="cut off"):
            read_tensor_entries(path)


@given(data=st.binary(max_size=200))
def test_any_other_file_is_refused(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    path.write_bytes(data)
    with pytest.raises(ValueError):
        read_tensor_entries(path)


@pytest.mark.parametrize(
    "header", [[1], {"a": {}}, {"a": {"data_offsets": [0], "dtype": "F32", "shape": []}}, {"a": 1}]
)
def test_a_header_of_another_form_is_refused(header: object, tmp_path: Path) -> None:
    text = json.dumps(header).encode()
    (tmp_path / "odd.safetensors").write_bytes(struct.pack("<Q", len(text)) + text)
    with pytest.raises(ValueError, match="broken safetensors header"):
        read_tensor_entries(tmp_path / "odd.safetensors")


def test_the_identity_changes_with_one_byte_of_a_small_tensor(tiny_llama_folder: Path, tmp_path: Path) -> None:
    shutil.copy(tiny_llama_folder / "model.safetensors", tmp_path)
    path = tmp_path / "model.safetensors"
    before = hash_weights(model_tensor_entries(tmp_path))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert hash_weights(model_tensor_entries(tmp_path)) != before
