"""The prompt text byte by byte, and what may never happen to it.

A golden test that fails means that adapters were trained on another prompt: raise PROMPT_VERSION, then
write the file anew with ``python tests/test_prompts.py``.
"""

import dataclasses
import itertools
import json
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.catalogue import Movie
from recsys.errors import HistoryError, SettingsError
from recsys.prompt_details import MAX_DETAILS_LENGTH, render_details
from recsys.prompt_ids import PROMPT_VERSION, prompt_id, read_prompt_id
from recsys.prompts import MAX_TITLE_LENGTH, PromptExample, clean_title, render, render_answer
from recsys.settings import MAX_HISTORY, ListSeparator, MovieDetails, PromptSettings, PromptStyle, QueueSymbol

GOLDEN = Path(__file__).parent / "fixtures" / "prompts.json"
ALIEN, HEAT, UP, GOOD_BAD = (
    Movie(1, "Alien", 1979),
    Movie(2, "Heat", 1995),
    Movie(3, "Up", 2009),
    Movie(4, "The Good, the Bad and the Ugly", 1966),
)
JAWS, BRAZIL, NO_YEAR = Movie(5, "Jaws", 1975), Movie(6, "Brazil", 1985), Movie(7, "Nosferatu")
EXAMPLES = (
    PromptExample((JAWS, BRAZIL), (NO_YEAR, GOOD_BAD), (UP,)),
    PromptExample((BRAZIL, HEAT), (JAWS, ALIEN), (NO_YEAR,)),
)
FORMATS = [
    PromptSettings(*values, num_examples=2)
    for values in itertools.product(
        get_args(PromptStyle), get_args(QueueSymbol), get_args(ListSeparator), (True, False), (True, False)
    )
    if values[:2] == ("history", "=>") or values[0] != "history"
]
DETAILED = [
    PromptSettings(style, symbol, separator, include_disliked=True, num_examples=1, details=details)
    for details, style, symbol, separator in itertools.product(
        get_args(MovieDetails)[1:], get_args(PromptStyle), get_args(QueueSymbol), get_args(ListSeparator)
    )
    if symbol == "=>" or (separator == ";" and style != "history")
]
RICH_ALIEN = dataclasses.replace(
    ALIEN,
    genres=("Horror", "Sci-Fi"),
    tags=("space; horror", "H.R. Giger", "<3"),
    description="In space => no one, says [it]; hears.",
)
RICH_UP = dataclasses.replace(
    UP, genres=("Animation",), tags=("balloons", "old/young"), description="A house\nflies away."
)
RICH_EXAMPLES = (PromptExample((RICH_UP, JAWS), (RICH_ALIEN, HEAT), (RICH_ALIEN,)),)
SITUATIONS = {"warm": ((ALIEN, "my own film"), (UP, HEAT)), "cold": ((), ())}


def rendered():
    """Every format in every situation: what the model reads, and what it must answer with."""
    table = {}
    for form, (situation, (liked, disliked)) in itertools.product(FORMATS, SITUATIONS.items()):
        prompt = render(liked, form, num_recommendations=2, disliked=disliked, examples=EXAMPLES)
        table[f"{prompt_id(form)}/{situation}"] = {
            "text": prompt.text,
            "instruction": prompt.instruction,
            "input": prompt.input,
            "answer_prefix": prompt.answer_prefix,
            "closing": prompt.closing,
            "answer": render_answer((UP, GOOD_BAD), form),
        }
    return table


def rendered_with_details():
    """What the model reads where titles carry details; "Heat" has none and stays bare."""
    return {
        prompt_id(form): render(
            (RICH_ALIEN, HEAT, "my own film"), form, num_recommendations=2, disliked=(RICH_UP,), examples=RICH_EXAMPLES
        ).text
        for form in DETAILED
    }


def test_every_prompt_is_the_same_to_the_byte_as_the_one_that_adapters_are_trained_on():
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert golden["version"] == PROMPT_VERSION
    table = rendered()
    assert table.keys() == golden["prompts"].keys()
    assert [name for name in table if table[name] != golden["prompts"][name]] == []
    assert rendered_with_details() == golden["with_details"]


