"""What is shipped under adapters/ is what its files say, and was scored as it lies there."""

import json
import math

import pytest
import torch
from safetensors.torch import load_file

from recsys.models.adapter_card import read_adapter_card, render_card
from recsys.models.adapter_listing import default_adapters_folder, list_adapters
from recsys.models.base_identity import local_weight_hash
from recsys.models.registry import SHIPPED_MODELS
from recsys.prompt_ids import prompt_id
from recsys.settings import PromptSettings
from recsys.training.curves import read_curves

SHIPPED = list_adapters(default_adapters_folder())


STORY = {"gptj-mini-story", "smollm2-story"}
TAUGHT = {"smollm2-liked", "smollm2-liked-disliked"}


def test_the_adapters_of_the_storys_recipe_and_those_with_teachers_are_shipped():
    assert {info.name for info in SHIPPED} >= STORY | TAUGHT


@pytest.mark.parametrize("info", SHIPPED, ids=lambda info: info.name)
def test_a_shipped_adapter_is_small_half_precision_and_whole(info):
    assert info.note == ""
    assert all(path.stat().st_size < 10e6 for path in info.path.iterdir())
    tensors = load_file(info.path / "adapter_model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    assert all(tensor.isfinite().all() for tensor in tensors.values())
    disliked = info.name.endswith("-disliked")
    assert info.prompt_id == prompt_id(PromptSettings("history", include_disliked=disliked))


@pytest.mark.parametrize("info", SHIPPED, ids=lambda info: info.name)
def test_its_card_tells_recipe_command_and_scores_with_intervals(info):
    card = read_adapter_card(info.path)
    is_story = info.name in STORY
    assert (card.recipe, card.method) == ("story" if is_story else "custom", "lora")
    assert (card.lora.r, card.lora.target_modules) == ((8, ("q_proj", "v_proj")) if is_story else (16, ("all-linear",)))
    assert card.command.startswith("python -m recsys train ")
    assert "/tmp" not in card.command
    assert {score.decoding for score in card.scores} >= {"catalogue_rank", "catalogue_list"}
    for score in card.scores:
        assert (score.split, score.num_records, score.num_users) == ("test", 716, 95)
        assert score.low < score.map < score.high
    assert card.forgetting is not None
    assert (info.path / "README.md").read_text(encoding="utf-8") == render_card(card)
    curves = read_curves(info.path / "curves.json")
    assert curves.train
    measured = 0 if card.num_validation_records == 0 else math.ceil(card.num_train_epochs)
    assert len(curves.validation) == len(curves.ranking) == measured


def test_gptj_minis_adapter_was_trained_on_the_weights_that_are_shipped():
    notes = json.loads((default_adapters_folder() / "gptj-mini-story" / "recsys.json").read_text())
    assert notes["base_weight_hash"] == local_weight_hash("gptj-mini")
    base = json.loads((SHIPPED_MODELS / "gptj-mini" / "recsys.json").read_text())
    assert notes["training"]["learn_from"] == base["training"]["learn_from"], "what a base has seen measures nothing"
