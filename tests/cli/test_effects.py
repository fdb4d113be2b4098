"""The report of effects: asked of the small embedded model on made-up records, told, and made again unasked."""

import json

import numpy as np
import pytest

from recsys.cli.effects import measure_losses
from recsys.cli.main import main
from recsys.models.model_choice import ModelChoice
from recsys.tuning.kept import read_kept
from recsys.workbench import Workbench
from recsys.workbench_options import WorkbenchOptions
from tests.made_data import write_made_zip


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("effects")
    return write_made_zip(folder / "made.zip"), folder / "runs", folder


def command(folders, out, *more):
    data, runs, _ = folders
    return ["effects", "--data", str(data), "--runs", str(runs), "--out", str(out), *more]


def test_a_question_is_asked_answered_and_answered_again_from_what_is_finished(folders, capsys):
    out = folders[2] / "first"
    asked = ("--questions", "seeds", "years")
    assert main(command(folders, out, "--finished", *asked)) == 0
    assert "Not answered yet: of what it needs, 15 of 15 evaluations" in capsys.readouterr().out
    assert main(command(folders, out, "--sweeps", str(out / "sweeps"), "--questions", "seeds", "substitutes")) == 0
    found = json.loads((out / "effects.json").read_text())
    overlaps = found["questions"]["seeds"]["numbers"]["overlaps"]
    assert [one["temperature"] for one in overlaps] == [0.3, 0.7, 1.5]
    assert all(0 <= one["overlap"] <= 1 and one["map"]["count"] == 5 for one in overlaps)
    assert len(found["questions"]["substitutes"]["numbers"]["heat"]) == 12
    report = (out / "effects.md").read_text()
    assert found["questions"]["seeds"]["answer"] in report
    assert "3 test records of 3 users" in report
    assert found["command"] in report
    assert "--questions seeds substitutes" in found["command"]
    capsys.readouterr()
    again = folders[2] / "again"
    assert main(command(folders, again, "--finished", *asked)) == 0
    questions = json.loads((again / "effects.json").read_text())
    assert questions["questions"]["seeds"] == found["questions"]["seeds"]
    assert questions["waiting"] == {"years": [2, 2]}


def test_finished_questions_open_the_tune_tab_as_sweeps(folders):
    paths = list((folders[2] / "first" / "sweeps").glob("*.json"))
    assert [path.name for path in paths] == ["gptj-mini-temperature-top-p.json"]
    (kept,) = [read_kept("sweep", path) for path in paths]
    assert (kept.done, kept.total) == (12, 12)
    assert kept.result.sweep.base.evaluation.split == "test"


def test_a_loss_is_the_mean_nats_of_the_titles_that_came_next(folders):
    workbench = Workbench(WorkbenchOptions(data=folders[0], runs=folders[1]))
    choice = ModelChoice("gptj-mini")
    records = workbench.split.records["test"]
    losses = measure_losses(workbench, choice, records)
    assert losses.shape == (len(records),)
    assert np.all(losses > 0)
    assert measure_losses(workbench, choice, records[:1])[0] == pytest.approx(losses[0], rel=1e-2)


def test_an_unknown_question_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["effects", "--questions", "colour"])
    assert "invalid choice: 'colour'" in capsys.readouterr().err
