"""Links of the Evaluate tab: written, read back, and told where they are wrong."""

from dataclasses import replace
from urllib.parse import parse_qsl

import gradio as gr
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.evaluation.request import BASELINES, EvaluationRequest
from recsys.models.host import ModelChoice
from recsys.settings import (
    DecodingSettings,
    EvaluationSettings,
    GenerationSettings,
    PromptSettings,
    ResolutionSettings,
)
from recsys.ui.evaluate_handlers import EvaluateHandlers
from recsys.ui.evaluation_form import EvaluationForm
from recsys.ui.evaluation_link import evaluation_query, link_html, read_evaluation_link
from recsys.ui.share import has_request
from tests.ui.fake_evaluation import ScriptedWorkbench

PROMPT = PromptSettings()
OTHER = EvaluationRequest(
    evaluation=EvaluationSettings("validation", 120, 7, 16, 42),
    generation=GenerationSettings(temperature=0.2, num_beams=4, num_recommendations=7),
    prompt=PromptSettings(style="instruction", include_years=True),
    resolution=ResolutionSettings("common_characters", 0.5),
    choice=ModelChoice(precision="fp32"),
    baselines=("popularity", "item_knn"),
    decoding=DecodingSettings("catalogue_list", genres=("Sci-Fi", "Film-Noir"), year_to=1999),
)


@pytest.fixture(scope="module")
def workbench(tmp_path_factory):
    return ScriptedWorkbench(tmp_path_factory.mktemp("runs"))


def parts(request, **options):
    return dict(parse_qsl(evaluation_query(request, PROMPT, **options), keep_blank_values=True))


def test_a_link_says_only_what_differs_from_the_defaults():
    assert parts(EvaluationRequest()) == {"tab": "evaluate", "model": "smollm2-135m"}
    assert parts(EvaluationRequest(EvaluationSettings(num_records=0, seed=5)), run="ab12") == {
        "tab": "evaluate",
        "run": "ab12",
        "num_records": "0",
        "run_seed": "5",
        "model": "smollm2-135m",
    }


def test_what_differs_from_the_prompt_of_the_model_is_said_though_it_is_our_default():
    told = PROMPT.replace(include_years=True)
    assert "include_years=false" in evaluation_query(EvaluationRequest(), told)


def test_a_link_restores_its_settings(workbench):
    link = read_evaluation_link(parts(OTHER, run="ab12"), workbench)
    assert (link.request, link.run, link.problems) == (OTHER, "ab12", ())


@given(
    num_records=st.integers(0, 800),
    k=st.integers(1, 10),
    seed=st.integers(0, 2**32 - 1),
    temperature=st.floats(0, 2),
    baselines=st.sets(st.sampled_from(BASELINES)),
)
def test_every_setting_of_the_form_survives_its_link(workbench, num_records, k, seed, temperature, baselines):
    request = EvaluationRequest(
        EvaluationSettings(num_records=num_records, k=k, seed=seed),
        GenerationSettings(temperature=temperature, num_recommendations=k),
        baselines=tuple(name for name in BASELINES if name in baselines),
    )
    link = read_evaluation_link(parts(request), workbench)
    assert (link.request, link.problems) == (request, ())


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"num_records": "-1"}, "num_records is out of range"),
        ({"num_records": "many"}, "a number of the link cannot be read"),
        ({"k": "0"}, "k is out of range"),
        ({"split": "train"}, "records are of train users"),
        ({"split": "<b>"}, "split is not known"),
        ({"batch_size": "200"}, "larger than this page's 128"),
        ({"run_seed": "x"}, "cannot be read"),
        ({"temperature": "9"}, "temperature is out of range"),
        ({"adapter": "missing"}, "is not here"),
        ({"baselines": "popularity,ease,magic"}, "baseline “magic” is not known"),
    ],
)
def test_a_wrong_part_is_told_and_left_out_and_the_others_count(workbench, wrong, told):
    link = read_evaluation_link({"tab": "evaluate", "num_beams": "2", "model": "smollm2-135m", **wrong}, workbench)
    assert [told in problem for problem in link.problems] == [True]
    assert link.request == EvaluationRequest(generation=GenerationSettings(num_beams=2))


def test_no_baseline_is_a_choice(workbench):
    assert read_evaluation_link(parts(EvaluationRequest(baselines=())), workbench).request.baselines == ()


def test_a_public_page_keeps_to_its_records(tmp_path):
    workbench = ScriptedWorkbench(tmp_path, public=True)
    link = read_evaluation_link({"num_records": "0", "model": "smollm2-135m"}, workbench)
    assert link.request.evaluation.num_records == 100
    assert "asks for all records; this page evaluates up to 100" in link.problems[0]


def test_a_public_page_keeps_to_its_titles(tmp_path):
    link = read_evaluation_link({"k": "15", "model": "smollm2-135m"}, ScriptedWorkbench(tmp_path, public=True))
    assert link.request.evaluation.k == 4
    assert "K is 15, but this page offers up to 10" in " ".join(link.problems)


def test_the_seed_of_one_answer_and_its_movies_are_no_part_of_an_evaluation(workbench):
    link = read_evaluation_link({"seed": "9", "liked": "[1,", "num_recommendations": "9"}, workbench)
    assert link.problems == ()
    assert link.request.evaluation.seed == link.request.generation.seed == 0


def test_the_recommend_tab_leaves_such_a_link_alone():
    assert has_request({"temperature": "1"})
    assert not has_request({"tab": "evaluate", "temperature": "1"})


def plain(shown):
    """Values as a browser holds them after an update."""
    return [value["value"] if isinstance(value, dict) else getattr(value, "value", value) for value in shown]


def test_the_form_shows_a_request_and_reads_it_again(workbench):
    with gr.Blocks():
        form = EvaluationForm(EvaluateHandlers(workbench), ModelChoice())
    few = replace(OTHER, evaluation=OTHER.evaluation.replace(num_records=20, split="test"))
    for request in (few, replace(few, evaluation=EvaluationSettings(num_records=0, k=7))):
        assert form.read(plain(form.show(request))) == request


def test_a_link_is_shown_as_text():
    page = link_html('http://x/?model="><script>${x}')
    assert "<script" not in page
    assert "${" not in page
