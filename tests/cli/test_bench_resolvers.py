"""The comparison of resolvers on hard titles: its counting, its table, and one run without a model."""

import json

import pytest

from recsys.cli.bench_resolvers import HARD_CASES, HardCase, count_kinds, read_cases, render_table
from recsys.cli.main import main

CASES = [
    HardCase("sequel", "Alien 2", 1986, 2),
    HardCase("sequel", "Alien 9", None, None),
    HardCase("accents", "E", 1, 3),
]


def test_a_wrong_movie_and_a_missed_one_are_counted_apart():
    counts = count_kinds(CASES, [1, 5, None])
    assert counts["sequel"] == {"cases": 2, "right": 0, "wrong": 2, "missed": 0}
    assert counts["accents"] == {"cases": 1, "right": 0, "wrong": 0, "missed": 1}
    assert counts["all"] == {"cases": 3, "right": 0, "wrong": 2, "missed": 1}


def test_finding_nothing_is_right_where_no_movie_is():
    assert count_kinds(CASES, [2, None, 3])["all"] == {"cases": 3, "right": 3, "wrong": 0, "missed": 0}


def test_the_table_has_a_line_for_each_kind_and_a_column_for_each_resolver():
    rows = [{"resolver": "one", "milliseconds_per_title": 0.5, "kinds": count_kinds(CASES, [2, 7, None])}]
    assert render_table(rows).splitlines() == [
        "| kind | cases | one |",
        "|---|---|---|",
        "| sequel | 2 | 1 (1 wrong, 0 missed) |",
        "| accents | 1 | 0 (0 wrong, 1 missed) |",
        "| all | 3 | 1 (1 wrong, 1 missed) |",
        "| milliseconds a title | | 0.5 |",
    ]


def test_the_command_compares_the_resolvers_that_need_no_model(capsys):
    names = ["exact_names", "normalised_names", "levenshtein", "common_characters"]
    assert main(["bench", "resolvers", "--json", "--resolvers", *names]) == 0
    rows = json.loads(capsys.readouterr().out)
    right = {row["resolver"]: row["kinds"]["all"]["right"] for row in rows}
    assert list(right) == names
    assert right["exact_names"] < right["normalised_names"] < right["levenshtein"]
    assert all(row["milliseconds_per_title"] > 0 for row in rows)
    assert all(row["kinds"]["all"]["cases"] == len(read_cases(HARD_CASES)) for row in rows)


def test_a_resolver_whose_model_is_not_there_is_left_out_and_the_reason_told(capsys):
    arguments = ["--resolvers", "exact_names", "embedding", "--model", "no-such-model"]
    assert main(["bench", "resolvers", *arguments]) == 0
    printed = capsys.readouterr()
    assert "embedding is left out" in printed.err
    assert printed.out.startswith("| kind | cases | exact_names |")


@pytest.mark.parametrize("content", [None, "a,b\n1,2\n", "kind,written,year,item_id\nx,y,soon,1\n"])
def test_a_file_that_is_no_table_of_hard_titles_ends_with_exit_code_2(content, tmp_path, capsys):
    path = tmp_path / "cases.csv"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    assert main(["bench", "resolvers", "--cases", str(path)]) == 2
    assert "these are no hard titles" in capsys.readouterr().err
