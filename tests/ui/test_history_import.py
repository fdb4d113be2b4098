"""A person's own ratings on the page: what is asked, what is taken, and that the file is gone afterwards."""

import pytest

from recsys.errors import DataFormatError, HistoryError
from recsys.ui.history_import import entries_of, error_html, questions_of, read_review, review_html
from tests.ui.fake_workbench import FakeWorkbench

LIST = "Toy Story (1995)\nSpirted Away\nSolaris\nxyzzy\n- Speed 2: Cruise Control\n"


@pytest.fixture(scope="module")
def workbench():
    return FakeWorkbench()


@pytest.fixture
def review(workbench):
    return read_review(workbench, None, LIST)


def test_each_movie_that_a_doubtful_title_may_be_is_a_question(review, workbench):
    asked = dict(questions_of(review, workbench.catalogue))
    assert asked["Spirted Away → Spirited Away (2001) · 1 letter away"] == "1:5618"
    assert [value for name, value in asked.items() if name.startswith("Solaris →")] == ["2:3503", "2:5881"]


def test_only_what_is_sure_or_ticked_is_taken(review, workbench):
    liked, disliked = entries_of(review, ["1:5618", "2:3503", "2:5881"], workbench.catalogue, 6)
    assert [entry["item_id"] for entry in liked] == [1, 5618, 3503]
    assert [entry["text"] for entry in disliked] == ["Speed 2: Cruise Control (1997)"]
    assert [entry["item_id"] for entry in entries_of(review, [], workbench.catalogue, 6)[0]] == [1]


@pytest.mark.parametrize("ticked", [None, "1:5618", ["1:1"], ["99:1"], ["1:-5"], ["x:y"], [5], [["1:5618"]], [{}]])
def test_a_tick_that_was_not_offered_is_nothing(review, workbench, ticked):
    liked, _ = entries_of(review, ticked, workbench.catalogue, 6)
    assert [entry["item_id"] for entry in liked] == [1]


def test_the_most_recent_are_taken(review, workbench):
    liked, _ = entries_of(review, ["1:5618"], workbench.catalogue, 1)
    assert [entry["item_id"] for entry in liked] == [5618]


def test_an_uploaded_file_is_removed_once_read(workbench, tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("Date,Name,Year,Letterboxd URI,Rating\n2020-01-01,Heat,1995,u,5\n", encoding="utf-8")
    assert read_review(workbench, str(path), "").count("sure") == 1
    assert not path.exists()


def test_a_file_that_is_wrong_is_removed_too_and_named_without_its_folder(workbench, tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("Date,Name,Year,Letterboxd URI,Rating\n2020-01-01,Heat,1995,u,9\n", encoding="utf-8")
    with pytest.raises(DataFormatError, match=r"^ratings.csv, line 2: the rating is not one") as caught:
        read_review(workbench, str(path), "")
    assert not path.exists()
    assert str(tmp_path) not in error_html(caught.value)
    with pytest.raises(DataFormatError, match="no longer here"):
        read_review(workbench, str(path), "")


@pytest.mark.parametrize("text", [None, "", " \n"])
def test_nothing_given_is_told(workbench, text):
    with pytest.raises(HistoryError, match="nothing to look up"):
        read_review(workbench, None, text)


def test_titles_of_a_file_are_text_on_the_page(workbench):
    hostile = "<img src=x onerror=alert(1)> ${alert(2)}"
    review = read_review(workbench, None, f"{hostile}\nToy Story (1995)")
    html = review_html(review, workbench.catalogue)
    assert "<img" not in html
    assert "${" not in html
    assert "<b>1</b> found" in html
