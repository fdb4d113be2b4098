"""GPT-J's tokenizer without a pad token, LLaMA's first one, and those that close a text by themselves.

What is checked: one BOS and no end before the answer, padding on the left, titles tokenised as they stand in the text,
their text read back with each space, rankings as the brute-force oracle finds them, and training on the same tokens.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recsys.catalogue import Catalogue
from recsys.generation.catalogue_decoding import CatalogueDecoder
from recsys.generation.catalogue_trie import CatalogueTrie
from recsys.generation.detokenization import Detokenizer
from recsys.generation.generator import TransformersGenerator
from recsys.generation.title_tokens import ListForm
from recsys.generation.tokenization import PromptTokenizer
from recsys.models.loading import LoadedModel, load_model
from recsys.models.registry import find_model
from recsys.models.tokenizer_loading import load_tokenizer
from recsys.prompts import Prompt, render, render_answer
from recsys.settings import GenerationSettings, PromptSettings
from recsys.training.examples import Case, ExampleWriter
from tests.fixtures import tiny_models, tiny_tokenizers
from tests.generation.catalogue_oracle import Oracle
from tests.generation.test_catalogue_decoding import tokens_in_list

LEGACY: dict[str, dict[str, Any]] = {
    "tokenizer.json as it is": {"own_class": False},
    "LlamaTokenizer": {"own_class": True},
    "LlamaTokenizer, not legacy": {"own_class": True, "legacy": False},
    "with an end of its own": {"own_class": False, "add_eos": True},
    "LlamaTokenizer with an end of its own": {"own_class": True, "add_eos": True},
}
STYLES = (
    PromptSettings(style="zero_shot"),
    PromptSettings(style="history"),
    PromptSettings(style="instruction", list_separator="numbered"),
    PromptSettings(style="zero_shot", list_separator="newline"),
    PromptSettings(style="zero_shot", include_years=False),
)


@pytest.fixture(scope="module", params=LEGACY)
def legacy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """A tiny LLaMA with each kind of LLaMA's first tokenizer, loaded as the app loads it."""
    folder = tmp_path_factory.mktemp("legacy") / "model"
    tiny_tokenizers.save_legacy_tokenizer(folder, **LEGACY[request.param])
    return load_model(find_model(str(tiny_tokenizers.save_llama_for(folder))), "fp32", device="cpu")


