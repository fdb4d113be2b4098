"""Liked titles are preferred to disliked ones: the pairs, the loss by hand, trl's run and what it tells.

Tests that need trl are skipped without it; CI has it from the extra dev.
"""

from __future__ import annotations

import importlib.util
import math
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys.data.records import split_records
from recsys.errors import SettingsError
from recsys.models.adapter_listing import describe_adapter
from recsys.models.adapters import select_adapter
from recsys.models.loading import LoadedModel, load_model
from recsys.models.registry import find_model
from recsys.settings import PromptSettings
from recsys.training import fine_tuning, objectives
from recsys.training.curves import Curves, PreferencePoint, read_curves
from recsys.training.examples import ExampleWriter
from recsys.training.fine_tuning import fine_tune
from recsys.training.preferences import (
    MOST_VALIDATION_PAIRS,
    Pair,
    PreferenceCase,
    PreferenceMeasure,
    preference_cases,
    preference_loss,
    validation_cases,
    write_pairs,
)
from recsys.training.request import TrainingRequest
from recsys.training.settings import TrainingSettings
from tests.fixtures.tiny_adapters import save_tiny_adapter
from tests.fixtures.tiny_ratings import DISLIKES, TITLES, tiny_dataset, tiny_training_data
from tests.fixtures.tiny_runs import DATA, QUICK, logits, notes_of, train, with_peft

STARS = {(user, item): stars for user, item, stars, _ in tiny_dataset().ratings.itertuples(index=False)}
RECORDS = DATA.split.records["train"]


@pytest.fixture(autouse=True)
def runs_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_TRAINING", str(tmp_path / "runs"))


@pytest.fixture
def trl() -> Any:
    return pytest.importorskip("trl")  # CI has it with the extra dev


@pytest.fixture
def loaded(tiny_llama_folder: Path) -> LoadedModel:
    return load_model(find_model(str(tiny_llama_folder)), "fp32", device="cpu")


def writer(loaded: LoadedModel, prompt: PromptSettings | None = None) -> Any:
    prompt = prompt or PromptSettings(style="history")
    return write_pairs(ExampleWriter(loaded.tokenizer, DATA.catalogue, prompt, loss_on="answer"))


def test_a_pair_is_a_title_liked_next_and_one_that_the_same_person_disliked() -> None:
    draw, num = preference_cases(RECORDS, seed=0)
    assert num == len(RECORDS) == 19
    for index, record in enumerate(RECORDS):
        case = draw(0, index)
        assert case.history == record.history
        assert case.liked in record.relevant
        assert STARS[record.user_id, case.disliked] <= 2


def test_pairs_depend_on_seed_epoch_and_index_alone() -> None:
    draw, num = preference_cases(RECORDS, seed=3)
    backwards = [draw(1, index) for index in reversed(range(num))]
    again, _ = preference_cases(RECORDS, seed=3)
    assert [again(1, index) for index in range(num)] == backwards[::-1]
    assert [draw(2, index) for index in range(num)] != backwards[::-1]
    other, _ = preference_cases(RECORDS, seed=4)
    assert [other(1, index) for index in range(num)] != backwards[::-1]


def test_dislikes_count_up_to_the_last_title_of_the_record_and_in_time_order() -> None:
    # Ten likes of a record are at 100, 110 … 190; dislikes at 50, 120 and 190, so all three count.
    last = len(TITLES)
    assert all(RECORDS.dislikes(place) == (last, last - 1, last - 2) for place in range(len(RECORDS)))
    # A prompt knows those up to the history's last title, at 150.
    assert all(record.disliked == (last, last - 1) for record in RECORDS)
    dataset = tiny_dataset()
    later = dataset.ratings.assign(
        timestamp=dataset.ratings["timestamp"] + (dataset.ratings["item_id"] == last - 2).astype("int64")
    )
    moved = split_records(type(dataset)("later", dataset.movies, later)).records["train"]
    assert all(moved.dislikes(place) == (last, last - 1) for place in range(len(moved)))


