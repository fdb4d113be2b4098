"""The speed of evaluations beside the engine: what is asked of each, and one run with a tiny model."""

import json

import pytest

from recsys.cli import bench_evaluation
from recsys.cli.bench_evaluation import WAYS, prepare, run_answers, run_engine, run_evaluation
from recsys.cli.main import main
from recsys.models.host import ModelChoice
from recsys.workbench import Workbench
from recsys.workbench_options import WorkbenchOptions
from tests.made_data import write_made_zip


@pytest.fixture
def workbench(tmp_path):
    return Workbench(WorkbenchOptions(data=write_made_zip(tmp_path / "made.zip"), runs=tmp_path, adapters=tmp_path))


@pytest.mark.parametrize("name", WAYS)
def test_engine_answers_and_evaluation_are_asked_the_same_batches(workbench, tiny_llama_folder, monkeypatch, name):
    asked = prepare(workbench, ModelChoice(str(tiny_llama_folder), "fp32"), name, num_records=0, seed=0)
    assert len(asked.prompts) == len(asked.excluded) == len(asked.seeds) == len(asked.records) == 3
    assert not asked.request.baselines
    seen = []
    answer = workbench.recommend_batch
    monkeypatch.setattr(
        workbench,
        "recommend_batch",
        lambda requests, **options: (seen.append([r.record_id for r in requests]), answer(requests, **options))[1],
    )
    run_engine(workbench, asked)
    run_answers(workbench, asked)
    assert 0 < run_evaluation(workbench, asked) < 60
    assert seen[0] == seen[1] == [record.record_id for record in asked.records]


def test_the_command_tells_three_speeds_their_ratios_and_the_baselines_apart(tmp_path, tiny_llama_folder, monkeypatch):
    monkeypatch.setattr(bench_evaluation, "WAYS", {"list_greedy": WAYS["list_greedy"]})
    data = write_made_zip(tmp_path / "made.zip")
    command = ["bench", "evaluation", "--data", str(data), "--model", str(tiny_llama_folder), "--repeats", "2"]
    assert main([*command, "--ways", "list_greedy", "--out", str(tmp_path), "--runs", str(tmp_path / "runs")]) == 0
    found = json.loads((tmp_path / "evaluation.json").read_text())
    (row,) = found["ways"]
    assert (row["way"], row["records"], row["batch"]) == ("list_greedy", 3, 64)
    assert all(row[f"{kind}_records_per_second"] > 0 for kind in ("engine", "answers", "evaluation"))
    assert 0 < row["generation_share"] < 1
    assert set(found["baseline_seconds"]) == {"popularity", "ease"}
    assert "| list_greedy | 3 | 64 |" in (tmp_path / "evaluation.md").read_text()
    assert not (tmp_path / "runs").exists(), "runs of the benchmark are its own"
