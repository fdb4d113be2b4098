"""The Tune tab without a browser: its form, its words, what it draws anew, and what it refuses."""

from dataclasses import replace

import gradio as gr
import pytest

from recsys.errors import InputError, SettingsError
from recsys.models.host import ModelChoice
from recsys.settings import EvaluationSettings, GenerationSettings
from recsys.tuning.axes import VARIED, Axis
from recsys.tuning.jobs import TuningJobs
from recsys.tuning.kept import KeptStudy, KeptSweep
from recsys.tuning.study import Study
from recsys.tuning.sweep import Sweep
from recsys.ui import tune_cards as cards
from recsys.ui.evaluate_handlers import EvaluateHandlers
from recsys.ui.evaluation_form import EvaluationForm
from recsys.ui.tune_tab import TuneTab
from recsys.ui.tune_view import TuneView, export_file, third_values
from recsys.ui.tuning_words import SETTINGS
from tests.ui.run_fake_evaluation import EvaluatingWorkbench
from tests.ui.test_tuning_figures import BASE, BEAMS, TEMPERATURE, cell, study_of, sweep_of

PATIENCE = 60.0
NASTY = '<script>x</script>${y}`"'


@pytest.fixture(scope="module")
def workbench(tmp_path_factory):
    return EvaluatingWorkbench(tmp_path_factory.mktemp("runs"), seconds=0.0, public=False)


def make_tab(workbench):
    with gr.Blocks():
        form = EvaluationForm(EvaluateHandlers(workbench), ModelChoice())
        return TuneTab(TuneView(workbench, TuningJobs(workbench)), form)


@pytest.fixture(scope="module")
def tab(workbench):
    return make_tab(workbench)


def sent(tab, **changes):
    """What a browser sends for the form as it is drawn, with some controls changed."""
    form = tab.form
    values = {component: component.value for component in form.inputs}
    named = {"mode": form.mode, "num_records": form.num_records, "space": form.space, "trials": form.num_trials}
    named |= {"objective": form.objective, "split": tab.base_form.split, "k": tab.base_form.k}
    named |= {f"axis_{place // 2 + 1}": form.axes[place] for place in (0, 2, 4)}
    named |= {f"values_{place // 2 + 1}": form.axes[place] for place in (1, 3, 5)}
    return list((values | {named[name]: value for name, value in changes.items()}).values())


def test_the_form_as_drawn_sweeps_temperature_and_top_p_on_validation_users(tab):
    sweep = tab.form.read(sent(tab))
    assert isinstance(sweep, Sweep)
    assert [str(axis) for axis in sweep.axes] == ["temperature=0,0.3,0.7,1,1.3", "top_p=0.3,0.6,0.9,1"]
    assert (sweep.base.evaluation.split, sweep.base.evaluation.num_records) == ("validation", 48)
    assert sweep.base.baselines == ()


def test_what_is_not_varied_is_as_the_evaluate_tab_says_but_for_whose_records(tab):
    base = tab.form.read_base(sent(tab, split="test", k=6, num_records=10_000))
    assert (base.evaluation.split, base.evaluation.k, base.evaluation.num_records) == ("validation", 6, 0)


def test_a_search_goes_over_the_settings_that_are_checked(tab):
    study = tab.form.read(sent(tab, mode="study", space=["num_beams", "temperature"], objective="pareto", trials=12))
    assert isinstance(study, Study)
    assert [one.name for one in study.space] == ["temperature", "num_beams"]
    assert (study.objective, study.num_trials) == ("pareto", 12)
    with pytest.raises(SettingsError, match="no setting is chosen"):
        tab.form.read(sent(tab, mode="study", space=[]))


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_that_is_offered_can_be_varied_with_its_usual_values(name):
    assert name in VARIED
    axis = Axis.parse(f"{name}={SETTINGS[name].values}")
    assert len(axis.values) > 1
    assert len(Sweep(BASE, (axis,)).axes[0].values) == len(SETTINGS[name].values.split(","))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"values_1": "0, hot"}, "Temperature takes numbers"),
        ({"values_1": ""}, "has no value to take"),
        ({"axis_2": "temperature"}, "varied twice"),
        ({"values_2": "2"}, "top_p is out of range"),
        ({"values_1": ",".join(str(n / 100) for n in range(150))}, "too many combinations"),
    ],
)
def test_what_cannot_be_swept_is_told_where_it_is_filled_in(tab, changes, told):
    base, estimate = tab.tell(*sent(tab, **changes))
    assert "As in Evaluate" in base
    assert told.lower() in estimate.lower()
    assert 'role="alert"' in estimate


def test_the_number_of_cells_and_the_time_are_told(tab):
    base, estimate = tab.tell(*sent(tab))
    assert "smollm2-135m · no adapter · few-shot prompt · free text · T 0.7" in base
    assert "trained on these very" not in base
    assert "20 cells, about " in estimate


def test_a_model_that_has_learnt_from_these_users_is_told(tab):
    base = replace(BASE, choice=ModelChoice("gptj-mini"))
    assert "gptj-mini was trained on these very validation users" in tab.view.base_html(base)