@pytest.fixture(scope="module")
def gptj(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return load_model(
        find_model(str(tiny_models.save_tiny_gptj(tmp_path_factory.mktemp("gptj")))), "fp32", device="cpu"
    )


def prompt_of(history: list[str], style: PromptSettings, n: int = 3) -> Prompt:
    return render(history, style, num_recommendations=n)


@pytest.mark.parametrize("style", STYLES)
def test_a_prompt_has_one_bos_and_no_end(legacy: LoadedModel, style: PromptSettings) -> None:
    read = PromptTokenizer(legacy.tokenizer)(prompt_of(["Star Wars (1977)", "Léon 🎬"], style))
    assert read.ids[0] == legacy.tokenizer.bos_token_id == 1
    assert read.ids.count(1) == 1
    assert legacy.tokenizer.eos_token_id == 2
    assert 2 not in read.ids
    assert read.text.startswith("<s>")


def test_an_end_that_a_person_types_is_text(legacy: LoadedModel) -> None:
    read = PromptTokenizer(legacy.tokenizer)(prompt_of(["Star Wars</s>", "<s>Up"], STYLES[0]))
    assert read.ids.count(1) == 1
    assert 2 not in read.ids
    assert "< /s>" in read.text


@pytest.mark.parametrize("style", STYLES)
def test_titles_have_the_tokens_that_they_have_in_the_text(
    legacy: LoadedModel, style: PromptSettings, catalogue: Catalogue
) -> None:
    """The whole text tokenised at once is the prompt's tokens and then those of each title, in any order of titles."""
    movies = [movie for movie in catalogue if not style.include_years or movie.year is not None]
    prompt = prompt_of(["Star Wars (1977)"], style, n=len(movies))
    form = ListForm.of(prompt)
    trie = CatalogueTrie.build(movies, legacy.tokenizer, include_years=style.include_years, form=form)
    head = list(PromptTokenizer(legacy.tokenizer)(prompt).ids)
    tokens = list(head)
    for place, movie in enumerate(movies):
        between = form.between(place)
        tokens += tokens_of(legacy, between, form.tail) if between else []
        tokens += leaf_of(trie, movie.item_id, first=place == 0 and form.first_lead != form.lead)
    text = prompt.text + form.write([movie.display(include_year=style.include_years) for movie in movies])
    whole = legacy.tokenizer(text)["input_ids"]
    assert tokens == [token for token in whole if token != 2]
    assert render_answer(movies, style).strip(" ;\n") in text


def tokens_of(loaded: LoadedModel, text: str, after: str) -> list[int]:
    before = loaded.tokenizer(after, add_special_tokens=False)["input_ids"]
    return list(loaded.tokenizer(after + text, add_special_tokens=False)["input_ids"][len(before) :])


def leaf_of(trie: CatalogueTrie, item: int, *, first: bool) -> list[int]:
    leaves = trie.leaves_of[item]
    leaf = next(leaf for leaf in leaves if trie.leaf_form[leaf] == (0 if first or len(leaves) == 1 else 1))
    return list(trie.leaf_tokens[leaf, : trie.leaf_length[leaf]].tolist())


@pytest.mark.parametrize("text", [" Léon: The Professional (1994); Up;", " 千と千尋; 🎬;", "\n2. Star Wars", "Up  x "])
def test_text_is_read_back_with_every_space(legacy: LoadedModel, text: str) -> None:
    tokenizer, detokenizer = legacy.tokenizer, Detokenizer(legacy.tokenizer)
    prompt = tokenizer("Toy Story =>", add_special_tokens=False)["input_ids"]
    whole = tokenizer("Toy Story =>" + text, add_special_tokens=False)["input_ids"]
    assert whole[: len(prompt)] == prompt
    growing = detokenizer.start(prompt)
    for token in whole[len(prompt) :]:
        growing = detokenizer.extend(growing, token)
        assert text.startswith(growing.text)
    assert detokenizer.finish(growing) == text


@pytest.mark.parametrize("full", [True, False])
def test_a_ranking_is_that_of_the_brute_force_oracle(legacy: LoadedModel, catalogue: Catalogue, full: bool) -> None:
    decoder = CatalogueDecoder(legacy, catalogue, include_years=True)
    prompts = [prompt_of(history, STYLES[0]) for history in (["Star Wars (1977)"], ["Toy Story (1995)", "Léon 🎬"])]
    found = decoder.rank_titles(prompts, n=4, num_beams=6, score="full" if full else "tree")
    texts = dict.fromkeys(movie.display(include_year=True) for movie in catalogue)
    for prompt, ranked in zip(prompts, found, strict=True):
        titles = [tokens_in_list(decoder, f" {text};") for text in texts]
        ids = PromptTokenizer(legacy.tokenizer)(prompt).ids
        expected = Oracle(legacy.model, ids, titles, titles, full=full, num_beams=6, num_best=4).search()
        assert [title.tokens for title in ranked] == [tuple(one.tokens) for one in expected]
        assert [title.score for title in ranked] == pytest.approx([one.score for one in expected], rel=1e-4, abs=1e-4)


def test_training_learns_the_tokens_that_are_searched(legacy: LoadedModel, catalogue: Catalogue) -> None:
    write = ExampleWriter(legacy.tokenizer, catalogue, PromptSettings(style="history"), loss_on="answer")
    example = write(Case((1, 260), (2571, 924)))
    trie = write.trie({1, 260, 2571, 924})
    ids = example.ids.tolist()
    assert ids.count(1) == 1
    assert 2 not in ids
    titles = [leaf_of(trie, item, first=place == 0) for place, item in enumerate((1, 260, 2571, 924))]
    assert ids[example.first_target :] == [*titles[2], *titles[3]]
    assert ids[example.starts[0] :] == [token for title in titles for token in title]


def test_a_batch_answers_as_each_prompt_alone(legacy: LoadedModel) -> None:
    greedy = GenerationSettings(temperature=0.0, max_new_tokens=12, repetition_penalty=1.2)
    prompts = [prompt_of(history, STYLES[0]) for history in (["Up"], ["Toy Story (1995)", "Léon 🎬", "Alien"])]
    generator = TransformersGenerator(legacy)
    together = [one.text for one in generator.generate(prompts, greedy)]
    assert together == [generator.generate([prompt], greedy)[0].text for prompt in prompts]


def test_gptj_without_a_pad_token_pads_on_the_left_with_its_end_of_text(tiny_gptj_folder: Path) -> None:
    from transformers import AutoTokenizer

    assert AutoTokenizer.from_pretrained(tiny_gptj_folder).pad_token is None
    tokenizer = load_tokenizer(tiny_gptj_folder)
    assert tokenizer.pad_token == tokenizer.eos_token == "<|endoftext|>"
    padded = tokenizer(["Up", "Toy Story (1995)"], padding=True)
    assert padded["input_ids"][0][0] == tokenizer.pad_token_id
    assert padded["input_ids"][0][-1] != tokenizer.pad_token_id
    assert padded["attention_mask"][0][0] == 0


def test_gptj_gets_no_bos_though_its_configuration_names_one(gptj: LoadedModel) -> None:
    read = PromptTokenizer(gptj.tokenizer)(prompt_of(["Star Wars (1977)"], STYLES[0]))
    assert gptj.tokenizer.bos_token_id == gptj.tokenizer.eos_token_id == 0
    assert 0 not in read.ids
    greedy = GenerationSettings(temperature=0.0, max_new_tokens=12, repetition_penalty=1.2)
    prompts = [prompt_of(history, STYLES[0]) for history in (["Up"], ["Toy Story (1995)", "Léon 🎬", "Alien"])]
    generator = TransformersGenerator(gptj)
    together = [one.text for one in generator.generate(prompts, greedy)]
    assert together == [generator.generate([prompt], greedy)[0].text for prompt in prompts]
