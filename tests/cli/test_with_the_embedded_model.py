"""The command line on the real model and the real data, from argument to JSON."""

import csv
import json
import sqlite3
from contextlib import closing

import pytest

from recsys.cli.main import main
from recsys.evaluation.run_database import FILE_NAME
from recsys.evaluation.store import RunStore

pytestmark = pytest.mark.model

SHORT = ["--num-recommendations", "2", "--max-new-tokens", "24"]


@pytest.fixture
def ask(capsys):
    def run(*arguments):
        assert main(list(arguments)) == 0
        return json.loads(capsys.readouterr().out)

    return run


def test_recommend_answers_with_recommendations_and_the_settings_in_effect(ask):
    answer = ask("recommend", "Spirited Away", "My Neighbor Totoro", "--temperature", "0.7", "--json", *SHORT)
    assert answer["prompt"].endswith("Spirited Away; My Neighbor Totoro =>")
    assert answer["settings"]["generation"]["temperature"] == 0.7
    assert len(answer["recommendations"]) <= 2
    assert answer["completion_tokens"] > 0
    assert {"rank", "generated_title", "item_id", "match", "flags"} <= set(answer["recommendations"][0])


def test_the_same_seed_gives_the_same_completion_and_another_seed_another(ask):
    first, again, other = (
        ask("recommend", "Alien", "--json", "--temperature", "1.2", "--seed", seed, *SHORT) for seed in ("1", "1", "2")
    )
    assert first["completion"] == again["completion"]
    assert first["completion"] != other["completion"]


def test_an_evaluation_reports_its_baselines_and_goes_on_where_it_was_stopped(ask, tmp_path, capsys):
    arguments = ["evaluate", "--records", "3", "--batch-size", "2", "--runs", str(tmp_path), "--json", *SHORT]
    arguments += ["--temperature", "0", "--csv", str(tmp_path / "records.csv")]
    arguments += ["--markdown", str(tmp_path / "report.md")]
    report = ask(*arguments)
    assert report["num_records"] == 3
    assert [system["name"] for system in report["systems"]][1:] == ["popularity", "ease"]
    with (tmp_path / "records.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.reader(file))) == 1 + 3
    assert (tmp_path / "report.md").read_text(encoding="utf-8").startswith(f"# {report['systems'][0]['name']} on ")

    store = RunStore(tmp_path, report["fingerprint"])
    whole = store.results()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        connection.execute("DELETE FROM results WHERE record_id != ?", [whole[0].record_id])
    resumed = ask(*arguments)
    again = store.results()
    assert again[0] == whole[0]  # not asked again: its seconds are those of the first start
    assert {result.record_id for result in again} == {result.record_id for result in whole}
    assert resumed["systems"][0]["metrics"]["map"]["mean"] == report["systems"][0]["metrics"]["map"]["mean"]


def test_models_load_tells_precision_and_memory(ask):
    state = ask("models", "load", "--json", "--precision", "fp16")
    assert state["precision"] == "fp16"
    assert state["memory_bytes"] > 200e6


def test_what_details_add_to_a_prompt_is_measured(tmp_path, capsys):
    assert main(["bench", "prompts", "--records", "2", "--json", "--out", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    rows = {row["details"]: row for row in json.loads(captured.out)["details"]}
    assert rows["none"]["times_the_tokens"] == 1
    assert rows["genres"]["prompt_tokens"] > rows["none"]["prompt_tokens"]
    assert "description" not in rows
    assert "--descriptions" in captured.err


def test_similar_by_meaning_is_scored_on_the_same_records(tmp_path, capsys):
    arguments = ["--records", "2", "--baselines", "similarity", "--decoding", "catalogue_list", "--runs", str(tmp_path)]
    assert main(["evaluate", *arguments]) == 0
    assert "similarity" in capsys.readouterr().out
