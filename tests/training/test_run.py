"""Whole runs on tiny models: what they write, how they go on, and how they end when something is wrong."""

import dataclasses
import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from recsys.errors import AdapterError, ModelBusyError, SettingsError, TrainingError
from recsys.models.adapter_listing import describe_adapter
from recsys.models.adapters import select_adapter
from recsys.models.loading import load_model
from recsys.models.registry import find_model
from recsys.prompt_ids import prompt_id
from recsys.settings import PromptSettings
from recsys.training.checkpoints import list_checkpoints
from recsys.training.curves import read_curves
from recsys.training.fine_tuning import fine_tune
from recsys.training.methods import add_trainable
from recsys.training.ranking import rank_records
from recsys.training.request import TrainingData, TrainingRequest
from recsys.training.run import run_training
from recsys.training.run_folder import hold_run, require_name, training_folder
from recsys.training.saving import save_adapter
from recsys.training.settings import LoraSettings, TrainingSettings

FAST = TrainingSettings(
    num_train_epochs=2, per_device_train_batch_size=4, learning_rate=0.01, save_steps=2, ranking_records=2
)


@pytest.fixture
def asked(tiny_gptj_folder):
    return TrainingRequest("tiny-story", str(tiny_gptj_folder), training=FAST, command="python -m recsys train")


def changed(asked, **settings):
    return dataclasses.replace(asked, training=asked.training.replace(**settings))


def tensors(folder):
    return load_file(Path(folder) / "adapter_model.safetensors")


def test_a_run_writes_an_adapter_that_the_app_loads_and_ranks_with(asked, training_data, tmp_path, load_tiny_gptj):
    folder = fine_tune(asked, training_data, out=tmp_path / "adapters", device="cpu")
    assert folder == tmp_path / "adapters" / "tiny-story"
    assert {path.name for path in folder.iterdir()} == {
        "adapter_config.json", "adapter_model.safetensors", "README.md", "recsys.json", "curves.json"
    }  # fmt: skip
    assert {tensor.dtype for tensor in tensors(folder).values()} == {torch.float16}
    loaded = load_tiny_gptj()
    info = describe_adapter(folder)
    assert (info.note, info.prompt_id) == ("", prompt_id(PromptSettings("history")))
    assert select_adapter(loaded, info) == ()
    ranked = rank_records(loaded, training_data.split.records["test"], training_data.catalogue, asked.prompt)
    assert (ranked.num_records, ranked.num_users, ranked.k) == (2, 2, 4)
    notes = json.loads((folder / "recsys.json").read_text())
    assert (notes["steps"], notes["num_train_epochs"], notes["num_records"]) == (6, 2.0, 12)
    assert (notes["num_validation_records"], notes["num_validation_users"]) == (3, 3)
    assert notes["lora"]["r"] == 8
    assert notes["forgetting"]["before"] > 1
    assert notes["forgetting"]["after"] != notes["forgetting"]["before"]


def test_curves_tell_every_epoch(asked, training_data, tmp_path):
    fine_tune(asked, training_data, out=tmp_path, device="cpu")
    curves = read_curves(tmp_path / "tiny-story" / "curves.json")
    assert (curves.steps_per_epoch, curves.num_train_epochs) == (3, 2)
    assert [point.step for point in curves.train] == [1, 2, 3, 4, 5, 6]
    assert [(point.step, point.epoch) for point in curves.validation] == [(3, 1.0), (6, 2.0)]
    assert [(point.step, point.num_records) for point in curves.ranking] == [(3, 2), (6, 2)]
    assert curves.train[-1].loss < curves.train[0].loss


def test_a_run_that_is_ended_by_its_steps_plans_no_more_epochs_than_it_takes(
    asked, training_data, load_tiny_gptj, tmp_path
):
    for max_steps, epochs in ((2, 0.5), (4, 10)):
        capped = changed(asked, max_steps=max_steps, num_train_epochs=epochs)
        result = run_training(capped, training_data, load_tiny_gptj(), tmp_path / f"run-{max_steps}")
        assert result.curves.steps_per_epoch == 3
        assert result.curves.num_train_epochs == pytest.approx(max_steps / 3)
        assert result.notes["num_train_epochs"] == round(max_steps / 3, 2)


