"""Shapes are known by name, by Hub id and from a folder, and have the published number of weights."""

import json
from pathlib import Path

import pytest

from recsys.errors import UnknownModelError
from recsys.models.registry import list_models
from recsys.models.shapes import KNOWN, STORY_MODELS, create_skeleton, find_shape

PUBLISHED = {
    "llama-7b": 6_738_415_616,
    "llama-13b": 13_015_864_320,
    "llama-30b": 32_528_943_616,
    "llama-65b": 65_285_660_672,
    "gpt-j-6b": 6_050_882_784,
    "smollm2-135m": 134_515_008,
    "smollm2-360m": 361_821_120,
    "smollm2-1.7b": 1_711_376_384,
    "tinyllama-1.1b": 1_100_048_384,
    "llama-3.2-1b": 1_235_814_400,
    "llama-3.2-3b": 3_212_749_824,
    "llama-3.1-8b": 8_030_261_248,
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_shape_has_the_published_number_of_weights(name):
    assert create_skeleton(find_shape(name)).num_parameters() == PUBLISHED[name]


def test_a_skeleton_takes_no_memory():
    assert {parameter.device.type for parameter in create_skeleton(find_shape("llama-65b")).parameters()} == {"meta"}


def test_every_model_of_the_registry_has_its_shape_here():
    for spec in list_models():
        if spec.source == "folder" and not Path(spec.location, "config.json").is_file():
            continue  # a model that is trained here and not shipped yet
        assert create_skeleton(find_shape(spec.name)).num_parameters() == spec.num_parameters


def test_the_storys_models_are_known():
    assert set(STORY_MODELS) <= set(KNOWN)


@pytest.mark.parametrize("name", ["LLaMA-7B", "huggyllama/llama-7b", "huggyllama/llama-7b@main"])
def test_a_name_is_found_in_any_case_and_as_a_hub_id(name):
    assert find_shape(name).hidden_size == 4096


def test_a_folders_shape_is_read_from_its_config(tiny_llama_folder, tiny_gptj_folder):
    assert find_shape(str(tiny_llama_folder)).num_key_value_heads == 2
    assert find_shape(str(tiny_gptj_folder)).model_type == "gptj"


@pytest.mark.parametrize("name", ["", "llama-8b", "someone/some-model", "a\0b", "x" * 5000])
def test_an_unknown_name_is_refused_with_the_known_ones(name):
    with pytest.raises(UnknownModelError, match="llama-7b, llama-13b, llama-30b, llama-65b, gpt-j-6b"):
        find_shape(name)


def test_a_folder_without_a_model_or_of_another_architecture_is_refused(tmp_path):
    with pytest.raises(UnknownModelError, match="holds no model"):
        find_shape(str(tmp_path))
    for text, problem in (("{", "cannot be read"), ("[]", "not a LLaMA or GPT-J")):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(UnknownModelError, match=problem):
            find_shape(str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(UnknownModelError, match="not a LLaMA or GPT-J"):
        find_shape(str(tmp_path))
