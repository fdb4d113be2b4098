"""What ``recommend`` prints of an answer."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from recsys.baselines.hybrid import FusedTitle
from recsys.cli.recommend import render_text
from recsys.settings import DecodingSettings
from tests.evaluation.answers import MADE_MOVIES, make_answer, title


@pytest.fixture
def workbench():
    return SimpleNamespace(catalogue={movie.item_id: movie for movie in MADE_MOVIES})


def test_each_movie_of_a_hybrid_has_its_two_scores_and_the_total(workbench):
    answer = make_answer([1, 2])
    fused = (FusedTitle(1, 1.25, 3.25, 1, -0.5, 2, 100), FusedTitle(2, -2.0, 0.0, 9, -0.5, 2, 100))
    request = replace(answer.request, decoding=DecodingSettings("hybrid", llm_weight=4))
    text = render_text(replace(answer, request=request, fused=fused), workbench)
    assert text.splitlines()[:5] == [
        "The classic score of each movie + 4 × its log-likelihood by the model = total:",
        "  1. One (1990)",
        "     3.25 (rank 1) + 4 × -0.50 (rank 2 of 100) = 1.25",
        "  2. Two (2000)",
        "     0.00 (rank 9) + 4 × -0.50 (rank 2 of 100) = -2.00",
    ]
    assert "wrote" not in text


def test_a_hybrid_without_candidates_says_so(workbench):
    answer = make_answer([])
    request = replace(answer.request, decoding=DecodingSettings("hybrid"))
    assert "no candidate is left" in render_text(replace(answer, request=request), workbench)


def test_a_text_is_printed_with_what_its_titles_are(workbench):
    text = render_text(make_answer([1, title(2, "fuzzy"), title(None, "none", name="Void")]), workbench)
    assert "What the model wrote:\n  a; b;\n" in text
    assert "  1. One (1990)  [exact]\n" in text
    assert "Two (2000)  [fuzzy]\n" in text
    assert "Void - out of catalogue  [no match]\n" in text
