"""The comparison of classic recommenders: its figures, its table, and one run on made-up data."""

import json

import pytest

from recsys.cli.bench_baselines import RECOMMENDERS, SLIT_GRID, describe, render_table
from recsys.cli.main import main
from recsys.evaluation.user_folds import FoldScores
from recsys.workbench import Workbench, WorkbenchOptions
from tests.made_data import write_made_zip

IDS = ("1-0", "1-1", "2-0")
SCORES = [FoldScores("ease", (0.5, 0.0, 0.25), (1, 1, 2), IDS), FoldScores("slit", (1.0, 0.0, 0.5), (1, 1, 2), IDS)]


def test_each_recommender_has_its_means_and_what_it_has_more_than_ease():
    ease, slit = describe(SCORES)
    assert (ease["map"], slit["map"]) == (0.25, 0.5)
    assert (ease["map_users"], slit["map_users"]) == (0.25, 0.5)
    assert "minus_ease" not in ease
    assert slit["minus_ease"] == pytest.approx(0.25)
    assert slit["minus_ease_interval"] == [0.25, 0.25], "both users have 0.25 more"


def test_the_table_has_a_line_for_each():
    lines = render_table(describe(SCORES)).splitlines()
    assert lines[2] == "| ease | 0.2500 [0.2500, 0.2500] | 0.2500 |  |"
    assert lines[3] == "| slit | 0.5000 [0.5000, 0.5000] | 0.5000 | +0.2500 [0.2500, 0.2500] |"


def test_the_command_compares_them_all_with_settings_one_at_a_time(tmp_path, capsys):
    data = write_made_zip(tmp_path / "made.zip")
    assert main(["bench", "baselines", "--data", str(data), "--folds", "3", "--grid", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["recommender"] for row in rows[: len(RECOMMENDERS)]] == list(RECOMMENDERS)
    assert len(rows) == len(RECOMMENDERS) + sum(len(values) for values in SLIT_GRID.values())
    assert all(0 <= row["map"] <= 1 for row in rows)


def test_a_model_stands_beside_them_by_the_files_of_its_folds(tmp_path, capsys):
    data = write_made_zip(tmp_path / "made.zip")
    split = Workbench(WorkbenchOptions(data=str(data))).split
    ids = [record.record_id for name in ("train", "validation") for record in split.records[name]]
    (tmp_path / "1.csv").write_text("record_id,map\n" + "".join(f"{record_id},1.0\n" for record_id in ids))
    command = ["bench", "baselines", "--data", str(data), "--folds", "3", "--json", "--model-csv"]
    assert main([*command, str(tmp_path / "1.csv")]) == 0
    model = json.loads(capsys.readouterr().out)[-1]
    assert (model["recommender"], model["map"]) == ("model", 1.0)
    assert main([*command, str(tmp_path / "2.csv")]) == 2
    assert "no results of records" in capsys.readouterr().err
