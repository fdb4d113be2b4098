from recsys.models.host import HostState, ModelChoice
from recsys.ui.header import status_chip


def test_a_ready_model_shows_precision_adapter_memory_and_speed():
    state = HostState("ready", ModelChoice("smollm2-135m", "auto", "movies-r16"), 1, "", "bf16", 269_030_016, 14.6)
    chip = status_chip(state)
    for fact in ("smollm2-135m", "bf16", "movies-r16", "269 MB", "15 tok/s"):
        assert f">{fact}<" in chip


def test_a_loading_model_shows_how_far_it_is():
    chip = status_chip(HostState("loading", ModelChoice(), 0.42, "reading the weights"))
    assert "width:42%" in chip
    assert "reading the weights" in chip


def test_a_failed_load_tells_why_and_is_escaped():
    chip = status_chip(HostState("failed", ModelChoice("a/<b>"), 0, "no <i>network</i> ${x}"))
    assert "is-failed" in chip
    assert "<i>network" not in chip
    assert "${" not in chip
