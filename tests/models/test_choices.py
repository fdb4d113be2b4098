"""What follows from a choice: the model of an adapter, the adapters of a model, the prompt of both."""

import pytest

from recsys.errors import AdapterError, InputError, SettingsError
from recsys.models import registry
from recsys.models.adapter_listing import describe_adapter
from recsys.models.choices import ModelChoices, PromptRule
from recsys.models.host import ModelChoice
from recsys.models.registry import DEFAULT_MODEL
from recsys.settings import PromptSettings
from tests.fixtures.tiny_adapters import STORY_PROMPT, history_model, write_adapter

SENTENCES = "v1/instruction/words/,/years/liked+disliked/tags"
HUB = "HuggingFaceTB/SmolLM2-135M-Instruct"


@pytest.fixture
def choices(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_KNOWN", (*registry._KNOWN, history_model("owner/lists")))
    write_adapter(tmp_path, "any-base")
    write_adapter(tmp_path, "hub-sentences", base_model=HUB, prompt_id=SENTENCES)
    write_adapter(tmp_path, "lists-story", base_model="tiny-history", prompt_id=STORY_PROMPT, title="The story's way")
    write_adapter(tmp_path, "smol-story", base_model=DEFAULT_MODEL, prompt_id=STORY_PROMPT)
    write_adapter(tmp_path, "typed-base", base_model="me/other")
    write_adapter(tmp_path, "yesterday", base_model=DEFAULT_MODEL, prompt_id="v0/history/-/;/no-years/liked")
    return ModelChoices(adapters_folder=tmp_path)


def names(adapters):
    return [info.name for info in adapters]


def test_a_normal_model_alone_is_asked_with_our_own_prompt(choices):
    assert choices.default_prompt(ModelChoice()) == PromptSettings()
    assert choices.prompt_rule(ModelChoice()) == PromptRule()


def test_a_model_that_reads_some_styles_is_asked_with_the_first_of_them(choices):
    rule = choices.prompt_rule(ModelChoice("tiny-history"))
    assert rule.default == PromptSettings(style="history")
    assert rule.fixed == {"style"}
    assert rule.reason == "It was pretrained on lists of movie titles and reads no English."
    assert rule.accepts(PromptSettings(style="history", list_separator=",", include_years=True))
    assert not rule.accepts(PromptSettings())


def test_an_adapter_is_asked_with_the_prompt_that_it_was_trained_with(choices):
    assert choices.default_prompt(ModelChoice(adapter="smol-story")) == PromptSettings(style="history")
    assert choices.default_prompt(ModelChoice(HUB, adapter="hub-sentences")) == PromptSettings(
        "instruction", "words", ",", include_years=True, include_disliked=True, details="tags"
    )


def test_an_adapter_that_tells_no_prompt_leaves_it_to_the_model(choices):
    assert choices.default_prompt(ModelChoice(adapter="any-base")) == PromptSettings()
    assert choices.default_prompt(ModelChoice("tiny-history", adapter="any-base")).style == "history"


@pytest.mark.parametrize("adapter", ["smol-story", "hub-sentences", "lists-story"])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"style": "zero_shot"},
        {"list_separator": "newline"},
        {"include_years": False},
        {"include_disliked": True},
        {"details": "genres"},
        {"queue_symbol": "[]"},
        {"num_examples": 5},
    ],
    ids=str,
)
def test_the_rule_accepts_exactly_what_the_check_lets_through(choices, adapter, change):
    choice = choices.find(adapter=adapter)
    prompt = choices.default_prompt(choice).replace(**change)
    try:
        choices.require_prompt(choice, prompt)
        passes = True
    except InputError:
        passes = False
    assert choices.prompt_rule(choice).accepts(prompt) == passes


def test_the_reason_names_the_adapter_by_its_title(choices):
    rule = choices.prompt_rule(ModelChoice("tiny-history", adapter="lists-story"))
    assert rule.reason == "The story's way was trained with this prompt."


def test_an_adapter_brings_its_own_base_model_where_none_is_named(choices):
    assert choices.find(adapter="lists-story") == ModelChoice("tiny-history", adapter="lists-story")
    assert choices.find(adapter="hub-sentences", precision="fp32") == ModelChoice(HUB, "fp32", "hub-sentences")
    assert choices.find("tiny-history", adapter="smol-story").model == "tiny-history"


@pytest.mark.parametrize("adapter", [None, "any-base", "typed-base"])
def test_without_a_listed_base_the_default_model_answers(choices, adapter):
    assert choices.find(adapter=adapter) == ModelChoice(adapter=adapter)


def test_an_unknown_adapter_is_told_before_a_model_is_looked_for(choices):
    with pytest.raises(AdapterError, match="no such adapter"):
        choices.find(adapter="gone")
    with pytest.raises(AdapterError, match="no such adapter"):
        choices.default_prompt(ModelChoice(adapter="gone"))


@pytest.mark.parametrize(
    ("model", "offered"),
    [
        (DEFAULT_MODEL, ["any-base", "smol-story"]),
        ("tiny-history", ["any-base", "lists-story"]),
        ("owner/lists", ["any-base", "lists-story"]),
        (HUB, ["any-base", "hub-sentences"]),
        (f"{HUB}@main", ["any-base", "hub-sentences"]),
        ("me/other", ["any-base", "typed-base"]),
        ("nobody/knows", ["any-base"]),
    ],
)
def test_a_model_is_offered_the_adapters_that_were_made_for_it(choices, model, offered):
    assert names(choices.adapters_for(model)) == offered


def test_a_page_may_open_with_another_model_which_no_adapter_is_taken_for(tmp_path, choices):
    ours = ModelChoices(adapters_folder=tmp_path, default_model="gptj-mini")
    assert ours.find() == ModelChoice("gptj-mini")
    assert ours.find("typed") == ModelChoice("typed")
    assert ours.find(adapter="smol-story").model == DEFAULT_MODEL
    assert ours.find(adapter="any-base").model == DEFAULT_MODEL


def test_a_public_page_takes_no_base_that_it_does_not_offer(tmp_path, choices):
    public = ModelChoices(public=True, adapters_folder=tmp_path)
    assert public.find(adapter="hub-sentences").model == DEFAULT_MODEL


def test_an_adapter_of_a_prompt_that_is_no_longer_written_is_told_not_offered(choices, tmp_path):
    info = describe_adapter(tmp_path / "yesterday")
    assert not info.is_usable
    assert info.note.startswith("Cannot be used: this is not the name of a prompt")
    assert "yesterday" in names(choices.adapters())


def test_a_model_still_refuses_a_style_that_it_does_not_read(choices):
    with pytest.raises(SettingsError, match="reads no English"):
        choices.require_prompt(ModelChoice("tiny-history"), PromptSettings())


def test_an_adapter_is_shown_by_its_title_or_its_name(choices):
    titles = {info.name: info.title for info in choices.adapters()}
    assert titles["lists-story"] == "The story's way"
    assert titles["smol-story"] == "smol-story"
