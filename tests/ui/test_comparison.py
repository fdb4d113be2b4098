"""Two runs side by side on the page: the card, its figures, the buttons of the list, and what opens it."""

import re
from dataclasses import replace

import pytest

from recsys.errors import InputError, SettingsError
from recsys.evaluation.comparison import RecordPair, compare_runs
from recsys.evaluation.request import EvaluationRequest
from recsys.models.host import ModelChoice
from recsys.settings import EvaluationSettings, GenerationSettings, ResolutionSettings
from recsys.ui import comparison_card as card
from recsys.ui.comparison_figures import SIDE_COLOURS, comparison_figures, records_figure
from recsys.ui.evaluate_handlers import EvaluateHandlers
from recsys.ui.past_runs import runs_html
from recsys.ui.theme import CURVE_COLOURS
from tests.evaluation.test_comparison import MOVIES, OURS, THEIRS, run
from tests.ui.fake_evaluation import ScriptedWorkbench

HOSTILE = "<img src=x onerror=${alert(1)}>"


def compare(a=OURS, b=THEIRS, catalogue=MOVIES):
    return compare_runs(*a, *b, catalogue)


def other(**changes):
    return run(THEIRS[1], fingerprint="b" * 16, request=EvaluationRequest(**changes))


def test_the_verdict_tells_difference_interval_p_and_denominators():
    page = card.comparison_html(compare())
    assert "No clear difference between A and B." in page
    assert "MAP@4 of A 0.4167, of B 0.1250: A minus B" in page
    assert re.search(r"\+0\.2917 \[\+0\.0000, \+0\.7500\], p = 0\.5000", page)
    assert "On the 3 records of 3 users that both have; A has 1 more alone, B 1." in page


def test_the_table_has_a_row_for_each_metric_and_one_for_exact_titles():
    page = card.metrics_html(compare())
    assert re.findall(r'<th scope="row"[^>]*>([^<]*)', page) == [
        *("MAP@4", "P@4", "R@4", "NDCG@4", "MRR@4", "HR@4"),
        "MAP@4, exact titles",
    ]
    assert "<b>0.4167</b>" in page
    assert "<b>+0.2917</b>" in page


def test_settings_that_differ_are_listed_or_said_to_be_the_same():
    page = card.settings_html(compare(b=other(generation=GenerationSettings(temperature=0))))
    assert "generation.<wbr>temperature</th><td>0.7</td><td>0</td>" in page
    assert "All settings are the same" in card.settings_html(compare())


def test_what_has_no_figure_says_why():
    comparison = compare(b=other(resolution=ResolutionSettings("embedding")), catalogue=None)
    assert "different resolvers" in card.distances_html(comparison)
    assert "data set that is not in use" in card.decades_html(comparison)
    _, _, distances, decades = comparison_figures(comparison, unit="edits")
    assert distances is None
    assert decades is None


def test_names_of_models_are_text():
    named = other(choice=ModelChoice(HOSTILE))
    comparison = compare(b=named)
    pages = card.comparison_html(comparison) + card.settings_html(comparison) + runs_html([OURS[0], named[0]], "a" * 16)
    assert "<img" not in pages
    assert "${" not in pages


def test_every_run_but_the_one_on_show_can_be_compared_with_it():
    page = runs_html([OURS[0], THEIRS[0]], "a" * 16)
    assert re.findall(r'data-compare="(\w+)"', page) == ["b" * 16]
    assert "aria-disabled" not in page
    assert "data-compare" not in runs_html([OURS[0], THEIRS[0]], None)


def test_a_run_that_cannot_be_compared_says_why_on_its_button():
    page = runs_html([OURS[0], other(evaluation=EvaluationSettings(k=7))[0]], "a" * 16)
    assert 'aria-disabled="true"' in page
    assert "The runs are scored at different K" in page


def test_records_in_one_place_make_one_mark_whose_area_is_their_number():
    nowhere, there = [RecordPair(str(n), 0.0, 0.0) for n in range(9)], RecordPair("x", 0.25, 0.0)
    diagonal, marks = records_figure([*nowhere, there], k=4).data
    assert (list(marks.x), list(marks.y)) == ([0.0, 0.25], [0.0, 0.0])
    assert list(marks.customdata) == ["9 records", "1 record"]
    assert marks.marker.size[0] == pytest.approx(3 * marks.marker.size[1])
    assert list(marks.text) == ["9", ""]
    assert list(diagonal.x) == list(diagonal.y) == [0, 0.25]
    assert "AP@4 of A" in marks.hovertemplate


def test_bars_have_both_runs_with_their_intervals():
    bars, *_ = comparison_figures(compare(), unit="edits")
    a, b = bars.data
    assert list(a.y) == ["MAP@4", "P@4", "R@4", "NDCG@4", "MRR@4", "HR@4"]
    assert a.x[0] == pytest.approx(1.25 / 3)
    interval = compare().headline.b.interval
    assert b.x[0] + b.error_x.array[0] == pytest.approx(interval.high)
    assert (a.marker.color, b.marker.color) == (SIDE_COLOURS["a"], SIDE_COLOURS["b"]) == CURVE_COLOURS[:2]


def test_distances_are_shares_of_each_runs_titles():
    _, _, distances, _ = comparison_figures(compare(), unit="edits")
    resolved_a, apart_a, resolved_b, _ = distances.data
    assert resolved_a.y[0] == pytest.approx(5 / 6)  # the sixth is near nothing
    assert sum(apart_a.y) == 0
    assert resolved_b.y[0] == pytest.approx(2 / 4)
    assert (resolved_a.offsetgroup, apart_a.offsetgroup, resolved_b.offsetgroup) == ("a", "a", "b")


def test_decades_without_a_movie_are_drawn_as_nothing():
    comparison = compare()
    history = replace(comparison.decades[0], counts={1920: 1, 1950: 3})
    *_, decades = comparison_figures(replace(comparison, decades=(history,)), unit="edits")
    assert list(decades.data[0].x) == [1920, 1930, 1940, 1950]
    assert list(decades.data[0].y) == [0.25, 0, 0, 0.75]


def test_two_runs_of_the_workbench_are_compared_and_others_refused(tmp_path):
    workbench = ScriptedWorkbench(tmp_path)
    handlers = EvaluateHandlers(workbench)
    names = []
    for settings in (EvaluationSettings(num_records=4), EvaluationSettings(num_records=6), EvaluationSettings(k=3)):
        settings = settings.replace(num_records=min(settings.num_records, 6))
        state = workbench.start_evaluation(EvaluationRequest(settings, baselines=())).wait(60)
        names.append(state.report.fingerprint)
    shown = handlers.past_run(names[0])
    comparison = handlers.compare(shown, names[1])
    assert comparison.num_records + comparison.a.num_alone == 4
    assert comparison.decades
    with pytest.raises(SettingsError, match="different K"):
        handlers.compare(shown, names[2])
    with pytest.raises(InputError, match="no such run"):
        handlers.compare(shown, "feedfeedfeedfeed")
