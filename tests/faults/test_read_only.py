"""A cache, a folder of runs and one of adapters that nobody may write, root neither: what only reads goes on."""

import pytest

from recsys.errors import ArtifactError
from recsys.models import artifacts
from recsys.models.adapter_listing import list_adapters
from tests.faults.processes import run_here
from tests.fixtures.adapter_zips import adapter_members, write_zip

EVALUATE = ["evaluate", "--records", "2", "--model", "gptj-mini", "--baselines"]


@pytest.fixture
def disk(small_disk, monkeypatch):
    made = small_disk(8)
    monkeypatch.setenv("RECSYS_CACHE", str(made.path))
    return made


def test_answers_and_lists_need_nothing_that_can_be_written(disk, capsys):
    assert run_here(EVALUATE, capsys).code == 0
    disk.close()
    assert run_here(["recommend", "1", "2", "--model", "gptj-mini"], capsys).code == 0
    listed = run_here(["runs", "list"], capsys)
    assert listed.code == 0
    assert "2 test" in listed.printed
    assert run_here(["adapters", "list"], capsys).code == 0


def test_an_evaluation_says_at_once_that_it_cannot_be_kept(disk, capsys):
    disk.close()
    end = run_here([*EVALUATE, "--run-seed", "1"], capsys)
    assert end.code == 1
    assert "the folder of runs cannot be written to" in end.error
    assert "choose another with --runs or $RECSYS_RUNS" in end.error
    disk.open()
    assert run_here([*EVALUATE, "--run-seed", "1"], capsys).code == 0


def test_a_search_and_a_training_run_say_so_as_well(disk, made_zip, tmp_path, capsys):
    pytest.importorskip("optuna")
    tune = ["tune", "--model", "gptj-mini", "--search", "temperature=0..1", "--trials", "2", "--records", "2"]
    train = ["train", "--base-model", "gptj-mini", "--name", "mine", "--data", str(made_zip), "--max-steps", "1"]
    disk.close()
    for command in (tune, [*train, "--out", str(tmp_path / "out")]):
        end = run_here(command, capsys)
        assert end.code == 1
        assert "Read-only file system" in end.error
        assert "choose a" in end.error
    assert not (tmp_path / "out").exists()


def test_an_adapter_is_neither_added_nor_lost(disk, tmp_path, capsys):
    archive = write_zip(tmp_path / "brought.zip", adapter_members())
    add = ["adapters", "add", str(archive), "--adapters", str(disk.path)]
    assert run_here(add, capsys).code == 0
    disk.close()
    end = run_here(add, capsys)
    assert end.code == 1
    assert "the adapter cannot be kept (seen: 'Read-only file system')" in end.error
    assert [info.is_usable for info in list_adapters(disk.path)] == [True]


def test_an_embedded_model_that_is_there_is_used_and_one_that_is_not_is_told(disk, monkeypatch):
    folder = artifacts.smollm2_folder()
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    artifacts.write_manifest(folder, {})
    disk.close()
    assert artifacts.fetch_smollm2(check=True) == folder
    monkeypatch.setattr(artifacts, "CONVERSION_VERSION", 99)
    with pytest.raises(ArtifactError, match=r"Read-only file system.*set RECSYS_CACHE"):
        artifacts.fetch_smollm2()


def test_a_file_where_the_cache_should_be_is_told(tmp_path, monkeypatch, capsys):
    """What can be tried without the right to mount anything."""
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("RECSYS_CACHE", str(tmp_path / "file"))
    assert run_here(["recommend", "1", "2", "--model", "gptj-mini"], capsys).code == 0
    end = run_here(EVALUATE, capsys)
    assert end.code == 1
    assert "the folder of runs cannot be written to" in end.error
