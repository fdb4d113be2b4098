import json

import pytest

from recsys.ui import theme
from recsys.ui.figures import Bar, RunningPoint, comparison_figure, distance_figure, running_figure

BARS = [Bar("model, resolved", 0.02, 0.01, 0.04), Bar("Popularity", 0.03, role="baseline")]


def plain(figure):
    return json.loads(figure.to_json())


def test_a_bar_and_its_whiskers_are_where_the_numbers_say():
    drawn = plain(comparison_figure(BARS, label="MAP@4"))["data"][0]
    assert drawn["x"] == [0.02, 0.03]
    assert drawn["error_x"]["array"] == pytest.approx([0.02, 0.0])
    assert drawn["error_x"]["arrayminus"] == pytest.approx([0.01, 0.0])


def test_the_first_bar_stands_on_top():
    low, high = plain(comparison_figure(BARS, label="MAP@4"))["layout"]["yaxis"]["range"]
    assert low > high


def test_every_bar_is_named_and_told_to_four_digits():
    texts = [note["text"] for note in plain(comparison_figure(BARS, label="MAP@4"))["layout"]["annotations"]]
    assert texts == ["model, resolved", "<b>0.0200</b>", "Popularity", "<b>0.0300</b>"]


def test_a_name_that_would_run_into_its_value_on_a_narrow_screen_is_cut_and_told_whole_under_the_pointer():
    figure = plain(comparison_figure([Bar("past: an-adapter-of-a-long-name, 10 beams", 0.1)], label="MAP@4"))
    assert figure["layout"]["annotations"][0]["text"] == "past: an-adapter-of-a-long-name, 10 bea…"
    assert figure["data"][0]["customdata"][0][0] == "past: an-adapter-of-a-long-name, 10 beams"


def test_a_name_with_markup_is_shown_as_text():
    figure = plain(comparison_figure([Bar("<a href='x'>m</a>", 0.1)], label="MAP@4"))
    assert figure["layout"]["annotations"][0]["text"] == "&lt;a href='x'&gt;m&lt;/a&gt;"
    assert "<a" not in figure["data"][0]["customdata"][0][0]


def test_a_comparison_of_nothing_is_drawn():
    assert plain(comparison_figure([], label="MAP@4"))["data"][0]["x"] == []


def test_the_running_axis_ends_at_the_last_record_from_the_start():
    first = plain(running_figure([RunningPoint(8, 0.01)], total=50, label="MAP@4"))
    later = plain(running_figure([RunningPoint(8, 0.01), RunningPoint(16, 0.02, 0.0, 0.05)], total=50, label="MAP@4"))
    assert first["layout"]["xaxis"]["range"] == later["layout"]["xaxis"]["range"] == [0, 50]


def test_the_band_leaves_out_points_without_an_interval():
    points = [RunningPoint(8, 0.01), RunningPoint(16, 0.02, 0.005, 0.05)]
    low, high, mean = plain(running_figure(points, total=50, label="MAP@4"))["data"][:3]
    assert (low["x"], low["y"], high["y"]) == ([16], [0.005], [0.05])
    assert mean["x"] == [8, 16]


def test_a_run_without_a_hit_still_has_an_axis():
    layout = plain(running_figure([RunningPoint(8, 0.0, 0.0, 0.0)], total=50, label="MAP@4"))["layout"]
    assert layout["yaxis"]["range"] == [0, 0.05]


def test_a_baseline_is_a_line_across_the_whole_run():
    figure = plain(running_figure([], total=50, label="MAP@4", references=[("EASE", 0.03)]))
    line = figure["data"][-1]
    assert (line["x"], line["y"]) == ([0, 50], [0.03, 0.03])
    assert figure["layout"]["yaxis"]["range"][1] > 0.03


def test_the_last_bin_of_distances_is_open_above():
    figure = plain(distance_figure((0.0, 1.0, 2.0), (5, 2, 0), (0, 0, 1), unit="edits"))
    assert figure["data"][0]["customdata"] == ["0", "1", "2+"]
    assert [trace["y"] for trace in figure["data"]] == [[5, 2, 0], [0, 0, 1]]


def test_tenths_are_named_as_tenths():
    figure = plain(distance_figure((0.0, 0.1, 0.2), (1, 1, 1), (0, 0, 0), unit="1 − cosine"))
    assert figure["data"][0]["customdata"] == ["0.0", "0.1", "0.2+"]


@pytest.mark.parametrize("surface", ["light", "dark"])
@pytest.mark.parametrize("role", ["model", "raw", "baseline", "past"])
def test_marks_stand_out_on_both_pages(role, surface):
    marks = luminance(theme.FIGURE_COLOURS[role])
    card = luminance(theme.SURFACES[surface].card)
    lighter, darker = max(marks, card), min(marks, card)
    assert (lighter + 0.05) / (darker + 0.05) >= 2


def test_figures_have_no_background_of_their_own():
    layout = plain(comparison_figure(BARS, label="MAP@4"))["layout"]["template"]["layout"]
    assert layout["paper_bgcolor"] == layout["plot_bgcolor"] == "rgba(0,0,0,0)"


def luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
