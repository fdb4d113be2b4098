"""The search on validation users: what it tries, that it goes on where it was stopped, and its proof on test users."""

import json
import shlex
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.cli.evaluate import read_request
from recsys.cli.main import main, make_parser
from recsys.cli.options import open_workbench
from recsys.errors import CancelledError, SettingsError
from recsys.evaluation.evaluation import run_evaluation
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.store import RunStore
from recsys.evaluation.summary import paired_difference
from recsys.settings import EvaluationSettings, GenerationSettings
from recsys.tuning.axes import Axis
from recsys.tuning.space import DEFAULT_SPACE, Span, parse_space
from recsys.tuning.study import Study, run_study
from recsys.tuning.study_result import GOALS, Confirmation, StudyResult, find_front
from recsys.tuning.study_text import confirmation_text, render_study
from recsys.tuning.sweep import Measured, SweepCell
from tests.evaluation.answers import CATALOGUE, SPLIT, FakeSystem, make_answer, title

VALIDATION = replace(SPLIT, records={**SPLIT.records, "validation": SPLIT.records["test"]})
BASE = EvaluationRequest(
    EvaluationSettings("validation", 0, batch_size=12), GenerationSettings(temperature=1), baselines=()
)
SPACE = (Span("temperature", 0, 1.5), Axis("num_beams", (1, 2)))


class FakeModel:
    """The colder, the more of the four true movies it names; with two beams it invents nothing but takes longer."""

    def __init__(self, folder, stop_after=None):
        self.folder, self.stop_after, self.asked = folder, stop_after, []

    def __call__(self, request, name):
        if self.stop_after is not None and len(self.asked) >= self.stop_after:
            raise CancelledError("stopped")
        self.asked.append(request.generation)
        num_true = 4 - int(request.generation.temperature / 0.5)
        beams = request.generation.num_beams
        invented = [] if beams > 1 else [title(None, "none", name="Zorblax")]
        system = FakeSystem(lambda record: make_answer([*range(1, num_true + 1), *invented], seconds=float(beams)))
        return run_evaluation(
            request, VALIDATION, system, RunStore(self.folder / str(len(self.asked)), "0123456789abcdef"),
            dataset_name="small", precision="fp32", catalogue=CATALOGUE,
        )  # fmt: skip


def search(folder, stop_after=None, **changes):
    study = Study(**{"base": BASE, "space": SPACE, "num_trials": 10, **changes})
    model = FakeModel(folder / "cells", stop_after)
    return run_study(study, model, folder), model


def test_the_first_trial_has_the_settings_that_were_there_before(tmp_path):
    result, model = search(tmp_path, num_trials=2)
    assert result.trials[0].values == {"temperature": 1.0, "num_beams": 1}
    assert model.asked[0] == BASE.generation


def test_the_winner_has_the_best_goal_and_its_values_are_sayable(tmp_path):
    result, _ = search(tmp_path)
    assert len(result.trials) == 10
    values = [trial.measured["ndcg"].value for trial in result.trials]
    assert result.winner.measured["ndcg"].value == max(values)
    assert result.winner.values["temperature"] < 0.5
    for trial in result.trials:
        assert 0 <= trial.values["temperature"] <= 1.5
        assert trial.values["temperature"] * 20 == pytest.approx(round(trial.values["temperature"] * 20))


def test_a_search_that_was_stopped_makes_the_very_trials_of_one_that_was_not(tmp_path):
    whole, _ = search(tmp_path / "whole")
    for stop_after in (3, 2):
        with pytest.raises(CancelledError):
            search(tmp_path / "stopped", stop_after)
    on, model = search(tmp_path / "stopped")
    assert [trial.values for trial in on.trials] == [trial.values for trial in whole.trials]
    assert len(model.asked) == 10 - 3 - 2


def test_more_trials_go_on_from_those_that_are_there(tmp_path):
    search(tmp_path, num_trials=4)
    result, model = search(tmp_path, num_trials=6)
    assert (len(result.trials), len(model.asked)) == (6, 2)
    fewer, model = search(tmp_path, num_trials=3)
    assert (len(fewer.trials), model.asked) == (3, [])


