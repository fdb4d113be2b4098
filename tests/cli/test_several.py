"""What ``recommend --each-adapter`` and ``--each-model`` print."""

import json
from types import SimpleNamespace

import pytest

from recsys.cli.main import main
from recsys.cli.several import render_grid, to_dict
from recsys.recommend import RecommendationRequest
from recsys.several import Cell, CellAnswer, Grid, GridState
from tests.evaluation.answers import MADE_MOVIES, make_answer, title
from tests.fixtures.tiny_adapters import save_tiny_adapter

ASKED = RecommendationRequest()
GRID = Grid(
    "One question", ("Model",), ("Zero-shot", "Few-shot"), (Cell(0, 0, ASKED), Cell(0, 1, ASKED, refusal="No."))
)
STATE = GridState(
    GRID, {0: CellAnswer(make_answer([1, title(None, "none", name="Void")]), seconds=3), 1: CellAnswer(refusal="No.")}
)


@pytest.fixture
def workbench():
    return SimpleNamespace(catalogue={movie.item_id: movie for movie in MADE_MOVIES})


def test_a_table_counts_each_answer_and_refusals_stand_below(workbench):
    lines = render_grid(STATE, workbench).splitlines()
    head, row = lines[2].split(), lines[3].split()
    assert head[2:] == ["exact", "resolved", "out", "repeated", "known", "none", "of", "N", "form", "hits", "seconds"]
    assert lines[3].startswith("Model · Zero-shot  few_shot")
    assert row[4:11] == ["1", "0", "1", "0", "0", "2", "4"]
    assert "  1. One (1990)  [exact]" in lines
    assert lines[-2:] == ["Model · Few-shot", "  no answer: No."]


def test_json_has_an_entry_for_every_cell(workbench):
    told = json.loads(json.dumps(to_dict(STATE, workbench)))
    first, second = told["cells"]
    assert (first["column"], first["counts"]["exact"], first["reason"]) == ("Zero-shot", 1, "")
    assert first["answer"]["recommendations"][0]["title"] == "One"
    assert (second["reason"], second["answer"], second["counts"]) == ("No.", None, None)


def test_both_grids_at_once_are_refused(capsys):
    assert main(["recommend", "1", "--each-model", "--each-adapter", "--model", "gptj-mini"]) == 2
    assert "several models or to several adapters" in capsys.readouterr().err


def test_each_adapter_asks_the_model_alone_and_all_that_fit(tiny_llama_folder, tmp_path, capsys):
    save_tiny_adapter(tiny_llama_folder, tmp_path / "tiny", notes={"base_model": str(tiny_llama_folder)})
    words = ["recommend", "5618", "--json", "--each-adapter", "--adapters", str(tmp_path), "--precision", "fp32"]
    assert main([*words, "--model", str(tiny_llama_folder), "--max-new-tokens", "4"]) == 0
    printed = capsys.readouterr()
    cells = json.loads(printed.out)["cells"]
    assert [cell["adapter"] for cell in cells] == [None, "tiny"]
    assert [cell["answer"]["adapter"] for cell in cells] == [None, "tiny"]
    assert "50% tiny" in printed.err