def test_the_validation_loss_is_the_mean_over_targets_with_the_weights_of_then(
    asked, training_data, tmp_path, load_tiny_gptj
):
    from recsys.training.batches import collate
    from recsys.training.examples import Case, ExampleWriter
    from recsys.training.target_loss import summed_loss

    result = run_training(asked, training_data, load_tiny_gptj(), tmp_path / "run")
    model = result.model.eval()
    write = ExampleWriter(load_tiny_gptj().tokenizer, training_data.catalogue, asked.prompt, loss_on="answer")
    sums = [0.0, 0]
    for record in training_data.split.records["validation"]:  # the oracle: one at a time
        example = write(Case(record.history, record.relevant))
        with torch.no_grad():
            total, count = summed_loss(model, model.get_output_embeddings(), collate([example], pad_token_id=0))
        sums = [sums[0] + float(total), sums[1] + int(count)]
    assert result.curves.validation[-1].loss == pytest.approx(sums[0] / sums[1], rel=1e-5)


def test_a_run_on_all_but_test_users_measures_nothing_on_those_it_learns_from(
    asked, training_data, load_tiny_gptj, tmp_path
):
    asked = changed(asked, learn_from="train_and_validation", num_train_epochs=1)
    result = run_training(asked, training_data, load_tiny_gptj(), tmp_path / "run")
    assert (result.curves.validation, result.curves.ranking) == ((), ())
    assert result.curves.train[-1].step == result.notes["steps"], "the curve ends where the run does"
    assert result.notes["split"].endswith("train and validation users")
    assert (result.notes["num_records"], result.notes["num_validation_records"]) == (15, 0)


@pytest.mark.parametrize("augmentation", ["records", "sub_histories"])
def test_a_run_that_was_killed_and_goes_on_ends_as_one_that_was_not(
    asked, training_data, load_tiny_gptj, tmp_path, augmentation
):
    asked = changed(asked, augmentation=augmentation, loss_on="titles", num_train_epochs=3)
    whole = run_training(asked, training_data, load_tiny_gptj(), tmp_path / "whole")

    class Killed(BaseException):
        pass

    def die(fraction, message):
        if message.startswith("step 5 of"):  # in the middle of the second epoch, after the checkpoint of step 4
            raise Killed

    with pytest.raises(Killed):
        run_training(asked, training_data, load_tiny_gptj(), tmp_path / "killed", progress=die)
    assert [path.name for path in list_checkpoints(tmp_path / "killed")] == ["checkpoint-2", "checkpoint-4"]
    resumed = run_training(asked, training_data, load_tiny_gptj(), tmp_path / "killed")
    expected, got = (dict(result.model.named_parameters()) for result in (whole, resumed))
    assert all(torch.equal(expected[name], got[name]) for name in expected)
    without_time = [
        [dataclasses.replace(point, seconds=0) for point in result.curves.train] for result in (whole, resumed)
    ]
    assert without_time[0] == without_time[1]
    assert whole.curves.validation == resumed.curves.validation
    assert whole.curves.ranking == resumed.curves.ranking


def test_a_checkpoint_that_was_not_finished_is_none(asked, training_data, load_tiny_gptj, tmp_path, monkeypatch):
    from transformers import Trainer

    def half(self, output_dir):
        if output_dir.endswith("checkpoint-4"):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Trainer, "_save_rng_state", half)
    with pytest.raises(TrainingError, match=r"disk is full.*goes on from the last checkpoint"):
        run_training(asked, training_data, load_tiny_gptj(), tmp_path / "run")
    assert [path.name for path in list_checkpoints(tmp_path / "run")] == ["checkpoint-2"]


@pytest.mark.parametrize("most_bytes", [500, 4_000, 16_000])
def test_files_that_cannot_be_written_whole_are_told_whoever_writes_them(
    asked, training_data, load_tiny_gptj, tmp_path, most_bytes
):
    """The system itself refuses longer files, so curves, safetensors and torch fail as on a full disk."""
    resource = pytest.importorskip("resource")  # not on Windows
    loaded = load_tiny_gptj()
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        with pytest.raises(TrainingError, match=r"disk is full|cannot be written"):
            run_training(asked, training_data, loaded, tmp_path / "run")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert list_checkpoints(tmp_path / "run") == []


def test_a_result_that_cannot_be_written_leaves_the_older_one(asked, training_data, tmp_path):
    resource = pytest.importorskip("resource")
    folder = fine_tune(asked, training_data, out=tmp_path, device="cpu")
    before = tensors(folder)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    model, curves = _some_model(asked), read_curves(folder / "curves.json")
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        with pytest.raises(TrainingError, match="cannot be written"):
            save_adapter(model, folder, base_model="tiny", notes={}, curves=curves)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert all(torch.equal(tensor, before[name]) for name, tensor in tensors(folder).items())