def test_a_front_of_trade_offs_holds_what_none_beats_in_every_goal(tmp_path):
    result, _ = search(tmp_path, objective="pareto")
    points = [tuple(sign * trial.measured[name].value for name, sign in GOALS["pareto"]) for trial in result.trials]
    for place, point in enumerate(points):
        beaten = any(other != point and all(a >= b for a, b in zip(other, point, strict=True)) for other in points)
        assert (place in result.front) == (not beaten)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12))
def test_every_cell_off_the_front_is_beaten_by_one_on_it(points):
    cells = [SweepCell({}, {"ndcg": Measured(a, None, 1), "seconds": Measured(b, None, 1)}, "f") for a, b in points]
    front = find_front(cells, (("ndcg", 1), ("seconds", -1)))
    assert front
    for place, (a, b) in enumerate(points):
        if place not in front:
            assert any(points[one] != (a, b) and points[one][0] >= a and points[one][1] <= b for one in front)


def test_test_users_choose_nothing():
    with pytest.raises(SettingsError, match="not chosen on test users"):
        Study(replace(BASE, evaluation=EvaluationSettings("test")))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"objective": "fame"}, "objective is not known"),
        ({"num_trials": 1}, "num_trials is out of range"),
        ({"space": ()}, "a search needs settings"),
        ({"space": (Axis("top_k", (1, 2)), Span("top_k", 1, 9))}, "each once"),
    ],
)
def test_what_cannot_be_searched_is_told(changes, told):
    with pytest.raises(SettingsError, match=told):
        Study(**{"base": BASE, **changes})


def test_a_space_is_read_and_written():
    assert parse_space(["temperature=0..1.5", "num-beams=1,2", "top_k=5..50"]) == (
        Span("temperature", 0, 1.5), Axis("num_beams", (1, 2)), Span("top_k", 5, 50),
    )  # fmt: skip
    assert parse_space(str(one) for one in DEFAULT_SPACE) == DEFAULT_SPACE
    assert Span("top_k", 5, 50).is_whole
    assert not Span("top_p", 0.1, 1).is_whole


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("temperature=1..0", "empty span"),
        ("style=a..b", "takes numbers"),
        ("colour=0..1", "no setting"),
        ("style=0..1", "no number"),
    ],
)
def test_what_is_no_span_is_told(text, told):
    with pytest.raises(SettingsError, match=told):
        parse_space([text])


def confirmed(tmp_path, colder):
    """Two reports on test users whose difference is known."""
    stores = [RunStore(tmp_path / name, "0123456789abcdef") for name in ("winner", "before")]
    reports = []
    for store, num_true in zip(stores, (4 if colder else 2, 2), strict=True):
        system = FakeSystem(lambda record, num_true=num_true: make_answer([*range(1, num_true + 1)]))
        request = replace(BASE, evaluation=EvaluationSettings("test", 0))
        reports.append(run_evaluation(request, SPLIT, system, store, dataset_name="small", precision="fp32"))
    difference = paired_difference(*(store.results() for store in stores), against="before")
    return Confirmation(*reports, difference)


def test_the_proof_claims_no_more_than_interval_and_test_do(tmp_path):
    told = confirmation_text(confirmed(tmp_path, colder=True))
    assert "On 12 test records of 3 users, asked once: MAP@4 1.0000 with the winner, 0.5000 before" in told
    assert "difference +0.5000 [+0.5000, +0.5000], p = 0.2500: no clear difference." in told  # three users: p is 1/4
    assert "no clear difference" in confirmation_text(confirmed(tmp_path / "same", colder=False))


def test_a_result_survives_json_and_is_told_with_its_command(tmp_path):
    result, _ = search(tmp_path, num_trials=4)
    result = replace(result, confirmation=confirmed(tmp_path / "test", colder=True))
    assert StudyResult.from_dict(json.loads(json.dumps(result.to_dict()))) == result
    text = render_study(result)
    assert "4 trials for ndcg" in text
    assert "On 12 test records" in text
    assert result.command in text


def test_the_command_makes_the_same_search():
    study = Study(BASE, SPACE, "pareto", 12, 5)
    arguments = make_parser().parse_args(shlex.split(study.command)[3:])
    base = read_request(arguments, open_workbench(arguments))
    again = Study(base, parse_space(arguments.search), arguments.objective, arguments.trials, arguments.study_seed)
    assert again == study


def test_the_command_refuses_test_users(capsys):
    assert main(["tune", "--model", "gptj-mini", "--split", "test"]) == 2
    assert "not chosen on test users" in capsys.readouterr().err
