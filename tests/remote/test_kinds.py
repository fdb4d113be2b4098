"""What each kind of server is told of the settings."""

import json

import pytest

from recsys.remote.kinds import KINDS
from recsys.settings import GenerationSettings

SETTINGS = GenerationSettings(temperature=0.7, top_p=0.9, top_k=40, repetition_penalty=1.2, max_new_tokens=50)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_kind_is_told_openais_own_parameters(kind):
    body = kind.body(SETTINGS, 7)
    assert {name: body[name] for name in ("max_tokens", "temperature", "top_p", "seed")} == {
        "max_tokens": 50,
        "temperature": 0.7,
        "top_p": 0.9,
        "seed": 7,
    }


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_greedy_search_sends_no_cut_off(kind):
    assert "top_p" not in kind.body(SETTINGS.replace(temperature=0), 7)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_setting_is_either_sent_or_without_effect_with_a_reason(kind):
    idle = kind.without_effect(SETTINGS)
    changed = SETTINGS.replace(top_k=3, repetition_penalty=1.5, num_beams=3)
    for name in ("top_k", "repetition_penalty", "num_beams"):
        one = SETTINGS.replace(**{name: getattr(changed, name)})
        is_sent = kind.body(one, 7) != kind.body(SETTINGS, 7)
        assert is_sent != (name in idle), (kind.name, name)
    assert all(reason.endswith(".") for reason in idle.values())


def test_vllm_and_llama_cpp_call_things_differently():
    assert KINDS["vllm"].body(SETTINGS, 7)["repetition_penalty"] == 1.2
    assert KINDS["llama.cpp"].body(SETTINGS, 7)["repeat_penalty"] == 1.2
    assert KINDS["vllm"].body(SETTINGS.replace(top_k=0), 7)["top_k"] == -1
    assert KINDS["llama.cpp"].body(SETTINGS.replace(top_k=0), 7)["top_k"] == 0


def test_transformers_serve_is_told_to_sample_since_a_temperature_alone_leaves_it_greedy():
    config = json.loads(KINDS["transformers"].body(SETTINGS, 7)["generation_config"])
    assert (config["do_sample"], config["top_k"], config["repetition_penalty"]) == (True, 40, 1.2)
    assert json.loads(KINDS["transformers"].body(SETTINGS.replace(temperature=0), 7)["generation_config"]) == {
        "do_sample": False,
        "num_beams": 1,
        "repetition_penalty": 1.2,
        "max_new_tokens": 50,
    }


def test_beams_are_not_streamed():
    assert KINDS["transformers"].body(SETTINGS, 7)["stream"] is True
    assert KINDS["transformers"].body(SETTINGS.replace(num_beams=4), 7)["stream"] is False


def test_a_penalty_that_counts_the_prompt_is_told_where_it_acts():
    assert "prompt" in KINDS["vllm"].notes(SETTINGS)[0]
    assert KINDS["vllm"].notes(SETTINGS.replace(repetition_penalty=1.0)) == ()
    assert KINDS["tgi"].notes(SETTINGS) == ()
