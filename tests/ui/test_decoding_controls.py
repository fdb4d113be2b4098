import pytest

from recsys.settings import DecodingSettings, GenerationSettings
from recsys.ui.decoding_controls import IDLE_IN_SOME_MODE, cut_off_states, filter_states, generator_states


@pytest.mark.parametrize("decoding", ["free", "catalogue_list", "catalogue_rank", "hybrid"])
@pytest.mark.parametrize("temperature", [0, 0.7])
def test_a_control_is_disabled_with_the_settings_own_reason(decoding, temperature):
    settings = GenerationSettings(temperature=temperature, num_beams=8)
    reasons = DecodingSettings(decoding).without_effect(settings)
    states = dict(zip(IDLE_IN_SOME_MODE, generator_states(decoding, temperature), strict=True))
    assert {name for name, control in states.items() if not control.interactive} == set(reasons)
    assert all(states[name].info == reasons[name] for name in states if name in reasons)


def test_a_ranking_draws_nothing():
    states = dict(zip(IDLE_IN_SOME_MODE, generator_states("catalogue_rank", 0.7), strict=True))
    assert [name for name, control in states.items() if control.interactive] == ["num_beams"]


def test_a_hybrid_searches_nothing_either():
    assert not any(control.interactive for control in generator_states("hybrid", 0.7))


def test_top_p_and_top_k_are_disabled_at_temperature_0():
    assert [control.interactive for control in cut_off_states("free", 0)] == [False, False]
    assert [control.interactive for control in cut_off_states("catalogue_list", 0.7)] == [True, True]


def test_filters_act_with_catalogue_decoding_only():
    assert not any(control.interactive for control in filter_states("free")[1:])
    assert all(control.interactive for control in filter_states("catalogue_list")[1:-2])


def test_candidates_and_weight_act_in_a_hybrid_only():
    assert not any(control.interactive for control in filter_states("catalogue_rank")[-2:])
    assert all(control.interactive for control in filter_states("hybrid")[1:])
