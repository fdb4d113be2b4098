"""Tiny models in fp32, loaded by transformers itself so that these tests stand on nothing but the room."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recsys.models.loading import LoadedModel
from recsys.models.registry import ModelSpec
from recsys.prompts import Prompt, render
from recsys.settings import PromptSettings

ZERO_SHOT = PromptSettings(style="zero_shot")


def load_tiny(folder: Path) -> LoadedModel:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype="float32").eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    _make_end_of_text_unlikely(model, tokenizer.eos_token_id)
    spec = ModelSpec(folder.name, folder.name, "folder", str(folder), None, None, "none")
    return LoadedModel(spec, model, tokenizer, "fp32", "for tests", "cpu", "0" * 64, 0)


def _make_end_of_text_unlikely(model: Any, end_id: int) -> None:
    """A random model would end its text at random; here texts end where a test wants."""
    import torch

    with torch.no_grad():
        model.lm_head.weight[end_id] = 0
        if model.lm_head.bias is not None:
            model.lm_head.bias[end_id] = -100


@pytest.fixture(scope="session")
def tiny_llama(tiny_llama_folder: Path) -> LoadedModel:
    return load_tiny(tiny_llama_folder)


@pytest.fixture(scope="session")
def tiny_sentencepiece_llama(tiny_sentencepiece_llama_folder: Path) -> LoadedModel:
    return load_tiny(tiny_sentencepiece_llama_folder)


@pytest.fixture(scope="session")
def tiny_chat_llama(tiny_chat_llama_folder: Path) -> LoadedModel:
    return load_tiny(tiny_chat_llama_folder)


@pytest.fixture(scope="session")
def tiny_gptj(tiny_gptj_folder: Path) -> LoadedModel:
    return load_tiny(tiny_gptj_folder)


@pytest.fixture(params=["tiny_llama", "tiny_sentencepiece_llama", "tiny_gptj"])
def loaded(request: pytest.FixtureRequest) -> LoadedModel:
    """Each of the tiny models in turn."""
    model: LoadedModel = request.getfixturevalue(request.param)
    return model


@pytest.fixture(scope="session")
def prompts() -> list[Prompt]:
    """Prompts of different lengths."""
    histories = (["Alien"], ["Toy Story (1995)", "Pulp Fiction (1994)", "Amelie (2001)"], ["The Matrix (1999)", "Up"])
    return [render(history, ZERO_SHOT, num_recommendations=2) for history in histories]
