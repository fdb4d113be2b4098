"""LLaMA weights as Meta handed them out are known, and refused with the command that converts them."""

import json
import shlex

import pytest

from recsys.errors import UnknownModelError
from recsys.models.meta_weights import llama_version
from recsys.models.registry import find_model

LLAMA_7B = {"dim": 4096, "multiple_of": 256, "n_heads": 32, "n_layers": 32, "norm_eps": 1e-06, "vocab_size": -1}
LLAMA_31_8B = {"dim": 4096, "n_layers": 32, "n_kv_heads": 8, "vocab_size": 128256, "norm_eps": 1e-5,
               "use_scaled_rope": True}  # fmt: skip


def write_meta(folder, params=LLAMA_7B, *, parts=1, tokenizer=True):
    folder.mkdir()
    for part in range(parts):
        (folder / f"consolidated.{part:02}.pth").write_bytes(b"pickled")
    (folder / "params.json").write_text(params if isinstance(params, str) else json.dumps(params))
    if tokenizer:
        (folder / "tokenizer.model").write_bytes(b"pieces")
    return folder


def refusal(folder):
    with pytest.raises(UnknownModelError, match="LLaMA weights in Meta's own format") as told:
        find_model(str(folder))
    return str(told.value)


def test_the_whole_command_is_told_with_the_target_folder(tmp_path):
    told = refusal(write_meta(tmp_path / "7B"))
    assert "pip install transformers==4.46.3 torch accelerate sentencepiece protobuf tiktoken && " in told
    assert (
        "convert/bin/python -m transformers.models.llama.convert_llama_weights_to_hf "
        f"--input_dir {tmp_path}/7B --num_shards 1 --output_dir {tmp_path}/7B-hf --llama_version 1;"
    ) in told
    assert told.endswith(f"then name the folder {tmp_path}/7B-hf.")


def test_each_consolidated_file_is_a_shard(tmp_path):
    assert "--num_shards 8 " in refusal(write_meta(tmp_path / "65B", parts=8))


def test_a_folder_with_blanks_is_quoted(tmp_path):
    folder = write_meta(tmp_path / "my llama")
    assert f"--input_dir {shlex.quote(str(folder))} " in refusal(folder)


def test_a_tokenizer_that_lies_elsewhere_is_asked_for(tmp_path):
    assert "put tokenizer.model into that folder first" in refusal(write_meta(tmp_path / "7B", tokenizer=False))


@pytest.mark.parametrize(
    ("params", "version"),
    [
        (LLAMA_7B, "1"),
        (LLAMA_7B | {"norm_eps": 1e-5}, "2"),
        (LLAMA_31_8B | {"use_scaled_rope": False}, "3"),
        (LLAMA_31_8B, "3.1"),
        (LLAMA_31_8B | {"dim": 2048}, "3.2"),
        ({}, "1"),
    ],
)
def test_the_version_is_read_from_the_parameters(params, version):
    assert llama_version(params) == version


@pytest.mark.parametrize("params", ["{", "[]", '{"norm_eps": "small"}', "null", '{"model": 3}'])
def test_broken_parameters_do_not_hide_what_the_folder_is(params, tmp_path):
    assert "--llama_version 1;" in refusal(write_meta(tmp_path / "7B", params))


def test_a_folder_that_was_converted_in_place_is_no_such_folder(tmp_path, tiny_llama_folder):
    folder = write_meta(tmp_path / "7B")
    for file in tiny_llama_folder.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    assert find_model(str(folder)).architecture == "llama"
