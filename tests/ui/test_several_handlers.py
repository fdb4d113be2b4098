"""Both buttons of the fold on a scripted model: what they yield, and what the lists offer."""

import threading
import types

import gradio as gr
import pytest

from recsys.models.host import ModelChoice
from recsys.settings import PromptSettings
from recsys.ui.recommend_handlers import RecommendHandlers
from recsys.ui.settings_panel import create_settings_panel
from recsys.ui.several_controls import adapters_state, models_state
from recsys.ui.several_handlers import SeveralHandlers
from tests.fixtures.tiny_adapters import STORY_PROMPT, write_adapter
from tests.ui.fake_workbench import FakeWorkbench

SMOL = "smollm2-135m"


@pytest.fixture(scope="module")
def workbench(tmp_path_factory):
    root = tmp_path_factory.mktemp("adapters")
    write_adapter(root, "smol-any", base_model=SMOL)
    write_adapter(root, "smol-story", base_model=SMOL, prompt_id=STORY_PROMPT)
    return FakeWorkbench(adapters=root, seconds_per_token=0.001)


@pytest.fixture
def several(workbench):
    workbench.generator.error = workbench.generator.text = None
    with gr.Blocks():
        return SeveralHandlers(RecommendHandlers(workbench, create_settings_panel(workbench, ModelChoice(SMOL))))


def page(session="me"):
    return types.SimpleNamespace(session_hash=session, headers={"host": "here:7860"}, query_params={})


def values(several, **changes):
    panel = several.handlers.panel
    groups = (panel.choice, panel.generation, panel.prompt, panel.resolution, panel.decoding)
    defaults = {name: control.value for group in groups for name, control in group.items()}
    return list((defaults | changes).values())


def ask(several, chosen, liked=(), record_id=None, *, models=False, session="me", **changes):
    handler = several.ask_models if models else several.ask_adapters
    return list(handler(page(session), chosen, list(liked), [], record_id, *values(several, **changes)))


def test_a_table_fills_cell_by_cell_and_gives_the_buttons_back(several):
    views = ask(several, ["", "smol-any", "smol-story"])
    tables = [view[0] for view in views if 'class="several"' in view[0]]
    answered = [table.count("several-facts") for table in tables]
    assert answered == sorted(answered)
    assert answered[-1] == 3
    assert 'data-phase="done"' in tables[-1]
    assert "3 answers" in tables[-1]
    *_, shown_go, _, shown_stop, _, adapters_button, models_button = ("", *views[-1][2:])
    assert (shown_go.visible, shown_stop.visible) == (True, False)
    assert (adapters_button.interactive, models_button.interactive) == (True, True)
    assert not views[0][6].interactive
    assert not views[0][7].interactive


def test_all_models_are_asked_in_every_way(several):
    shown = ask(several, [SMOL], models=True)[-1][0]
    assert shown.count("several-facts") == 4
    assert "smol-story" in shown


def test_hits_are_counted_for_the_records_own_history_only(several, workbench):
    record = workbench.split.records["test"][0]
    liked = [{"item_id": item} for item in record.history]
    assert f"of {len(record.relevant)}</span>" in ask(several, [""], liked, record.record_id)[-1][0]
    assert "hit" not in ask(several, [""], liked[1:], record.record_id)[-1][0]


def test_the_pages_settings_reach_every_cell(several, workbench, monkeypatch):
    asked = []
    recommend = workbench.recommend
    monkeypatch.setattr(workbench, "recommend", lambda request, **o: asked.append(request) or recommend(request, **o))
    ask(several, ["", "smol-story"], seed=9, temperature=0.2, num_recommendations=2)
    assert [(one.generation.seed, one.generation.temperature) for one in asked] == [(9, 0.2)] * 2
    assert [one.generation.num_recommendations for one in asked] == [2, 2]
    assert asked[1].prompt == PromptSettings("history")


def test_nothing_chosen_is_told_where_the_answer_would_be(several):
    view = ask(several, [])[-1]
    assert "Nothing is chosen" in view[0]
    assert view[2].visible


@pytest.mark.parametrize("chosen", [[3], ["x" * 2000], ["a"] * 500])
def test_names_that_the_page_did_not_make_are_refused(several, chosen):
    assert 'role="alert"' in ask(several, chosen)[-1][0]


def test_stop_reaches_the_own_sessions_grid_and_no_other(several, workbench, monkeypatch):
    monkeypatch.setattr(workbench.generator, "seconds_per_token", 0.05)
    views, stopped = [], threading.Event()
    for view in several.ask_adapters(page(), ["", "smol-any", "smol-story"], [], [], None, *values(several)):
        views.append(view)
        if "several-facts" in view[0] and not stopped.is_set():
            several.handlers.stop(page("other"))
            several.handlers.stop(page())
            stopped.set()
    assert "Stopped after" in views[-1][0]
    assert views[-1][0].count("several-facts") in (1, 2)
    assert "Not asked" in views[-1][0]
    assert several.handlers.running.events == {}


def test_a_page_that_is_closed_ends_its_grid(several, workbench, monkeypatch):
    monkeypatch.setattr(workbench.generator, "seconds_per_token", 0.05)
    asking = several.ask_adapters(page(), ["", "smol-any"], [], [], None, *values(several))
    for view in asking:
        if "is-asking" in view[0]:
            break
    asking.close()
    assert several.handlers.running.events == {}
    assert workbench.model_lock.acquire(timeout=5), "nobody holds the model any more"
    workbench.model_lock.release()


def test_the_lists_offer_what_fits_and_choose_what_needs_no_download(workbench):
    state = adapters_state(workbench, SMOL)
    assert state["value"] == ["", "smol-any", "smol-story"]
    assert adapters_state(workbench, "gptj-mini")["value"] == [""]
    models = models_state(workbench, SMOL)
    assert {SMOL, "gptj-mini"} <= set(models["value"])
    assert "huggyllama/llama-65b" not in models["value"]
    assert "huggyllama/llama-65b" in {name for _, name in models["choices"]}
    assert models_state(workbench, "my/own")["value"][-1] == "my/own"


def test_a_public_page_offers_its_own_models_alone():
    public = FakeWorkbench(public=True)
    state = models_state(public, "my/own")
    assert {name for _, name in state["choices"]} == {SMOL, "gptj-mini"}
    assert "my/own" not in state["value"]
