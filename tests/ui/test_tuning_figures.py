"""Figures of sweeps and searches: what is drawn where, and that every number in a heat map can be read."""

import pytest

from recsys.evaluation.intervals import Interval
from recsys.evaluation.request import EvaluationRequest
from recsys.settings import EvaluationSettings
from recsys.tuning.axes import Axis
from recsys.tuning.study_result import GOALS, StudyResult, find_front
from recsys.tuning.sweep import MEASURES, Measured, Sweep, SweepCell, SweepResult
from recsys.ui.tuning_figures import (
    best_so_far_figure,
    figure_number,
    front_figure,
    heat_colour,
    readable_on,
    relative_luminance,
    sweep_figure,
)

BASE = EvaluationRequest(EvaluationSettings("validation", 16), baselines=())
TEMPERATURE, BEAMS = Axis("temperature", (0.0, 0.5, 1.0)), Axis("num_beams", (1, 2))


def cell(values, score, **others):
    measured = {name: Measured(0.5, None, 16) for name in MEASURES}
    measured["map"] = measured["ndcg"] = Measured(score, Interval(score / 2, score * 2), 16)
    return SweepCell(values, measured | {name: Measured(one, None, 16) for name, one in others.items()}, "f")


def sweep_of(*axes, cells):
    return SweepResult(Sweep(BASE, axes), tuple(cells), "made", 16, 4, "fp32", "a machine")


def study_of(objective, cells):
    return StudyResult(objective, "the command", tuple(cells), find_front(cells, GOALS[objective]))


def test_one_axis_is_a_line_at_equal_distances_with_its_band():
    cells = [cell({"temperature": value}, score) for value, score in ((0.0, 0.1), (0.5, 0.3), (1.0, 0.2))]
    low, high, line = sweep_figure(sweep_of(TEMPERATURE, cells=cells), "map").data
    assert (list(line.x), list(line.y)) == ([0, 1, 2], [0.1, 0.3, 0.2])
    assert (list(low.y), list(high.y)) == ([0.05, 0.15, 0.1], [0.2, 0.6, 0.4])
    assert line.customdata[1][1] == "0.3000 [0.1500, 0.6000]"


def test_a_measure_without_intervals_is_a_line_alone():
    cells = [cell({"temperature": value}, 0.1) for value in (0.0, 0.5)]
    low, _, line = sweep_figure(sweep_of(TEMPERATURE, cells=cells), "seconds").data
    assert (list(low.x), list(line.y)) == ([], [0.5, 0.5])


def test_two_axes_are_a_heat_map_whose_shorter_axis_goes_across():
    cells = [cell({"num_beams": b, "temperature": t}, b * t) for b in (1, 2) for t in (0.0, 0.5)]
    figure = sweep_figure(sweep_of(BEAMS, TEMPERATURE, cells=cells), "map")
    missing, heat = figure.data
    assert [list(row) for row in heat.z] == [[0.0, 0.0], [0.5, 1.0], [None, None]]
    assert [list(row) for row in missing.z] == [[None, None], [None, None], [1.0, 1.0]]
    assert [note.text for note in figure.layout.annotations] == ["0.000", "0.000", "0.500", "1.000"]
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("Beams", "Temperature")
    assert list(figure.layout.yaxis.ticktext) == ["0", "0.5", "1"]


def test_a_third_axis_is_held_at_a_value():
    seeds = Axis("num_examples", (1, 3))
    cells = [
        cell({"temperature": t, "num_beams": b, "num_examples": n}, t + 10 * n)
        for t in (0.0, 0.5, 1.0)
        for b in (1, 2)
        for n in (1, 3)
    ]
    result = sweep_of(TEMPERATURE, BEAMS, seeds, cells=cells)
    first, other = sweep_figure(result, "map"), sweep_figure(result, "map", {"num_examples": 3})
    assert first.data[1].z[0][0] == 10
    assert other.data[1].z[0][0] == 30


def test_every_step_of_the_scale_carries_readable_numbers():
    for step in range(101):
        colour = heat_colour(step / 100)
        ground, text = relative_luminance(colour), readable_on(colour)
        parts = tuple(int(text[place : place + 2], 16) for place in (1, 3, 5))
        lighter, darker = sorted((ground, relative_luminance(parts)), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_cells_that_are_all_alike_are_drawn():
    cells = [cell({"num_beams": b, "temperature": 0.0}, 0.0) for b in (1, 2)]
    _, heat = sweep_figure(sweep_of(BEAMS, TEMPERATURE, cells=cells), "map").data
    assert heat.zmin < heat.zmax


def test_values_are_drawn_as_text_and_not_as_markup():
    axis = Axis("style", ("<b>x</b>", "zero_shot"))
    cells = [cell({"style": value}, 0.1) for value in axis.values]
    figure = sweep_figure(sweep_of(axis, cells=cells), "map")
    assert figure.layout.xaxis.ticktext[0] == "&lt;b&gt;x&lt;/b&gt;"
    assert figure.data[2].customdata[0][0] == "&lt;b&gt;x&lt;/b&gt;"


@pytest.mark.parametrize(("measure", "value", "told"), [("map", 1.0, "1.000"), ("tokens", 31.5, "31.5")])
def test_numbers_in_cells_are_short(measure, value, told):
    assert figure_number(measure, value) == told


def test_the_best_so_far_never_falls():
    cells = [cell({"temperature": t}, score) for t, score in ((0.0, 0.2), (0.1, 0.1), (0.2, 0.4), (0.3, 0.3))]
    dots, line = best_so_far_figure(study_of("ndcg", cells), 4).data
    assert list(dots.y) == [0.2, 0.1, 0.4, 0.3]
    assert list(line.y) == [0.2, 0.2, 0.4, 0.4]


def test_trade_offs_are_told_apart_by_colour_and_shape():
    cells = [
        cell({"temperature": t}, score, seconds=seconds, well_formed=1.0)
        for t, score, seconds in ((0.0, 0.2, 1.0), (0.1, 0.4, 2.0), (0.2, 0.1, 3.0))
    ]
    beaten, front = front_figure(study_of("pareto", cells), 4).data
    assert (list(beaten.x), list(front.x)) == ([3.0], [1.0, 2.0])
    assert beaten.marker.symbol != front.marker.symbol
