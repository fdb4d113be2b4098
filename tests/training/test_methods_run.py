"""Each method trains a tiny model from request to folder, and what it leaves is what was trained."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from recsys.errors import SettingsError
from recsys.models.adapter_listing import describe_adapter
from recsys.models.loading import load_model
from recsys.models.registry import find_model
from recsys.training import fine_tuning
from recsys.training.curves import read_curves
from recsys.training.fine_tuning import fine_tune
from recsys.training.request import TrainingRequest
from tests.fixtures.tiny_adapters import save_tiny_adapter
from tests.fixtures.tiny_runs import DATA, QUICK, logits, notes_of, train, with_peft

BASES = pytest.mark.parametrize("base", ["tiny_llama_folder", "tiny_gptj_folder"])
ADAPTERS = pytest.mark.parametrize("method", ["lora", "ia3", "prefix"])


@pytest.fixture(autouse=True)
def runs_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_TRAINING", str(tmp_path / "runs"))


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The models as they were when they were saved."""
    models: list[Any] = []

    def keeping(write: Any) -> Any:
        def save(model: Any, *args: Any, **more: Any) -> None:
            models.append(model)
            write(model, *args, **more)

        return save

    monkeypatch.setattr(fine_tuning, "save_adapter", keeping(fine_tuning.save_adapter))
    monkeypatch.setattr(fine_tuning, "save_model", keeping(fine_tuning.save_model))
    return models


@BASES
@ADAPTERS
def test_peft_loads_what_was_trained(
    base: str, method: str, tmp_path: Path, saved: list[Any], request: pytest.FixtureRequest
) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    where = request.getfixturevalue(base)
    folder = train(where, tmp_path, method=method)
    as_trained, loaded = logits(saved[0], where), logits(with_peft(where, folder), where)
    torch.testing.assert_close(loaded, as_trained, atol=0.02, rtol=0.01)  # weights are saved in fp16
    assert (as_trained - logits(AutoModelForCausalLM.from_pretrained(where), where)).abs().max() > 0.1


