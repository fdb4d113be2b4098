import gradio as gr
import pytest

from recsys.errors import SettingsError
from recsys.models import registry
from recsys.models.choices import ModelChoices
from recsys.models.host import ModelChoice
from recsys.settings import PromptSettings
from recsys.ui.evaluate_api import make_request, state_to_dict
from recsys.ui.evaluate_handlers import EvaluateHandlers
from recsys.ui.evaluate_tab import create_evaluate_tab
from recsys.ui.evaluation_form import EvaluationForm, whole
from tests.fixtures.tiny_adapters import STORY_PROMPT, history_model, write_adapter
from tests.ui.fake_evaluation import ScriptedWorkbench


@pytest.fixture(scope="module")
def workbench(tmp_path_factory):
    return ScriptedWorkbench(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def form(workbench):
    with gr.Blocks():
        return EvaluationForm(EvaluateHandlers(workbench), ModelChoice())


def values(form, **changes):
    """What a browser sends for the form as it is drawn, with some controls changed."""
    sent = {component: component.value for component in form.inputs}
    named = {"num_records": form.num_records, "k": form.k, "split": form.split, "baselines": form.baselines}
    named |= {"history_length": form.history_length}
    named |= form.panel.generation | form.panel.resolution
    return list((sent | {named[name]: value for name, value in changes.items()}).values())


def test_the_form_as_drawn_asks_for_fifty_test_records(form):
    request = form.read(values(form))
    assert request.evaluation.to_dict() == {
        "split": "test", "num_records": 50, "k": 4, "batch_size": 0, "seed": 0, "history_length": None,
    }  # fmt: skip
    assert request.batch_size == 8
    assert request.baselines == ("popularity", "ease")
    assert request.choice == ModelChoice()


def test_the_right_end_means_all(form):
    assert form.read(values(form, num_records=716)).evaluation.num_records == 0


@pytest.mark.parametrize(("shown", "history_length"), [(0, 0), (5.0, 5), (6, None)])
def test_the_right_end_of_the_liked_movies_shows_all_as_runs_of_before_did(form, shown, history_length):
    assert form.read(values(form, history_length=shown)).evaluation.history_length == history_length


def test_k_is_also_how_many_titles_are_asked_for(form):
    request = form.read(values(form, k=7.0))
    assert (request.evaluation.k, request.generation.num_recommendations) == (7, 7)


def test_the_seed_draws_the_records_and_leaves_the_generation_alone(form):
    request = form.read(values(form, seed=5))
    assert (request.evaluation.seed, request.generation.seed) == (5, 0)


def test_no_baseline_is_a_choice(form):
    assert form.read(values(form, baselines=[])).baselines == ()


@pytest.mark.parametrize(
    "changes", [{"num_records": None}, {"history_length": 51}, {"k": 4.5}, {"split": "secret"}, {"temperature": 9}]
)
def test_a_value_that_the_page_does_not_offer_is_refused(form, changes):
    with pytest.raises(SettingsError):
        form.read(values(form, **changes))


@pytest.mark.parametrize("value", [True, "4", float("nan"), float("inf"), None])
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(SettingsError, match="whole number"):
        whole("k", value)


def test_no_control_shares_its_id_with_the_recommend_tab(form):
    ids = [component.elem_id for component in form.inputs]
    assert all(elem_id.startswith("evaluate-") for elem_id in ids)
    assert len(set(ids)) == len(ids)


def test_the_tab_adds_its_endpoints(workbench):
    with gr.Blocks() as demo:
        create_evaluate_tab(workbench)
    assert set(demo.get_api_info()["named_endpoints"]) == {"/evaluate", "/evaluation_state"}
    parameters = {p["parameter_name"]: p for p in demo.get_api_info()["named_endpoints"]["/evaluate"]["parameters"]}
    assert set(parameters) == {"records", "k", "split", "settings", "wait_seconds"}
    assert parameters["records"]["parameter_default"] == 50


def test_plain_settings_make_a_request():
    request = make_request(4, 3, "test", {"generation": {"temperature": 0}, "baselines": ["ease"]}, ModelChoices())
    assert (request.evaluation.num_records, request.evaluation.k) == (4, 3)
    assert (request.generation.temperature, request.generation.num_recommendations) == (0, 3)
    assert request.baselines == ("ease",)
    cut = make_request(4, 3, "test", {"evaluation": {"history_length": 0}}, ModelChoices())
    assert (cut.evaluation.history_length, cut.evaluation.num_records) == (0, 4)


def test_an_evaluation_follows_its_adapter_in_what_is_left_open(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_KNOWN", (*registry._KNOWN, history_model("lists")))
    write_adapter(tmp_path, "story", base_model="tiny-history", prompt_id=STORY_PROMPT)
    choices = ModelChoices(adapters_folder=tmp_path)
    request = make_request(4, 4, "test", {"choice": {"adapter": "story"}}, choices)
    assert request.choice == ModelChoice("tiny-history", adapter="story")
    assert request.prompt == PromptSettings(style="history")
    told = {"choice": {"adapter": "story", "model": "smollm2-135m"}, "prompt": {"list_separator": ",", "style": None}}
    request = make_request(4, 4, "test", told, choices)
    assert request.choice.model == "smollm2-135m"
    assert request.prompt == PromptSettings(style="history", list_separator=",")


@pytest.mark.parametrize(
    ("records", "k", "split", "settings"),
    [
        (-1, 4, "test", None),
        (4, 0, "test", None),
        (4, 4, "secret", None),
        (float("nan"), 4, "test", None),
        (4, 4, "test", {"generation": {"temperature": float("nan")}}),
        (4, 4, "test", {"generation": 3}),
        (4, 4, "test", {"evaluation": {"history_length": -1}}),
        (4, 4, "test", {"evaluation": {"history_length": 1.5}}),
        (4, 4, "test", {"secret": {}}),
        (4, 4, "test", {"baselines": "ease"}),
        (4, 4, "test", {"baselines": ["secret"]}),
        (4, 4, "test", {"choice": {"folder": "/"}}),
        (4, 4, "test", {"choice": {"model": 3}}),
        (4, 4, "test", {"choice": {"precision": "int3"}}),
        (4, 4, "test", [1]),
    ],
)
def test_settings_that_are_wrong_are_refused(records, k, split, settings):
    with pytest.raises(SettingsError):
        make_request(records, k, split, settings, ModelChoices())


def test_a_state_is_plain_json(workbench):
    job = workbench.start_evaluation(make_request(2, 4, "test", {"baselines": ["popularity"]}, workbench.choices))
    told = state_to_dict(job.wait(60))
    assert told["phase"] == "done"
    assert told["num_records"] == 2
    assert [system["name"] for system in told["systems"]] == ["smollm2-135m", "popularity"]
    assert told["running"]["map"] == pytest.approx(told["systems"][0]["metrics"]["map"]["mean"])
