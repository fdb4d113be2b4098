"""A model whose weights stay on disk answers as the one that is all in memory: text, lists, ranks, scores, vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys.catalogue import Catalogue
from recsys.errors import AdapterError, ModelUnavailableError
from recsys.generation.catalogue_decoding import CatalogueDecoder
from recsys.generation.encoder import TextEncoder
from recsys.generation.generator import TransformersGenerator
from recsys.models import loading
from recsys.models.adapter_listing import find_adapter
from recsys.models.adapters import merged_copy, select_adapter
from recsys.models.loading import LoadedModel, load_model
from recsys.models.placement import PlacementSettings, bytes_on_disk, is_offloaded
from recsys.models.registry import find_model
from recsys.prompts import render
from recsys.settings import GenerationSettings, PromptSettings
from tests.fixtures.tiny_adapters import save_tiny_adapter

GREEDY = GenerationSettings(temperature=0.0, max_new_tokens=24, repetition_penalty=1.3)
FOLDERS = ("tiny_llama_folder", "tiny_sentencepiece_llama_folder", "tiny_gptj_folder")
PROMPTS = [
    render(history, PromptSettings(style="zero_shot"), num_recommendations=3)
    for history in (["Star Wars"], ["Toy Story", "The Matrix", "Amelie"])
]


@pytest.fixture(params=FOLDERS)
def folder(request: pytest.FixtureRequest) -> Path:
    path: Path = request.getfixturevalue(request.param)
    return path


@pytest.fixture
def load_on_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Loads a folder on a machine that has so many bytes free."""

    def load(folder: Path, free: int, precision: Any = "fp32") -> LoadedModel:
        monkeypatch.setattr(loading, "available_bytes", lambda _: free)
        placement = PlacementSettings(offload_folder=tmp_path / "offload")
        return load_model(find_model(str(folder)), precision, device="cpu", placement=placement)

    return load


@pytest.mark.parametrize("free", [10_000, 140_000])
def test_all_ways_of_asking_answer_as_in_memory(
    folder: Path, free: int, load_on_disk: Any, catalogue: Catalogue
) -> None:
    in_memory = load_model(find_model(str(folder)), "fp32", device="cpu")
    on_disk = load_on_disk(folder, free)
    assert bytes_on_disk(on_disk.model) > 0
    assert on_disk.memory_bytes < in_memory.memory_bytes
    answers = [everything(one, catalogue) for one in (in_memory, on_disk)]
    assert answers[0][:2] == answers[1][:2]
    for expected, found in zip(answers[0][2:], answers[1][2:], strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def everything(loaded: LoadedModel, catalogue: Catalogue) -> tuple[Any, ...]:
    texts = [one.text for one in TransformersGenerator(loaded).generate(PROMPTS, GREEDY)]
    decoder = CatalogueDecoder(loaded, catalogue, include_years=True)
    ranked = [decoder.rank_titles(PROMPTS, n=5, num_beams=8, score=score) for score in ("full", "tree")]
    titles = [[[title.item_id for title in one] for one in found] for found in ranked]
    lists = [one.text for one in decoder.list_titles(PROMPTS, GREEDY.replace(num_beams=2, num_recommendations=3))]
    items = [movie.item_id for movie in catalogue]
    scores = decoder.score_each(PROMPTS, [items, items[:4]], score="full")
    vectors = TextEncoder(loaded).encode(["Star Wars", "Toy Story (1995)"])
    likelihoods = [title.score for found in ranked for one in found for title in one]
    return texts, (titles, lists), likelihoods, np.concatenate([np.asarray(one) for one in scores]), vectors


def test_an_adapter_acts_on_weights_that_stay_on_disk(
    tiny_llama_folder: Path, tmp_path: Path, load_on_disk: Any, catalogue: Catalogue
) -> None:
    save_tiny_adapter(tiny_llama_folder, tmp_path / "mine")
    adapter = find_adapter("mine", tmp_path)
    in_memory = load_model(find_model(str(tiny_llama_folder)), "fp32", device="cpu")
    on_disk = load_on_disk(tiny_llama_folder, 10_000)
    bare = everything(in_memory, catalogue)
    for loaded in (in_memory, on_disk):
        select_adapter(loaded, adapter)
    expected, found = (everything(one, catalogue) for one in (in_memory, on_disk))
    assert expected[:2] == found[:2]
    assert expected[2] != bare[2]
    np.testing.assert_allclose(found[2], expected[2], rtol=1e-4)
    select_adapter(on_disk, None)
    np.testing.assert_allclose(everything(on_disk, catalogue)[2], bare[2], rtol=1e-4)
    select_adapter(on_disk, adapter)
    with pytest.raises(AdapterError, match="cannot be merged into weights that are not all in memory"):
        merged_copy(on_disk)


def test_the_answer_says_what_is_read_for_each_token(tiny_llama_folder: Path, load_on_disk: Any) -> None:
    loaded = load_on_disk(tiny_llama_folder, 10_000, "bf16")
    assert loaded.precision_reason == "bf16 was asked for. 0.0 GB are read from disk for each token."
    assert is_offloaded(loaded.model)


def test_layers_on_several_gpus_are_refused_in_one_sentence(tiny_llama_folder: Path, catalogue: Catalogue) -> None:
    loaded = load_model(find_model(str(tiny_llama_folder)), "fp32", device="cpu")
    loaded.model.hf_device_map = {"model.embed_tokens": 0, "model.layers": 1, "lm_head": "cpu"}
    with pytest.raises(ModelUnavailableError, match=r"layers are on several.*--max-memory 0:40GB,cpu:60GB"):
        CatalogueDecoder(loaded, catalogue, include_years=True)