@ADAPTERS
def test_the_validation_loss_falls_and_the_notes_tell_the_method(
    method: str, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    folder = train(tiny_llama_folder, tmp_path, method=method, num_train_epochs=4)
    curves = read_curves(folder / "curves.json")
    assert len(curves.validation) == 4
    assert curves.validation[-1].loss < curves.validation[0].loss
    notes = notes_of(folder)
    assert (notes["method"], notes["steps"], notes["num_records"]) == (method, 12, 19)
    assert ("lora" in notes) == (method == "lora")
    assert notes["forgetting"]["before"] != notes["forgetting"]["after"]
    assert "lora_" not in (folder / "README.md").read_text() or method == "lora"


def test_a_prefix_is_not_ranked_since_a_ranking_would_be_the_bases(tiny_llama_folder: Path, tmp_path: Path) -> None:
    ranked = read_curves(train(tiny_llama_folder, tmp_path, method="ia3") / "curves.json").ranking
    assert len(ranked) == 2
    prefix = train(tiny_llama_folder, tmp_path, name="prefix", method="prefix")
    assert read_curves(prefix / "curves.json").ranking == ()


@pytest.mark.parametrize("method", ["lora", "ia3", "prefix", "full"])
def test_a_stopped_run_goes_on_to_the_same_weights(
    method: str, tiny_llama_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(tiny_llama_folder, tmp_path / "whole", method=method)
    monkeypatch.setenv("RECSYS_TRAINING", str(tmp_path / "stopped-runs"))
    request = TrainingRequest("tuned", str(tiny_llama_folder), training=QUICK.replace(method=method))

    def stop(_fraction: float, message: str) -> None:
        if message.startswith("step 2 of"):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fine_tune(request, DATA, out=tmp_path / "stopped", device="cpu", progress=stop)
    assert not (tmp_path / "stopped").exists()
    resumed = fine_tune(request, DATA, out=tmp_path / "stopped", device="cpu")
    assert resumed is not None
    weights = "model.safetensors" if method == "full" else "adapter_model.safetensors"
    assert (resumed / weights).read_bytes() == (whole / weights).read_bytes()
    before, after = (read_curves(folder / "curves.json") for folder in (whole, resumed))
    assert [(p.step, p.loss) for p in after.train] == [(p.step, p.loss) for p in before.train]


@ADAPTERS
def test_a_run_goes_on_from_an_adapter_of_its_method(method: str, tiny_llama_folder: Path, tmp_path: Path) -> None:
    first = train(tiny_llama_folder, tmp_path, name="first", method=method)
    second = train(tiny_llama_folder, tmp_path, name="second", method=method, init=first)
    assert read_curves(second / "curves.json").train[0].loss < read_curves(first / "curves.json").train[0].loss


@ADAPTERS
def test_an_adapter_of_another_method_is_no_start(method: str, tiny_llama_folder: Path, tmp_path: Path) -> None:
    other = train(tiny_llama_folder, tmp_path, name="other", method="ia3" if method != "ia3" else "lora")
    with pytest.raises(SettingsError, match="other does not fit this run"):
        train(tiny_llama_folder, tmp_path, method=method, init=other)


def test_all_weights_are_trained_into_a_model_that_loads_by_its_folder(
    tiny_llama_folder: Path, tmp_path: Path, saved: list[Any]
) -> None:
    import torch

    folder = train(tiny_llama_folder, tmp_path, method="full", learning_rate=0.005)
    loaded = load_model(find_model(str(folder)), "fp32", device="cpu")
    as_trained = logits(saved[0], tiny_llama_folder)
    torch.testing.assert_close(logits(loaded.model, folder), as_trained, atol=0.02, rtol=0.01)
    notes = notes_of(folder)
    assert notes["forgetting"].keys() == {"text", "before", "after"}
    assert notes["forgetting"]["before"] != notes["forgetting"]["after"]
    assert "## Forgetting" in (folder / "README.md").read_text()


@pytest.mark.parametrize(("method", "reason"), [("ia3", "inside each other"), ("prefix", "the model's cache")])
def test_what_the_app_cannot_switch_is_listed_with_the_reason(
    method: str, reason: str, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    folder = train(tiny_llama_folder, tmp_path, method=method, max_steps=1)
    listed = describe_adapter(folder)
    assert not listed.is_usable
    assert reason in listed.note
    card = (folder / "README.md").read_text()
    assert "PeftModel.from_pretrained" in card
    assert "recommend --adapter" not in card


@BASES
@pytest.mark.parametrize("precision", ["int8", "nf4"])
def test_a_lora_learns_on_a_quantised_base_on_the_cpu(
    base: str, precision: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = train(request.getfixturevalue(base), tmp_path, precision=precision, num_train_epochs=4)
    validation = read_curves(folder / "curves.json").validation
    assert notes_of(folder)["precision"] == precision
    assert validation[-1].loss < validation[0].loss
    assert describe_adapter(folder).is_usable


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"method": "prefix", "gradient_checkpointing": True}, "a prefix is kept in a cache"),
        ({"method": "full", "precision": "int8"}, "all weights are trained in fp32"),
        ({"precision": "fp16"}, "a CPU cannot train in fp16"),
    ],
)
def test_what_cannot_go_together_is_refused_before_anything_is_loaded(
    changes: dict[str, Any], match: str, tiny_llama_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fine_tuning, "load_model", None)
    with pytest.raises(SettingsError, match=match):
        train(tiny_llama_folder, tmp_path, **changes)


def test_training_all_weights_starts_from_no_adapter(tiny_llama_folder: Path, tmp_path: Path) -> None:
    adapter = save_tiny_adapter(tiny_llama_folder, tmp_path / "start")
    with pytest.raises(SettingsError, match="adds no adapter"):
        train(tiny_llama_folder, tmp_path, method="full", init=adapter)


@pytest.mark.parametrize("method", ["lora", "ia3", "full"])
def test_gradient_checkpointing_changes_memory_and_not_the_losses(
    method: str, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    losses = []
    for checkpointing in (False, True):
        name = f"checkpointing-{checkpointing}"
        folder = train(tiny_llama_folder, tmp_path, name=name, method=method, gradient_checkpointing=checkpointing)
        losses.append([point.loss for point in read_curves(folder / "curves.json").train])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
