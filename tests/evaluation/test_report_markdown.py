"""A report as Markdown: everything that it holds, in tables that hold together whatever a model is called."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.evaluation.beyond_accuracy import BEYOND_ACCURACY
from recsys.evaluation.breakdowns import BREAKDOWNS
from recsys.evaluation.evaluation import run_evaluation
from recsys.evaluation.metrics import METRICS
from recsys.evaluation.report_markdown import code_block, escape_markdown, render_markdown, write_markdown
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.store import RunStore
from recsys.evaluation.text_quality import DESCRIPTIONS
from recsys.models.host import ModelChoice
from recsys.settings import EvaluationSettings
from tests.evaluation.answers import CATALOGUE, SPLIT, FakeSystem, answer_by_id


@pytest.fixture
def report(tmp_path):
    return run_evaluation(
        EvaluationRequest(EvaluationSettings(num_records=10), choice=ModelChoice("tiny"), baselines=("popularity",)),
        SPLIT,
        FakeSystem(answer_by_id),
        RunStore(tmp_path, "0123456789abcdef"),
        dataset_name="a small one",
        precision="fp32",
        catalogue=CATALOGUE,
    )


def named(report, name):
    """The report with its model called that."""
    return replace(report, systems=(replace(report.model, name=name), *report.systems[1:]), breakdowns=())


def rows_of(markdown):
    return [line for line in markdown.splitlines() if line.startswith("|")]


def cells(row):
    """The cells of a table's row; an escaped pipe ends none."""
    return re.split(r"(?<!\\)\|", row)[1:-1]


def test_the_headline_stands_first_with_interval_and_denominators(report):
    title, _, headline = render_markdown(report).splitlines()[:3]
    score = report.model.metrics["map"]
    assert title == "# tiny on a small one"
    assert headline == (
        f"**MAP@4 {score.mean:.4f}** \\[{score.interval.low:.4f}, {score.interval.high:.4f}\\] over 10 records of "
        f"{report.num_users} users, test split."
    )


def test_every_metric_measure_share_and_group_of_the_report_is_there(report):
    page = render_markdown(report)
    for metric in METRICS.values():
        assert escape_markdown(metric.definition(4)) in page
    for measure in BEYOND_ACCURACY.values():
        assert f"| {measure.label(4)} |" in page
    for name in report.breakdown_definitions:
        assert f"| {BREAKDOWNS[name].title} | Records | Users | tiny | popularity |" in page
    for definition in report.miss_definitions.values():
        assert f"- {escape_markdown(definition)}" in page
    for words in DESCRIPTIONS.values():
        assert f"| {escape_markdown(words)} |" in page
    difference = report.differences[0]
    assert f"| popularity | MAP@4 | {difference.mean:+.4f} |" in page
    assert f"| {difference.permutation.p_value:.4f} | {difference.minimum_detectable_effect:.4f} |" in page
    assert escape_markdown(report.protocol) in page
    assert r"| evaluation.num\_records | 10 |" in page
    assert "| choice.adapter | – |" in page


def test_every_row_of_a_table_has_as_many_cells_as_its_header(report):
    for table in re.findall(r"(?:^\|.*\n)+", render_markdown(report), flags=re.MULTILINE):
        assert len({len(cells(row)) for row in table.splitlines()}) == 1


def test_provenance_and_command_are_told_where_they_are_known(report):
    assert "```" not in render_markdown(replace(report, command=""))
    page = render_markdown(replace(report, provenance={"weights": "12ab|"}, command="python -m recsys evaluate"))
    assert "| weights | 12ab\\| |" in page
    assert page.endswith("```\npython -m recsys evaluate\n```\n")


def test_a_report_without_baselines_or_context_has_no_empty_sections(report):
    bare = replace(report, differences=(), breakdowns=(), systems=(replace(report.model, beyond_accuracy={}),))
    page = render_markdown(bare)
    assert "Differences" not in page
    assert "Beyond accuracy" not in page
    assert "by groups" not in page


@given(st.text(max_size=60))
def test_no_name_of_a_model_breaks_a_table_or_becomes_markup(name):
    row = f"| {escape_markdown(name)} | 0.5 |"
    assert len(row.splitlines()) == 1
    assert len(cells(re.sub(r"\\\\", "", row))) == 2
    assert not re.search(r"(?<!\\)[`<*_]", re.sub(r"\\\\", "", escape_markdown(name)))


def test_a_hostile_name_is_text_everywhere(report):
    page = render_markdown(named(report, "a|b`c`<img src=x>*d*\n# e"))
    assert r"a\|b\`c\`\<img src=x\>\*d\* \# e" in page
    assert "<img" not in page.replace(r"\<img", "")
    assert all(len(cells(row)) == 7 for row in rows_of(page)[:8])


def test_no_command_ends_its_block():
    assert code_block("a ```` b").splitlines() == ["`````", "a ```` b", "`````"]


def test_the_file_holds_the_report(report, tmp_path):
    write_markdown(report, tmp_path / "new" / "report.md")
    assert (tmp_path / "new" / "report.md").read_text(encoding="utf-8") == render_markdown(report)
