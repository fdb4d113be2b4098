"""``train`` and ``pretrain`` from the command line, on a tiny model and a small part of the data."""

import json
import re

import pytest

from recsys.cli.main import main
from recsys.models.artifacts import CACHE_VARIABLE

TINY = ["--num-train-epochs", "1", "--max-steps", "2", "--save-steps", "1", "--ranking-records", "2"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))


def test_train_writes_an_adapter_with_the_command_that_made_it(tiny_gptj_folder, tmp_path, capsys):
    arguments = ["train", "--base-model", str(tiny_gptj_folder), "--name", "mine", "--out", str(tmp_path), *TINY]
    assert main([*arguments, "--lora-alpha", "32", "--loss-on", "titles"]) == 0
    assert "adapters score mine" in capsys.readouterr().out
    notes = json.loads((tmp_path / "mine" / "recsys.json").read_text())
    assert (notes["recipe"], notes["method"], notes["steps"]) == ("story", "lora", 2)
    assert notes["lora"] == {
        "r": 8,
        "lora_alpha": 32,
        "lora_dropout": 0.05,
        "target_modules": ["q_proj", "v_proj"],
        "use_rslora": False,
        "use_dora": False,
    }
    config = json.loads((tmp_path / "mine" / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], config["target_modules"]) == (8, 32, ["q_proj", "v_proj"])
    assert config["base_model_name_or_path"] == str(tiny_gptj_folder)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--r", "0"], "r is out of range"),
        (["--target-modules", "w_pack"], "w_pack"),
        (["--precision", "fp16"], "CPU cannot train in fp16"),
        (["--name", "../up"], "name of an adapter"),
        (["--style", "few_shot", "--loss-on", "titles"], "does not write every title"),
        (["--base-model", "no/such model"], "no such model"),
        (["--report-to", "wandb"], "pip install wandb"),
        (["--split-by", "record", "--split-records", "17000", "--split-holdout", "3000"], "17,?000"),
    ],
)
def test_bad_input_is_told_with_exit_code_two_and_leaves_nothing(tiny_gptj_folder, tmp_path, capsys, options, problem):
    arguments = ["train", "--base-model", str(tiny_gptj_folder), "--name", "mine", "--out", str(tmp_path / "out")]
    assert main([*arguments, "--device", "cpu", *TINY, *options]) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert re.search(problem, error)
    assert not (tmp_path / "out").exists()


def test_pretrain_makes_a_model_and_a_tokenizer_of_training_users_alone(tmp_path, capsys):
    shape = ["--vocab-size", "1000", "--n-embd", "32", "--n-layer", "2", "--n-head", "2", "--num-samples", "64"]
    command = ["pretrain", "--name", "mini", "--out", str(tmp_path), *shape, *TINY]
    assert main(command) == 2
    assert "titles leave no room for other tokens" in capsys.readouterr().err
    assert main([*command, "--title-token-likes", "30"]) == 0
    from recsys.models.loading import load_model
    from recsys.models.registry import find_model

    loaded = load_model(find_model(str(tmp_path / "mini")), "fp32", device="cpu")
    assert loaded.model.config.model_type == "gptj"
    assert loaded.tokenizer.decode(loaded.tokenizer("Liked: Ünknown 七; X;")["input_ids"]) == "Liked: Ünknown 七; X;"
    notes = json.loads((tmp_path / "mini" / "recsys.json").read_text())
    assert (notes["recipe"], notes["shape"]["vocab_size"]) == ("pretrain", 1000)
    assert "base_model" not in notes


def test_a_shape_whose_heads_do_not_fit_is_refused(tmp_path, capsys):
    assert main(["pretrain", "--out", str(tmp_path), "--n-embd", "33"]) == 2
    assert "multiple of n_head" in capsys.readouterr().err
