"""The Map tab: what is marked, what lies nearest, and what is told where nothing can be drawn."""

from types import SimpleNamespace

import pytest

from recsys.background import TaskState
from recsys.errors import HistoryError, ModelUnavailableError, SettingsError
from recsys.models.host import HostState, ModelChoice
from recsys.ui.map_drawer import MapDrawer
from recsys.ui.map_tab import missing_html, shown
from recsys.ui.running_requests import MAX_SESSIONS, LastAnswers
from tests.ui.fake_workbench import FakeWorkbench


@pytest.fixture(scope="module")
def drawer():
    return MapDrawer(FakeWorkbench())


def liked(*items):
    return [{"item_id": item, "text": ""} for item in items]


def drawn(drawer, *values):
    drawing = drawer.draw(*values)
    return drawing.figure, drawing.nearest


def marks(figure):
    return {trace.name: list(trace.text or ()) for trace in figure.data}


def test_every_movie_is_a_dot_and_what_the_page_is_about_stands_out(drawer):
    figure, nearest = drawn(drawer, liked(5618, 5971), None, (1, 318), "", 3)
    dots = next(trace for trace in figure.data if trace.name == "Catalogue")
    assert len(dots.x) == len(drawer.workbench.catalogue)
    shown_marks = marks(figure)
    assert shown_marks["Liked"] == ["Spirited Away", "My Neighbor Totoro"]
    assert shown_marks["Recommended by the model"] == shown_marks["Similar by meaning"] == []
    hovered = {trace.name: len(trace.hovertext) for trace in figure.data}
    assert (hovered["Recommended by the model"], hovered["Similar by meaning"]) == (2, 3)
    assert nearest.count("<li>") == 3
    assert "Liked next, in truth" not in shown_marks


def test_a_held_out_record_shows_its_truth_as_long_as_its_history_is_whole(drawer):
    record = drawer.workbench.split.records["test"][0]
    figure, nearest = drawn(drawer, liked(*record.history), record.record_id, (), "", 20)
    assert len(marks(figure)["Liked next, in truth"]) == 4
    assert "of 4." in nearest
    figure, _ = drawn(drawer, liked(*record.history[1:]), record.record_id, (), "", 20)
    assert "Liked next, in truth" not in marks(figure)


def test_a_movie_that_is_searched_for_is_marked_and_zoomed_to(drawer):
    figure, _ = drawn(drawer, [], None, (), "shawshank", 5)
    (found,) = (trace for trace in figure.data if trace.name == "Found")
    low, high = figure.layout.xaxis.range
    assert list(found.text) == ["The Shawshank Redemption"]
    assert low < found.x[0] < high
    figure, nearest = drawn(drawer, [], None, (), "<b>qqqqqqqqqqqqqqqqqqq</b>", 5)
    whole = figure.layout.xaxis.range
    assert whole[1] - whole[0] > 5 * (high - low)
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
        answers.remember(str(number), SimpleNamespace(item_ids=(number, None)))
    assert answers.of("0") == ()
    assert answers.of(str(MAX_SESSIONS)) == (MAX_SESSIONS,)


@pytest.fixture
def of_another_model(monkeypatch, tmp_path):
    """A drawer whose process has a model in memory that never saw these movies."""
    monkeypatch.setenv("RECSYS_CACHE", str(tmp_path))
    monkeypatch.setattr("recsys.ui.map_drawer.DEFAULT_MODEL", "a model without a shipped map")
    workbench = FakeWorkbench(runs=tmp_path)
    workbench.host.choice = ModelChoice("tiny-llama", adapter="movies")
    return MapDrawer(workbench)


def test_the_map_is_the_loaded_models_and_where_it_has_none_it_may_be_made(of_another_model, monkeypatch):
    monkeypatch.setattr("recsys.ui.map_drawer.find_spec", lambda name: object())
    drawing = of_another_model.draw(liked(5618), None, (), "", 3)
    assert drawing.figure is None
    assert drawing.may_make
    assert drawing.missing.startswith("tiny-llama has no map of MovieLens latest-small (2016) yet.")
    assert of_another_model.choice() == ModelChoice("tiny-llama")
    plot, _, note, make, stop, timer = shown(drawing, TaskState())
    assert (plot.visible, note.visible, make.visible, stop.visible, timer.active) == (
        False,
        True,
        True,
        False,
        False,
    )
    of_another_model.workbench.host.choice = ModelChoice()
    assert of_another_model.draw(liked(5618), None, (), "", 3).figure is not None


def test_the_embedded_models_map_stands_in_for_a_model_without_one_and_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("RECSYS_CACHE", str(tmp_path))
    monkeypatch.setattr("recsys.ui.map_drawer.find_spec", lambda name: object())
    drawer = MapDrawer(FakeWorkbench(runs=tmp_path))
    drawer.workbench.host.choice = ModelChoice("gptj-mini")
    drawing = drawer.draw(liked(5618), None, (), "", 3)
    assert drawing.figure is not None
    assert drawing.nearest.count("<li>") == 3
    assert drawing.missing.startswith("This is the map of smollm2-135m: gptj-mini has no map of MovieLens")
    plot, _, note, make, stop, _ = shown(drawing, TaskState())
    assert (plot.visible, note.visible, make.visible, stop.visible) == (True, True, True, False)


def test_without_scikit_learn_the_command_that_installs_it_is_told(of_another_model, monkeypatch):
    monkeypatch.setattr("recsys.ui.map_drawer.find_spec", lambda name: None)
    monkeypatch.setattr("recsys.resolution.item_map.find_spec", lambda name: None)
    missing = of_another_model.missing()
    assert not missing.may_make
    assert "pip install -e '.[map]'" in missing.missing
    with pytest.raises(ModelUnavailableError, match="needs scikit-learn"):
        of_another_model.workbench.start_map(ModelChoice())


def test_a_public_page_makes_no_map(tmp_path):
    public = FakeWorkbench(public=True, runs=tmp_path)
    assert not MapDrawer(public).missing().may_make
    with pytest.raises(SettingsError, match="a public page makes no maps"):
        public.start_map(ModelChoice())


def test_weights_that_were_trained_again_under_the_same_name_have_no_map_yet(monkeypatch, tmp_path):
    drawer = MapDrawer(FakeWorkbench(runs=tmp_path))
    loaded = HostState("ready", ModelChoice(), weight_hash="0" * 64)
    monkeypatch.setattr(drawer.workbench.host, "state", lambda: loaded)
    assert drawer.draw([], None, (), "", 5).figure is None


def test_how_far_a_map_is_and_why_it_failed_are_told_and_escaped():
    running = missing_html("none yet", TaskState("running", 1, 0.35, "<b>Embedded</b> 5 of 9"))
    assert "width:35%" in running
    assert "<b>Embedded" not in running
    failed = missing_html("none yet", TaskState("failed", 1, 0.35, "the map <i>broke</i>"))
    assert 'role="alert">The map &lt;i&gt;broke' in failed