def test_a_setting_without_effect_is_not_named_among_those_that_stay():
    greedy = replace(BASE, generation=GenerationSettings(temperature=0))
    assert "top-p" not in cards.base_html(greedy)
    assert "top-p 0.9" in cards.base_html(BASE)


def test_a_small_sweep_runs_is_shown_and_goes_to_evaluate(workbench):
    tab = make_tab(workbench)
    first = tab.look(None, None, "map", None, True)
    tab.begin(*sent(tab, num_records=16, values_1="0, 1", values_2="0.5, 1"))
    assert tab.view.jobs.wait(PATIENCE).task.phase == "done"
    seen, shown, *_ = tab.look(first[0], first[1], "map", None, True)
    assert shown[0] == "sweep"
    kept = tab.view.require(shown)
    assert (kept.done, kept.total) == (4, 4)
    again = tab.look(seen, shown, "map", None, True)
    assert len(first) == len(again)
    assert all(part == gr.skip() for part in (*again[:2], *again[3:]))
    asked = tab.view.cell_request(shown, 3)
    assert (asked.generation.temperature, asked.generation.top_p) == (1, 1)
    updates = tab.use(shown, gr.EventData(None, {"cell": 3}))
    assert len(updates) == 1 + len(tab.base_form.panel.inputs)
    for place in (4, -1, "0", None):
        with pytest.raises(InputError, match="no such cell"):
            tab.view.cell_request(shown, place)
    assert '"cells"' in export_file(kept).read_text()


def test_a_closed_tab_asks_no_more(tab):
    closed = tab.look(None, None, "map", None, False)
    assert not closed[2].active


def test_a_public_page_shows_results_and_starts_nothing(tmp_path):
    tab = make_tab(EvaluatingWorkbench(tmp_path, seconds=0.0, public=True))
    assert not tab.start.interactive
    with pytest.raises(gr.Error, match="public page runs no sweeps"):
        tab.begin(*sent(tab))


def test_the_best_is_told_with_what_it_is_worth():
    cells = [cell({"temperature": t}, score) for t, score in ((0.0, 0.1), (0.5, 0.3), (1.0, 0.2))]
    told = cards.best_html(sweep_of(TEMPERATURE, cells=cells), "map")
    assert "<b>0.3000</b>" in told
    assert "at Temperature 0.5" in told
    assert "The intervals of 1 of the other 2 cells reach it." in told
    assert "chosen on these very records" in told
    assert "Least Out of catalogue" in cards.best_html(sweep_of(TEMPERATURE, cells=cells), "out_of_catalogue")
    assert "Best" not in cards.best_html(sweep_of(TEMPERATURE, cells=cells), "novelty"), "neither is better"
    assert "Best" not in cards.best_html(sweep_of(TEMPERATURE, cells=cells[:1]), "map"), "one cell is not chosen"


def test_tables_name_settings_and_measures_as_the_page_does():
    cells = [cell({"num_beams": b, "temperature": 0.0}, 0.1 * b) for b in (1, 2)]
    table = cards.sweep_table_html(sweep_of(BEAMS, TEMPERATURE, cells=cells), "map")
    for told in ("Beams", "Temperature", "MAP@4", "Out of catalogue", 'data-cell="1"', "Use Beams 2, Temperature 0 in"):
        assert told in table
    assert table.count('class="ev-row-strong"') == 1
    trials = cards.trial_table_html(study_of("pareto", cells), 4)
    assert trials.index('data-cell="1"') < trials.index('data-cell="0"'), "the best first"


def test_no_text_of_a_file_is_markup():
    base = replace(BASE, choice=ModelChoice(NASTY, adapter=NASTY))
    axis = Axis("style", (NASTY, "b"))
    result = replace(sweep_of(axis, cells=[cell({"style": v}, 0.1) for v in axis.values]), machine=NASTY)
    result = replace(result, sweep=Sweep(base, (axis,)))
    study = KeptStudy("x", Study(base, (axis,)), study_of("ndcg", result.cells))
    kept = KeptSweep("x", result)
    shown = [cards.heading_html(kept), cards.best_html(result, "map"), cards.sweep_table_html(result, "map")]
    shown += [cards.heading_html(study), cards.winner_html(study), cards.trial_table_html(study.result, 4)]
    shown += [cards.results_html([kept, study], None), cards.base_html(base), cards.problem_html(NASTY)]
    for html in shown:
        assert "<script>" not in html
        assert "${" not in html


def test_a_third_axis_is_chosen_by_its_value():
    third = Axis("include_years", (False, True))
    kept = KeptSweep("x", sweep_of(TEMPERATURE, BEAMS, third, cells=[]))
    assert third_values(kept) == {"false": False, "true": True}
    assert third_values(KeptSweep("x", sweep_of(TEMPERATURE, BEAMS, cells=[]))) == {}


def test_the_list_tells_how_far_each_is_and_which_is_on_show():
    half = KeptSweep("half", sweep_of(TEMPERATURE, cells=[cell({"temperature": 0.0}, 0.1)]), 1.0)
    told = cards.results_html([half], ("sweep", "half"))
    assert "1 of 3" in told
    assert 'aria-current="true"' in told
    assert 'data-result="sweep/half"' in told
    assert EvaluationSettings().split == "test", "sweeps differ from evaluations in that"
