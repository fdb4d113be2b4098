"""`accelerate launch -m recsys evaluate`: two processes share the batches and report what one does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = ["evaluate", "--model=gptj-mini", "--records=20", "--batch-size=3", "--decoding=catalogue_rank"]
COMMAND += ["--title-score=tree", "--baselines", "popularity", "--json", "--runs"]


def run(start, runs):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [sys.executable, "-m", *start, *COMMAND, str(runs)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    launch = ["accelerate.commands.launch", "--multi_gpu", "--num_processes=2", "--num_machines=1"]
    # On a machine without a GPU, --multi_gpu means several processes; --cpu would start one.
    launch += ["--mixed_precision=no", "--dynamo_backend=no", "--main_process_port=0", "-m", "recsys"]
    return run(["recsys"], runs / "one"), run(launch, runs / "two"), runs


def test_two_processes_report_what_one_does(reports):
    one, two, _ = reports
    assert two["num_records"] == 20
    assert two["fingerprint"] == one["fingerprint"]
    timed = ("seconds",)
    for mine, other in zip(two["systems"], one["systems"], strict=True):
        assert {name: mine[name] for name in mine if name not in timed} == {
            name: other[name] for name in other if name not in timed
        }
    for part in ("differences", "text_quality", "distances", "breakdowns", "records_hash", "provenance"):
        assert two[part] == one[part]


def test_the_first_process_takes_in_what_the_other_kept(reports):
    _, _, runs = reports
    assert sorted(path.name for path in (runs / "two").iterdir()) == ["locks", "parts", "runs.sqlite3"]
    assert list((runs / "two" / "parts").iterdir()) == []
