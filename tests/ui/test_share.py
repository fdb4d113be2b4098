import ast
import shlex
from dataclasses import replace
from urllib.parse import parse_qsl

import pytest

from recsys.arguments import read_settings
from recsys.cli.main import make_parser
from recsys.models.host import ModelChoice
from recsys.recommend import RecommendationRequest
from recsys.settings import DecodingSettings, GenerationSettings, PromptSettings, ResolutionSettings
from recsys.ui.share import as_command, as_python, as_query, changed_settings, has_request, read_query

REQUEST = RecommendationRequest(
    history=(5618, 'My "home" movie; $HOME `x`'),
    disliked=(1,),
    generation=GenerationSettings(temperature=0.3, top_k=0, seed=9),
    prompt=PromptSettings(style="instruction", include_years=False),
    resolution=ResolutionSettings("common_characters", 0.5, True),
    choice=ModelChoice(precision="fp32", adapter="movies-r16"),
    decoding=DecodingSettings("catalogue_list", "full", ("Sci-Fi", "Film-Noir"), 1950, 1999),
)


def read(request, catalogue):
    return read_query(dict(parse_qsl(as_query(request), keep_blank_values=True)), catalogue)


def test_a_link_restores_its_request(catalogue):
    assert read(REQUEST, catalogue) == (REQUEST, [])


HYBRID = DecodingSettings("hybrid", num_candidates=40, llm_weight=0.25)


def test_a_link_and_a_command_restore_a_hybrid(catalogue):
    asked = replace(REQUEST, decoding=HYBRID)
    assert read(asked, catalogue) == (asked, [])
    arguments = make_parser().parse_args(shlex.split(as_command(asked, catalogue))[3:])
    assert read_settings(arguments, DecodingSettings) == HYBRID
    assert "num_candidates=40,\n    llm_weight=0.25," in as_python(asked, "http://here")


def test_a_link_and_a_command_restore_the_threshold_of_int8(catalogue):
    asked = replace(REQUEST, choice=ModelChoice(precision="int8", int8_threshold=2.5))
    assert read(asked, catalogue) == (asked, [])
    arguments = make_parser().parse_args(shlex.split(as_command(asked, catalogue))[3:])
    assert (arguments.precision, arguments.int8_threshold) == ("int8", 2.5)


@pytest.mark.parametrize("wrong", ["much", "nan", "-1"])
def test_a_threshold_of_a_link_that_is_none_is_left_out(wrong, catalogue):
    request, _ = read_query({"precision": "int8", "int8_threshold": wrong}, catalogue)
    assert request.choice == ModelChoice(precision="int8")


def test_a_link_of_defaults_says_the_model_alone(catalogue):
    assert as_query(RecommendationRequest()) == "model=smollm2-135m"
    assert read(RecommendationRequest(), catalogue) == (RecommendationRequest(), [])


def test_a_request_is_told_from_other_parameters():
    assert has_request({"temperature": "1"})
    assert not has_request({"__theme": "dark", "utm": "x"})


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"liked": "[1,"}, "cannot be read"),
        ({"liked": '{"a":1}'}, "not a list"),
        ({"liked": "[99999999]"}, "no such item"),
        ({"liked": "[true]"}, "neither an item_id nor a title"),
        ({"liked": '["  "]'}, "blank"),
        ({"temperature": "nan"}, "out of range"),
        ({"temperature": "hot"}, "cannot be read"),
        ({"top_k": "1.5"}, "cannot be read"),
        ({"style": "<b>"}, "not known"),
        ({"include_years": "maybe"}, "not known"),
    ],
)
def test_a_wrong_part_of_a_link_is_told_and_left_out(catalogue, parameters, told):
    request, problems = read_query({**parameters, "seed": "5"}, catalogue)
    assert [told in problem for problem in problems] == [True]
    assert request == RecommendationRequest(generation=GenerationSettings(seed=5))


def test_what_a_link_leaves_open_is_as_the_adapters_prompt(catalogue):
    told = PromptSettings("instruction", include_years=True)
    request, problems = read_query({"adapter": "story", "include_years": "false"}, catalogue, prompt=told)
    assert request.prompt == told.replace(include_years=False)
    assert problems == []


def test_a_request_names_its_model_which_another_page_might_not_open_with():
    assert changed_settings(RecommendationRequest()) == {"model": "smollm2-135m"}
    assert changed_settings(RecommendationRequest(choice=ModelChoice(adapter="story"))) == {
        "adapter": "story",
        "model": "smollm2-135m",
    }


def test_the_python_is_a_program_with_the_values_in_it():
    tree = ast.parse(as_python(REQUEST, "http://127.0.0.1:7860"))
    call = next(n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "attr", "") == "predict")
    given = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    assert given["liked"] == list(REQUEST.history)
    assert given["disliked"] == [1]
    assert given["temperature"] == 0.3
    assert given["force_nearest"] is True
    assert given["api_name"] == "/recommend"


def test_the_command_is_one_that_the_command_line_reads(catalogue):
    words = shlex.split(as_command(REQUEST, catalogue))
    assert words[:4] == ["python", "-m", "recsys", "recommend"]
    arguments = make_parser().parse_args(words[3:])
    assert arguments.liked == ["Spirited Away (2001)", 'My "home" movie; $HOME `x`']
    assert arguments.disliked == ["Toy Story (1995)"]
    assert (arguments.temperature, arguments.top_k, arguments.seed) == (0.3, 0, 9)
    assert (arguments.style, arguments.force_nearest, arguments.adapter) == ("instruction", True, "movies-r16")