def test_people_without_dislikes_give_no_pairs() -> None:
    dataset = tiny_dataset()
    ratings = dataset.ratings
    kind = ratings[(ratings["user_id"] % 2 == 0) | (ratings["rating"] > 2)]
    records = split_records(type(dataset)("kind", dataset.movies, kind)).records["train"]
    draw, num = preference_cases(records, seed=0)
    assert num == sum(record.user_id % 2 == 0 for record in records)
    assert all(
        STARS[next(r.user_id for r in records if r.history == draw(0, i).history), draw(0, i).disliked] <= 2
        for i in range(num)
    )
    nobody = tiny_training_data(dislikes=0).split.records["train"]
    with pytest.raises(SettingsError, match="no training user rated a movie 2 or less"):
        preference_cases(nobody, seed=0)
    assert validation_cases(nobody) == []


def test_validation_has_every_liked_title_with_dislikes_in_turn_and_not_too_many() -> None:
    records = DATA.split.records["validation"]
    cases = validation_cases(records)
    assert [case.liked for case in cases] == [item for record in records for item in record.relevant]
    last = len(TITLES)
    assert [case.disliked for case in cases[:4]] == [last, last - 1, last - 2, last]
    assert DISLIKES == 3
    assert len(validation_cases([records[0]] * 500)) == MOST_VALIDATION_PAIRS


def test_both_sequences_of_a_pair_begin_with_the_history_and_end_with_their_title(loaded: LoadedModel) -> None:
    case = PreferenceCase((1, 2, 3), liked=4, disliked=5)
    pair = writer(loaded)(case)
    first = pair.liked.first_target
    assert first == pair.disliked.first_target
    assert pair.liked.ids[:first].tolist() == pair.disliked.ids[:first].tolist()
    assert loaded.tokenizer.decode(pair.liked.ids[first:]).strip() == "Howl's Moving Castle;"
    assert loaded.tokenizer.decode(pair.disliked.ids[first:]).strip() == "The Shawshank Redemption;"
    assert len(pair) == max(len(pair.liked), len(pair.disliked))


def test_a_prompt_that_names_dislikes_never_names_the_one_that_is_rejected() -> None:
    draw, num = preference_cases(RECORDS, seed=0)
    cases = [draw(epoch, index) for epoch in range(3) for index in range(num)]
    assert all(case.disliked not in case.told_disliked for case in cases)
    assert any(case.told_disliked for case in cases)


def test_the_loss_is_what_a_calculator_says() -> None:
    now = np.array([[-3.0, -10.0], [-8.0, -9.0]])
    reference = np.array([[-4.0, -10.0], [-6.0, -11.0]])
    # Margins: (1 - -2) = 3 and (0 - 2) = -2; with beta 0.5: 1.5 and -1.
    by_hand = (math.log(1 + math.exp(-1.5)) + math.log(1 + math.exp(1))) / 2
    assert preference_loss(now, reference, 0.5) == pytest.approx(by_hand)
    assert preference_loss(reference, reference, 0.5) == pytest.approx(math.log(2))


def test_the_likelihood_of_a_title_is_the_sum_over_its_tokens(loaded: LoadedModel) -> None:
    import torch

    pairs = [writer(loaded)(case) for case in validation_cases(DATA.split.records["validation"])]
    measure = PreferenceMeasure(pairs, beta=0.1, pad_token_id=0, batch_size=3)
    told = measure.begin(loaded.model)

    def by_hand(example: Any) -> float:
        ids = torch.from_numpy(example.ids).long()
        with torch.inference_mode():
            tokens = loaded.model(input_ids=ids[None]).logits[0].log_softmax(-1)
        places = range(example.first_target, len(ids))
        return float(sum(tokens[place - 1, ids[place]] for place in places))

    assert told["eval_liked"] == pytest.approx(np.mean([by_hand(pair.liked) for pair in pairs]), rel=1e-4)
    assert told["eval_disliked"] == pytest.approx(np.mean([by_hand(pair.disliked) for pair in pairs]), rel=1e-4)


def test_beta_counts_for_dpo_alone_and_leaves_other_runs_as_they_were() -> None:
    assert "beta" not in TrainingSettings(beta=0.5).in_effect()
    assert TrainingSettings(method="dpo", beta=0.5).in_effect()["beta"] == 0.5
    with pytest.raises(SettingsError, match="beta"):
        TrainingSettings(beta=0)


