"""What ``recommend`` prints of an answer."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from recsys.baselines.hybrid import FusedTitle
from recsys.cli.main import main
from recsys.cli.recommend import render_text, render_tokens
from recsys.generation.token_view import Alternative, CompletionView, TokenView
from recsys.settings import DecodingSettings, GenerationSettings
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


def test_tokens_are_a_table_of_chances_and_ranks():
    written = Alternative(5, " Up\n", 0.25, 1.0, None, False)
    cut = Alternative(6, "<b>", 0.0001, 0.0, "top_p", False)
    tokens = (TokenView(written, 1, 2.0, 0.0, 1, (written,), (written,)), TokenView(cut, 1200, 2.0, 0.0, 1, (), ()))
    assert render_tokens(CompletionView(tokens, GenerationSettings(), ("A note.",))).splitlines() == [
        "token  before  after    rank",
        "␣Up↵   25.00%  100.00%  1",
        "<b>    0.01%   0.00%    1,200",
        "A note.",
    ]


@pytest.mark.parametrize(
    ("options", "told"),
    [(["--decoding", "catalogue_list"], "tokens are shown of free text"), (["--json"], "a table for people")],
)
def test_tokens_are_refused_before_a_model_is_loaded(options, told, capsys):
    assert main(["recommend", "Alien", "--show-tokens", *options]) == 2
    assert told in capsys.readouterr().err
