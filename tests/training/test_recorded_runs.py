"""The runs that can be looked at: of adapters, shipped models and the cache, finished, running and broken."""

import dataclasses
import json
import os

import pytest

from recsys.training.recorded_runs import SECONDS_UNTIL_SILENT, list_recorded_runs
from tests.fixtures.plain_adapters import make_curves, save_plain_adapter


@pytest.fixture
def folders(tmp_path):
    return {"adapters": tmp_path / "adapters", "models": tmp_path / "assets", "training": tmp_path / "training"}


def listed(folders):
    return list_recorded_runs(**folders)


def test_without_any_folder_there_is_no_run(folders):
    assert listed(folders) == ()


def test_adapters_come_first_then_models_then_the_cache(folders):
    save_plain_adapter(folders["adapters"] / "story", curves=make_curves("story"))
    save_plain_adapter(folders["adapters"] / "foreign", notes={})
    make_curves("gptj-mini").save(folders["models"] / "gptj-mini" / "curves.json")
    (folders["models"] / "movielens").mkdir()
    make_curves("new", done=2).save(folders["training"] / "new" / "curves.json")
    runs = listed(folders)
    assert [run.key for run in runs] == ["adapter/foreign", "adapter/story", "model/gptj-mini", "training/new"]
    assert [run.curves is not None for run in runs] == [False, True, True, True]
    assert [run.phase() for run in runs] == ["done", "done", "done", "running"]
    assert runs[1].card.recipe == "story"


def test_a_run_that_was_saved_as_an_adapter_is_listed_once(folders):
    curves = make_curves("story")
    save_plain_adapter(folders["adapters"] / "story", curves=curves)
    curves.save(folders["training"] / "story" / "curves.json")
    assert [run.title for run in listed(folders)] == ["story"]
    make_curves("story", done=1).save(folders["training"] / "story" / "curves.json")
    assert [run.title for run in listed(folders)] == ["story", "story (training folder)"]


def test_a_run_under_way_tells_its_steps_and_what_is_left(folders):
    make_curves("new", epochs=5, done=2).save(folders["training"] / "new" / "curves.json")
    (run,) = listed(folders)
    assert (run.last_step, run.planned_steps, run.last_epoch) == (80, 200, 2.0)
    assert run.seconds_left == pytest.approx(2.0 * 120)


def test_a_saved_run_is_over_at_the_step_that_its_card_tells(folders):
    curves = make_curves("story", epochs=5, done=4)
    save_plain_adapter(folders["adapters"] / "story", curves=curves, notes={"steps": curves_steps(curves)})
    (run,) = listed(folders)
    assert (run.phase(), run.last_step) == ("done", run.planned_steps)


def curves_steps(curves):
    return round(curves.steps_per_epoch * curves.num_train_epochs)


def test_a_run_that_writes_no_more_has_stopped(folders):
    make_curves("new", done=2).save(folders["training"] / "new" / "curves.json")
    (run,) = listed(folders)
    assert run.phase(run.changed_at + SECONDS_UNTIL_SILENT - 1) == "running"
    assert run.phase(run.changed_at + SECONDS_UNTIL_SILENT + 1) == "stopped"


def test_a_run_that_has_only_begun_has_no_end_yet(folders):
    empty = dataclasses.replace(make_curves("new"), train=(), validation=(), ranking=())
    empty.save(folders["training"] / "new" / "curves.json")
    (run,) = listed(folders)
    assert (run.phase(), run.last_step, run.seconds_left) == ("running", 0, None)


GOOD = make_curves("x").to_dict()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"version": 2}',
        "[" * 100_000,
        json.dumps({**GOOD, "steps_per_epoch": "many"}),
        json.dumps({**GOOD, "train": [{**GOOD["train"][0], "loss": "<b>low</b>"}]}),
        json.dumps({**GOOD, "train": [{**GOOD["train"][0], "loss": float("nan")}]}),
        json.dumps({**GOOD, "ranking": [{**GOOD["ranking"][0], "k": None}]}),
    ],
)
def test_broken_curves_are_one_sentence_and_hide_no_other_run(folders, text):
    save_plain_adapter(folders["adapters"] / "good", curves=make_curves("good"))
    broken = save_plain_adapter(folders["adapters"] / "broken")
    (broken / "curves.json").write_text(text)
    first, second = listed(folders)
    assert first.curves is None
    assert first.problem == "The curves of broken cannot be read: delete its curves.json, or train again."
    assert second.curves is not None


def test_curves_are_read_again_when_they_were_written_again(folders):
    path = folders["training"] / "new" / "curves.json"
    make_curves("new", done=1).save(path)
    assert listed(folders)[0].last_step == 40
    make_curves("new", done=2).save(path)
    os.utime(path, (1, 2_000_000_000))
    assert listed(folders)[0].last_step == 80
