"""A report as text: every figure with its definition, in tables of equal width."""

from dataclasses import replace

import pytest

from recsys.evaluation.beyond_accuracy import BEYOND_ACCURACY
from recsys.evaluation.breakdowns import BREAKDOWNS
from recsys.evaluation.evaluation import run_evaluation
from recsys.evaluation.metrics import METRICS
from recsys.evaluation.report_text import render_text
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.significance import PermutationTest
from recsys.evaluation.store import RunStore
from recsys.settings import EvaluationSettings
from tests.evaluation.answers import CATALOGUE, SPLIT, FakeSystem, answer_by_id


def evaluate(folder, num_records=10):
    return run_evaluation(
        EvaluationRequest(EvaluationSettings(num_records=num_records), baselines=("popularity",)),
        SPLIT,
        FakeSystem(answer_by_id),
        RunStore(folder, "0123456789abcdef"),
        dataset_name="a small one",
        precision="fp32",
        catalogue=CATALOGUE,
    )


@pytest.fixture
def report(tmp_path):
    return evaluate(tmp_path)


def blocks_of(report):
    return [block.splitlines() for block in render_text(report).split("\n\n")]


def joined(report):
    return " ".join(render_text(report).split())


def test_the_table_prints_every_definition_beside_the_figures(report):
    text = render_text(report)
    for name in METRICS:
        assert METRICS[name].definition(4) in text
    assert f"{report.model.metrics['map'].mean:.4f}" in text
    assert "popularity" in text
    assert "MAP@4 minus popularity" in text
    assert "of 10 records" in text
    blocks = blocks_of(report)
    assert len(blocks[2]) == 3
    assert len({len(line) for line in blocks[2]}) == 1
    assert " ".join(blocks[1]) == report.protocol


def test_a_difference_is_printed_with_its_p_and_the_smallest_visible_one(report):
    difference = replace(
        report.differences[0],
        permutation=PermutationTest(0.0312, 9_999, False),
        minimum_detectable_effect=0.0156,
        adjusted_p_value=0.0624,
    )
    text = render_text(replace(report, differences=(difference,)))
    assert "], p = 0.0312, adjusted p = 0.0624, smallest visible 0.0156\n" in text
    assert "signs of whole users' differences are flipped" in " ".join(text.split())
    tiny = replace(difference, permutation=PermutationTest(0.00003, 65_536, True), adjusted_p_value=0.00009)
    assert "], p < 0.0001, adjusted p < 0.0001, smallest" in render_text(replace(report, differences=(tiny,)))
    old = replace(difference, adjusted_p_value=None)
    assert "], p = 0.0312, smallest visible" in render_text(replace(report, differences=(old,)))


def test_every_measure_has_a_row_with_its_denominator_and_a_definition(report):
    table = next(block for block in blocks_of(report) if block[0].startswith("Beyond accuracy"))
    assert [line.split("@")[0] for line in table[1:]] == [measure.title for measure in BEYOND_ACCURACY.values()]
    assert len({len(line) for line in table}) == 1
    serendipity = report.model.beyond_accuracy["serendipity"].value
    assert table[-1].split() == ["Serendipity@4", f"{serendipity:.4f}", "(10)", "0.0000", "(10)"]
    for measure in BEYOND_ACCURACY.values():
        assert measure.definition(4) in joined(report)


def test_every_breakdown_has_a_table_with_records_users_and_intervals(report):
    blocks = blocks_of(report)
    for name, breakdown in BREAKDOWNS.items():
        if breakdown.needs_difference:
            continue
        rows = [row for row in report.breakdowns if row.by == name]
        table = next(block for block in blocks if block[0].startswith(f"MAP@4 by {name}"))
        assert len({len(line) for line in table[: len(rows) + 1]}) == 1
        for row, line in zip(rows, table[1:], strict=False):
            assert line.startswith(row.group)
            score = row.scores["popularity"]
            assert f"{score.mean:.4f} [{score.interval.low:.4f}, {score.interval.high:.4f}]" in line
            assert f" {row.num_records} " in line
        assert breakdown.definition in joined(report)


def test_every_class_of_ranks_has_a_row_with_both_numbers_and_a_definition(report):
    table = next(block for block in blocks_of(report) if block[0].startswith("Every rank asked for"))
    assert len({len(line) for line in table}) == 1
    rows = {line[:22].rstrip(): line[22:].split() for line in table}
    assert [name.strip() for name in rows][1:] == [
        "Hit", "Near", "Not in the catalogue", "Failure",
        "Another kind", "Repeated", "Already liked", "Malformed", "Unfilled",
    ]  # fmt: skip
    assert table[0].split()[-2:] == ["popularity", "random"]
    hits = report.model.misses["hit"].numerator
    assert rows["Hit"][:2] == [f"{hits / 40:.1%}", f"({hits}/40)"]
    assert rows["Hit"][2:4] == ["75.0%", "(30/40)"]
    assert rows["  Repeated"] == ["0.0%", "(0/40)", "–", "–"]
    for definition in report.miss_definitions.values():
        assert definition in joined(report)
    assert "were checked against: no list of films was given." in joined(report)


def test_the_storys_figures_stand_apart_with_what_they_cannot_tell(report):
    (block,) = [block for block in blocks_of(report) if block[0].startswith("Quoted, not comparable")]
    assert [line.split()[-1] for line in block[1:6]] == ["0.005", "0.007", "0.018", "0.021", "0.019"]
    assert " ".join(block[6:]).endswith("so no interval and no comparison can be made with it.")
    assert "LLaMA" not in "".join(line for other in blocks_of(report) if other != block for line in other)


def test_the_range_of_a_group_is_printed_without_needless_decimals(report):
    text = render_text(report)
    assert "middle: 7 to 7 " in text  # likes
    assert "2020s" not in text
    assert "1960s: 1962 to 1962 " in text  # the mean year of 1961, 1962 and 1963


def test_a_measure_of_nothing_is_a_dash(report):
    nothing = {
        name: replace(measure, value=None, interval=None, denominator=0)
        for name, measure in report.model.beyond_accuracy.items()
    }
    systems = (replace(report.model, beyond_accuracy=nothing), *report.systems[1:])
    assert "– (0)" in render_text(replace(report, systems=systems))


def test_a_table_of_one_user_says_that_it_has_no_interval(tmp_path):
    text = render_text(evaluate(tmp_path, num_records=1))
    assert "one user only" in text
    assert "p =" not in text


def test_the_command_that_makes_it_again_stands_last(report):
    assert blocks_of(report)[-1][-1] == f"Again: {report.command}"
    assert "Again" not in render_text(replace(report, command=""))
