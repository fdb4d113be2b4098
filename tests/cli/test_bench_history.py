"""What a longer history is worth: the figures worked by hand, the tables, and one run with a tiny model."""

import json
from types import SimpleNamespace

import pytest

from recsys.cli.bench_history import describe, render
from recsys.cli.bench_report import LEARNT
from recsys.cli.main import main
from recsys.evaluation.significance import holm_adjusted, paired_permutation_test
from tests.made_data import write_made_zip

IDS, USERS = ("1-0", "1-1", "2-0", "3-0"), (1, 1, 2, 3)
FULL = (1.0, 0.5, 0.5, 0.0)


def scores(values):
    return [
        SimpleNamespace(record_id=record_id, user_id=user, metrics={"map": value}, item_ids=())
        for record_id, user, value in zip(IDS, USERS, values, strict=True)
    ]


@pytest.fixture
def systems():
    none, one = (0.0, 0.0, 0.0, 0.0), (1.0, 0.0, 0.5, 0.0)
    return describe({0: {"tiny": scores(none)}, 1: {"tiny": scores(one)}, 2: {"tiny": scores(FULL)}})


def test_each_length_has_its_mean_and_what_it_has_less_than_all(systems):
    (system,) = systems
    assert [row["history_length"] for row in system["lengths"]] == [0, 1, 2]
    assert [row["map"] for row in system["lengths"]] == [0.0, 0.375, 0.5]
    assert system["lengths"][2]["map_users"] == pytest.approx((0.75 + 0.5 + 0.0) / 3)
    assert [row.get("minus_full") for row in system["lengths"]] == [-0.5, -0.125, None]


def test_p_values_of_a_system_are_corrected_for_its_lengths(systems):
    raw = [paired_permutation_test(values, FULL, USERS).p_value for values in ([0] * 4, [1.0, 0.0, 0.5, 0.0])]
    rows = systems[0]["lengths"]
    assert [row["p_value"] for row in rows[:2]] == raw
    assert [row["adjusted_p_value"] for row in rows[:2]] == list(holm_adjusted(raw))


def test_the_tables_have_a_row_for_each_length_and_a_column_for_each_system(systems):
    found = {"command": "x", "records": 4, "split": "test", "data": "made", "k": 4, "systems": systems, "note": LEARNT}
    assert LEARNT in render(found)
    lines = [line for line in render(found).splitlines() if line.startswith("|")]
    assert lines[0] == lines[5] == "| liked movies shown | tiny |"
    assert lines[4].startswith("| 2 | 0.5000 [0.0000, 0.7500] (0.4167) |")
    assert lines[7].startswith("| 0 | -0.5000 [")
    assert len(lines) == 5 + 4, "all shown is compared with nothing"


@pytest.mark.parametrize("decoding", ["catalogue_rank", "hybrid", "free"])
def test_the_command_asks_the_same_records_at_every_length(tmp_path, tiny_llama_folder, decoding):
    data = write_made_zip(tmp_path / "made.zip")
    command = ["bench", "history", "--data", str(data), "--model", str(tiny_llama_folder), "--split", "test"]
    command += ["--decoding", decoding, "--num-beams", "4", "--baselines", "popularity", "--out", str(tmp_path)]
    assert main(command) == 0
    found = json.loads((tmp_path / "history-test.json").read_text())
    assert [system["system"] for system in found["systems"]] == [str(tiny_llama_folder), "popularity"]
    assert all(len(system["lengths"]) == 7 for system in found["systems"])
    assert (found["records"], found["note"]) == (3, "")
    assert f"--split test --records 0 --decoding {decoding} --num-beams 4 --baselines popularity" in found["command"]
    assert f"`{found['command']}`" in (tmp_path / "history-test.md").read_text()


def test_a_split_without_records_is_refused(tmp_path, capsys):
    data = write_made_zip(tmp_path / "made.zip", num_users=3)
    assert main(["bench", "history", "--data", str(data), "--split", "test"]) == 2
    assert "no records to evaluate" in capsys.readouterr().err