def test_the_golden_file_tells_every_format_from_every_other():
    table = rendered()
    assert len(table) == (3 * 4 + 1) * 4 * 2 * 2 * 2
    warm = {name: entry["text"] for name, entry in table.items() if name.endswith("liked+disliked/warm")}
    # The instruction style has no queue symbol, so that four names stand for one text there.
    assert len(set(warm.values())) == 2 * 4 * 4 * 2 + 4 * 2 + 4 * 2


def test_a_history_prompt_is_one_list_that_the_answer_goes_on_with():
    form = PromptSettings("history", include_disliked=True)
    prompt = render([ALIEN, HEAT], form, num_recommendations=2, disliked=[JAWS])
    assert prompt.text + render_answer([UP, BRAZIL], form) == "Disliked: Jaws;\nLiked: Alien; Heat; Up; Brazil;"
    assert render([], form, num_recommendations=2).text == "Liked:"


def test_a_queue_symbol_that_the_history_style_does_not_write_does_not_name_it():
    one, other = (PromptSettings("history", queue_symbol=symbol) for symbol in ("=>", "[]"))
    assert prompt_id(one) == prompt_id(other)
    assert render([ALIEN], one, num_recommendations=2).text == render([ALIEN], other, num_recommendations=2).text


@pytest.mark.parametrize("form", [*FORMATS, *DETAILED], ids=prompt_id)
def test_the_settings_of_a_prompt_can_be_read_back_from_its_name(form):
    read = read_prompt_id(prompt_id(form))
    assert prompt_id(read) == prompt_id(form)
    texts = [
        render([RICH_ALIEN], each.replace(num_examples=1), num_recommendations=2, disliked=[JAWS], examples=EXAMPLES)
        for each in (read, form)
    ]
    assert texts[0].text == texts[1].text


@pytest.mark.parametrize("name", ["", "v0/few_shot/=>/;/no-years/liked", "v1/few_shot", "v1/poem/=>/;/years/liked"])
def test_a_name_that_is_no_prompts_is_refused(name):
    with pytest.raises(SettingsError):
        read_prompt_id(name)


def test_a_zero_shot_prompt_reads_as_the_story_tells_it():
    prompt = render([ALIEN, HEAT], PromptSettings("zero_shot", include_years=True), num_recommendations=4)
    assert prompt.text == "Alien (1979); Heat (1995) =>"
    assert not prompt.cold_start


@pytest.mark.parametrize("form", FORMATS, ids=prompt_id)
@pytest.mark.parametrize("situation", SITUATIONS)
def test_no_prompt_ends_with_a_space(form, situation):
    liked, disliked = SITUATIONS[situation]
    prompt = render(liked, form, num_recommendations=2, disliked=disliked, examples=EXAMPLES)
    assert not prompt.text.endswith((" ", "\t"))
    assert prompt.cold_start == (situation == "cold")


@pytest.mark.parametrize("form", FORMATS, ids=prompt_id)
def test_an_answer_closes_its_last_title_as_it_closes_every_other(form):
    answer = render_answer((ALIEN, UP), form)
    first, last = (movie.display(include_year=form.include_years) for movie in (ALIEN, UP))
    after_first = answer[answer.index(first) + len(first)]
    assert answer[answer.index(last) + len(last)] == after_first


@pytest.mark.parametrize("form", [f for f in FORMATS if f.style == "few_shot"], ids=prompt_id)
def test_worked_examples_are_written_like_the_question_and_its_answer(form):
    one = PromptSettings(**{**form.to_dict(), "num_examples": 1})
    example = PromptExample((ALIEN, HEAT), (UP, GOOD_BAD), (JAWS,))
    prompt = render([ALIEN, HEAT], one, num_recommendations=2, disliked=[JAWS], examples=[example])
    question = render([ALIEN, HEAT], one, num_recommendations=2, disliked=[JAWS]).text
    header, _, rest = prompt.text.partition("\n\n")
    assert header.startswith("Movies that a person liked")
    assert rest.startswith(question + render_answer((UP, GOOD_BAD), one).rstrip("\n") + "\n")
    assert rest.endswith(question)


