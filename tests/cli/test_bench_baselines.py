"""The comparison of classic recommenders: its figures, its table, and one run on made-up data."""

import json

import pytest

from recsys.cli import bench_baselines
from recsys.cli.bench_baselines import GRIDS, RECOMMENDERS, describe, make_variants, render_table
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
    assert "minus_reference" not in ease
    assert slit["minus_reference"] == pytest.approx(0.25)
    assert slit["minus_interval"] == [0.25, 0.25], "both users have 0.25 more"


def test_the_table_has_a_line_for_each():
    lines = render_table(describe(SCORES)).splitlines()
    assert lines[2] == "| ease | 0.2500 [0.2500, 0.2500] | 0.2500 |  |"
    assert lines[3] == "| slit | 0.5000 [0.5000, 0.5000] | 0.5000 | +0.2500 [0.2500, 0.2500] |"


def test_a_grid_has_each_setting_beside_the_defaults_of_the_others():
    variants = make_variants(["co_occurrence"])
    assert len(variants) == sum(len(values) for values in GRIDS["co_occurrence"].values())
    counted = variants["co_occurrence min_likes 10"]({user: [1, 2] for user in range(9)})
    assert (counted.name, len(counted.item_ids)) == ("co-occurrence", 0)


def test_every_setting_of_every_grid_is_one_that_its_recommender_takes():
    likes = {user: [1, 2, 3] for user in range(3)}
    assert all(0 <= fit(likes).coverage <= 1 for fit in make_variants(tuple(GRIDS)).values())


@pytest.mark.parametrize("named", [["co_occurrence"], []])
def test_the_command_compares_them_all_with_settings_one_at_a_time(tmp_path, capsys, monkeypatch, named):
    monkeypatch.setattr(bench_baselines, "GRIDS", {"slit": {"reg": (30.0,)}, "co_occurrence": {"num_next": (4, 16)}})
    data = write_made_zip(tmp_path / "made.zip")
    assert main(["bench", "baselines", "--data", str(data), "--folds", "3", "--json", "--grid", *named]) == 0
    rows = json.loads(capsys.readouterr().out)
    variants = ["co_occurrence num_next 4", "co_occurrence num_next 16"]
    asked = [*RECOMMENDERS, *(variants if named else ["slit reg 30", *variants])]
    assert [row["recommender"] for row in rows] == asked
    assert all(0 <= row["map"] <= 1 for row in rows)


def test_a_model_stands_beside_them_by_the_files_of_its_folds(tmp_path, capsys):
    data = write_made_zip(tmp_path / "made.zip")
    split = Workbench(WorkbenchOptions(data=str(data))).split
    ids = [record.record_id for name in ("train", "validation") for record in split.records[name]]
    (tmp_path / "1.csv").write_text("record_id,map\n" + "".join(f"{record_id},1.0\n" for record_id in ids))
    command = ["bench", "baselines", "--data", str(data), "--folds", "3", "--json", "--model-csv"]
    assert main([*command, str(tmp_path / "1.csv")]) == 0
    model = json.loads(capsys.readouterr().out)[-1]
    assert (model["recommender"], model["map"]) == ("model 1", 1.0)
    twice = [*command, str(tmp_path / "1.csv"), "--model-csv", str(tmp_path / "1.csv"), "--reference", "model 1"]
    assert main(twice) == 0
    last = json.loads(capsys.readouterr().out)[-1]
    assert (last["recommender"], last["minus_reference"]) == ("model 2", 0)
    assert main([*command, str(tmp_path / "1.csv"), "--reference", "models"]) == 2
    assert "no such row" in capsys.readouterr().err
    assert main([*command, str(tmp_path / "2.csv")]) == 2
    assert "no results of records" in capsys.readouterr().err
