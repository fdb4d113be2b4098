"""The room on the real embedded model: a few short generations."""

import pytest
import torch

from recsys.generation.encoder import TextEncoder
from recsys.generation.generator import TransformersGenerator
from recsys.generation.tokenization import PromptTokenizer
from recsys.models.loading import load_model
from recsys.models.registry import DEFAULT_MODEL, find_model
from recsys.prompts import PromptExample, render
from recsys.settings import GenerationSettings, PromptSettings

pytestmark = pytest.mark.model

GREEDY = GenerationSettings(temperature=0, repetition_penalty=1, max_new_tokens=12)
SAMPLED = GenerationSettings(max_new_tokens=12, seed=4)


@pytest.fixture(scope="module")
def embedded_model():
    return load_model(find_model(DEFAULT_MODEL), "fp32")


@pytest.fixture(scope="module")
def few_shot(catalogue):
    example = PromptExample(
        (catalogue[5971], catalogue[3000]), (catalogue[5618], catalogue[260], catalogue[1], catalogue[4973])
    )
    histories = (["Alien (1979)"], ["Toy Story (1995)", "Amelie (2001)", "The Matrix (1999)"])
    return [render(h, PromptSettings(num_examples=1), num_recommendations=4, examples=[example]) for h in histories]


def test_greedy_search_is_that_of_transformers(embedded_model, few_shot):
    got = TransformersGenerator(embedded_model).generate(few_shot[:1], GREEDY)[0]
    ids = PromptTokenizer(embedded_model.tokenizer)(few_shot[0]).ids
    stock = embedded_model.model.generate(
        torch.tensor([ids]),
        attention_mask=torch.ones((1, len(ids)), dtype=torch.long),
        do_sample=False,
        max_new_tokens=12,
    )
    assert got.text == embedded_model.tokenizer.decode(stock[0, len(ids) :], skip_special_tokens=True)
    assert got.text.count(";") >= 2


@pytest.mark.parametrize("settings", [GREEDY, SAMPLED])
def test_a_batch_writes_what_each_prompt_gets_alone_and_streamed(embedded_model, few_shot, settings):
    generator = TransformersGenerator(embedded_model)
    together = generator.generate(few_shot, settings)
    for prompt, completion in zip(few_shot, together, strict=True):
        *grown, last = generator.stream(prompt, settings)
        assert last.text == completion.text
        assert grown


def test_its_chat_template_is_applied_once(embedded_model):
    prompt = render(["Alien (1979)"], PromptSettings(style="instruction"), num_recommendations=2)
    got = TransformersGenerator(embedded_model).generate([prompt], GREEDY.replace(max_new_tokens=4))[0]
    assert got.prompt_text.count("<|im_start|>user\n") == 1
    assert got.prompt_text.endswith("<|im_end|>\n<|im_start|>assistant\n")
    assert got.text
    assert "<|" not in got.text


def test_generation_ends_with_the_title_that_completes_the_list(embedded_model, few_shot):
    settings = GREEDY.replace(max_new_tokens=40)
    got = TransformersGenerator(embedded_model).generate(
        few_shot, settings, is_complete=lambda text, prompt: text.count(";") >= 1
    )
    for completion in got:
        assert completion.finish_reason == "titles_complete"
        assert completion.text.count(";") == 1


def test_titles_of_a_series_lie_closer_than_titles_apart(embedded_model):
    vectors = TextEncoder(embedded_model).encode(["Toy Story", "Toy Story 2", "The Godfather"])
    assert vectors.shape == (3, 576)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
