"""Options that were not typed follow the model and the adapter; those that were typed win and are checked."""

import argparse
import json

import pytest

from recsys.cli import evaluate
from recsys.cli.evaluate import read_request
from recsys.cli.main import main, make_parser
from recsys.cli.options import add_prompt_options, open_workbench, read_choice, read_prompt
from recsys.evaluation.request import EvaluationRequest
from recsys.models import registry
from recsys.models.host import ModelChoice
from recsys.settings import (
    DecodingSettings,
    EvaluationSettings,
    GenerationSettings,
    PromptSettings,
    ResolutionSettings,
)
from tests.fixtures.tiny_adapters import STORY_PROMPT, history_model, save_tiny_adapter, write_adapter


@pytest.fixture(scope="module")
def adapters(tiny_gptj_folder, tmp_path_factory):
    """One adapter that answers, of a tiny model of lists; and one for the embedded model that is only listed."""
    root = tmp_path_factory.mktemp("adapters")
    notes = {"base_model": "tiny-history", "prompt_id": STORY_PROMPT}
    save_tiny_adapter(tiny_gptj_folder, root / "tiny-story", notes=notes)
    write_adapter(root, "smol-sentences", base_model="smollm2-135m", prompt_id="v1/instruction/=>/,/years/liked")
    return root


@pytest.fixture(autouse=True)
def tiny_history(tiny_gptj_folder, monkeypatch):
    monkeypatch.setattr(registry, "_KNOWN", (*registry._KNOWN, history_model(tiny_gptj_folder)))


@pytest.fixture
def read(adapters):
    def choice_and_prompt(*typed, command="recommend"):
        arguments = make_parser().parse_args([command, "--adapters", str(adapters), *typed])
        workbench = open_workbench(arguments)
        choice = read_choice(arguments, workbench)
        return choice, read_prompt(arguments, workbench, choice)

    return choice_and_prompt


def test_without_options_the_usual_prompt_and_model_hold(read):
    assert read() == (ModelChoice(), PromptSettings())


def test_an_adapter_brings_its_base_model_and_its_prompt(read):
    choice, prompt = read("--adapter", "tiny-story")
    assert choice == ModelChoice("tiny-history", adapter="tiny-story")
    assert prompt == PromptSettings(style="history")


def test_a_model_that_reads_one_style_brings_it(read):
    assert read("--model", "tiny-history")[1] == PromptSettings(style="history")


def test_a_typed_option_wins_even_where_it_is_the_usual_default(read):
    typed = ("--adapter", "smol-sentences", "--style", "few_shot", "--no-include-years")
    assert read(*typed)[1] == PromptSettings("few_shot", list_separator=",", include_years=False)
    assert read("--adapter", "tiny-story", "--model", "smollm2-135m")[0].model == "smollm2-135m"


def test_disliked_movies_are_named_in_the_prompt_where_the_choice_reads_them(read):
    assert read("--disliked", "Alien")[1].include_disliked
    assert not read("--disliked", "Alien", "--no-include-disliked")[1].include_disliked
    assert not read("--adapter", "tiny-story", "--disliked", "Alien")[1].include_disliked


def test_the_help_names_the_usual_default():
    parser = argparse.ArgumentParser()
    add_prompt_options(parser)
    told = " ".join(parser.format_help().split())
    assert "(default: few_shot, or as the model or the adapter wants it)" in told


def test_an_evaluation_takes_model_and_prompt_of_its_adapter(adapters):
    arguments = make_parser().parse_args(["evaluate", "--adapters", str(adapters), "--adapter", "tiny-story"])
    request = read_request(arguments, open_workbench(arguments))
    assert request.choice == ModelChoice("tiny-history", adapter="tiny-story")
    assert request.prompt == PromptSettings(style="history")


def test_recommend_with_an_adapter_alone_answers_with_its_own_model_and_prompt(adapters, capsys):
    asked = ["recommend", "Spirited Away", "--adapters", str(adapters), "--adapter", "tiny-story", "--json"]
    assert main([*asked, "--max-new-tokens", "8", "--device", "cpu"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["prompt"] == "Liked: Spirited Away;"
    assert (answer["base_model"], answer["adapter"]) == ("tiny-history", "tiny-story")


def test_evaluate_with_an_adapter_alone_reports_its_own_model_and_prompt(adapters, capsys, tmp_path):
    asked = ["evaluate", "--records", "2", "--adapters", str(adapters), "--adapter", "tiny-story", "--json"]
    few = ["--max-new-tokens", "4", "--baselines", "popularity", "--runs", str(tmp_path), "--device", "cpu"]
    assert main([*asked, *few]) == 0
    request = json.loads(capsys.readouterr().out)["request"]
    assert request["choice"]["model"] == "tiny-history"
    assert request["prompt"]["style"] == "history"


@pytest.mark.parametrize("command", ["recommend", "evaluate"])
@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["--adapter", "tiny-story", "--style", "few_shot"], "does not read this prompt"),
        (["--adapter", "tiny-story", "--include-years"], "was trained with the prompt v1/history"),
        (["--model", "tiny-history", "--style", "instruction"], "reads no English"),
        (["--adapter", "gone"], "choose one of smol-sentences, tiny-story"),
    ],
)
def test_a_typed_prompt_that_the_choice_does_not_read_is_refused_before_anything_is_loaded(
    adapters, capsys, monkeypatch, command, typed, message
):
    monkeypatch.setattr(evaluate.Workbench, "recommend", lambda *_: pytest.fail("it was asked"))
    monkeypatch.setattr("recsys.models.host.ModelHost.load", lambda *_: pytest.fail("it was loaded"))
    assert main([command, "--adapters", str(adapters), *typed]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"evaluation": EvaluationSettings("validation", 0, 7, 3, 5), "baselines": ()},
        {"generation": GenerationSettings(temperature=0, num_beams=4, num_recommendations=7, repetition_penalty=1.0)},
        {"decoding": DecodingSettings("hybrid", llm_weight=1.5, genres=("Film-Noir", "Sci-Fi"), year_from=1990)},
        {"resolution": ResolutionSettings("common_characters", 0.4, True), "baselines": ("slit", "random")},
        {"prompt": PromptSettings("few_shot", include_years=False, num_examples=2)},
        {"choice": ModelChoice("tiny-history", "fp32", "tiny-story"), "prompt": PromptSettings("history")},
    ],
)
def test_the_command_that_a_report_tells_asks_the_same(changed, adapters):
    asked = EvaluationRequest(**changed)
    arguments = make_parser().parse_args([*asked.command_words[3:], "--adapters", str(adapters)])
    assert read_request(arguments, open_workbench(arguments)) == asked
