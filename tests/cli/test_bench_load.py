"""``bench load`` on a tiny shape: both ways load the same weights, and the checkpoint is gone afterwards."""

import json

import pytest

from recsys.cli import bench_load
from recsys.cli.main import main
from recsys.models.shapes import ModelShape


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setattr(bench_load, "_SHAPES", {"llama-1b": ModelShape("llama", 256, 512, 4, 4, 4, 2000)})


def test_both_ways_are_measured_and_write_the_same_tokens(tmp_path, capsys):
    where = tmp_path / "work"
    where.mkdir()
    assert main(["bench", "load", "--json", "--out", str(tmp_path / "out"), "--folder", str(where)]) == 0
    found = json.loads(capsys.readouterr().out)
    stock, ours = found["rows"]
    assert (stock["way"], ours["way"]) == ("stock", "ours")
    assert ours["ended"] == stock["ended"] == "well"
    assert ours["tokens"] == stock["tokens"] != ""
    # Four layers of 4 × 256² + 3 × 256 × 512 weights in a byte and their scales, two matrices of 2,000 × 256 in two.
    layers = 4 * (4 * 256**2 + 3 * 256 * 512)
    assert ours["size_GB"] * 1e9 == pytest.approx(layers + 2 * 2 * 2000 * 256, rel=0.02)
    assert ours["cpu_seconds_to_stock"] == pytest.approx(ours["cpu_seconds"] / stock["cpu_seconds"])
    assert stock["peak_to_stock"] == 1
    assert not list(where.iterdir())
    assert "| llama-1b | int8 | ours |" in (tmp_path / "out/load-llama-1b.md").read_text()


def test_a_load_that_leaves_too_little_memory_is_stopped_and_said_so(tmp_path, capsys):
    command = ["bench", "load", "--json", "--out", str(tmp_path), "--ways", "ours", "--keep-free-gb", "1e9"]
    assert main(command) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert row["ended"] == "stopped: memory ran short"
    assert row["seconds"] is None


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench_load, "checkpoint_bytes", lambda _: 10**18)
    monkeypatch.setattr(bench_load, "write_random_checkpoint", None)
    assert main(["bench", "load", "--out", str(tmp_path)]) == 1
    assert "does not fit on the disk" in capsys.readouterr().err