def test_curves_keep_the_likelihoods_and_read_files_without_them(tmp_path: Path) -> None:
    curves = Curves("run", preferences=(PreferencePoint(0, 0.0, -20.5, -21.0), PreferencePoint(5, 1.0, -20.0, -25.0)))
    curves.save(tmp_path / "curves.json")
    assert read_curves(tmp_path / "curves.json") == curves
    assert curves.up_to(4).preferences == curves.preferences[:1]
    older = curves.to_dict()
    del older["preferences"]
    assert Curves.from_dict(older).preferences == ()


def test_without_trl_the_command_that_installs_it_is_told_before_anything_is_loaded(
    tiny_llama_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fine_tuning, "load_model", None)
    found = importlib.util.find_spec
    monkeypatch.setattr(objectives.importlib.util, "find_spec", lambda name: None if name == "trl" else found(name))
    with pytest.raises(SettingsError, match=r"trl, which is not installed .*pip install -e '\.\[dpo\]'"):
        train(tiny_llama_folder, tmp_path, method="dpo")


@pytest.mark.usefixtures("trl")
@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"augmentation": "sub_histories"}, "pairs of titles are drawn from records"),
        ({"learn_from": "train_and_validation"}, "pairs are drawn from training users alone"),
        ({"teacher_share": 0.5}, "a teacher tells nothing of pairs"),
    ],
)
def test_pairs_are_drawn_from_records_of_training_users_alone(
    tiny_llama_folder: Path, tmp_path: Path, settings: dict[str, Any], told: str
) -> None:
    with pytest.raises(SettingsError, match=told):
        train(tiny_llama_folder, tmp_path, method="dpo", **settings)