def _some_model(asked):
    loaded = load_model(find_model(asked.base_model), "fp32", device="cpu")
    return add_trainable(loaded.model, "lora", LoraSettings())


def test_two_checkpoints_are_kept(asked, training_data, load_tiny_gptj, tmp_path):
    run_training(changed(asked, save_steps=1), training_data, load_tiny_gptj(), tmp_path / "run")
    assert [path.name for path in list_checkpoints(tmp_path / "run")] == ["checkpoint-5", "checkpoint-6"]


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_last_checkpoint(
    asked, training_data, load_tiny_gptj, tmp_path, monkeypatch
):
    from recsys.training import trainer

    calls = []
    real = trainer.summed_loss

    def spoilt(*args):
        calls.append(1)
        total, count = real(*args)
        return (total * float("nan") if len(calls) == 3 else total), count

    monkeypatch.setattr(trainer, "summed_loss", spoilt)
    with pytest.raises(TrainingError, match=r"loss became nan at step 3.*lower learning_rate"):
        run_training(asked, training_data, load_tiny_gptj(), tmp_path / "run")
    (kept,) = list_checkpoints(tmp_path / "run")
    assert all(tensor.isfinite().all() for tensor in load_file(kept / "adapter_model.safetensors").values())


def test_early_stopping_ends_with_the_weights_of_the_lowest_validation_loss(
    asked, training_data, load_tiny_gptj, tmp_path
):
    # A rate this high makes every epoch worse than the first ones.
    wild = changed(asked, early_stopping_patience=2, num_train_epochs=30, learning_rate=0.9, max_grad_norm=1000)
    result = run_training(wild, training_data, load_tiny_gptj(), tmp_path / "run")
    losses = [point.loss for point in result.curves.validation]
    assert len(losses) < 30
    assert losses.index(min(losses)) == len(losses) - 3
    best = load_file(tmp_path / "run" / "best.safetensors")
    kept = dict(result.model.named_parameters())
    assert all(torch.equal(kept[name], tensor) for name, tensor in best.items())


def test_the_same_command_with_other_settings_is_refused_with_what_differs(
    asked, training_data, load_tiny_gptj, tmp_path
):
    run_training(asked, training_data, load_tiny_gptj(), tmp_path / "run")
    other = changed(asked, learning_rate=0.02)
    with pytest.raises(SettingsError, match=r"training.learning_rate: 0.01 then, 0.02 now.*--restart"):
        run_training(other, training_data, load_tiny_gptj(), tmp_path / "run")
    run_training(other, training_data, load_tiny_gptj(), tmp_path / "run", restart=True)


def test_a_finished_run_is_not_trained_again(asked, training_data, load_tiny_gptj, tmp_path):
    first = run_training(asked, training_data, load_tiny_gptj(), tmp_path / "run")
    again = run_training(asked, training_data, load_tiny_gptj(), tmp_path / "run")
    assert [point.step for point in again.curves.train] == [point.step for point in first.curves.train]
    one, other = (dict(result.model.named_parameters()) for result in (first, again))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_two_processes_cannot_train_one_run(tmp_path):
    # Two locks, as two processes would have.
    mine, theirs = (hold_run(tmp_path / "run") for _ in range(2))
    with mine, pytest.raises(ModelBusyError, match="another process"), theirs:
        pass


def test_training_goes_on_from_another_adapter(asked, training_data, tmp_path, load_tiny_gptj):
    first = fine_tune(asked, training_data, out=tmp_path, device="cpu")
    on = dataclasses.replace(changed(asked, max_steps=1, learning_rate=1e-9), name="more", init_adapter=first)
    second = fine_tune(on, training_data, out=tmp_path, device="cpu")
    ours, theirs = tensors(first), tensors(second)
    assert all(torch.allclose(ours[name].float(), theirs[name].float(), atol=1e-3) for name in ours)
    wider = dataclasses.replace(on, name="wider", lora=LoraSettings(r=4))
    with pytest.raises(SettingsError, match="does not fit this run"):
        fine_tune(wider, training_data, out=tmp_path, device="cpu")
    with pytest.raises(AdapterError, match=r"adapter_model\.safetensors"):
        fine_tune(
            dataclasses.replace(on, name="none", init_adapter=tmp_path / "nothing"),
            training_data,
            out=tmp_path,
            device="cpu",
        )


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"precision": "fp16"}, "cannot train in fp16"),
        ({"method": "full", "precision": "int8"}, "trained in fp32"),
        ({"loss_on": "titles"}, "does not write every title"),
    ],
)
def test_what_cannot_go_together_is_told_before_training(asked, training_data, tmp_path, settings, problem):
    request = dataclasses.replace(changed(asked, **settings), prompt=PromptSettings("zero_shot"))
    with pytest.raises(SettingsError, match=problem):
        fine_tune(request, training_data, out=tmp_path, device="cpu")
    assert not (training_folder() / "tiny-story").exists()