def test_disliked_movies_are_named_only_where_the_settings_say_so():
    without = render([ALIEN], PromptSettings(), num_recommendations=4, disliked=[HEAT])
    assert "Heat" not in without.text
    assert "Heat" in render([ALIEN], PromptSettings(include_disliked=True), num_recommendations=4, disliked=[HEAT]).text


def test_only_as_many_examples_are_shown_as_the_settings_say():
    text = render([ALIEN], PromptSettings(num_examples=1), num_recommendations=4, examples=EXAMPLES).text
    assert "Nosferatu" in text
    assert "Heat" not in text


def test_a_chat_model_is_asked_in_one_message_without_the_alpaca_frame():
    prompt = render([ALIEN], PromptSettings("instruction", include_years=True), num_recommendations=4)
    assert prompt.messages == [{"role": "user", "content": f"{prompt.instruction}\n\nAlien (1979)"}]
    assert "###" not in prompt.messages[0]["content"]
    assert render([ALIEN], PromptSettings("zero_shot"), num_recommendations=4).messages is None


def test_one_movie_is_asked_for_in_the_singular():
    assert "Recommend 1 other movie that" in str(
        render([ALIEN], PromptSettings("instruction"), num_recommendations=1).instruction
    )


@pytest.mark.parametrize(
    "title",
    [
        "<script>alert(1)</script>",
        "${HOME} {0} {input} {instruction} %s",
        "\u202eright to left",
        "😀 family 👨\u200d👩\u200d👧",
        "Ёлки; 七人の侍, (x) [y] => z",
        "\\n \\x00",
    ],
)
@pytest.mark.parametrize("style", get_args(PromptStyle))
def test_text_that_means_something_elsewhere_is_only_text_here(title, style):
    assert title in render([title, ALIEN], PromptSettings(style), num_recommendations=4).text


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        ("  Alien  ", "Alien"),
        ("The\nThing\r\n(1982)", "The Thing (1982)"),
        ("A\x00B\x1bC\x7fD\x85E", "A B C D E"),
        ("A\u2028B\u2029C\ud800D", "A B C D"),
        ("x" * 500, "x" * MAX_TITLE_LENGTH),
    ],
)
def test_a_typed_title_becomes_one_line(typed, cleaned):
    assert clean_title(typed) == cleaned


@pytest.mark.parametrize("blank", ["", "   ", "\n\t", "\x00", "\u200b", "\u202e \u200f", "\ufeff"])
def test_a_title_without_anything_to_see_is_refused(blank):
    with pytest.raises(HistoryError, match="blank"):
        render([ALIEN, blank], PromptSettings(), num_recommendations=4)


def test_more_than_fifty_movies_are_refused_on_either_side():
    many = [ALIEN] * (MAX_HISTORY + 1)
    both = PromptSettings(include_disliked=True)
    assert render(many[1:], both, num_recommendations=4, disliked=many[1:]).text.count("Alien") == 2 * MAX_HISTORY
    with pytest.raises(HistoryError, match=r"51 movies.*at most 50"):
        render(many, PromptSettings(), num_recommendations=4)
    with pytest.raises(HistoryError, match="51 movies"):
        render([ALIEN], both, num_recommendations=4, disliked=many)


@given(titles=st.lists(st.text(max_size=300), max_size=6), form=st.sampled_from(FORMATS))
def test_any_typed_titles_give_a_prompt_with_each_of_them_on_its_own_line_part(titles, form):
    try:
        cleaned = [clean_title(title) for title in titles]
    except HistoryError:
        with pytest.raises(HistoryError):
            render(titles, form, num_recommendations=4)
        return
    prompt = render(titles, form, num_recommendations=4, examples=EXAMPLES)
    assert not prompt.text.endswith(" ")
    for title in cleaned:
        assert title in prompt.text
        assert len(title.splitlines()) == 1
        assert clean_title(title) == title
    prompt.text.encode("utf-8")


