import json

import pytest

from recsys.models import registry
from recsys.models.adapter_card import read_adapter_card
from recsys.models.host import ModelChoice
from recsys.models.registry import ModelSpec
from recsys.training.scoring import ScoringPlan, score_saved
from recsys.workbench import Workbench
from recsys.workbench_options import WorkbenchOptions

PLAN = ScoringPlan("validation", 4, ("catalogue_rank", "catalogue_list"), baselines=())


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """A tiny GPT-J that reads history prompts, in a folder with notes, and the workbench that knows it."""
    from tests.fixtures import tiny_models

    folder = tiny_models.save_tiny_gptj(tmp_path / "tiny")
    (folder / "recsys.json").write_text(json.dumps({"recipe": "pretrain", "method": "full"}))
    spec = ModelSpec("tiny", "Tiny", "folder", str(folder), "gptj", 1, "none", prompt_styles=("history",))
    monkeypatch.setattr(registry, "_KNOWN", (*registry._KNOWN, spec))
    return Workbench(WorkbenchOptions(runs=tmp_path / "runs", adapters=tmp_path / "none")), folder


def test_scores_are_those_of_the_evaluation_and_stand_in_notes_and_card(saved):
    workbench, folder = saved
    ranked, listed = score_saved(workbench, ModelChoice("tiny", "fp32"), folder, PLAN)
    assert ranked.request.prompt.style == "history"
    card = read_adapter_card(folder)
    assert [(score.split, score.decoding, score.num_records) for score in card.scores] == [
        ("validation", "catalogue_rank", 4),
        ("validation", "catalogue_list", 4),
    ]
    assert [score.map for score in card.scores] == [
        report.systems[0].metrics["map"].mean for report in (ranked, listed)
    ]
    assert card.recipe == "pretrain"
    readme = (folder / "README.md").read_text()
    command = "python -m recsys evaluate --records 4 --decoding catalogue_rank --num-beams 10 --split validation"
    assert f"{command} --model tiny" in readme


def test_a_score_that_is_measured_again_takes_the_place_of_the_older_one(saved):
    workbench, folder = saved
    only = ScoringPlan("validation", 4, ("catalogue_rank",), baselines=())
    score_saved(workbench, ModelChoice("tiny", "fp32"), folder, only)
    score_saved(workbench, ModelChoice("tiny", "fp32"), folder, ScoringPlan("validation", 6, ("catalogue_rank",), ()))
    assert [score.num_records for score in read_adapter_card(folder).scores] == [6]


def test_the_command_of_a_score_is_the_evaluation_that_was_run(saved):
    """Read back by the command line, it asks for the same records, model, prompt and decoding."""
    from recsys.cli.evaluate import read_request
    from recsys.cli.main import make_parser
    from recsys.training.scoring import evaluate_command

    workbench, folder = saved
    for decoding, report in zip(
        PLAN.decodings, score_saved(workbench, ModelChoice("tiny", "fp32"), folder, PLAN), strict=True
    ):
        words = evaluate_command(ModelChoice("tiny"), PLAN, decoding).split()[3:]
        asked = read_request(make_parser().parse_args([*words, "--precision", "fp32", "--baselines"]), workbench)
        assert asked.to_dict() | {"generation": 0} == report.request.to_dict() | {"generation": 0}
        assert asked.generation.num_beams == report.request.generation.num_beams
        assert decoding == "catalogue_rank" or asked.generation.temperature == 0
