import dataclasses
import math

import pytest

from recsys.errors import SettingsError
from recsys.models.host import ModelChoice
from recsys.settings import DecodingSettings, GenerationSettings, PromptSettings, ResolutionSettings
from recsys.ui.decoding_controls import read_decoding, written_decoding
from recsys.ui.settings_panel import (
    read_settings,
    threshold_state,
)

CHOICE = {"model": "smollm2-135m", "precision": "auto", "int8_threshold": 6, "adapter": ""}
RESOLUTION = {"resolver": "levenshtein", "own_threshold": True, "threshold": 0.6, "force_nearest": False}

DECODING = DecodingSettings().to_dict()


def read(**changes):
    generation = GenerationSettings().to_dict() | changes
    return read_settings(CHOICE, generation, PromptSettings().to_dict(), RESOLUTION, DECODING)


def test_the_controls_at_rest_are_the_defaults():
    settings = read()
    assert settings.generation == GenerationSettings()
    assert settings.prompt == PromptSettings()
    assert settings.resolution == ResolutionSettings()
    assert settings.choice == ModelChoice()


def test_a_browser_may_send_4_as_4_0():
    assert read(num_beams=4.0, top_k=0.0).generation == GenerationSettings(num_beams=4, top_k=0)


@pytest.mark.parametrize(
    "changes",
    [
        {"temperature": math.nan},
        {"temperature": "1"},
        {"top_k": 1.5},
        {"seed": None},
        {"num_beams": True},
        {"top_p": 0},
    ],
)
def test_a_value_that_no_slider_sends_is_refused(changes):
    with pytest.raises(SettingsError):
        read(**changes)


@pytest.mark.parametrize("wrong", [{"model": ""}, {"model": None}, {"precision": "int3"}])
def test_a_model_or_precision_that_is_none_is_refused(wrong):
    generation, prompt = GenerationSettings().to_dict(), PromptSettings().to_dict()
    with pytest.raises(SettingsError):
        read_settings(CHOICE | wrong, generation, prompt, RESOLUTION, DECODING)


def test_the_threshold_of_int8_is_part_of_the_choice():
    choice = CHOICE | {"precision": "int8", "int8_threshold": 2.5}
    generation, prompt = GenerationSettings().to_dict(), PromptSettings().to_dict()
    read = read_settings(choice, generation, prompt, RESOLUTION, DECODING)
    assert read.choice == ModelChoice(precision="int8", int8_threshold=2.5)
    with pytest.raises(SettingsError, match="int8_threshold"):
        read_settings(CHOICE | {"int8_threshold": None}, generation, prompt, RESOLUTION, DECODING)


def test_the_threshold_counts_only_when_it_is_not_the_resolvers_own():
    generation, prompt = GenerationSettings().to_dict(), PromptSettings().to_dict()
    mine = read_settings(CHOICE, generation, prompt, RESOLUTION | {"own_threshold": False, "threshold": 0.4}, DECODING)
    assert mine.resolution.threshold == 0.4


def test_the_threshold_is_disabled_while_something_else_decides():
    assert threshold_state(False, False).interactive
    assert not threshold_state(True, False).interactive
    assert "Force nearest" in threshold_state(False, True).info


def test_filters_of_a_page_count_with_catalogue_decoding_only():
    generation, prompt = GenerationSettings().to_dict(), PromptSettings().to_dict()
    filters = {"genres": ["Drama"], "year_from": "1990", "year_to": " ", "title_score": "tree"}
    on = read_settings(CHOICE, generation, prompt, RESOLUTION, {"decoding": "catalogue_rank", **filters})
    assert on.decoding == DecodingSettings("catalogue_rank", genres=("Drama",), year_from=1990)
    off = read_settings(CHOICE, generation, prompt, RESOLUTION, {"decoding": "free", **filters})
    assert off.decoding == DecodingSettings()


@pytest.mark.parametrize("wrong", ["199O", "-5", "12345", 0])
def test_what_is_no_year_is_refused(wrong):
    with pytest.raises(SettingsError):
        read_decoding({"decoding": "catalogue_list", "year_from": wrong})


def test_what_the_decoding_controls_show_is_what_they_read():
    for settings in (
        DecodingSettings("catalogue_list", "full", ("Drama", "War"), None, 1999),
        DecodingSettings("hybrid", "tree", ("War",), 1950, None, 40, 0.5),
    ):
        names = [field.name for field in dataclasses.fields(settings)]
        assert read_decoding(dict(zip(names, written_decoding(settings), strict=True))) == settings


def test_candidates_and_weight_of_a_page_count_in_a_hybrid_only():
    sent = {"num_candidates": 40.0, "llm_weight": 1}
    assert read_decoding({"decoding": "hybrid", **sent}) == DecodingSettings("hybrid", num_candidates=40, llm_weight=1)
    assert read_decoding({"decoding": "catalogue_rank", **sent}) == DecodingSettings("catalogue_rank")
    for wrong in ({"num_candidates": 1.5}, {"num_candidates": None}, {"llm_weight": -1}):
        with pytest.raises(SettingsError):
            read_decoding({"decoding": "hybrid", **wrong})
