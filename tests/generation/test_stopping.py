"""Generation stops with the list that was asked for, token by token, where no end of text will ever come."""

import pytest

from recsys.generation.detokenization import Detokenizer
from recsys.generation.stopping import BeamWatcher, Limits, RowWatcher
from recsys.generation.tokenization import PromptTokenizer
from recsys.prompts import render, render_answer
from recsys.recommend import CompleteList
from recsys.settings import PromptSettings

ANSWER = (318, 1201, 589, 4973, 924)
"""More titles than are asked for, with commas, colons and numbers in them."""
HISTORIES = [PromptSettings("history", list_separator=separator) for separator in (";", ",", "newline", "numbered")]


@pytest.fixture(params=HISTORIES, ids=lambda settings: settings.list_separator)
def asked(request, tiny_llama, catalogue):
    """The tokenised prompt, the tokens of an answer that goes on, and the text that was asked for."""
    prompt = render([catalogue[5618]], request.param, num_recommendations=3)
    movies = [catalogue[item] for item in ANSWER]
    ids = tiny_llama.tokenizer(render_answer(movies, request.param), add_special_tokens=False)["input_ids"]
    return PromptTokenizer(tiny_llama.tokenizer)(prompt), ids, render_answer(movies[:3], request.param)


def limits(catalogue):
    return Limits(frozenset(), CompleteList(catalogue), lambda: False)


def test_a_history_stops_after_its_last_title_asked_for(asked, tiny_llama, catalogue):
    import torch

    prompt, ids, wanted = asked
    watcher = RowWatcher([prompt], Detokenizer(tiny_llama.tokenizer), limits(catalogue))
    for end in range(1, len(ids) + 1):
        if watcher(torch.tensor([[*prompt.ids, *ids[:end]]])).all():
            break
    assert watcher.rows[0].finish_reason == "titles_complete"
    assert watcher.rows[0].growing.text == wanted


def test_a_beam_of_a_history_is_done_with_its_last_title_asked_for(asked, tiny_llama, catalogue):
    import torch

    prompt, ids, wanted = asked
    watcher = BeamWatcher([prompt], Detokenizer(tiny_llama.tokenizer), limits(catalogue))
    end = next(
        end for end in range(1, len(ids) + 1) if watcher(torch.tensor([[*prompt.ids, *ids[:end]]])).tolist() == [True]
    )
    row = watcher.best_row(0, ids[:end])
    assert row.finish_reason == "titles_complete"
    assert row.growing.text == wanted