def test_an_unknown_target_module_is_told_with_those_that_there_are(asked, training_data, tmp_path):
    request = dataclasses.replace(asked, lora=LoraSettings(target_modules=("q_proj", "w_pack")))
    with pytest.raises(SettingsError, match=r"w_pack.*q_proj"):
        fine_tune(request, training_data, out=tmp_path, device="cpu")


def test_users_without_ten_likes_give_nothing_to_train_on(asked, training_data, tmp_path):
    split = dataclasses.replace(training_data.split, records={"train": (), "validation": (), "test": ()})
    with pytest.raises(SettingsError, match=r"no train user has the 10 likes.*0 records"):
        fine_tune(asked, TrainingData(split, training_data.catalogue, "few"), out=tmp_path, device="cpu")
    only = {**training_data.split.records, "validation": ()}
    data = TrainingData(dataclasses.replace(training_data.split, records=only), training_data.catalogue, "few")
    with pytest.raises(SettingsError, match="no validation user"):
        fine_tune(changed(asked, early_stopping_patience=1), data, out=tmp_path, device="cpu")


@pytest.mark.parametrize("name", ["", ".", "../up", "a/b", "x" * 65, "naïve", "-x"])
def test_a_name_that_no_folder_should_have_is_refused(name):
    with pytest.raises(SettingsError, match="name of an adapter"):
        require_name(name)


def test_control_c_leaves_a_checkpoint_from_which_the_run_goes_on(asked, training_data, load_tiny_gptj, tmp_path):
    def interrupt(fraction, message):
        if message.startswith("step 3 of"):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)

    assert threading.current_thread() is threading.main_thread()
    with pytest.raises(KeyboardInterrupt):
        run_training(asked, training_data, load_tiny_gptj(), tmp_path / "run", progress=interrupt)
    assert list_checkpoints(tmp_path / "run")[-1].name in ("checkpoint-3", "checkpoint-4")
    assert run_training(asked, training_data, load_tiny_gptj(), tmp_path / "run").notes["steps"] == 6


_TWO_PROCESSES = """
import sys
from pathlib import Path
from tests.training.two_processes import train
train(Path(sys.argv[1]), Path(sys.argv[2]), accumulation=1)
"""


def test_two_processes_learn_what_one_does_with_twice_the_batches_a_step(tiny_gptj_folder, tmp_path):
    """Gradients agree and one adapter is written: one process with two passes a step takes the same batches."""
    script = tmp_path / "train.py"
    script.write_text(_TWO_PROCESSES)
    from tests.training.two_processes import train

    train(tiny_gptj_folder, tmp_path / "one", accumulation=2)
    command = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes=2"]
    # On a machine without a GPU, --multi_gpu means several processes; --cpu would start one.
    command += ["--mixed_precision=no", "--num_machines=1", "--dynamo_backend=no", "--main_process_port=0", str(script)]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "RECSYS_CACHE": str(tmp_path / "two")}
    ran = subprocess.run(
        [*command, str(tiny_gptj_folder), str(tmp_path / "out")], env=environment, capture_output=True, text=True,
        timeout=240, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["tiny"]
    one, two = tensors(tmp_path / "one" / "tiny"), tensors(tmp_path / "out" / "tiny")
    assert one.keys() == two.keys()
    for name, tensor in one.items():
        torch.testing.assert_close(two[name].float(), tensor.float(), rtol=1e-2, atol=1e-3)
    curves = [read_curves(folder / "tiny" / "curves.json") for folder in (tmp_path / "one", tmp_path / "out")]
    losses = [[point.loss for point in each.train] for each in curves]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert curves[0].validation[-1].loss == pytest.approx(curves[1].validation[-1].loss, rel=1e-4)
