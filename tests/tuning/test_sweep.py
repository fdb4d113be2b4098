"""Every combination on the same records, and what is told of each."""

import json
import shlex
from dataclasses import replace

import pytest

from recsys.cli.evaluate import read_request
from recsys.cli.main import make_parser
from recsys.cli.options import open_workbench
from recsys.errors import CancelledError, SettingsError
from recsys.evaluation.evaluation import run_evaluation
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.store import RunStore
from recsys.settings import EvaluationSettings, GenerationSettings
from recsys.tuning.axes import Axis
from recsys.tuning.sweep import MEASURES, Measured, Sweep, SweepCell, SweepResult, best_cell, run_sweep
from recsys.tuning.sweep_text import render_sweep, render_sweep_markdown
from tests.evaluation.answers import CATALOGUE, SPLIT, FakeSystem, make_answer, title

BASE = EvaluationRequest(EvaluationSettings(num_records=0, batch_size=4), baselines=())
SWEEP = Sweep(BASE, (Axis("temperature", (0.0, 1.0)), Axis("num_beams", (1, 2))))


class FakeModel:
    """Cold it names two true movies of four, hot one of them and an invented one; more beams change nothing."""

    def __init__(self, folder):
        self.folder, self.asked = folder, []

    def __call__(self, request, name):
        self.asked.append(name)
        hot = request.generation.temperature > 0
        titles = [1, title(None, "none", name="Zorblax"), 70, 71] if hot else [1, 2, 70, 71]
        system = FakeSystem(lambda record: make_answer(titles, seconds=2.0 if hot else 1.0))
        fingerprint = f"{len(self.asked):016x}"
        return run_evaluation(
            request, SPLIT, system, RunStore(self.folder, fingerprint),
            dataset_name="small", precision="fp32", catalogue=CATALOGUE,
        )  # fmt: skip


@pytest.fixture
def result(tmp_path):
    return run_sweep(SWEEP, FakeModel(tmp_path))


def test_each_cell_tells_the_figures_of_its_own_settings(result):
    assert [dict(cell.values) for cell in result.cells] == [
        {"temperature": temperature, "num_beams": beams} for temperature in (0.0, 1.0) for beams in (1, 2)
    ]
    cold, _, hot, _ = result.cells
    assert cold.measured["map"].value == pytest.approx((1 + 1) / 4)  # 1 and 2 at ranks 1 and 2 of 1, 2, 3, 4
    assert hot.measured["map"].value == pytest.approx(1 / 4)
    assert hot.measured["out_of_catalogue"] == Measured(0.25, None, 48)
    assert cold.measured["out_of_catalogue"].value == 0
    assert (cold.measured["seconds"].value, hot.measured["seconds"].value) == (0.25, 0.5)  # a batch is shared by four
    assert cold.measured.keys() == MEASURES.keys()
    assert (result.num_records, result.num_users) == (12, 3)


def test_it_is_told_after_each_cell_how_far_it_is(tmp_path):
    told = []
    model = FakeModel(tmp_path)
    run_sweep(SWEEP, model, watch=lambda result, total: told.append((len(result.cells), total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert model.asked == ["1 of 4", "2 of 4", "3 of 4", "4 of 4"]


def test_a_stop_between_cells_stops_the_sweep(tmp_path):
    model = FakeModel(tmp_path)

    def stop(request, name):
        if name.startswith("3"):
            raise CancelledError("stopped")
        return model(request, name)

    with pytest.raises(CancelledError):
        run_sweep(SWEEP, stop)
    assert len(model.asked) == 2


def test_a_sweep_survives_json(result):
    again = SweepResult.from_dict(json.loads(json.dumps(result.to_dict())))
    assert again == result
    assert again.sweep.id == SWEEP.id


def test_another_sweep_has_another_name():
    others = [
        replace(SWEEP, axes=SWEEP.axes[:1]),
        replace(SWEEP, base=replace(BASE, generation=GenerationSettings(top_p=0.5))),
        replace(SWEEP, axes=(Axis("temperature", (0.0, 1.5)), SWEEP.axes[1])),
    ]
    assert len({SWEEP.id, *(other.id for other in others)}) == 4


def test_the_best_cell_is_the_first_of_equal_ones_and_may_be_the_least():
    def cell(name, value):
        return SweepCell({"seed": name}, {"map": Measured(value, None, 1)}, "f")

    cells = [cell(1, 0.1), cell(2, None), cell(3, 0.3), cell(4, 0.3)]
    assert best_cell(cells, "map").values == {"seed": 3}
    assert best_cell(cells, "map", least=True).values == {"seed": 1}
    assert best_cell([cell(1, None)], "map") is None


def test_tables_hold_each_combination_with_its_intervals_and_definitions(result):
    text = render_sweep(result)
    assert "temperature (2) × num_beams (2)" in text
    assert "12 records of 3 test users of small" in text
    assert "0.5000 [0.5000, 0.5000]" in text
    assert f"out_of_catalogue: {MEASURES['out_of_catalogue']}" in text
    markdown = render_sweep_markdown(result)
    assert markdown.count("\n| ") == 6
    assert SWEEP.command in markdown


def test_the_command_makes_the_same_sweep():
    arguments = make_parser().parse_args(shlex.split(SWEEP.command)[3:])
    axes = tuple(Axis.parse(text) for text in arguments.axis)
    assert Sweep(read_request(arguments, open_workbench(arguments)), axes) == SWEEP


def test_a_bad_axis_stops_the_command_before_a_model_is_loaded(capsys):
    from recsys.cli.main import main

    assert main(["sweep", "--model", "gptj-mini", "--axis", "temperature=9"]) == 2
    assert "temperature is out of range" in capsys.readouterr().err


def test_sweeps_take_validation_users_unless_test_users_are_asked_for():
    parse = make_parser().parse_args
    assert parse(["sweep", "--axis", "top_k=1,2"]).split == "validation"
    assert parse(["sweep", "--axis", "top_k=1,2", "--split", "test"]).split == "test"
    assert parse(["evaluate"]).split == "test"


def test_an_axis_without_effect_is_told_before_the_first_cell(tmp_path):
    model = FakeModel(tmp_path)
    greedy = replace(BASE, generation=GenerationSettings(temperature=0))
    with pytest.raises(SettingsError, match="changes nothing"):
        run_sweep(Sweep(greedy, (Axis("top_k", (1, 5)),)), model)
    assert model.asked == []


@pytest.mark.parametrize("command", [["sweep", "--axis", "title_score=tree,full"], ["tune", "--trials", "2"]])
def test_a_figure_at_twenty_wants_twenty_titles(capsys, command):
    from recsys.cli.main import main

    assert main([*command, "--model", "gptj-mini", "--k", "20", "--decoding", "catalogue_rank"]) == 2
    assert "4 titles have no figure at 20" in capsys.readouterr().err
