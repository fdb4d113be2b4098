"""The tables of a report beside its metrics: what stands in them, and what an older report leaves out."""

import re
from dataclasses import replace

import pytest

from recsys.evaluation.intervals import Interval
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.significance import PermutationTest
from recsys.models.host import ModelChoice
from recsys.ui import evaluation_cards as cards
from recsys.ui.evaluation_tables import TABLES, beyond_accuracy_html, breakdowns_html, misses_html, story_html
from tests.evaluation.answers import CONTEXT
from tests.ui.fake_evaluation import report_of, result, title


@pytest.fixture
def report():
    results = [result(record_id, [title("One", 1), title("Two", 2)], (1, 3)) for record_id in ("7-0", "8-0")]
    return report_of(results, baseline=(0.5, 0.5), context=CONTEXT)


def rows_of(page):
    return re.findall(r'<tr><th scope="row"[^>]*>(.*?)</th>(.*?)</tr>', page)


def test_every_measure_is_told_of_every_system_with_its_denominator_and_definition(report):
    page = beyond_accuracy_html(report)
    rows = rows_of(page)
    assert [name for name, _ in rows] == [
        "Novelty@4", "Diversity@4", "Coverage@4", "Gini@4", "Decade drift@4", "Serendipity@4",
    ]  # fmt: skip
    assert all(cells.count("<td>") == 2 for _, cells in rows)
    assert f"of {len(CONTEXT.catalogue)}" in dict(rows)["Coverage@4"]
    assert page.count("<li>") == 6
    assert '<th scope="col">Popularity</th>' in page


def test_each_way_of_grouping_has_a_table_whose_rows_tell_how_much_they_hold(report):
    page = breakdowns_html(report)
    assert page.count("<table") == 4
    rows = rows_of(page)
    assert all(re.search(r"\d+ records? of \d+ users?", group) for group, _ in rows)
    assert all("<b>0." in cells for _, cells in rows)


def test_every_class_of_ranks_is_told_of_every_system_with_both_numbers(report):
    page = misses_html(report)
    rows = {re.sub("<.*?>", "", name): cells for name, cells in rows_of(page)}
    assert list(rows) == [
        "Hit", "Near", "Not in the catalogue", "Failure",
        "Another kind", "Repeated", "Already liked", "Malformed", "Unfilled",
    ]  # fmt: skip
    assert "<b>25.0%</b><small>2 of 8</small>" in rows["Hit"]  # 1 of 1 and 2, twice
    assert "<b>25.0%</b><small>2 of 8</small>" in rows["Near"]  # half of 2's genres are 1's
    assert rows["Malformed"].count("–") == 1  # popularity writes no text
    assert page.count("<li>") == 10  # the definitions, and what titles were checked against
    assert "nothing to check it against" in page


def test_the_name_of_a_list_of_films_is_text(report):
    page = misses_html(replace(report, known_films="<img src=x>${alert(1)}, 3 films"))
    assert "&lt;img src=x&gt;" in page
    assert "<img" not in page
    assert "${" not in page
    assert "no film of &lt;img" in page


def test_a_report_of_an_older_release_has_none_of_them(report):
    systems = tuple(replace(s, beyond_accuracy={}, misses={}) for s in report.systems)
    old = replace(report, breakdowns=(), systems=systems)
    assert beyond_accuracy_html(old) == breakdowns_html(old) == misses_html(old) == ""


def test_the_storys_figures_are_folded_and_marked_as_quoted(report):
    page = story_html(report)
    assert page.startswith("<details")
    assert "<details open" not in page
    assert "Quoted, not comparable" in page.partition("</summary>")[0]
    assert "no interval and no comparison" in page
    assert [(name, re.findall(r"[\d.]+", cells)) for name, cells in rows_of(page)] == [
        ("GPT-J 6B", ["0.005"]), ("LLaMA 7B", ["0.007"]), ("LLaMA 13B", ["0.018"]),
        ("LLaMA 30B", ["0.021"]), ("LLaMA 65B", ["0.019"]),
    ]  # fmt: skip


def test_a_verdict_tells_the_p_value_and_what_could_have_been_seen(report):
    page = cards.headline_html(report)
    assert re.search(r", p = [01]\.\d{4}", page)
    seen = replace(report.differences[0], minimum_detectable_effect=0.0123)
    assert "would find: 0.0123" in cards.headline_html(replace(report, differences=(seen,)))
    untested = replace(report.differences[0], permutation=None, minimum_detectable_effect=None)
    assert ", p " not in cards.headline_html(replace(report, differences=(untested,)))


def test_a_verdict_needs_the_interval_and_the_test(report):
    difference = replace(report.differences[0], mean=0.2, interval=Interval(0.1, 0.3, 0.95))
    for p_value, told in ((0.01, "Better than Popularity"), (0.07, "No clear difference from Popularity")):
        tested = replace(difference, permutation=PermutationTest(p_value, 9999, False), adjusted_p_value=None)
        assert told in cards.headline_html(replace(report, differences=(tested,)))


def test_a_verdict_goes_by_the_p_value_that_is_corrected_for_all_baselines(report):
    tested = replace(
        report.differences[0],
        mean=0.2,
        interval=Interval(0.1, 0.3, 0.95),
        permutation=PermutationTest(0.03, 9999, False),
        adjusted_p_value=0.06,
    )
    page = cards.headline_html(replace(report, differences=(tested,)))
    assert "No clear difference from Popularity" in page
    assert ", p = 0.0300, adjusted = 0.0600" in page


def test_names_of_models_are_text_in_every_table(report):
    request = EvaluationRequest(choice=ModelChoice("<img src=x onerror=${alert(1)}>"))
    results = [result("7-0", [title("A", 1)], (1,))]
    page = "".join(table(report_of(results, request=request, context=CONTEXT)) for table in TABLES)
    assert "<img" not in page
    assert "${" not in page
