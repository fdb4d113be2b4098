"""The decoding benchmark's own arithmetic, and one small run of it on a tiny model."""

import json

import pytest

from recsys.cli.bench_decoding import GOALS
from recsys.cli.bench_decoding_report import render_table
from recsys.cli.bench_test_set import count_faults
from recsys.cli.main import main
from recsys.data.records import Record


class Answer:
    def __init__(self, *items):
        self.resolutions = [type("Resolution", (), {"item_id": item})() for item in items]


def test_every_fault_of_a_list_is_counted_by_its_kind():
    record = Record("1-0", 1, history=(10, 11), relevant=(12,), disliked=(13,))
    faults = count_faults([record, record], [Answer(1, None, 1, 10), Answer(2, 3, 4, 13)])
    assert faults == {"out_of_catalogue": 1, "repeated": 1, "already_liked": 2}


def test_a_sound_answer_has_no_fault():
    record = Record("1-0", 1, history=(10, 11), relevant=(12,))
    assert not any(count_faults([record], [Answer(1, 2, 3, 12)]).values())


@pytest.mark.slow
def test_the_benchmark_runs_on_any_small_model(tiny_llama_folder, tmp_path, capsys):
    arguments = ["bench", "decoding", "--model", str(tiny_llama_folder), "--precision", "fp32", "--json"]
    assert main([*arguments, "--records", "4", "--alone", "1", "--out", str(tmp_path)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert json.loads((tmp_path / "decoding.json").read_text()) == found
    names = {"list_greedy", "list_beam4", "rank", "stock_per_record_greedy", "stock_per_record_beam4"}
    assert names | {"stock_batched_greedy", "stock_batched_prefix_fn"} <= set(found["records_per_second"])
    assert found["prefill_floor_fraction"] > 0
    table = (tmp_path / "decoding.md").read_text()
    assert table == render_table(found)
    assert all(f"{ours} / {theirs}" in table for ours, theirs, _ in GOALS)
