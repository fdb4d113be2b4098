"""Cells asked one after the other, on tiny models that are really loaded."""

import threading
from dataclasses import replace

import pytest
import torch

from recsys.errors import HistoryError, ModelUnavailableError
from recsys.generation.generator import TransformersGenerator
from recsys.models import host as host_module
from recsys.models.host import ModelChoice
from recsys.recommend import RecommendationRequest
from recsys.settings import GenerationSettings, PromptSettings
from recsys.several import adapter_grid, answer_grid, model_grid
from recsys.several.answers import in_order
from recsys.several.grid import Cell, Grid
from recsys.workbench import Workbench
from recsys.workbench_options import WorkbenchOptions
from tests.fixtures.tiny_adapters import save_tiny_adapter

SHORT = GenerationSettings(max_new_tokens=6, temperature=0.8, seed=4)


@pytest.fixture(scope="module")
def adapters(tmp_path_factory, tiny_llama_folder, tiny_gptj_folder):
    root = tmp_path_factory.mktemp("adapters")
    bases = {"one": tiny_llama_folder, "two": tiny_llama_folder, "of-gptj": tiny_gptj_folder}
    for seed, (name, base) in enumerate(bases.items()):
        save_tiny_adapter(base, root / name, seed=seed, notes={"base_model": str(base)})
    return root


@pytest.fixture(scope="module")
def workbench(tmp_path_factory, adapters):
    return Workbench(WorkbenchOptions(runs=tmp_path_factory.mktemp("runs"), adapters=adapters))


@pytest.fixture
def llama(tiny_llama_folder):
    return str(tiny_llama_folder)


@pytest.fixture
def gptj(tiny_gptj_folder):
    return str(tiny_gptj_folder)


def asked(model, **changes):
    prompt, choice = PromptSettings("zero_shot"), ModelChoice(model, "fp32")
    parts = {"history": (5618,), "generation": SHORT, "prompt": prompt, "choice": choice}
    return RecommendationRequest(**{**parts, **changes})


@pytest.fixture
def loads(monkeypatch):
    """The models that were loaded, in order."""
    loaded, load = [], host_module.load_model

    def load_and_note(spec, *given, **options):
        loaded.append(spec.name)
        return load(spec, *given, **options)

    monkeypatch.setattr(host_module, "load_model", load_and_note)
    return loaded


def test_each_cell_is_answered_as_a_single_request_would_be(workbench, llama):
    grid = adapter_grid(workbench, asked(llama), [None, "one", "two"])
    *_, last = answer_grid(workbench, grid)
    texts = [last.answers[place].answer.completion.text for place in range(3)]
    assert texts == [workbench.recommend(cell.request).completion.text for cell in grid.cells]
    assert len(set(texts)) == 3, "each adapter says something else"
    assert [last.answers[place].answer.completion.adapter for place in range(3)] == [None, "one", "two"]
    assert (last.over, last.num_done, last.asking) == ("done", 3, None)


def test_every_model_is_loaded_once_and_the_one_in_memory_goes_first(workbench, llama, gptj, loads):
    workbench.recommend(asked(gptj))
    loads.clear()
    grid = model_grid(workbench, asked(llama), [llama, gptj])
    *_, last = answer_grid(workbench, grid)
    assert last.over == "done"
    assert loads == [llama]
    assert [found.refusal for _, found in sorted(last.answers.items())] == [""] * 7
    order = [grid.cells[place].request.choice for place in in_order(grid, ModelChoice(gptj, "fp32"))]
    assert [(c.model == gptj, c.adapter) for c in order] == [
        (True, None), (True, None), (True, "of-gptj"),
        (False, None), (False, None), (False, "one"), (False, "two"),
    ]  # fmt: skip


def test_states_count_up_and_tell_the_time_left_from_the_first_answer_on(workbench, llama):
    states = list(answer_grid(workbench, adapter_grid(workbench, asked(llama), [None, "one", "two"])))
    assert [state.num_done for state in states] == [0, 1, 1, 2, 2, 3, 3]
    assert [state.asking for state in states] == [0, None, 1, None, 2, None, None]
    left = [state.eta_seconds for state in states]
    assert left[0] is None
    assert all(seconds > 0 for seconds in left[1:5])
    assert left[5] == 0
    assert left[6] is None


