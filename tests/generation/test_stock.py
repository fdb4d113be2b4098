"""transformers' own generate, held to the catalogue by the function that it offers: another judge of our lists."""

from __future__ import annotations

import pytest

from recsys.catalogue import Catalogue
from recsys.generation.catalogue_decoding import CatalogueDecoder
from recsys.generation.stock import PrefixTree, StockGenerator
from recsys.models.loading import LoadedModel
from recsys.prompts import Prompt, render
from recsys.settings import GenerationSettings
from tests.generation.conftest import ZERO_SHOT

HISTORIES = (["Alien"], ["Toy Story", "Pulp Fiction"], ["The Matrix", "Up", "Ran"])
EXCLUDED = ((1,), (), (5618, 1))


@pytest.fixture
def asked() -> list[Prompt]:
    return [render(history, ZERO_SHOT, num_recommendations=3) for history in HISTORIES]


def test_stock_generate_within_the_catalogue_writes_our_greedy_lists(
    loaded: LoadedModel, catalogue: Catalogue, asked: list[Prompt]
) -> None:
    decoder = CatalogueDecoder(loaded, catalogue, include_years=True)
    stock = StockGenerator(loaded, decoder.form.tail)
    prompts = [decoder.tokenize(prompt).ids for prompt in asked]
    allowed = PrefixTree(decoder.trie).allowed(max(map(len, prompts)), EXCLUDED)
    written = stock.write(prompts, num_titles=3, max_new_tokens=96, allowed=allowed)
    settings = GenerationSettings(temperature=0, num_recommendations=3)
    ours = decoder.list_titles(asked, settings, excluded=EXCLUDED)
    assert [loaded.tokenizer.decode(tokens).strip() for tokens in written] == [one.text.strip() for one in ours]
    assert [stock.count_titles(tokens) for tokens in written] == [3, 3, 3]


def test_free_text_ends_at_the_limit_where_no_title_is_closed(loaded: LoadedModel, asked: list[Prompt]) -> None:
    stock = StockGenerator(loaded, "§")
    written = stock.write([loaded.tokenizer("Alien")["input_ids"]], num_titles=1, max_new_tokens=5, num_beams=2)
    assert len(written[0]) <= 5
    assert stock.count_titles(written[0]) == 0


def test_a_prefill_counts_real_tokens_only(loaded: LoadedModel) -> None:
    assert StockGenerator(loaded, ";").prefill([[5, 6, 7], [5]]) == 4
