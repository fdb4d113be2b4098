"""What the report says is what its figures say: clear where interval and test agree, and never otherwise."""

import math
from types import SimpleNamespace

import pytest

from recsys.evaluation.intervals import Interval
from recsys.evaluation.scores import PairedDifference
from recsys.evaluation.significance import PermutationTest
from recsys.tuning.effects import comparisons, sampling, texts
from recsys.tuning.effects.comparisons import QUALITY, answer_quality
from recsys.tuning.effects.costs import Cost, CostCell
from recsys.tuning.effects.figures import compare, compare_changes
from recsys.tuning.effects.findings import Evidence
from recsys.tuning.effects.sliders import Slider, answer_sliders, slider_differences
from recsys.tuning.effects.words import listed, signs_told, verdict
from tests.tuning.effects.made_figures import cell

HIGH, LOW = [1.0] * 12, [0.25] * 12
SAME = {"well_formed": [1.0] * 12, "out_of_catalogue": [0.0] * 12}
SLIDER = Slider("temperature", 0.0, (0.0, 0.7, 1.5))


def difference(mean, low, high, p):
    return PairedDifference("b", "map", mean, Interval(low, high), PermutationTest(p, 9999, False))


def evidence(cells=None, costs=None, reports=None):
    return Evidence(cells or {}, costs or {}, reports or {}, {}, SimpleNamespace(by_id={}))


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (difference(0.1, 0.05, 0.2, 0.001), "clearly above"),
        (difference(-0.1, -0.2, -0.05, 0.001), "clearly below"),
        (difference(0.1, 0.05, 0.2, 0.06), "not clearly different from"),
        (difference(0.1, -0.01, 0.2, 0.001), "not clearly different from"),
    ],
)
def test_a_verdict_needs_the_interval_and_the_test(found, told):
    assert verdict(found) == told


def test_settings_are_told_by_their_signs():
    found = [
        ("0.3", difference(0.0, -0.1, 0.1, 1.0)),
        ("0.7", difference(-0.1, -0.2, -0.05, 0.001)),
        ("1.5", difference(-0.2, -0.3, -0.1, 0.001)),
    ]
    told = signs_told("MAP@4", found, "0")
    assert told.startswith("MAP@4, beside 0: clearly lower at 0.7 (-0.1000 [-0.2000, -0.0500], p = 0.0010) and 1.5 (")
    assert told.endswith("; not clearly different at 0.3.")
    assert listed([]) == ""


def test_a_slider_that_moves_something_is_named_and_one_that_does_not_is_not():
    cells = {SLIDER.cell("x", 0.0): cell(HIGH, **SAME), SLIDER.cell("x", 0.7): cell(HIGH, **SAME)}
    cells[SLIDER.cell("x", 1.5)] = cell(LOW, **SAME)
    found = answer_sliders("x", (SLIDER,), evidence(cells))
    assert found.answer == (
        "MAP@4 moves most with temperature: 0.7500 between its least (0.2500) and its greatest (1.0000), a clear "
        "effect; clear differences from the reference are there for temperature."
    )
    (told,) = found.details
    assert "clearly lower at 1.5 (-0.7500 [-0.7500, -0.7500], p = 0.0010)" in told  # 2 of 4096 patterns, twice by Holm
    assert "not clearly different at 0.7" in told
    assert "Clean lists" not in told, "nothing moves there"
    assert found.tables[0].of.startswith("12 test records of 12 users; ")
    assert [row[0] for row in found.tables[0].rows] == ["0", "0.7", "1.5"]
    still = dict.fromkeys(cells, cell(HIGH, **SAME))
    assert answer_sliders("x", (SLIDER,), evidence(still)).answer.startswith("No slider moves MAP@4 clearly")


def test_p_values_are_corrected_for_the_values_of_a_slider():
    cells = {0.0: cell(HIGH, **SAME), 0.7: cell(LOW, **SAME), 1.5: cell(LOW, **SAME)}
    found = slider_differences(SLIDER, cells)["map"]
    assert [one.permutation.p_value for one in found.values()] == [2 / 4096, 2 / 4096]
    assert [one.adjusted_p_value for one in found.values()] == [4 / 4096, 4 / 4096]


def test_a_slider_that_is_not_finished_is_left_out():
    assert answer_sliders("x", (SLIDER,), evidence({SLIDER.cell("x", 0.0): cell(HIGH, **SAME)})) is None


def test_a_slider_at_its_default_is_the_same_cell_as_one_left_alone():
    top_p = Slider("top_p", 0.9, (0.5, 0.9))
    assert top_p.cell("x", 0.9) == SLIDER.cell("x", 0.7)
    assert top_p.cell("x", 0.9).values == ()


def test_a_comparison_takes_the_records_that_both_have_a_figure_of():
    one, other = cell([1.0, math.nan, 0.5]), cell([0.0, 1.0, 0.5])
    assert compare(one, other, against="b").mean == pytest.approx(0.5)  # of 1.0 and 0.0


