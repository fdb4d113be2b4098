"""The card of a trained model: read from whatever its folder tells, and written as a README for the Hub."""

import json
import re

import pytest

from recsys.errors import AdapterError
from recsys.models.adapter_card import AdapterCard, read_adapter_card, render_card
from tests.fixtures.plain_adapters import NOTES as PLAIN_NOTES

NOTES = {
    **PLAIN_NOTES,
    "note": "The story's adapter.",
    "lora": {**PLAIN_NOTES["lora"], "target_modules": ["v_proj", "q_proj"], "use_rslora": False, "use_dora": False},
    "training": {"learning_rate": 0.001, "loss_on": "answer", "nested": {"left": "out"}},
}
WRONG = [None, True, "", "text", -1, 1.5, float("nan"), float("inf"), 10**400, [], [[]], {}, {"a": 1}]


def folder_with(folder, notes=None, config=None):
    for name, told in (("recsys.json", notes), ("adapter_config.json", config)):
        if told is not None:
            (folder / name).write_text(told if isinstance(told, str) else json.dumps(told), encoding="utf-8")
    return folder


def test_every_fact_of_the_contract_is_read(tmp_path):
    card = read_adapter_card(folder_with(tmp_path, NOTES))
    assert (card.name, card.method, card.recipe, card.num_records, card.steps) == (
        tmp_path.name,
        "lora",
        "story",
        3650,
        1140,
    )
    assert (card.lora.r, card.lora.lora_alpha, card.lora.target_modules) == (8, 16.0, ("q_proj", "v_proj"))
    assert card.training == {"learning_rate": 0.001, "loss_on": "answer"}
    (score,) = card.scores
    assert (score.label, score.map, score.interval) == ("MAP@4", 0.01, "[0.0050, 0.0160]")
    assert score.told_of == "test, catalogue rank, 716 records of 95 users"
    assert (card.forgetting.before, card.forgetting.after, card.forgetting.text) == (21.3, 22.0, "general-v1")


def test_a_folder_that_tells_nothing_gives_an_empty_card(tmp_path):
    assert read_adapter_card(tmp_path) == AdapterCard(tmp_path.name)
    assert read_adapter_card(tmp_path).facts() == ()


def test_an_older_adapter_is_described_by_pefts_own_settings(tmp_path):
    config = {"peft_type": "LORA", "r": 16, "lora_alpha": 32, "target_modules": "all-linear"}
    card = read_adapter_card(folder_with(tmp_path, config={**config, "base_model_name_or_path": "huggyllama/llama-7b"}))
    assert (card.method, card.base_model, card.lora.r) == ("lora", "huggyllama/llama-7b", 16)
    assert dict(card.facts())["LoRA"] == "r 16, lora_alpha 32"
    assert dict(card.facts())["Target modules"] == "all-linear"


def test_another_method_has_no_lora(tmp_path):
    assert read_adapter_card(folder_with(tmp_path, {"method": "prefix"}, {"peft_type": "PREFIX_TUNING"})).lora is None


@pytest.mark.parametrize("key", [*NOTES, "lora.r", "lora.target_modules", "scores.map", "scores.k", "forgetting.after"])
@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_a_fact_of_the_wrong_type_counts_as_missing_and_never_crashes(key, value):
    outer, _, inner = key.partition(".")
    wrong = {**NOTES[outer], inner: value} if outer in ("lora", "forgetting") and inner else value
    wrong = [{**NOTES["scores"][0], inner: value}] if outer == "scores" and inner else wrong
    card = AdapterCard.from_notes("x", {**NOTES, outer: wrong}, {"target_modules": value})
    assert "nan" not in str(card.facts())
    assert render_card(card).startswith("---\n")


@pytest.mark.parametrize("text", ["", "{", "[]", "1", "\x00", "[" * 100_000])
def test_a_broken_recsys_json_is_told(tmp_path, text):
    with pytest.raises(AdapterError, match=r"recsys\.json"):
        read_adapter_card(folder_with(tmp_path, text))


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000])
def test_broken_settings_of_peft_are_left_to_whoever_loads_them(tmp_path, text):
    assert read_adapter_card(folder_with(tmp_path, NOTES, text)).base_model == "smollm2-135m"


def test_the_readme_has_the_hubs_front_matter_and_every_figure():
    readme = render_card(AdapterCard.from_notes("story", NOTES))
    front, body = readme.split("---\n")[1], readme.split("---\n", 2)[2]
    assert 'base_model: "HuggingFaceTB/SmolLM2-135M-Instruct"' in front
    assert "library_name: peft" in front
    assert "license: apache-2.0" in front
    assert '- "lora"' in front
    for told in ("# story", "recommend --adapter story", "| 3,650 |", "5 (1,140 steps)", "45 min", "2 CPU cores"):
        assert told in body
    assert "| test, catalogue rank, 716 records of 95 users | MAP@4 0.0100 |" in body
    assert "21.30 before, 22.00 after" in body
    assert "python -m recsys evaluate --adapter story" in body
    assert "GroupLens" in body


def test_a_readme_of_nothing_is_still_a_card():
    readme = render_card(AdapterCard("bare"))
    assert "base_model" not in readme
    assert "license: other" in readme
    assert "## Scores" not in readme


def test_a_model_with_all_weights_trained_is_no_peft_adapter():
    readme = render_card(AdapterCard("gptj-mini", method="full"))
    assert "library_name: transformers" in readme
    assert "--adapter" not in readme


@pytest.mark.parametrize("base", ["/home/someone/model", "no model", "a\nlicense: x", "x: [", "../.."])
def test_a_base_that_is_not_on_the_hub_stays_out_of_the_front_matter(base):
    front = render_card(AdapterCard("x", base_model=base)).split("---\n")[1]
    assert "base_model" not in front
    assert len(re.findall("^license", front, flags=re.MULTILINE)) == 1


def test_markup_in_a_fact_is_shown_as_text_and_ends_no_code_block():
    card = AdapterCard.from_notes(
        "a|b", {"note": "<script>|</script>", "command": "```\n# not a title", "recipe": "x|y"}
    )
    readme = render_card(card)
    assert "<script>" not in readme
    assert "| Recipe | x\\|y |" in readme
    assert "````\n```\n# not a title\n````" in readme
