import json

import pytest

from recsys.cli.bench_feedback_report import describe_system
from recsys.cli.main import main
from recsys.evaluation.feedback_simulation import WAYS, RoundScore
from recsys.evaluation.significance import holm_adjusted, paired_permutation_test
from tests.made_data import write_made_zip

USERS = (1, 1, 2, 3)
START, TOLD, LEFT_OUT = (0.0, 0.5, 0.5, 0.0), (1.0, 0.5, 0.5, 1.0), (0.5, 0.5, 0.5, 0.0)


def scores(values, likes=0):
    return tuple(
        RoundScore(f"{user}-{place}", user, (1,), {"map": value, "found": value}, num_likes=likes)
        for place, (user, value) in enumerate(zip(USERS, values, strict=True))
    )


def test_each_round_is_compared_with_the_start_and_with_leaving_out():
    system = describe_system("tiny", [scores(START), scores(TOLD, 2)], [scores(START), scores(LEFT_OUT)], WAYS["all"])
    first, second = system["rounds"]
    assert "minus_round_0" not in first
    assert second["told"]["mean"] == 0.75
    assert second["minus_round_0"]["mean"] == 0.5
    assert second["minus_not_told"]["mean"] == 0.375
    assert (second["likes"], second["records_with_a_vote"], second["not_told_votes"]) == (8, 4, 0)
    raw = [paired_permutation_test(TOLD, other, USERS).p_value for other in (START, LEFT_OUT)]
    adjusted = [second[name]["adjusted_p_value"] for name in ("minus_round_0", "minus_not_told")]
    assert adjusted == list(holm_adjusted(raw))


def command(tmp_path, folder, *options):
    data = write_made_zip(tmp_path / "made.zip", num_disliked=2)
    return [
        *("bench", "feedback", "--data", str(data), "--model", str(folder), "--runs", str(tmp_path / "runs")),
        *("--num-beams", "4", "--baselines", "popularity", "--out", str(tmp_path), *options),
    ]


def test_the_command_writes_what_it_found_and_asks_nothing_twice(tmp_path, tiny_llama_folder, monkeypatch):
    asked = command(tmp_path, tiny_llama_folder, "--rounds", "2", "--ways", "all", "past-hidden")
    assert main(asked) == 0
    found = json.loads((tmp_path / "feedback.json").read_text())
    assert [way["way"] for way in found["ways"]] == ["all", "past-hidden"]
    assert [one["system"] for one in found["ways"][0]["systems"]] == [str(tiny_llama_folder), "popularity"]
    assert all(len(one["rounds"]) == 3 for way in found["ways"] for one in way["systems"])
    assert (found["records"], found["users"], found["k"]) == (3, 3, 4)
    text = (tmp_path / "feedback.md").read_text()
    assert f"`{found['command']}`" in text
    assert "--rounds 2 --k 4" in found["command"]
    assert "paging through the first ranking" in text

    def refuse(*_args, **_kwargs):
        raise AssertionError("every answer was kept")

    monkeypatch.setattr("recsys.workbench.Workbench.recommend_batch", refuse)
    assert main(asked) == 0
    assert json.loads((tmp_path / "feedback.json").read_text()) == found


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--rounds", "0"], "so many rounds"),
        (["--rounds", "12"], "so many rounds"),
    ],
)
def test_rounds_that_cannot_be_asked_are_refused(tmp_path, tiny_llama_folder, capsys, options, told):
    assert main(command(tmp_path, tiny_llama_folder, *options)) == 2
    assert told in capsys.readouterr().err