def test_changes_are_compared_record_by_record():
    more = compare_changes((cell([0.0, 0.2]), cell([1.0, 1.0])), (cell([0.5, 0.5]), cell([0.5, 1.0])), against="b")
    assert more.mean == pytest.approx(((0.0 - 1.0) - 0.0 + (0.2 - 1.0) - (0.5 - 1.0)) / 2)


def heat(hot_wide, hot_narrow):
    cells = {}
    for temperature in sampling.HEAT_TEMPERATURES:
        for top_p in sampling.HEAT_TOP_P:
            is_hot, is_wide = temperature == sampling.HEAT_TEMPERATURES[-1], top_p == sampling.HEAT_TOP_P[-1]
            value = (hot_wide if is_wide else hot_narrow) if is_hot else HIGH
            cells[sampling.heat_cell(temperature, top_p)] = cell(value)
    return evidence(cells)


def test_a_top_p_that_takes_the_temperatures_effect_away_is_told_to_limit_it():
    answer = sampling.answer_substitutes(heat(LOW, HIGH)).answer
    assert "a narrow top-p clearly limits what the temperature does (-0.7500" in answer
    assert "Hot with a narrow top-p is not clearly different from cold with a wide one (+0.0000" in answer


def test_a_top_p_that_changes_nothing_is_not_told_to():
    answer = sampling.answer_substitutes(heat(LOW, LOW)).answer
    assert "that the two differ is not clear" in answer
    assert "Hot with a narrow top-p is clearly below cold with a wide one (-0.7500" in answer


def test_quality_is_told_with_the_time_that_it_takes():
    values = dict(zip(QUALITY, (LOW, HIGH, LOW, LOW), strict=True))
    cells = {QUALITY[name]: cell(value) for name, value in values.items()}
    seconds = dict(zip(QUALITY, (0.4, 0.1, 0.2, 0.8), strict=True))
    costs = {CostCell("answer", one): Cost(seconds[name], 12) for name, one in QUALITY.items()}
    found = answer_quality(evidence(cells, costs))
    assert "gptj-mini, greedy clearly above it (+0.7500 [+0.7500, +0.7500], p = 0.0015) for 0.25 of" in found.answer
    assert "gptj-mini, 8 beams not clearly different from it" in found.answer
    assert found.tables[0].rows[1][2:] == ("0.1000", "10.000")


def test_years_are_told_to_pull_to_one_decade_only_where_they_do():
    without, with_years = texts._YEARS
    pulled = {without: cell(LOW, one_decade=LOW), with_years: cell(LOW, one_decade=HIGH)}
    assert texts.answer_years(evidence(pulled)).answer.startswith("Yes: ")
    level = dict.fromkeys(texts._YEARS, cell(LOW, one_decade=LOW))
    assert texts.answer_years(evidence(level)).answer.startswith("Not clearly: ")


def test_the_order_by_loss_is_compared_with_that_by_map():
    names = comparisons._SUBJECTS
    costs = {cost: Cost(0.1, 64, loss=float(place)) for place, cost in enumerate(comparisons._LOSSES.values())}
    costs |= dict.fromkeys(comparisons._ANSWERS.values(), Cost(0.5, 64))
    scores = {"free-greedy": range(5, 0, -1), "rank": range(5)}  # the less loss the better, and the other way round
    reports = {
        f"{name}.{search}": SimpleNamespace(model=SimpleNamespace(metrics={"map": cell([value / 10, 0.0]).score()}))
        for search, values in scores.items()
        for name, value in zip(names, values, strict=True)
    }
    found = comparisons.answer_loss(evidence(costs=costs, reports=reports))
    assert "took 5.0 to 5.0 times the processor time" in found.answer
    assert "tau +1.00 with MAP@4 by free-greedy, -1.00 with MAP@4 by rank" in found.answer


def test_a_value_that_was_not_asked_yet_is_left_out_of_its_slider():
    cells = {SLIDER.cell("x", 0.0): cell(HIGH, **SAME), SLIDER.cell("x", 1.5): cell(LOW, **SAME)}
    found = answer_sliders("x", (SLIDER,), evidence(cells))
    assert [row[0] for row in found.tables[0].rows] == ["0", "1.5"]


def test_corners_are_enough_to_tell_of_substitutes_and_fewer_are_not():
    whole = heat(LOW, HIGH)
    ends = (sampling.HEAT_TEMPERATURES[0], sampling.HEAT_TEMPERATURES[-1])
    tops = (sampling.HEAT_TOP_P[0], sampling.HEAT_TOP_P[-1])
    corners = {key: whole.cells[key] for key in (sampling.heat_cell(t, p) for t in ends for p in tops)}
    found = sampling.answer_substitutes(evidence(corners))
    assert found.answer == sampling.answer_substitutes(whole).answer
    assert "not run" in found.tables[0].rows[1]
    corners.popitem()
    assert sampling.answer_substitutes(evidence(corners)) is None
