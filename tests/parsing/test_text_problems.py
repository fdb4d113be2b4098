"""Judgements on strings alone, on both sides of each line."""

import pytest

from recsys.parsing.text_problems import count_letters, is_other_script, looks_like_code, looks_like_prose


@pytest.mark.parametrize(
    "text",
    [
        "def main():",
        "class Film(Base):\n    pass",
        "from os import path",
        "import numpy as np",
        "for i in range(3):\n    print(i)",
        "const films = ['a'];",
        "#include <stdio.h>",
        "SELECT title FROM movies",
        '{"a": 1}',
        "[1, 2, 3]",
        "```",
        "<!DOCTYPE html>",
    ],
)
def test_code_is_told(text):
    assert looks_like_code(text)


@pytest.mark.parametrize(
    "text",
    [
        "Import Export (2007)",
        "From Hell (2001)\nFrom Russia with Love (1963)",
        "Class (1983)",
        "For a Few Dollars More (1965)",
        "While You Were Sleeping (1995)",
        "If.... (1968)",
        "Return to Oz",
        "Print the Legend",
        "[REC] (2007)",
        "Alien => Heat",
    ],
)
def test_titles_are_not_code(text):
    assert not looks_like_code(text)


@pytest.mark.parametrize(
    "text",
    [
        "I recommend watching these films",
        "The story is about a man who finds a map",
        "These movies are all very good",
        "You might also like this one.",
        "Je vous recommande de regarder tous ces films tout de suite avec vos amis",
    ],
)
def test_sentences_are_told(text):
    assert looks_like_prose(text)


@pytest.mark.parametrize(
    "text",
    [
        "I Know What You Did Last Summer",
        "Everything You Always Wanted to Know About Sex * But Were Afraid to Ask",
        "How I Learned to Stop Worrying and Love the Bomb",
        "the godfather",
        "they live",
        "Le fabuleux destin d'Amélie Poulain",
        "What We Do in the Shadows",
        "You've Got Mail",
    ],
)
def test_titles_are_not_sentences(text):
    assert not looks_like_prose(text)


def test_letters_of_other_scripts_are_counted():
    assert count_letters("Up é 1 ё侍 _") == (5, 2)
    assert is_other_script("Привет up")
    assert not is_other_script("Up, up and Ё")
    assert not is_other_script("123 ...")
