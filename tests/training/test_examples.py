from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.records import PromptExample
from recsys.errors import SettingsError
from recsys.prompts import render, render_answer
from recsys.settings import PromptSettings
from recsys.training.examples import Case, EpochExamples, ExampleWriter, record_cases, sub_history_cases

HISTORY = PromptSettings("history")
CASE = Case((5618, 1201), (2571, 318), (9000,))
STYLES = [
    HISTORY,
    PromptSettings("history", include_disliked=True),
    PromptSettings("history", include_years=True),
    PromptSettings("history", list_separator="newline"),
    PromptSettings("history", list_separator="numbered"),
    PromptSettings("history", details="genres"),
    PromptSettings("zero_shot"),
    PromptSettings("zero_shot", queue_symbol="[]"),
    PromptSettings("zero_shot", list_separator="numbered", include_years=True),
    PromptSettings("few_shot"),
    PromptSettings("instruction", list_separator="newline"),
]


def movies(catalogue, items):
    return [catalogue[item] for item in items]


@pytest.fixture(params=["load_tiny_gptj", "load_tiny_llama"])
def tokenizer(request):
    return request.getfixturevalue(request.param)().tokenizer


@pytest.mark.parametrize("form", STYLES, ids=str)
def test_an_example_is_the_prompt_that_is_served_and_the_answer_that_is_wanted(catalogue, tokenizer, form):
    worked = (PromptExample(tuple(movies(catalogue, [1])), tuple(movies(catalogue, [32, 260]))),)
    example = ExampleWriter(tokenizer, catalogue, form, loss_on="answer", worked=worked)(CASE)
    liked, answer, disliked = (movies(catalogue, items) for items in (CASE.history, CASE.answer, CASE.disliked))
    prompt = render(liked, form, num_recommendations=2, disliked=disliked, examples=worked)
    wanted = render_answer(answer, form)
    wanted = wanted if prompt.closing is None or not wanted.endswith(prompt.closing) else wanted[: -len(prompt.closing)]
    assert tokenizer.decode(example.ids[: example.first_target]).endswith(prompt.text)
    assert tokenizer.decode(example.ids[example.first_target :]).rstrip("]") == wanted.rstrip("]")
    asked = np.asarray(tokenizer(prompt.text)["input_ids"])
    assert example.ids[: example.first_target].tolist() == asked.tolist()


def test_a_history_prompt_can_teach_every_title(catalogue, tokenizer):
    example = ExampleWriter(tokenizer, catalogue, HISTORY, loss_on="titles")(CASE)
    learnt = tokenizer.decode(example.ids[example.first_target :])
    assert learnt == " Spirited Away; The Good, the Bad and the Ugly; The Matrix; The Shawshank Redemption;"


@pytest.mark.parametrize(
    "form",
    [
        PromptSettings("zero_shot"),
        PromptSettings("history", list_separator="newline"),
        PromptSettings("history", details="genres"),
    ],
    ids=str,
)
def test_no_prompt_can_that_writes_a_history_otherwise_than_an_answer(catalogue, tokenizer, form):
    with pytest.raises(SettingsError, match="choose style history"):
        ExampleWriter(tokenizer, catalogue, form, loss_on="titles")


def test_records_are_the_same_cases_in_every_epoch(training_data):
    records = training_data.split.records["train"]
    draw = record_cases(records)
    assert (
        draw(0, 3)
        == draw(7, 3)
        == Case(records[3].history, records[3].relevant, records[3].disliked, records[3].user_id)
    )


@given(
    lengths=st.lists(st.integers(0, 40), min_size=1, max_size=5),
    seed=st.integers(0, 99),
    epoch=st.integers(0, 9),
    index=st.integers(0, 999),
)
def test_a_sub_history_is_a_part_of_one_users_likes_in_time_order(lengths, seed, epoch, index):
    likes = {user: list(range(1000 * user, 1000 * user + length)) for user, length in enumerate(lengths)}
    if max(lengths) < 2:
        with pytest.raises(SettingsError, match="no user with two likes"):
            sub_history_cases(likes, history_length=6, num_relevant=4, seed=seed)
        return
    draw = sub_history_cases(likes, history_length=6, num_relevant=4, seed=seed)
    case = draw(epoch, index)
    items = [*case.history, *case.answer]
    (user,) = {item // 1000 for item in items}
    assert all(earlier < later for earlier, later in pairwise(items))
    assert set(items) <= set(likes[user])
    assert len(items) == min(10, lengths[user])
    assert case.answer
    assert len(case.history) <= 6
    assert draw(epoch, index) == case


def test_every_epoch_draws_other_sub_histories():
    draw = sub_history_cases({1: list(range(100))}, history_length=6, num_relevant=4, seed=0)
    assert len({draw(epoch, index) for epoch in range(5) for index in range(20)}) > 90


def test_examples_belong_to_their_epoch_whatever_came_before(catalogue, tokenizer, training_data):
    likes = training_data.split.likes_of("train")
    draw = sub_history_cases(likes, history_length=6, num_relevant=3, seed=1)
    write = ExampleWriter(tokenizer, catalogue, HISTORY, loss_on="titles")
    one, other = (EpochExamples(draw, 8, write) for _ in range(2))
    for epoch in (0, 1, 2):
        one.set_epoch(epoch)
    other.set_epoch(2)
    assert [example.ids.tolist() for example in one] == [example.ids.tolist() for example in other]
    assert one.lengths.tolist() == [len(example.ids) for example in one]