@pytest.mark.usefixtures("trl")
@pytest.mark.parametrize("base", ["tiny_llama_folder", "tiny_gptj_folder"])
def test_a_run_moves_liked_and_disliked_titles_apart_and_tells_how_far(
    base: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    import torch

    where = request.getfixturevalue(base)
    folder = train(where, tmp_path, method="dpo", num_train_epochs=6)
    notes = notes_of(folder)
    told = notes["preferences"]
    assert set(told) == {"liked_before", "liked_after", "disliked_before", "disliked_after", "pairs"}
    assert told["pairs"] == 8
    margin = (told["liked_after"] - told["liked_before"]) - (told["disliked_after"] - told["disliked_before"])
    assert margin > 1
    curves = read_curves(folder / "curves.json")
    assert curves.train[0].loss == pytest.approx(math.log(2), abs=1e-4)  # the model is its own reference at first
    assert [point.step for point in curves.preferences] == [0, 3, 6, 9, 12, 15, 18]
    assert curves.preferences[0].liked == pytest.approx(told["liked_before"], abs=1e-3)
    assert curves.preferences[-1].disliked == pytest.approx(told["disliked_after"], abs=1e-3)
    assert curves.validation[-1].loss < curves.validation[0].loss < math.log(2)
    assert (notes["method"], notes["lora"]["r"], notes["training"]["beta"]) == ("dpo", 8, 0.1)
    assert len(curves.ranking) == 6
    # What was saved is what the app switches on, and what PEFT loads.
    switched = load_model(find_model(str(where)), "fp32", device="cpu")
    select_adapter(switched, describe_adapter(folder))
    torch.testing.assert_close(logits(switched.model, where), logits(with_peft(where, folder), where))


def test_trl_computes_the_loss_that_is_computed_here(trl: Any, loaded: LoadedModel, tmp_path: Path) -> None:
    import torch

    from recsys.training.examples import EpochExamples
    from recsys.training.methods import add_trainable
    from recsys.training.preference_trainer import PreferenceTrainer
    from recsys.training.run_trainer import make_arguments
    from recsys.training.settings import LoraSettings

    draw, num = preference_cases(RECORDS, seed=0)
    examples: EpochExamples[Pair] = EpochExamples(draw, num, writer(loaded))
    pairs = [examples[index] for index in range(8)]
    measure = PreferenceMeasure(pairs, beta=0.3, pad_token_id=0, batch_size=8)
    model = add_trainable(loaded.model, "dpo", LoraSettings())
    values = make_arguments(QUICK.replace(method="dpo"), tmp_path, steps_per_epoch=1, use_cpu=True, bf16=False)
    trainer = PreferenceTrainer(
        model,
        examples,
        measure,
        trl.DPOConfig(**values, beta=0.3, max_length=None),
        tokenizer=loaded.tokenizer,
        starts_tuned=False,
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.2)
    model.eval()
    batch = trainer._prepare_inputs(trainer._collate(pairs))
    with torch.no_grad():
        loss = float(trainer.compute_loss(model, batch))
    assert loss == pytest.approx(measure(model)["eval_loss"], rel=1e-4)
    assert abs(loss - math.log(2)) > 0.05


@pytest.mark.usefixtures("trl")
def test_a_run_from_a_tuned_adapter_holds_to_that_adapter(tiny_llama_folder: Path, tmp_path: Path) -> None:
    start = save_tiny_adapter(tiny_llama_folder, tmp_path / "start", r=8)
    folder = train(tiny_llama_folder, tmp_path, method="dpo", init=start, num_train_epochs=4)
    base = load_model(find_model(str(tiny_llama_folder)), "fp32", device="cpu")
    pairs = [writer(base)(case) for case in validation_cases(DATA.split.records["validation"])]
    measure = PreferenceMeasure(pairs, beta=0.1, pad_token_id=0, batch_size=8)
    of_start = measure.begin(with_peft(tiny_llama_folder, start))
    assert notes_of(folder)["preferences"]["liked_before"] == pytest.approx(of_start["eval_liked"], abs=1e-3)
    assert measure.begin(base.model)["eval_liked"] != pytest.approx(of_start["eval_liked"], abs=1e-1)
    curves = read_curves(folder / "curves.json")
    assert curves.train[0].loss == pytest.approx(math.log(2), abs=1e-4)
    assert curves.validation[-1].loss < math.log(2)
    files = sorted(path.name for path in folder.iterdir())
    assert files == ["README.md", "adapter_config.json", "adapter_model.safetensors", "curves.json", "recsys.json"]


@pytest.mark.usefixtures("trl")
def test_gradient_checkpointing_changes_memory_and_not_the_losses(tiny_llama_folder: Path, tmp_path: Path) -> None:
    losses = []
    for checkpointing in (False, True):
        name = f"checkpointing-{checkpointing}"
        folder = train(tiny_llama_folder, tmp_path, name=name, method="dpo", gradient_checkpointing=checkpointing)
        losses.append([point.loss for point in read_curves(folder / "curves.json").train])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


@pytest.mark.usefixtures("trl")
@pytest.mark.parametrize("tuned", [False, True])
def test_a_stopped_run_goes_on_to_the_same_weights_with_the_same_reference(
    tuned: bool, tiny_llama_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = save_tiny_adapter(tiny_llama_folder, tmp_path / "start", r=8) if tuned else None
    whole = train(tiny_llama_folder, tmp_path / "whole", method="dpo", init=start)
    monkeypatch.setenv("RECSYS_TRAINING", str(tmp_path / "stopped-runs"))
    settings = QUICK.replace(method="dpo")
    request = TrainingRequest("tuned", str(tiny_llama_folder), training=settings, init_adapter=start)

    def stop(_fraction: float, message: str) -> None:
        if message.startswith("step 4 of"):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fine_tune(request, DATA, out=tmp_path / "stopped", device="cpu", progress=stop)
    resumed = fine_tune(request, DATA, out=tmp_path / "stopped", device="cpu")
    assert resumed is not None
    weights = "adapter_model.safetensors"
    assert (resumed / weights).read_bytes() == (whole / weights).read_bytes()
    before, after = (read_curves(folder / "curves.json") for folder in (whole, resumed))
    assert [(p.step, p.loss) for p in after.train] == [(p.step, p.loss) for p in before.train]
    assert after.preferences == before.preferences
    assert notes_of(resumed)["preferences"] == notes_of(whole)["preferences"]


def test_a_run_tells_nobody_that_it_runs(
    trl: Any, tiny_llama_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import trl.trainer.base_trainer as base_trainer

    monkeypatch.delenv("CI", raising=False)  # trl is silent there by itself
    monkeypatch.setattr(base_trainer, "send_telemetry", lambda **_told: pytest.fail("trl sent telemetry"))
    train(tiny_llama_folder, tmp_path, method="dpo", max_steps=1)
