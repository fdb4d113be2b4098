"""The Map tab: what is marked, what lies nearest, and what is told where nothing can be drawn."""

import pytest

from recsys.errors import HistoryError
from recsys.ui.map_tab import MapDrawer
from recsys.ui.running_requests import MAX_SESSIONS, LastAnswers
from tests.ui.fake_workbench import FakeWorkbench


@pytest.fixture(scope="module")
def drawer():
    return MapDrawer(FakeWorkbench())


def liked(*items):
    return [{"item_id": item, "text": ""} for item in items]


def marks(figure):
    return {trace.name: list(trace.text or ()) for trace in figure.data}


def test_every_movie_is_a_dot_and_what_the_page_is_about_stands_out(drawer):
    figure, nearest = drawer.draw(liked(5618, 5971), None, (1, 318), "", 3)
    dots = next(trace for trace in figure.data if trace.name == "Catalogue")
    assert len(dots.x) == len(drawer.workbench.catalogue)
    shown = marks(figure)
    assert shown["Liked"] == ["Spirited Away", "My Neighbor Totoro"]
    assert shown["Recommended by the model"] == ["Toy Story", "The Shawshank Redemption"]
    assert len(shown["Similar by meaning"]) == 3
    assert nearest.count("<li>") == 3
    assert "Liked next, in truth" not in shown


def test_a_held_out_record_shows_its_truth_as_long_as_its_history_is_whole(drawer):
    record = drawer.workbench.split.records["test"][0]
    figure, nearest = drawer.draw(liked(*record.history), record.record_id, (), "", 20)
    assert len(marks(figure)["Liked next, in truth"]) == 4
    assert "of 4." in nearest
    figure, _ = drawer.draw(liked(*record.history[1:]), record.record_id, (), "", 20)
    assert "Liked next, in truth" not in marks(figure)


def test_a_movie_that_is_searched_for_is_marked_and_zoomed_to(drawer):
    figure, _ = drawer.draw([], None, (), "shawshank", 5)
    (found,) = (trace for trace in figure.data if trace.name == "Found")
    low, high = figure.layout.xaxis.range
    assert list(found.text) == ["The Shawshank Redemption"]
    assert low < found.x[0] < high
    figure, nearest = drawer.draw([], None, (), "<b>qqqqqqqqqqqqqqqqqqq</b>", 5)
    assert figure.layout.xaxis.range is None
    assert "<b>q" not in nearest
    assert "No movie is found" in nearest


@pytest.mark.parametrize("value", ["text", [5], [{"item_id": 10**9, "text": ""}]])
def test_movies_that_cannot_be_read_are_refused(drawer, value):
    with pytest.raises(HistoryError):
        drawer.draw(value, None, (), "", 5)


@pytest.mark.parametrize("num", [0, 21])
def test_a_number_out_of_range_is_refused(drawer, num):
    with pytest.raises(HistoryError, match="out of range"):
        drawer.draw([], None, (), "", num)


def test_the_last_answer_of_each_session_is_kept_for_the_most_recent_ones():
    answers = LastAnswers()
    for number in range(MAX_SESSIONS + 1):
        answers.remember(str(number), (number,))
    assert answers.of("0") == ()
    assert answers.of(str(MAX_SESSIONS)) == (MAX_SESSIONS,)
