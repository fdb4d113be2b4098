"""Curves over each other: where the points are, how runs are told apart, and what stands where nothing is."""

import dataclasses
import json

import pytest

from recsys.ui import theme
from recsys.ui.training_figures import CURVE_KINDS, DASHES, CurveLine, curve_figure
from tests.fixtures.plain_adapters import make_curves

STORY = make_curves("story")
LINES = [CurveLine("story", 0, STORY), CurveLine("wide", 1, make_curves("wide", done=2))]


def plain(figure):
    return json.loads(figure.to_json())


@pytest.mark.parametrize("kind", CURVE_KINDS)
def test_every_run_is_one_line_with_a_colour_and_a_dash_of_its_own(kind):
    lines = plain(curve_figure(kind, LINES, "epoch"))["data"]
    assert [(line["line"]["color"], line["line"]["dash"]) for line in lines] == [
        (theme.CURVE_COLOURS[0], "solid"),
        (theme.CURVE_COLOURS[1], "dash"),
    ]
    assert not any(line["showlegend"] for line in lines)


def test_twelve_runs_look_different():
    looks = {(line.colour, line.dash) for line in (CurveLine("x", place, STORY) for place in range(12))}
    assert len(looks) == 12
    assert len(DASHES) == 4


def test_points_are_where_the_file_says_over_epochs_and_over_steps():
    over_epochs = plain(curve_figure("validation", LINES[:1], "epoch"))["data"][0]
    over_steps = plain(curve_figure("validation", LINES[:1], "step"))["data"][0]
    assert over_epochs["x"] == [1, 2, 3, 4, 5]
    assert over_steps["x"] == [40, 80, 120, 160, 200]
    assert over_epochs["y"] == over_steps["y"] == pytest.approx([point.loss for point in STORY.validation])


def test_the_learning_rate_is_drawn_from_the_training_points():
    line = plain(curve_figure("learning_rate", LINES[:1], "step"))["data"][0]
    assert line["y"] == pytest.approx([point.learning_rate for point in STORY.train])


def test_map_has_its_interval_as_whiskers_and_none_where_there_is_none():
    first, *others = STORY.ranking
    bare = dataclasses.replace(STORY, ranking=(dataclasses.replace(first, low=None, high=None), *others))
    line = plain(curve_figure("ranking", [CurveLine("story", 0, bare)], "epoch"))["data"][0]
    assert line["error_y"]["array"][:2] == pytest.approx([0.0, others[0].high - others[0].map])
    assert line["error_y"]["arrayminus"][0] == 0.0
    assert line["customdata"][0][1] == f"MAP@4 {first.map:.4f}"
    assert "[" in line["customdata"][1][1]


def test_the_axis_of_a_run_under_way_ends_where_the_run_will():
    running = CurveLine("night", 0, make_curves("night", done=1), planned=200)
    ended = CurveLine("night", 0, make_curves("night", done=1))
    for axis, planned, done in (("step", 200, 40), ("epoch", 5, 1)):
        assert curve_figure("train", [running], axis).layout.xaxis.range[1] == pytest.approx(planned * 1.02)
        assert curve_figure("train", [ended], axis).layout.xaxis.range[1] == pytest.approx(done * 1.02)


@pytest.mark.parametrize("kind", CURVE_KINDS)
def test_what_is_missing_is_told_in_the_figure(kind):
    empty = dataclasses.replace(STORY, train=(), validation=(), ranking=())
    (told,) = curve_figure(kind, [CurveLine("story", 0, empty)], "epoch").layout.annotations
    assert told.text == "No run on show has a point here yet"
    (told,) = curve_figure(kind, [], "epoch").layout.annotations
    assert told.text == "No run is chosen"


def test_a_long_run_is_thinned_and_keeps_its_end():
    points = tuple(dataclasses.replace(STORY.train[0], step=step, epoch=step / 1000) for step in range(1, 10_001))
    long = dataclasses.replace(STORY, train=points)
    line = curve_figure("train", [CurveLine("long", 0, long)], "step").data[0]
    assert len(line.x) <= 601
    assert line.x[-1] == 10_000


def test_a_name_with_markup_is_shown_as_text():
    line = curve_figure("train", [CurveLine("<a href='x'>m</a>", 0, STORY)], "step").data[0]
    assert line.customdata[0][0] == "&lt;a href='x'&gt;m&lt;/a&gt;"


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("colour", theme.CURVE_COLOURS)
def test_curves_stand_out_on_both_pages(colour, mode):
    levels = sorted((luminance(colour), luminance(theme.SURFACES[mode].card)))
    assert (levels[1] + 0.05) / (levels[0] + 0.05) >= 3


def luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
