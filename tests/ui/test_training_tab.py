"""The Training tab without a browser: cards, offers, what is drawn first, and what a closed tab asks for."""

import zipfile

import gradio as gr
import pytest

from recsys.errors import AdapterError
from recsys.training.recorded_runs import list_recorded_runs
from recsys.ui import training_cards as cards
from recsys.ui.training_cards import RunOffer
from recsys.ui.training_tab import TrainingTab
from recsys.ui.training_view import MOST_CHOSEN, TrainingView, chosen_runs, curve_lines, signatures
from recsys.workbench import Workbench
from recsys.workbench_options import WorkbenchOptions
from tests.fixtures.plain_adapters import NOTES, make_curves, save_plain_adapter

NASTY = '<script>x</script>${y}`"'


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("RECSYS_CACHE", str(tmp_path / "cache"))
    return tmp_path


def view_of(folders, **options):
    return TrainingView(Workbench(WorkbenchOptions(adapters=folders / "adapters", **options)))


def the_run(view, name):
    (run,) = (run for run in view.runs() if run.folder.name == name)
    return run


def one_card(run, offer=None):
    return cards.cards_html([(run, curve_lines([run]).get(run.key), offer or RunOffer())])


def test_no_text_of_a_folder_is_markup(folders):
    notes = {**NOTES, **{key: NASTY for key, value in NOTES.items() if isinstance(value, str)}}
    notes["scores"] = [{**NOTES["scores"][0], "split": NASTY, "command": NASTY}]
    notes["lora"] = {"target_modules": [NASTY]}
    notes["training"] = {NASTY: NASTY}
    notes["forgetting"] = {**NOTES["forgetting"], "text": NASTY}
    save_plain_adapter(folders / "adapters" / "x", notes=notes, curves=make_curves("x"))
    html = one_card(the_run(view_of(folders), "x"), RunOffer(NASTY, NASTY, True))
    assert html.count("&lt;script&gt;") >= len([value for value in NOTES.values() if isinstance(value, str)])
    assert "<script>" not in html
    assert "${" not in html


def test_a_card_offers_what_its_run_can_do(folders):
    save_plain_adapter(folders / "adapters" / "story")
    make_curves("night", done=1).save(folders / "cache" / "training" / "night" / "curves.json")
    save_plain_adapter(folders / "adapters" / "foreign", notes={})
    broken = save_plain_adapter(folders / "adapters" / "broken")
    (broken / "adapter_model.safetensors").unlink()
    view = view_of(folders)
    runs = {run.folder.name: offer for run, offer in zip(view.runs(), view.offers(view.runs()), strict=True)}
    assert (runs["story"].no_use, runs["story"].can_download) == (None, True)
    assert (runs["night"].no_use, runs["night"].can_download) == ("", False)
    assert "does not name its base model" in runs["foreign"].no_use
    assert runs["foreign"].can_download
    assert "has no adapter_model.safetensors" in runs["broken"].no_use
    assert not runs["broken"].can_download
    with pytest.raises(AdapterError, match="cannot be used yet"):
        view.choice(the_run(view, "night"))
    with pytest.raises(AdapterError, match="only adapters"):
        view.pack(the_run(view, "night"))


def test_a_visitor_may_use_only_models_that_are_offered_and_download_every_adapter(folders):
    save_plain_adapter(folders / "adapters" / "story")
    save_plain_adapter(folders / "adapters" / "large", notes={"base_model": "huggyllama/llama-7b"})
    view = view_of(folders, public=True)
    adapters = [run for run in view.runs() if run.kind == "adapter"]
    assert [offer.no_use for offer in view.offers(adapters)] == ["Its base model is not offered here.", None]
    assert all(offer.can_download for offer in view.offers(adapters))
    assert view.choice(the_run(view, "story")) == ("smollm2-135m", "story")
    assert "large/recsys.json" in zipfile.ZipFile(view.pack(the_run(view, "large"))).namelist()


def test_the_base_is_compared_with_the_one_of_this_machine(folders, monkeypatch):
    save_plain_adapter(folders / "adapters" / "story")
    view = view_of(folders)
    told = []
    for here in (NOTES["base_weight_hash"], "0" * 16, None):
        monkeypatch.setattr("recsys.ui.training_view.local_weight_hash", lambda name, here=here: here)
        told.append(view.offers(view.runs())[0].base)
    assert [text.partition(", ")[2] for text in told] == [
        "those of this machine",
        "not those of this machine",
        "not on this machine to compare",
    ]


def test_at_first_the_runs_under_way_are_drawn_and_then_the_others(folders):
    for number in range(8):
        save_plain_adapter(folders / "adapters" / f"a{number}", curves=make_curves(f"a{number}"))
    make_curves("night", done=1).save(folders / "cache" / "training" / "night" / "curves.json")
    runs = view_of(folders).runs()
    chosen = chosen_runs(runs, (), None)
    assert len(chosen) == MOST_CHOSEN
    assert "training/night" in chosen


def test_a_run_that_begins_is_drawn_and_one_that_was_unchecked_stays_so(folders):
    save_plain_adapter(folders / "adapters" / "a", curves=make_curves("a"))
    view = view_of(folders)
    seen = signatures(view.runs())
    make_curves("night", done=1).save(folders / "cache" / "training" / "night" / "curves.json")
    assert chosen_runs(view.runs(), (), seen) == ["training/night"]
    assert chosen_runs(view.runs(), ("adapter/a", "adapter/gone"), seen) == ["adapter/a", "training/night"]


def test_a_definition_says_of_how_many_records_and_users(folders):
    notes = {**NOTES, "num_validation_records": 353, "num_validation_users": 47}
    save_plain_adapter(folders / "adapters" / "a", curves=make_curves("a"), notes=notes)
    runs = [run for run in view_of(folders).runs() if run.kind == "adapter"]
    assert "on 3,650 training records" in cards.definition_html("train", runs)
    assert "on 353 records of 47 validation users" in cards.definition_html("validation", runs)
    assert "on 128 records of 17 validation users" in cards.definition_html("ranking", runs)
    assert "records of validation users" in cards.definition_html("ranking", ())


@pytest.fixture
def tab(folders):
    save_plain_adapter(folders / "adapters" / "a", curves=make_curves("a"))
    with gr.Blocks():
        return TrainingTab(Workbench(WorkbenchOptions(adapters=folders / "adapters")))


def test_what_has_not_changed_is_left_alone_and_a_closed_tab_asks_no_more(tab):
    first = tab.look(None, [], "epoch", True)
    again = tab.look(first[0], ["adapter/a"], "epoch", True)
    closed = tab.look(first[0], ["adapter/a"], "epoch", False)
    assert len(first) == len(again) == len(closed)
    for shown in (again, closed):
        assert all(part == gr.skip() for part in (shown[0], *shown[2:]))
    assert first[1].active
    assert not closed[1].active


def test_a_run_that_is_gone_is_told(tab):
    for event in (gr.EventData(None, {"run": "adapter/gone"}), gr.EventData(None, {"run": "../../etc/passwd"})):
        with pytest.raises(gr.Error, match="no such run"):
            tab.pack(event)
        with pytest.raises(gr.Error, match="no such run"):
            tab.use("auto", event)


def test_runs_are_looked_for_in_the_repositorys_folders_by_default(folders):
    assert all(run.kind in ("adapter", "model") for run in list_recorded_runs())