def test_a_prompt_names_itself_as_before_unless_titles_carry_details():
    assert prompt_id(PromptSettings()) == "v1/few_shot/=>/;/no-years/liked"
    assert prompt_id(PromptSettings(details="tags")) == "v1/few_shot/=>/;/no-years/liked/tags"
    assert len({prompt_id(form) for form in [*FORMATS, *DETAILED]}) == len(FORMATS) + len(DETAILED)


def test_every_title_of_a_history_carries_its_details_and_no_title_of_an_answer_does():
    form = PromptSettings(include_disliked=True, details="genres")
    text = render([RICH_ALIEN, HEAT], form, num_recommendations=4, disliked=[RICH_UP], examples=RICH_EXAMPLES).text
    *_, worked, asked = text.splitlines()
    assert asked == "Alien -- Horror/Sci-Fi; Heat | not: Up -- Animation =>"
    assert worked == "Up -- Animation; Jaws | not: Alien -- Horror/Sci-Fi => Alien; Heat;"
    assert render_answer([RICH_ALIEN, RICH_UP], form) == " Alien; Up;"


def test_an_instruction_says_what_stands_beside_the_titles():
    prompt = render([RICH_ALIEN], PromptSettings("instruction", details="genres"), num_recommendations=4)
    assert prompt.instruction.startswith("A person liked the movies below, each with its genres. Recommend 4 other")
    assert prompt.input == "Alien -- Horror/Sci-Fi"


@pytest.mark.parametrize(
    ("separator", "details"),
    [(";", "In space no one, says it, hears."), (",", "In space no one says it hears.")],
)
def test_a_description_loses_what_means_something_else_in_the_prompt(separator, details):
    form = PromptSettings(list_separator=separator, details="description")
    assert render_details(RICH_ALIEN, form) == details


def test_details_are_cut_at_the_end_of_a_word():
    form = PromptSettings(details="description")
    words = dataclasses.replace(ALIEN, description="thirteen char " * 30)
    assert render_details(words, form) == ("thirteen char " * 11).strip()
    no_space = dataclasses.replace(ALIEN, description="x" * 400)
    assert render_details(no_space, form) == "x" * MAX_DETAILS_LENGTH
    exact = dataclasses.replace(ALIEN, description="a" * 79 + " " + "b" * 80 + " c")
    assert render_details(exact, form) == "a" * 79 + " " + "b" * 80


@pytest.mark.parametrize("details", ["", "...", "[] => ;", "\u200b"])
def test_a_movie_without_details_to_read_stays_bare(details):
    form = PromptSettings("zero_shot", details="description")
    movie = dataclasses.replace(ALIEN, description=details)
    assert render([movie], form, num_recommendations=4).text == "Alien =>"


@given(
    details=st.lists(st.text(max_size=250) | st.text(" ;,/=>[]()|#-\n\u2028ab", max_size=60), min_size=2, max_size=2),
    form=st.sampled_from([form for form in DETAILED if form.style == "zero_shot"]),
)
def test_no_details_can_end_a_title_or_the_history(details, form):
    movies = [
        dataclasses.replace(movie, genres=(text, "x"), tags=(text,), description=text)
        for movie, text in zip((ALIEN, HEAT), details, strict=True)
    ]
    lean = render([ALIEN, HEAT], form.replace(details="none"), num_recommendations=2).text
    rich = render(movies, form, num_recommendations=2).text
    for mark in (
        "=>",
        "\n",
        "[",
        "]",
        "(",
        ")",
        "|",
        {"newline": "\n", "numbered": "\n"}.get(form.list_separator, form.list_separator),
    ):
        assert rich.count(mark) == lean.count(mark)
    for movie in movies:
        written = render_details(movie, form)
        assert len(written) <= MAX_DETAILS_LENGTH
        assert written == written.strip()
        assert (f"{movie.title} -- {written}" if written else movie.title) in rich


if __name__ == "__main__":
    GOLDEN.write_text(
        json.dumps(
            {"version": PROMPT_VERSION, "prompts": rendered(), "with_details": rendered_with_details()},
            ensure_ascii=False,
            indent=1,
        )
        + "\n",
        encoding="utf-8",
    )
