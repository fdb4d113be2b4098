"""What the page shows of a server's model: what it does not take is disabled with the reason."""

import pytest

from recsys.models.choices import ModelChoices
from recsys.models.host import HostState, ModelChoice
from recsys.remote.server import CompletionServer
from recsys.remote.settings import ServerSettings
from recsys.ui.decoding_controls import IDLE_IN_SOME_MODE
from recsys.ui.header import status_chip
from recsys.ui.served_controls import served_states
from recsys.ui.settings_panel import read_settings
from tests.fixtures.odd_server import odd_server

NAMES = ("precision", "decoding", "resolver", *IDLE_IN_SOME_MODE)


@pytest.fixture
def choices(tmp_path):
    with odd_server() as odd:
        server = CompletionServer(ServerSettings("openai", odd.url))
        server.look()
        yield ModelChoices(adapters_folder=tmp_path, server=server)


def states(choices, model, temperature=0.7):
    shown = served_states(choices, model, "catalogue_list", "embedding", temperature)
    return dict(zip(NAMES, shown, strict=True))


def test_a_servers_model_disables_what_needs_logits_and_what_it_does_not_take(choices):
    shown = states(choices, "openai:odd")
    assert not shown["decoding"].interactive
    assert "logits" in shown["decoding"].info
    assert (shown["decoding"].value, shown["precision"].value, shown["resolver"].value) == (
        "free",
        "auto",
        "levenshtein",
    )
    assert "embedding" not in {value for _, value in shown["resolver"].choices}
    idle = {name for name in IDLE_IN_SOME_MODE if not shown[name].interactive}
    assert idle == {"top_k", "repetition_penalty", "num_beams"}
    assert shown["top_k"].info == "OpenAI's interface takes no top-k."


def test_temperature_zero_disables_top_p_there_too(choices):
    assert not states(choices, "openai:odd", 0)["top_p"].interactive


def test_a_model_of_this_machine_leaves_everything_as_it_was(choices):
    shown = states(choices, "gptj-mini")
    assert all(shown[name].interactive for name in ("precision", "decoding"))
    assert shown["resolver"].value == "embedding"


def test_a_precision_that_stands_on_the_page_is_not_asked_of_a_server():
    resolution = {"resolver": "levenshtein", "own_threshold": True, "threshold": 0.6, "force_nearest": False}
    choice = {"model": "openai:odd", "precision": "int8", "adapter": "", "int8_threshold": 6.0}
    assert read_settings(choice, {}, {}, resolution, {}).choice == ModelChoice("openai:odd")


def test_the_chip_of_a_served_model_tells_no_memory():
    state = HostState("ready", ModelChoice("openai:odd"), 1.0, "odd is served by vLLM at host:8000.", "as served", 0)
    chip = status_chip(state)
    assert "as served" in chip
    assert "0 MB" not in chip
    assert "served by vLLM at host:8000" in chip
