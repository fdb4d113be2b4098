import types

import gradio as gr
import pytest

from recsys.errors import ModelUnavailableError
from recsys.models import registry
from recsys.models.host import HostState, ModelChoice
from recsys.settings import PromptSettings
from recsys.ui.answer_view import waiting_for
from recsys.ui.recommend_handlers import RecommendHandlers
from recsys.ui.request_settings import RequestSettings
from recsys.ui.settings_panel import create_settings_panel
from recsys.ui.title_picker import read_entries
from tests.fixtures.tiny_adapters import STORY_PROMPT, history_model, write_adapter
from tests.ui.fake_workbench import FakeWorkbench


@pytest.fixture(scope="module")
def adapters(tmp_path_factory):
    root = tmp_path_factory.mktemp("adapters")
    write_adapter(root, "lists-story", base_model="tiny-history", prompt_id=STORY_PROMPT)
    write_adapter(root, "smol-story", base_model="smollm2-135m", prompt_id=STORY_PROMPT)
    (write_adapter(root, "torn") / "adapter_model.safetensors").unlink()
    return root


@pytest.fixture(scope="module")
def workbench(adapters):
    return FakeWorkbench(adapters=adapters)


@pytest.fixture(autouse=True)
def tiny_history(monkeypatch):
    monkeypatch.setattr(registry, "_KNOWN", (*registry._KNOWN, history_model("lists")))


@pytest.fixture
def handlers(workbench):
    workbench.generator.error = workbench.generator.text = None
    with gr.Blocks():
        return RecommendHandlers(workbench, create_settings_panel(workbench, ModelChoice()))


def page(**parameters):
    headers = {"host": "here:7860"}
    return types.SimpleNamespace(session_hash="me", headers=headers, query_params=parameters)


def values(handlers, **changes):
    defaults = {
        name: control.value
        for group in (
            handlers.panel.choice,
            handlers.panel.generation,
            handlers.panel.prompt,
            handlers.panel.resolution,
            handlers.panel.decoding,
        )
        for name, control in group.items()
    }
    return list((defaults | changes).values())


def answer(handlers, liked=(), record_id=None, **changes):
    return list(handlers.answer(page(), list(liked), [], record_id, *values(handlers, **changes)))


def shown_button(view):
    """0 are Recommend and Compare together, 1 is Stop, 2 is Leave."""
    shown = [button.visible for button in view[2:]]
    assert shown[0] == shown[1]
    return shown[1:].index(True)


def test_an_answer_ends_with_the_recommend_button_back(handlers):
    views = answer(handlers)
    assert "Reading the prompt" in views[0][0]
    assert shown_button(views[0]) == 1
    assert 'data-phase="done"' in views[-1][0]
    assert shown_button(views[-1]) == 0


def test_the_controls_values_are_read_in_their_own_order(handlers):
    asked = handlers.read(
        [], [], None, values(handlers, temperature=0.2, seed=7, style="zero_shot", force_nearest=True)
    )
    assert (asked.generation.temperature, asked.generation.seed) == (0.2, 7)
    assert (asked.prompt.style, asked.resolution.force_nearest) == ("zero_shot", True)


def test_settings_written_to_the_controls_are_read_back(handlers):
    asked = handlers.read([], [], None, values(handlers, own_threshold=False, threshold=0.3, top_k=9))
    settings = RequestSettings(asked.generation, asked.prompt, asked.resolution, asked.choice)
    assert handlers.panel.read(handlers.panel.write(settings)) == settings


@pytest.mark.parametrize(
    ("liked", "changes", "told"),
    [
        ([], {"temperature": float("nan")}, "Temperature is out of range"),
        ([{"item_id": 10**9, "text": "x"}], {}, "no such item"),
        ([{"item_id": None, "text": "x"}] * 200, {}, "Too many movies"),
        ([], {"num_beams": 40}, "out of range"),
    ],
)
def test_what_is_wrong_is_told_where_the_answer_would_be(handlers, liked, changes, told):
    (view,) = answer(handlers, liked, **changes)
    assert 'role="alert"' in view[0]
    assert told in view[0]
    assert shown_button(view) == 0


def test_a_model_that_cannot_be_had_is_told(handlers, workbench):
    workbench.generator.error = ModelUnavailableError("the Hub did not answer", mend="try again later")
    assert "The Hub did not answer" in answer(handlers)[-1][0]


def test_a_bug_is_told_without_its_text_and_raised_for_the_log(handlers, workbench):
    workbench.generator.error = ZeroDivisionError("secret path")
    views = []
    with pytest.raises(ZeroDivisionError):
        views.extend(handlers.answer(page(), [], [], None, *values(handlers)))  # keeps what came before the error
    assert "Something broke" in views[-1][0]
    assert "secret path" not in views[-1][0]
    assert shown_button(views[-1]) == 0


def test_stop_reaches_the_request_of_its_own_session_only(handlers):
    mine, other = handlers.running.begin("me"), handlers.running.begin("other")
    handlers.stop(page())
    assert mine.is_set()
    assert not other.is_set()


def test_a_finished_request_leaves_nothing_behind(handlers):
    answer(handlers)
    assert handlers.running.events == {}


def test_the_truth_is_shown_for_the_records_own_history_only(handlers, workbench):
    liked, _, record_id, num = handlers.fill_record()
    assert num == 4
    assert "The truth" in answer(handlers, liked, record_id)[-1][1]
    assert "The truth" not in answer(handlers, liked[1:], record_id)[-1][1]
    assert "The truth" not in answer(handlers, liked, "no-such-record")[-1][1]


