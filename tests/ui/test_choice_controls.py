"""What the page shows after a model or an adapter was chosen."""

import gradio as gr
import pytest

from recsys.models import registry
from recsys.models.choices import ModelChoices, PromptRule
from recsys.models.host import ModelChoice
from recsys.settings import PromptSettings
from recsys.ui.choice_controls import adapter_state, find_rule, follow_choice
from recsys.ui.prompt_controls import create_prompt_controls, prompt_state, prompt_states
from tests.fixtures.tiny_adapters import STORY_PROMPT, history_model, write_adapter

SMOL = "smollm2-135m"
FREE = PromptSettings().to_dict()
STORY = PromptSettings(style="history").to_dict()


@pytest.fixture
def choices(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_KNOWN", (*registry._KNOWN, history_model("lists")))
    write_adapter(tmp_path, "any-base")
    write_adapter(tmp_path, "lists-story", base_model="tiny-history", prompt_id=STORY_PROMPT)
    write_adapter(tmp_path, "smol-sentences", base_model=SMOL, prompt_id="v1/few_shot/words/,/years/liked")
    write_adapter(tmp_path, "smol-story", base_model=SMOL, prompt_id=STORY_PROMPT, title="The story's way")
    return ModelChoices(adapters_folder=tmp_path)


def follow(choices, model, adapter="", prompt=FREE):
    """The adapter, the prompt, and which of the prompt's controls may be changed."""
    shown, *controls = follow_choice(choices, model, adapter, prompt)
    by_name = dict(zip(prompt_states(PromptRule(), PromptSettings()), controls, strict=True))
    changeable = {name for name, control in by_name.items() if control.interactive}
    return shown.value, PromptSettings(**{name: control.value for name, control in by_name.items()}), changeable


def test_an_adapter_sets_its_prompt_and_fixes_it(choices):
    assert follow(choices, SMOL, "smol-story") == ("smol-story", PromptSettings(style="history"), set())
    adapter, prompt, changeable = follow(choices, SMOL, "smol-sentences")
    assert adapter == "smol-sentences"
    assert prompt == PromptSettings("few_shot", "words", ",", include_years=True)
    assert changeable == {"num_examples"}


def test_without_an_adapter_the_controls_are_given_back_with_the_usual_prompt(choices):
    adapter, prompt, changeable = follow(choices, SMOL, prompt=STORY)
    assert (adapter, prompt) == ("", PromptSettings())
    assert changeable == set(FREE)


def test_a_model_of_one_style_fixes_that_style_alone(choices):
    adapter, prompt, changeable = follow(choices, "tiny-history")
    assert (adapter, prompt) == ("", PromptSettings(style="history"))
    assert changeable == {"list_separator", "include_years", "include_disliked", "details"}


def test_an_adapter_of_another_model_is_dropped(choices):
    assert follow(choices, "tiny-history", "smol-story")[0] == ""
    assert follow(choices, SMOL, "any-base")[0] == "any-base"


def test_a_prompt_that_was_set_by_hand_stays_where_it_is_read(choices):
    mine = FREE | {"list_separator": "newline", "num_examples": 5}
    assert follow(choices, SMOL, prompt=mine)[1] == PromptSettings(**mine)
    assert follow(choices, "tiny-history", prompt=mine)[1] == PromptSettings("history", num_examples=5)


@pytest.mark.parametrize(("model", "adapter"), [(None, None), (["x"], 3), ("", "gone"), ("../..", "../any-base")])
def test_a_choice_that_the_page_does_not_offer_changes_nothing_else(choices, model, adapter):
    assert follow(choices, model, adapter) == ("", PromptSettings(), set(FREE))


def test_values_that_no_control_sends_give_way_to_the_choices_own(choices):
    assert follow(choices, "tiny-history", prompt=FREE | {"num_examples": "many"})[1].style == "history"


def test_adapters_are_offered_by_title(choices):
    assert adapter_state(choices, SMOL, "")["choices"] == [
        ("None · base model alone", ""),
        ("any-base · LoRA of rank 4, its base not told", "any-base"),
        ("smol-sentences · LoRA of rank 4", "smol-sentences"),
        ("The story's way · LoRA of rank 4", "smol-story"),
    ]


def test_a_broken_adapter_is_not_offered_but_told(choices, tmp_path):
    (tmp_path / "any-base" / "adapter_model.safetensors").write_bytes(b"torn")
    state = adapter_state(choices, SMOL, "any-base")
    assert "any-base" not in {name for _, name in state["choices"]}
    assert "any-base cannot be used: " in state["info"]
    assert state["value"] == ""


def test_the_adapter_says_why_there_is_none(tmp_path, choices):
    assert adapter_state(ModelChoices(adapters_folder=tmp_path / "none"), SMOL, "")["info"] == "None was found yet."
    (tmp_path / "any-base" / "recsys.json").write_text('{"base_model": "me/other"}')
    assert adapter_state(choices, "huggyllama/llama-7b", "")["info"] == "None was made for this model."


def test_an_adapter_that_a_link_asked_for_is_offered_whatever_the_model(choices):
    assert adapter_state(choices, "tiny-history", "smol-story", keep=True)["value"] == "smol-story"
    assert adapter_state(choices, "tiny-history", "gone", keep=True)["value"] == ""


def test_the_reason_stands_at_the_style(choices):
    rule = find_rule(choices, SMOL, "smol-story")
    assert prompt_states(rule, rule.default)["style"]["info"] == "The story's way was trained with this prompt."
    assert prompt_states(PromptRule(), PromptSettings())["style"]["info"] is None


def test_a_model_of_two_styles_offers_these_two():
    rule = PromptRule(PromptSettings("zero_shot"), ("zero_shot", "history"), reason="It reads lists only.")
    state = prompt_states(rule, rule.default)["style"]
    assert [name for _, name in state["choices"]] == ["zero_shot", "history"]
    assert state["interactive"]


def test_the_controls_are_drawn_as_the_first_choice_wants_them(choices):
    rule = choices.prompt_rule(ModelChoice(adapter="smol-story"))
    with gr.Blocks():
        controls = create_prompt_controls(rule)
    assert {name: control.value for name, control in controls.items()} == STORY
    assert not any(control.interactive for control in controls.values())


def test_examples_and_symbol_are_disabled_where_the_style_has_none():
    assert [control.interactive for control in prompt_state("few_shot", PromptRule())] == [True, True]
    assert [control.interactive for control in prompt_state("zero_shot", PromptRule())] == [False, True]
    assert [control.interactive for control in prompt_state("instruction", PromptRule())] == [False, False]
    assert [control.interactive for control in prompt_state("history", PromptRule())] == [False, False]