def test_an_error_is_told_in_its_cell_and_the_others_are_asked(workbench, llama, gptj, monkeypatch):
    grid = adapter_grid(workbench, asked(llama), [None, "of-gptj", "two"])
    *_, last = answer_grid(workbench, grid)
    assert "of-gptj" in last.answers[1].refusal
    assert last.answers[0].answer
    assert last.answers[2].answer
    assert last.over == "done"

    def short_of_memory(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(TransformersGenerator, "_write", short_of_memory)
    *_, last = answer_grid(workbench, grid)
    assert all("memory ran out" in last.answers[place].refusal for place in (0, 2))


def test_a_stopped_grid_keeps_what_it_has_and_asks_no_more(workbench, llama):
    cancel, states = threading.Event(), []
    long = asked(llama, generation=GenerationSettings(max_new_tokens=400, temperature=0.8))
    for state in answer_grid(workbench, adapter_grid(workbench, long, [None, "one", "two"]), cancel=cancel):
        states.append(state)
        if state.num_done == 1:
            cancel.set()
    assert states[-1].over == "stopped"
    assert list(states[-1].answers) == [0]


def test_a_stop_reaches_the_cell_that_is_being_written(workbench, llama):
    cancel = threading.Event()
    endless = asked(llama, generation=GenerationSettings(max_new_tokens=1000, temperature=0.8, num_recommendations=20))
    grid = adapter_grid(workbench, endless, [None, "one"])
    states = []
    for state in answer_grid(workbench, grid, cancel=cancel):
        states.append(state)
        if state.asking == 0:
            threading.Timer(0.3, cancel.set).start()
    (found,) = states[-1].answers.values()
    assert found.answer.completion.finish_reason == "stopped"
    assert states[-1].over == "stopped"


def test_a_public_pages_time_ends_the_grid_but_one_long_answer_does_not(workbench, llama, monkeypatch):
    grid = adapter_grid(workbench, asked(llama), [None, "one"])
    monkeypatch.setattr(workbench, "limits", replace(workbench.limits, max_seconds=1e-4))
    *_, last = answer_grid(workbench, grid)
    assert (last.over, last.num_done) == ("done", 2)
    monkeypatch.setattr(workbench, "limits", replace(workbench.limits, max_grid_seconds=1e-4))
    *_, last = answer_grid(workbench, grid)
    assert last.over == "timed_out"
    assert last.num_done < 2


def test_movies_that_no_cell_can_take_end_it(workbench, llama):
    grid = Grid("", ("a",), ("b",), (Cell(0, 0, asked(llama, history=(10**9,))),))
    with pytest.raises(HistoryError):
        list(answer_grid(workbench, grid))


def test_a_grid_of_refusals_alone_is_over_at_once(workbench, llama):
    cell = Cell(0, 0, asked(llama), refusal="It cannot.")
    (state,) = answer_grid(workbench, Grid("", ("a",), ("b",), (cell,)))
    assert (state.over, state.answers[0].refusal, state.num_done) == ("done", "It cannot.", 0)


def test_a_model_that_cannot_be_loaded_leaves_the_other_ones(workbench, llama, gptj, monkeypatch):
    load = host_module.load_model

    def refuse_gptj(spec, *given, **options):
        if spec.name == gptj:
            raise ModelUnavailableError("its files are torn", mend="save it again")
        return load(spec, *given, **options)

    monkeypatch.setattr(host_module, "load_model", refuse_gptj)
    workbench.recommend(asked(llama))
    *_, last = answer_grid(workbench, model_grid(workbench, asked(llama), [gptj, llama]))
    torn = [place for place, cell in enumerate(last.grid.cells) if cell.row == 0]
    assert all("its files are torn" in last.answers[place].refusal for place in torn)
    assert all(found.answer for place, found in last.answers.items() if place not in torn)