def test_the_ghibli_example_names_two_movies_of_the_catalogue_and_asks_for_three(handlers, workbench):
    liked, disliked, record_id, num = handlers.fill_example("ghibli")
    entries = read_entries(liked, workbench.catalogue)
    assert [workbench.catalogue[entry].title for entry in entries] == ["Spirited Away", "My Neighbor Totoro"]
    assert (disliked, record_id, num) == ([], None, 3)


def test_every_movie_of_the_action_example_is_of_the_90s(handlers, workbench):
    liked, *_ = handlers.fill_example("action")
    entries = read_entries(liked, workbench.catalogue)
    assert all(1990 <= workbench.catalogue[entry].year <= 1999 for entry in entries)


def test_a_page_without_a_link_keeps_its_values(handlers):
    assert handlers.restore(page(__theme="dark")) == [gr.skip()] * (2 + len(handlers.panel.inputs))


def restored(handlers, **parameters):
    """What the page's controls hold after a link was opened."""
    shown = handlers.restore(page(**parameters))[2:]
    return handlers.panel.read([getattr(value, "value", value) for value in shown])


@pytest.mark.parametrize("adapter", ["gone", "torn"])
def test_a_links_adapter_that_is_not_here_is_left_out(handlers, adapter):
    with pytest.warns(UserWarning, match="is not here"):
        settings = restored(handlers, adapter=adapter, seed="3")
    assert settings.choice == ModelChoice()
    assert settings.generation.seed == 3


def test_a_link_to_an_adapter_brings_its_model_and_its_prompt(handlers):
    settings = restored(handlers, adapter="lists-story")
    assert settings.choice == ModelChoice("tiny-history", adapter="lists-story")
    assert settings.prompt == PromptSettings(style="history")


def test_what_a_link_says_wins_over_what_its_model_would_bring(handlers):
    settings = restored(handlers, model="tiny-history", style="history", list_separator="newline", include_years="true")
    assert settings.prompt == PromptSettings("history", list_separator="newline", include_years=True)
    settings = restored(handlers, model="tiny-history", adapter="smol-story", style="history")
    assert settings.choice == ModelChoice("tiny-history", adapter="smol-story")


def test_a_links_prompt_that_its_adapter_does_not_read_is_replaced_with_a_word(handlers):
    with pytest.warns(UserWarning, match="smol-story was trained with this prompt"):
        settings = restored(handlers, adapter="smol-story", style="few_shot")
    assert settings.prompt == PromptSettings(style="history")


def test_a_restored_page_disables_what_its_adapter_fixes(handlers):
    shown = handlers.restore(page(adapter="smol-story"))[2:]
    controls = dict(zip([control.elem_id for control in handlers.panel.inputs], shown, strict=True))
    assert not controls["style"].interactive
    assert ("smol-story · LoRA of rank 4", "smol-story") in controls["adapter"].choices


def test_waiting_tells_a_load_and_its_progress():
    assert waiting_for(HostState("loading", ModelChoice(), 0.5, "reading")) == ("Loading the model: reading", 0.5)
    assert waiting_for(HostState("ready", ModelChoice(), 1.0, "")) == ("Reading the prompt…", None)


def test_a_ranking_shows_tokens_in_place_of_a_text(handlers):
    shown = answer(handlers, decoding="catalogue_rank")[-1][0]
    assert "How the model ranks them" in shown
    assert shown.count('class="token is-open"') == 4 + 1, "one choice a title, and one in the legend"
    assert "-3.50" in shown


def test_a_hybrid_shows_both_scores_in_place_of_a_text(handlers):
    shown, details = answer(handlers, decoding="hybrid", num_candidates=7.0, llm_weight=3)[-1][:2]
    assert "How both rank them" in shown
    assert "brings 7 candidates" in shown
    assert shown.count("of 7</p>") == 4
    assert "3 × " in shown
    assert "candidates <b>7</b>" in details
    assert "LLM weight <b>3</b>" in details
    assert "num_candidates=7" in details
    assert "LLM weight" not in answer(handlers, decoding="catalogue_rank", llm_weight=3)[-1][1]


def test_a_filter_that_leaves_too_few_movies_is_told_with_the_number(handlers):
    shown = answer(handlers, decoding="catalogue_list", year_from="1890", year_to="1891")[-1][0]
    assert "too few movies" in shown
    assert "0 of 9,061" in shown


def compare(handlers, record_id=None, liked=(), **changes):
    return list(handlers.compare(page(), list(liked), [], record_id, *values(handlers, **changes)))


def test_a_comparison_answers_twice_the_same_question(handlers, workbench):
    record = workbench.split.records["test"][0]
    views = compare(handlers, record.record_id, [{"item_id": item} for item in record.history])
    shown = views[-1][0]
    assert shown.count('data-phase="done"') == 2
    assert shown.index("Free text") < shown.index("Catalogue list")
    assert shown.count("The truth") == 2
    assert shown.count("hits of 4") + shown.count("hit of 4") >= 2
    assert shown_button(views[0]) == 1
    assert shown_button(views[-1]) == 0


def test_a_comparison_takes_the_mode_that_is_chosen(handlers):
    assert "Catalogue ranking" in compare(handlers, decoding="catalogue_rank")[-1][0]


def test_a_comparison_tells_what_went_wrong(handlers, workbench):
    workbench.generator.error = ModelUnavailableError("the Hub did not answer")
    assert "The Hub did not answer" in compare(handlers)[-1][0]
