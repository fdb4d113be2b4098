"""What a run of training or a search keeps, cut off or altered: it goes on from what is sound, or says so."""

import shutil

import pytest

from recsys.errors import DataFormatError, RecsysError, SettingsError
from recsys.models.adapter_listing import list_adapters
from recsys.training.checkpoints import DAMAGED, list_checkpoints
from tests.faults.processes import damaged
from tests.fixtures.tiny_runs import train


@pytest.fixture
def run(tiny_gptj_folder, tmp_path, own_cache):
    """A run of six steps that was killed behind its fifth, and how to go on with it."""
    folder = own_cache / "training" / "tuned"
    trained = train(tiny_gptj_folder, tmp_path / "whole", save_steps=1)
    expected = (trained / "adapter_model.safetensors").read_bytes()
    shutil.rmtree(list_checkpoints(folder)[-1])

    def go_on():
        made = train(tiny_gptj_folder, tmp_path / "adapters", save_steps=1)
        assert (made / "adapter_model.safetensors").read_bytes() == expected, "as one that was left alone"

    return folder, go_on


@pytest.mark.parametrize("name", ["optimizer.pt", "trainer_state.json"])
def test_a_damaged_checkpoint_is_set_aside(run, name, caplog):
    folder, go_on = run
    (last,) = list_checkpoints(folder)
    content = (last / name).read_bytes()
    (last / name).write_bytes(content[: len(content) // 2])
    go_on()
    assert (folder / f"{DAMAGED}-{last.name}" / name).is_file()
    assert f"{last} was altered or cut off and is passed over" in caplog.text


def test_the_older_of_two_checkpoints_is_gone_on_from(tiny_gptj_folder, tmp_path, own_cache):
    folder = own_cache / "training" / "tuned"
    told = []
    train(tiny_gptj_folder, tmp_path / "whole", save_steps=1)
    older, last = list_checkpoints(folder)
    (last / "scheduler.pt").write_bytes(b"")
    from recsys.training.fine_tuning import fine_tune
    from recsys.training.request import TrainingRequest
    from tests.fixtures.tiny_runs import DATA, QUICK

    request = TrainingRequest("tuned", str(tiny_gptj_folder), training=QUICK.replace(save_steps=1))
    fine_tune(request, DATA, out=tmp_path / "adapters", device="cpu", progress=lambda share, words: told.append(words))
    steps = [words for words in told if words.startswith("step ") and "loss" in words]
    assert steps[0].startswith("step 6 of 6"), "five were not taken again"
    assert list_checkpoints(folder) == [older, last]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["run.json", "curves.json"])
def test_other_files_of_a_run_are_told_and_no_checkpoint_is_lost(run, name, tmp_path):
    folder, go_on = run
    content = (folder / name).read_bytes()
    for spoilt in (b"", content[: len(content) // 2], b"\xff" + content[1:]):
        (folder / name).write_bytes(spoilt)
        with pytest.raises(RecsysError, match=r"\. .*\.$") as raised:
            go_on()
        assert isinstance(raised.value, SettingsError | DataFormatError)
        assert list_adapters(tmp_path / "adapters") == ()
        assert len(list_checkpoints(folder)) == 1
    (folder / name).write_bytes(content)
    go_on()


def could_not(look, what):
    """Whether it was refused, and that in words."""
    try:
        look()
    except RecsysError as error:
        said = str(error)
    else:
        return False
    assert "move the file away" in said or "cannot be kept" in said, (what, said)
    return True


def test_a_file_of_searches_that_was_cut_off_or_altered_is_told(tmp_path):
    pytest.importorskip("optuna")
    from recsys.tuning.trials import ask_trial, finished_cells, opened_study

    def look():
        with opened_study(tmp_path, "search", ["temperature"], ["maximize"], {"temperature": 1.0}) as kept:
            finished_cells(kept)
            ask_trial(kept, 0, 0).suggest_float("temperature", 0, 1.5)

    for _ in range(3):
        look()
    path = tmp_path / "studies.sqlite3"
    content, told = path.read_bytes(), 0
    for what, spoilt in damaged(content, seed=0, cuts=3, alterations=16, head=120):
        path.write_bytes(spoilt)
        told += could_not(look, what)
    assert told > 3
    path.write_bytes(content)
    look()
