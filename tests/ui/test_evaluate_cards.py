import re
from dataclasses import replace

import pytest

from recsys.evaluation.request import EvaluationRequest
from recsys.models.host import ModelChoice
from recsys.ui import evaluation_cards as cards
from recsys.ui import evaluation_tables as tables
from recsys.ui.evaluation_records import no_records_html
from recsys.ui.past_runs import runs_html
from tests.ui.fake_evaluation import report_of, result, title

HIT_FIRST = [title("Toy Story", 1), title("The Matrix", 2571)]
INVENTED = [title("Zorblax Returns", None, match="none"), title("Toy Storey", 1, match="fuzzy", distance=1.0)]


@pytest.fixture
def report():
    """AP of 1/4 and 0; raw the same; popularity 1/2 on both."""
    results = [result("15-0", HIT_FIRST, (1, 260, 318, 589)), result("16-0", INVENTED, (260, 318, 589, 924))]
    return report_of(results, baseline=(0.5, 0.5))


def test_the_headline_tells_figure_interval_and_denominator(report):
    page = cards.headline_html(report)
    assert "<strong>0.1250</strong>" in page
    assert "95% interval [0.0000, 0.2500]" in page
    assert "min(4, |relevant|)" in page
    assert "2 records of 2 users" in page


def test_the_headline_claims_no_more_than_the_interval(report):
    difference = replace(report.differences[0], permutation=None, adjusted_p_value=None)
    assert difference.mean == pytest.approx(-0.375)
    assert "Worse than Popularity" in cards.headline_html(replace(report, differences=(difference,)))
    unsure = replace(difference, interval=replace(difference.interval, high=0.01))
    assert "No clear difference from Popularity" in cards.headline_html(replace(report, differences=(unsure,)))
    better = replace(difference, mean=0.2, interval=replace(difference.interval, low=0.1, high=0.3))
    assert "Better than Popularity" in cards.headline_html(replace(report, differences=(better,)))


def test_one_user_gives_no_interval_and_no_verdict():
    page = cards.headline_html(report_of([result("15-0", HIT_FIRST, (1, 260, 318, 589))], baseline=(0.5,)))
    assert "one user: no interval" in page
    assert "Too few users to compare with Popularity" in page


def test_a_run_without_a_hit_claims_no_interval():
    page = cards.headline_html(report_of([result("15-0", INVENTED, (260,)), result("16-0", [], (1,))]))
    assert "<strong>0.0000</strong><span>no hit, so no interval</span>" in page


def test_the_table_has_a_row_for_each_system_and_both_means(report):
    page = tables.metrics_table_html(report)
    assert re.findall(r'<th scope="row">([^<]*)', page) == ["smollm2-135m, resolved", "raw exact titles", "Popularity"]
    assert re.findall(r'<th scope="col" title="[^"]*">([^<]*)', page) == [
        "MAP@4",
        "P@4",
        "R@4",
        "NDCG@4",
        "MRR@4",
        "HR@4",
    ]
    assert "<b>0.1250</b><small>0.1250</small>" in page
    assert "mean over 2 records" in page
    assert "mean over 2 users" in page


def test_the_table_of_a_report_of_an_older_release_has_the_metrics_of_its_time(report):
    def without_mrr(scores):
        return scores and {name: score for name, score in scores.items() if name != "mrr"}

    old = replace(
        report,
        systems=tuple(
            replace(system, metrics=without_mrr(system.metrics), raw=without_mrr(system.raw))
            for system in report.systems
        ),
    )
    page = tables.metrics_table_html(old)
    assert re.findall(r'<th scope="col" title="[^"]*">([^<]*)', page) == ["MAP@4", "P@4", "R@4", "NDCG@4", "HR@4"]
    assert "MRR" not in page


def test_the_stacked_bar_adds_up_to_all_titles(report):
    page = cards.text_quality_html(report)
    assert "4 generated titles of 8 asked for, in 2 records" in page
    assert sorted(int(n) for n in re.findall(r"flex-grow:\s*(\d+)", page)) == [1, 1, 2]
    assert "1 of 4 generated titles (25.0%)" in page


def test_every_meter_tells_its_denominator(report):
    page = cards.text_quality_html(report)
    meters = re.findall(r"<li title=.*?</li>", page)
    assert len(meters) == 5
    assert all(re.search(r"\d+ of [24] (titles|records)", meter) for meter in meters)


def test_a_run_without_titles_has_no_bar():
    silent = result("15-0", [], (1,), completion="", problem="empty", well_formed=False)
    page = cards.text_quality_html(report_of([silent]))
    assert "wrote no title at all" in page
    assert "Empty" in page


def test_names_of_models_are_text():
    request = EvaluationRequest(choice=ModelChoice("<img src=x onerror=${alert(1)}>"))
    report = report_of([result("15-0", HIT_FIRST, (1,))], request=request)
    pages = cards.headline_html(report) + tables.metrics_table_html(report) + runs_html([report], None)
    assert "<img" not in pages
    assert "${" not in pages


def test_past_runs_are_buttons_and_the_one_on_show_is_marked(report):
    page = runs_html([report, replace(report, fingerprint="fedcba9876543210")], "fedcba9876543210")
    assert re.findall(r'data-run="(\w+)"( aria-current="true")?', page) == [
        ("0123456789abcdef", ""),
        ("fedcba9876543210", ' aria-current="true"'),
    ]


def test_no_run_yet_is_said():
    assert "No finished run yet" in runs_html([], None)


def test_progress_is_told_to_screen_readers_within_its_bounds():
    page = cards.progress_html("Evaluating", 1.7, ["8 of 4 records"])
    assert 'aria-valuenow="100"' in page
    assert "width:100.0%" in page


def test_a_failure_is_shown_as_text():
    assert "<script" not in cards.notice_html("failed", "It failed", "<script>${x}</script>")


def test_shipped_reports_are_folded_behind_those_made_here_unless_one_is_on_show(report):
    mine, theirs = report, replace(report, fingerprint="fedcba9876543210")
    page = runs_html([mine, theirs], mine.fingerprint, {theirs.fingerprint})
    assert page.index(mine.fingerprint) < page.index("<details") < page.index(f'data-run="{theirs.fingerprint}"')
    assert "Shipped reports (1)" in page
    assert "<details open" not in page.replace(' class="ev-fold ev-shipped"', "")
    assert " open>" in runs_html([mine, theirs], theirs.fingerprint, {theirs.fingerprint})
    assert "None made here yet" in runs_html([theirs], None, {theirs.fingerprint})


def test_a_report_without_its_records_tells_the_command_that_makes_them(report):
    page = no_records_html(replace(report, command="python -m recsys evaluate <b>"))
    assert "came with the repository" in page
    assert "python -m recsys evaluate &lt;b&gt;" in page
    assert "<pre" not in no_records_html(replace(report, command=""))
