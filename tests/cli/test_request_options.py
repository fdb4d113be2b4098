"""A preset on the command line, and what is typed beside it."""

import pytest

from recsys.cli.main import main, make_parser
from recsys.cli.options import open_workbench
from recsys.cli.recommend import read_request
from recsys.models import registry
from recsys.models.host import ModelChoice
from recsys.presets import Preset, write_preset
from recsys.settings import DecodingSettings, GenerationSettings, PromptSettings, ResolutionSettings
from tests.fixtures.tiny_adapters import STORY_PROMPT, history_model, write_adapter

MINE = Preset(
    "Mine",
    GenerationSettings(temperature=0.3, top_k=7, num_recommendations=6, seed=5),
    ResolutionSettings("common_characters", 0.4),
    DecodingSettings("catalogue_list", genres=("Drama",)),
    PromptSettings("history"),
    ModelChoice("smollm2-135m", "int8", "smol-lists", 2.5),
)


@pytest.fixture(scope="module")
def adapters(tmp_path_factory):
    root = tmp_path_factory.mktemp("adapters")
    write_adapter(root, "smol-lists", base_model="smollm2-135m", prompt_id=STORY_PROMPT)
    write_adapter(root, "tiny-lists", base_model="tiny-history", prompt_id=STORY_PROMPT)
    return root


@pytest.fixture
def ask(adapters, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_KNOWN", (*registry._KNOWN, history_model("lists")))
    (tmp_path / "mine.json").write_text(write_preset(MINE), encoding="utf-8")

    def read(*typed, preset=str(tmp_path / "mine.json")):
        words = ["recommend", "--adapters", str(adapters), "--preset", preset, *typed]
        arguments = make_parser().parse_args(words)
        return read_request(arguments, open_workbench(arguments))

    return read


def test_an_exported_preset_sets_everything(ask):
    asked = ask()
    assert (asked.generation, asked.resolution, asked.decoding, asked.prompt, asked.choice) == (
        MINE.generation,
        MINE.resolution,
        MINE.decoding,
        MINE.prompt,
        MINE.choice,
    )


def test_what_is_typed_wins_even_where_it_is_the_usual_default(ask):
    asked = ask("--top-k=50", "--seed=0", "--precision=auto", "--resolver=levenshtein", "--decoding=free")
    assert asked.generation == MINE.generation.replace(top_k=50, seed=0)
    assert asked.choice == ModelChoice("smollm2-135m", "auto", "smol-lists", 2.5)
    assert asked.resolution == ResolutionSettings("levenshtein", 0.4)
    assert asked.decoding == MINE.decoding.replace(decoding="free")


def test_a_shipped_preset_leaves_model_prompt_n_and_seed_to_the_options(ask):
    asked = ask("--adapter=tiny-lists", "--num-recommendations=9", preset="catalogue-ranking")
    assert asked.generation == GenerationSettings(temperature=0, num_beams=8, num_recommendations=9)
    assert asked.decoding == DecodingSettings("catalogue_rank")
    assert asked.choice == ModelChoice("tiny-history", adapter="tiny-lists")
    assert asked.prompt == PromptSettings("history")


def test_a_typed_adapter_brings_its_model_and_a_typed_model_drops_the_adapter(ask, capsys):
    assert ask("--adapter=tiny-lists").choice == ModelChoice("tiny-history", "int8", "tiny-lists", 2.5)
    assert ask("--model=tiny-history").choice == ModelChoice("tiny-history", "int8", None, 2.5)
    assert ask("--adapter=").choice == ModelChoice("smollm2-135m", "int8", None, 2.5)
    assert capsys.readouterr().err == ""


def test_a_prompt_that_the_typed_model_does_not_read_is_told_and_replaced(ask, tmp_path, capsys):
    (tmp_path / "words.json").write_text(write_preset(Preset("Words", prompt=PromptSettings("zero_shot"))), "utf-8")
    asked = ask("--model=tiny-history", preset=str(tmp_path / "words.json"))
    assert asked.prompt == PromptSettings("history")
    assert "does not read the preset's prompt" in capsys.readouterr().err


def test_a_preset_that_is_none_ends_with_2_and_the_names_of_those_that_are(capsys):
    assert main(["recommend", "--preset", "no-such", "Alien"]) == 2
    assert "Beam search" in capsys.readouterr().err


def test_a_preset_with_a_value_out_of_range_ends_with_2(tmp_path, capsys):
    path = tmp_path / "wrong.json"
    path.write_text(write_preset(MINE).replace('"temperature": 0.3', '"temperature": 30'), encoding="utf-8")
    assert main(["recommend", "--preset", str(path), "Alien"]) == 2
    assert "temperature is out of range (seen: 30)" in capsys.readouterr().err
