"""The line below the model: quiet where it runs, a warning with numbers where it does not."""

import pytest

from recsys.ui.model_fit import fit_html, label_models, runs_here
from tests.ui.fake_workbench import FakeWorkbench


@pytest.fixture(scope="module")
def workbench():
    return FakeWorkbench()  # whose machine has 20.3 GB free


def test_a_model_that_runs_is_told_with_both_figures(workbench):
    told = fit_html(workbench, "huggyllama/llama-7b", "fp16")
    assert "LLaMA 7B in fp16 needs about 14.8 GB of memory and 20.3 GB are free." in told
    assert "callout-note" in told


def test_a_precision_that_does_not_fit_is_told_with_one_that_does(workbench):
    told = fit_html(workbench, "meta-llama/Llama-3.1-8B", "fp32")
    assert "in fp32 needs about 35.3 GB of memory and 20.3 GB are free; bf16 needs 17.7 GB and fits." in told
    assert "callout-problem" in told


def test_a_model_that_fits_in_no_precision_says_what_it_would_take(workbench):
    told = fit_html(workbench, "huggyllama/llama-65b", "auto")
    assert "LLaMA 65B does not fit in any precision here: " in told
    assert "callout-problem" in told
    assert not runs_here(workbench, "huggyllama/llama-65b", "auto")
    assert runs_here(workbench, "huggyllama/llama-7b", "auto")


def test_what_is_not_known_yet_is_said(workbench):
    assert "is told once its config.json was read" in fit_html(workbench, "someone/their-llama", "auto")
    assert runs_here(workbench, "someone/their-llama", "auto")


@pytest.mark.parametrize("model", ["no model", "<b>/x", "../.."])
def test_a_name_that_is_no_model_is_told(workbench, model):
    told = fit_html(workbench, model, "auto")
    assert "callout-problem" in told
    assert "<b>" not in told


@pytest.mark.parametrize(("model", "precision"), [("", "auto"), (None, "auto"), ("smollm2-135m", "int3"), (3, None)])
def test_nothing_is_said_of_nothing(workbench, model, precision):
    assert fit_html(workbench, model, precision) in ("", fit_html(workbench, str(model or ""), precision))


def test_the_list_says_what_each_model_takes(workbench):
    labels = {name: label for label, name in label_models(workbench, "me/mine")}
    assert labels["smollm2-135m"] == "SmolLM2 135M Instruct, embedded"
    assert labels["huggyllama/llama-7b"].startswith("LLaMA 7B · 1")
    assert labels["huggyllama/llama-65b"] == "LLaMA 65B · too large here"
    assert labels["me/mine"] == "me/mine"
