"""The fold that chooses another data set: what its values mean, and what is refused."""

import pytest

from recsys.background import TaskState
from recsys.data.splits import SplitSettings
from recsys.errors import DataFormatError, HistoryError, RecsysError, SettingsError
from recsys.ui.data_choice import MAX_UPLOAD_BYTES, read_source, start_choosing, task_html
from recsys.ui.header import data_chip
from recsys.ui.title_picker import read_entries
from tests.made_data import write_made_zip
from tests.ui.fake_workbench import FakeWorkbench


@pytest.fixture
def workbench(tmp_path):
    return FakeWorkbench(runs=tmp_path / "runs")


def finished(workbench):
    return workbench.data_holder.task.wait(60)


def test_a_folder_of_this_machine_is_split_as_chosen(workbench, tmp_path):
    path = write_made_zip(tmp_path / "made.zip")
    start_choosing(workbench, "path", f" {path} ", None, "record", 10.0, 2.0, 3.0)
    assert finished(workbench).message == "made, split by record, 10 records, 2 held out, seed 3 is in use."
    assert {name: len(records) for name, records in workbench.split.records.items()} == {
        "train": 8,
        "validation": 0,
        "test": 2,
    }
    assert path.exists()


def test_an_uploaded_zip_is_removed_once_it_is_read(workbench, tmp_path):
    path = write_made_zip(tmp_path / "made.zip")
    start_choosing(workbench, "upload", "", str(path), "user", 0, 0, 0)
    assert finished(workbench).phase == "done"
    assert not path.exists()
    assert workbench.dataset.name == "made"


def test_numbers_that_a_split_does_not_have_are_left_out(workbench, tmp_path):
    path = write_made_zip(tmp_path / "made.zip")
    start_choosing(workbench, "path", str(path), None, "time", 10, 2, 3)
    finished(workbench)
    assert workbench.data.choice.split == SplitSettings(split_by="time")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (("path", "  ", None), "no folder or zip is named"),
        (("path", None, None), "no folder or zip is named"),
        (("path", "a\x00b", None), "cannot be a path"),
        (("path", "x" * 1001, None), "cannot be a path"),
        (("path", "~nobody-of-this-name/x", None), "no home folder"),
        (("upload", "", None), "no file is chosen"),
        (("elsewhere", "x", None), "no folder or zip is named"),
    ],
)
def test_what_names_no_data_set_is_refused_before_anything_is_read(workbench, values, told):
    with pytest.raises(SettingsError, match=told):
        start_choosing(workbench, *values, "user", 0, 0, 0)
    assert workbench.data_holder.task.state().phase == "idle"


@pytest.mark.parametrize(
    "split", [("galaxy", 0, 0, 0), ("record", -1, 0, 0), ("record", 1.5, 0, 0), ("user", 0, 0, "x")]
)
def test_a_split_that_cannot_be_is_refused(workbench, split):
    with pytest.raises(SettingsError):
        start_choosing(workbench, "embedded", "", None, *split)


def test_an_upload_that_is_no_zip_or_too_large_is_refused(tmp_path):
    text, large = tmp_path / "a.txt", tmp_path / "a.zip"
    text.write_text("x")
    with large.open("wb") as file:
        file.truncate(MAX_UPLOAD_BYTES + 1)
    with pytest.raises(DataFormatError, match="this is no zip"):
        read_source("upload", "", str(text))
    with pytest.raises(DataFormatError, match="too large"):
        read_source("upload", "", str(large))


def test_a_public_page_refuses_even_what_it_does_not_offer(tmp_path):
    public = FakeWorkbench(public=True, runs=tmp_path)
    with pytest.raises(SettingsError, match="a public page keeps its data set"):
        start_choosing(public, "embedded", "", None, "user", 0, 0, 0)


def test_a_movie_picked_from_another_data_set_is_told_and_not_taken_for_another(catalogue):
    assert read_entries([{"item_id": 1, "text": "Toy Story (1995)"}], catalogue) == (1,)
    with pytest.raises(HistoryError, match="picked from another data set"):
        read_entries([{"item_id": 1, "text": "Made Movie 1 (1981)"}], catalogue)


def test_states_and_names_are_escaped():
    error = RecsysError("<b>${x}</b> is wrong")
    for html in (
        task_html(TaskState("failed", 1, 0.2, str(error), error)),
        task_html(TaskState("running", 1, 0.2, "<b>reading")),
        task_html(TaskState("done", 1, 1.0, "<b>made is in use.")),
        data_chip('<b>"x"'),
    ):
        assert "<b>$" not in html
        assert "<b>reading" not in html
        assert "<b>made" not in html
        assert '<b>"' not in html
    assert "The data set in use stays." in task_html(TaskState("failed", 1, 0.2, str(error), error))
    assert task_html(TaskState()) == ""
