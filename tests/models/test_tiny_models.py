"""The fixtures themselves: other rooms trust them."""

from pathlib import Path

import pytest

from recsys.catalogue import Catalogue
from tests.fixtures import tiny_models


@pytest.mark.parametrize(
    "name", ["tiny_llama_folder", "tiny_chat_llama_folder", "tiny_sentencepiece_llama_folder", "tiny_gptj_folder"]
)
def test_every_tiny_tokenizer_gives_any_text_back(name: str, request: pytest.FixtureRequest) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(request.getfixturevalue(name))
    for text in ("Spirited Away (2001); 千と千尋", "emoji 🎬, tab\tand ; =>"):
        assert tokenizer.decode(tokenizer(text).input_ids, skip_special_tokens=True) == text
    assert 400 < len(tokenizer) < 1000


def test_one_seed_is_one_model(tmp_path: Path) -> None:
    first, again, other = (
        tiny_models.save_tiny_llama(tmp_path / name, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    weights = [(folder / "model.safetensors").read_bytes() for folder in (first, again, other)]
    assert weights[0] == weights[1] != weights[2]


def test_the_small_catalogue_has_two_movies_of_one_name(catalogue: Catalogue) -> None:
    assert catalogue.find("Solaris").item_ids == (7234, 7076)
    assert len(catalogue) == 15
