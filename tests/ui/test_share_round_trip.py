"""The command and the Python that an answer shows are run, and ask what was asked."""

import inspect
import shlex
import sys
from dataclasses import replace
from types import SimpleNamespace
from urllib.parse import parse_qsl

import gradio as gr
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.cli.main import make_parser
from recsys.cli.recommend import read_request as read_arguments
from recsys.models.host import ModelChoice
from recsys.recommend import RecommendationRequest
from recsys.settings import DecodingSettings, GenerationSettings, PromptSettings, ResolutionSettings
from recsys.ui.api import add_api, read_request
from recsys.ui.share import as_command, as_python, as_query, has_request, kept_part, read_query
from tests.fixtures.tiny_adapters import STORY_PROMPT, write_adapter
from tests.ui.fake_workbench import FakeWorkbench

DISLIKED_TOO = STORY_PROMPT.replace("/liked", "/liked+disliked")


@pytest.fixture(scope="module")
def workbench(tmp_path_factory):
    root = tmp_path_factory.mktemp("adapters")
    write_adapter(root, "both", base_model="smollm2-135m", prompt_id=DISLIKED_TOO)
    return FakeWorkbench(adapters=root)


def by_command(request, workbench):
    arguments = make_parser().parse_args(shlex.split(as_command(request, workbench.catalogue))[3:])
    return read_arguments(arguments, workbench)


def by_python(request, workbench, monkeypatch):
    """Runs the script with a client that keeps what it is asked instead of asking a server."""
    asked = {}

    class Client:
        def __init__(self, address):
            assert address == "http://here:7860"

        def predict(self, *, api_name, **given):
            assert api_name == "/recommend"
            asked.update(given)
            return {"recommendations": [{"rank": 1, "title": "One", "generated_title": "one", "match": "exact"}]}

    monkeypatch.setitem(sys.modules, "gradio_client", SimpleNamespace(Client=Client))
    exec(as_python(request, "http://here:7860"), {})
    return read_request(workbench, defaults_of_the_endpoint() | asked)


def defaults_of_the_endpoint():
    """What Gradio fills in of the parameters that a client leaves out."""
    with gr.Blocks() as page:
        add_api(SimpleNamespace())
    recommend = next(fn.fn for fn in page.fns.values() if fn.api_name == "recommend")
    return {name: parameter.default for name, parameter in inspect.signature(recommend).parameters.items()}


requests = st.builds(
    RecommendationRequest,
    history=st.just((5618, "A film – of nobody's; “quoted” $HOME", "--flag")),
    disliked=st.sampled_from([(), (1,), ("-dash", 1, "Two words")]),
    generation=st.builds(
        GenerationSettings,
        temperature=st.floats(0, 2),
        top_p=st.floats(0.01, 1),
        top_k=st.integers(0, 1000),
        num_beams=st.integers(1, 16),
        repetition_penalty=st.floats(1, 2),
        max_new_tokens=st.integers(1, 1024),
        num_recommendations=st.integers(1, 20),
        seed=st.integers(0, 2**32 - 1),
    ),
    prompt=st.builds(
        PromptSettings,
        style=st.sampled_from(["zero_shot", "few_shot", "instruction", "history"]),
        queue_symbol=st.sampled_from(["=>", "[]", "()", "words"]),
        list_separator=st.sampled_from([";", ",", "newline", "numbered"]),
        include_years=st.booleans(),
        include_disliked=st.booleans(),
        num_examples=st.integers(1, 8),
        details=st.sampled_from(["none", "genres", "tags", "description"]),
    ),
    resolution=st.builds(
        ResolutionSettings,
        resolver=st.sampled_from(["levenshtein", "common_characters", "embedding"]),
        threshold=st.none() | st.floats(0, 1),
        force_nearest=st.booleans(),
    ),
    choice=st.builds(
        ModelChoice,
        model=st.sampled_from(["smollm2-135m", "huggyllama/llama-7b@main", "/a folder/of mine"]),
        precision=st.sampled_from(["auto", "int8", "bf16"]),
        int8_threshold=st.sampled_from([6.0, 0.0, 2.5]),
    ),
    decoding=st.builds(
        DecodingSettings,
        decoding=st.sampled_from(["free", "catalogue_list", "catalogue_rank", "hybrid"]),
        title_score=st.sampled_from(["full", "tree"]),
        genres=st.sampled_from([(), ("Sci-Fi",), ("Film-Noir", "War")]),
        year_from=st.none() | st.integers(1870, 1990),
        year_to=st.none() | st.integers(1990, 2100),
        num_candidates=st.integers(1, 2000),
        llm_weight=st.floats(0, 100),
    ),
)


@settings(max_examples=60, deadline=None)
@given(request=requests)
def test_the_command_that_is_shown_asks_the_same(request, workbench):
    assert by_command(request, workbench) == request


@settings(max_examples=25, deadline=None)
@given(request=requests)
def test_the_python_that_is_shown_asks_the_same(request, workbench):
    with pytest.MonkeyPatch.context() as patch:
        assert by_python(request, workbench, patch) == request


@settings(max_examples=60, deadline=None)
@given(request=requests, kept=requests)
def test_a_link_restores_what_is_asked_and_what_is_kept_beside_it(request, kept, workbench):
    parameters = dict(parse_qsl(as_query(request, kept), keep_blank_values=True))
    assert read_query(parameters, workbench.catalogue) == (request, [])
    mine, problems = read_query(kept_part(parameters), workbench.catalogue)
    assert replace(mine, history=kept.history, disliked=kept.disliked) == kept
    assert problems == []


def test_a_link_that_only_keeps_settings_asks_for_nothing():
    assert not has_request({"a.temperature": "1"})
    assert kept_part({"a.temperature": "1", "temperature": "2"}) == {"temperature": "1"}


@pytest.mark.parametrize("named", [False, True])
def test_disliked_movies_are_named_in_the_prompt_exactly_where_the_answer_had_them(named, workbench, monkeypatch):
    request = RecommendationRequest((5618,), (1,), prompt=PromptSettings(include_disliked=named))
    assert by_command(request, workbench) == request
    assert by_python(request, workbench, monkeypatch) == request


def test_an_adapter_keeps_its_prompt(workbench, monkeypatch):
    prompt = workbench.default_prompt(ModelChoice(adapter="both"))
    request = RecommendationRequest((5618,), (1,), prompt=prompt, choice=ModelChoice(adapter="both"))
    assert by_command(request, workbench) == request
    assert by_python(request, workbench, monkeypatch) == request


def test_of_two_movies_of_one_name_and_year_the_command_names_the_one_that_was_meant(workbench):
    assert workbench.catalogue[34048].display() == workbench.catalogue[64997].display() == "War of the Worlds (2005)"
    for item in (34048, 64997):
        request = RecommendationRequest((item,))
        assert by_command(request, workbench) == request
