import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.errors import SettingsError
from recsys.settings import (
    DecodingSettings,
    EvaluationSettings,
    GenerationSettings,
    PromptSettings,
    ResolutionSettings,
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", -0.01),
        ("temperature", 2.01),
        ("temperature", math.nan),
        ("temperature", math.inf),
        ("temperature", "0.7"),
        ("temperature", True),
        ("temperature", None),
        ("top_p", 0),
        ("top_p", 1.01),
        ("top_k", -1),
        ("top_k", 2.5),
        ("num_beams", 0),
        ("num_beams", 17),
        ("repetition_penalty", 0.5),
        ("max_new_tokens", 0),
        ("num_recommendations", 21),
        ("seed", -1),
        ("seed", 2**32),
    ],
)
def test_a_generation_setting_out_of_range_names_itself_the_value_and_the_mend(name, value):
    with pytest.raises(SettingsError) as caught:
        GenerationSettings(**{name: value})
    message = str(caught.value)
    assert message.startswith(name)
    assert repr(value) in message or value is None
    assert "must be" in message


@pytest.mark.parametrize(
    "settings",
    [
        GenerationSettings(temperature=0, top_p=1, top_k=0, num_beams=1, repetition_penalty=1, max_new_tokens=1),
        GenerationSettings(temperature=2, top_p=0.01, top_k=1000, num_beams=16, repetition_penalty=2),
        PromptSettings(style="instruction", queue_symbol="words", list_separator="numbered", num_examples=8),
        ResolutionSettings(resolver="embedding", threshold=1.0, force_nearest=True),
        EvaluationSettings(split="validation", num_records=0, k=20, history_length=0),
        EvaluationSettings(history_length=50),
    ],
)
def test_settings_at_the_ends_of_their_ranges_survive_a_round_trip_as_plain_values(settings):
    assert type(settings).from_dict(settings.to_dict()) == settings


@pytest.mark.parametrize("value", [-1, 51, 1.5, True, "3", math.nan])
def test_a_history_length_out_of_range_names_itself_and_the_mend(value):
    with pytest.raises(SettingsError, match="history_length must be a whole number from 0 to 50"):
        EvaluationSettings(history_length=value)


def test_whole_numbers_are_accepted_where_a_fraction_is_allowed():
    assert GenerationSettings(temperature=1, top_p=1).do_sample


def test_temperature_zero_switches_the_cut_offs_off_and_says_why():
    reasons = GenerationSettings(temperature=0).without_effect()
    assert set(reasons) == {"top_p", "top_k"}
    assert all(reason.endswith(".") for reason in reasons.values())
    assert GenerationSettings(temperature=0.1, num_beams=4).without_effect() == {}


def test_an_unknown_setting_is_refused_with_the_known_ones():
    with pytest.raises(SettingsError, match=r"known are .*temperature"):
        GenerationSettings.from_dict({"heat": 1.0})


def test_an_unknown_choice_is_refused_with_the_known_ones():
    with pytest.raises(SettingsError, match="'zero_shot', 'few_shot', 'instruction', 'history'"):
        PromptSettings(style="many_shot")


def test_a_copy_with_changes_is_checked_anew():
    assert GenerationSettings().replace(seed=7).seed == 7
    with pytest.raises(SettingsError):
        GenerationSettings().replace(seed=-7)


@given(
    st.dictionaries(
        st.sampled_from(["temperature", "top_p", "top_k", "seed"]),
        st.floats() | st.integers() | st.text(max_size=5),
        max_size=4,
    )
)
def test_any_values_give_valid_settings_or_a_settings_error(values):
    try:
        settings = GenerationSettings.from_dict(values)
    except SettingsError:
        return
    assert 0 <= settings.temperature <= 2
    assert 0 < settings.top_p <= 1


def test_decoding_settings_survive_json_and_refuse_what_cannot_be() -> None:
    made = DecodingSettings("catalogue_rank", genres=["Drama", "Drama", "War"], year_from=1990)  # type: ignore[arg-type]
    assert made.genres == ("Drama", "War")
    assert DecodingSettings.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    for wrong in ({"genres": "Drama"}, {"genres": [1]}, {"year_from": 3000}, {"year_from": 2000, "year_to": 1990}):
        with pytest.raises(SettingsError):
            DecodingSettings(**wrong)  # type: ignore[arg-type]


def test_every_reason_without_effect_names_a_setting() -> None:
    names = set(GenerationSettings().to_dict())
    for decoding in ("free", "catalogue_list", "catalogue_rank", "hybrid"):
        for temperature in (0.0, 1.0):
            idle = DecodingSettings(decoding).without_effect(GenerationSettings(temperature=temperature))
            assert set(idle) <= names


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_candidates", 0),
        ("num_candidates", 2001),
        ("num_candidates", 10.5),
        ("num_candidates", True),
        ("llm_weight", -0.1),
        ("llm_weight", math.nan),
        ("llm_weight", math.inf),
        ("llm_weight", "2"),
        ("llm_weight", None),
    ],
)
def test_a_hybrids_setting_out_of_range_names_itself_and_the_mend(name: str, value: object) -> None:
    with pytest.raises(SettingsError, match=f"{name} must be"):
        DecodingSettings("hybrid", **{name: value})  # type: ignore[arg-type]


def test_a_hybrids_settings_at_the_ends_of_their_ranges_survive_json() -> None:
    for made in (
        DecodingSettings("hybrid", num_candidates=1, llm_weight=0),
        DecodingSettings("hybrid", llm_weight=1e6),
    ):
        assert DecodingSettings.from_dict(json.loads(json.dumps(made.to_dict()))) == made


def test_a_hybrid_draws_and_searches_nothing_and_takes_a_candidate_for_each_title() -> None:
    decoding, generation = DecodingSettings("hybrid", num_candidates=3), GenerationSettings(num_beams=8)
    assert {"temperature", "num_beams", "seed"} <= set(decoding.without_effect(generation))
    assert decoding.beams_of(generation) == 1
    assert decoding.candidates_of(generation) == 4
    assert decoding.replace(num_candidates=50).candidates_of(generation) == 50


@pytest.mark.parametrize("decoding", ["free", "catalogue_list", "catalogue_rank"])
def test_a_hybrids_settings_are_in_effect_in_a_hybrid_alone(decoding: str) -> None:
    made = DecodingSettings(decoding, num_candidates=7, llm_weight=0.5)  # type: ignore[arg-type]
    assert not {"num_candidates", "llm_weight"} & set(made.in_effect())
    assert made.replace(decoding="hybrid").in_effect() == made.replace(decoding="hybrid").to_dict()
