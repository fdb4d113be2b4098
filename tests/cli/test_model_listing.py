"""`models list`: each model with its memory per precision, and whether it runs here."""

import argparse

import pytest

from recsys.cli.model_listing import add_size_options, describe_model, list_fits, model_to_dict, read_size
from recsys.errors import SettingsError
from recsys.models.memory_plan import AnswerSize
from tests.ui.fake_workbench import FakeWorkbench


@pytest.fixture(scope="module")
def workbench():
    return FakeWorkbench()  # whose machine has 20.3 GB free


def fits(workbench, size=None):
    return {spec.name: (spec, fit) for spec, fit in list_fits(workbench, size or AnswerSize())}


def test_a_model_that_runs_says_so_with_its_memory_per_precision(workbench):
    told = describe_model(*fits(workbench)["huggyllama/llama-7b"])
    assert "LLaMA 7B: 6,738 M, LLaMA licence, research only." in told
    assert "memory: fp32 29.6 GB (does not fit), bf16 14.8 GB, fp16 14.8 GB, int8 " in told
    assert "Runs here: LLaMA 7B in " in told


def test_a_model_that_does_not_says_what_it_would_take(workbench):
    told = describe_model(*fits(workbench)["huggyllama/llama-65b"])
    assert "LLaMA 65B does not fit in any precision here: " in told
    assert "Runs here" not in told


def test_json_has_the_terms_in_bytes(workbench):
    told = model_to_dict(*fits(workbench)["huggyllama/llama-7b"])
    assert told["memory"]["fp16"]["weights"] == 2 * 6_738_415_616
    assert told["memory"]["fp16"]["available"] == 20_300_000_000
    assert (told["runs_here"], told["memory"]["fp32"]["fits"]) == (True, False)
    assert told["revision"] == "8416d3fefb0cb3ff5775a7b13c1692d10ff1aa16"


def test_a_model_of_unknown_size_says_that(workbench):
    spec = fits(workbench)["huggyllama/llama-7b"][0]
    assert "once its config.json was read" in describe_model(spec, None)
    assert model_to_dict(spec, None)["runs_here"] is None


def test_more_at_once_takes_more(workbench):
    one, many = (fits(workbench, size)["huggyllama/llama-7b"][1] for size in (None, AnswerSize(8, 4, 1000)))
    assert many.plans.of("fp16").needed > 30e9 > one.plans.of("fp16").needed


def test_the_size_is_read_from_the_command_line():
    parser = argparse.ArgumentParser()
    add_size_options(parser)
    assert read_size(parser.parse_args([])) == AnswerSize()
    assert read_size(parser.parse_args(["--batch-size", "8", "--num-beams", "4", "--length", "300"])) == AnswerSize(
        8, 4, 300
    )
    with pytest.raises(SettingsError, match="batch is out of range"):
        read_size(parser.parse_args(["--batch-size", "0"]))
