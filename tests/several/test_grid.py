"""Which cells a grid has, and why some are not asked; nothing is loaded."""

from dataclasses import replace

import pytest

from recsys.errors import HistoryError, SettingsError
from recsys.models import registry
from recsys.models.host import ModelChoice
from recsys.recommend import RecommendationRequest
from recsys.settings import GenerationSettings, PromptSettings
from recsys.several import adapter_grid, model_grid, models_here
from recsys.several.grid import BASE_ALONE, NO_ADAPTER
from recsys.workbench import Workbench
from recsys.workbench_options import WorkbenchOptions
from tests.fixtures.tiny_adapters import STORY_PROMPT, history_model, write_adapter

SMOL, GPTJ, LLAMA = "smollm2-135m", "tiny-history", "huggyllama/llama-7b"


@pytest.fixture(scope="module")
def workbench(tmp_path_factory):
    root = tmp_path_factory.mktemp("adapters")
    write_adapter(root, "smol-any", base_model=SMOL)
    write_adapter(root, "smol-story", base_model=SMOL, prompt_id=STORY_PROMPT, title="The story's way")
    write_adapter(root, "lists-story", base_model=GPTJ, prompt_id=STORY_PROMPT)
    (write_adapter(root, "torn", base_model=SMOL) / "adapter_model.safetensors").unlink()
    return Workbench(WorkbenchOptions(runs=tmp_path_factory.mktemp("runs"), adapters=root))


@pytest.fixture(autouse=True)
def tiny_history(monkeypatch, tmp_path):
    monkeypatch.setattr(registry, "_KNOWN", (*registry._KNOWN, history_model(tmp_path)))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "empty"))


@pytest.fixture(autouse=True)
def twenty_gigabytes(monkeypatch, workbench):
    monkeypatch.setattr(workbench.host, "free_bytes", lambda: 20_000_000_000)


def asked(**changes):
    return RecommendationRequest(history=(5618,), **{"choice": ModelChoice(SMOL, "bf16"), **changes})


def told(grid):
    """Row, column, adapter, prompt style and whether it is asked, of each cell."""
    return [(c.row, c.column, c.request.choice.adapter, c.request.prompt.style, not c.refusal) for c in grid.cells]


def test_every_adapter_is_asked_with_the_prompt_that_it_reads_and_all_else_as_it_stands(workbench):
    settings = {"generation": GenerationSettings(seed=5), "prompt": PromptSettings("zero_shot", include_years=True)}
    grid = adapter_grid(workbench, asked(**settings), [None, "smol-any", "smol-story"])
    assert grid.rows == (BASE_ALONE, "smol-any", "The story's way")
    assert told(grid) == [
        (0, 0, None, "zero_shot", True),
        (1, 0, "smol-any", "zero_shot", True),
        (2, 0, "smol-story", "history", True),
    ]
    assert [cell.request.prompt.include_years for cell in grid.cells] == [True, True, False]
    assert {cell.request.generation.seed for cell in grid.cells} == {5}
    assert {cell.request.choice.precision for cell in grid.cells} == {"bf16"}


def test_an_adapter_that_is_not_there_or_of_a_broken_folder_is_told_in_its_cell(workbench):
    grid = adapter_grid(workbench, asked(), ["gone", "", "smol-any"])
    assert "no such adapter" in grid.cells[0].refusal
    assert [bool(cell.refusal) for cell in grid.cells] == [True, False, False]
    assert grid.num_asked == 2


def test_a_model_is_asked_in_two_styles_and_with_each_of_its_usable_adapters(workbench):
    grid = model_grid(workbench, asked(), [SMOL])
    assert told(grid) == [
        (0, 0, None, "zero_shot", True),
        (0, 1, None, "few_shot", True),
        (0, 2, "smol-any", "few_shot", True),
        (0, 2, "smol-story", "history", True),
    ]
    assert [grid.label(cell).split(" · ")[1] for cell in grid.cells] == [
        "Zero-shot", "Few-shot", "smol-any", "The story's way",
    ]  # fmt: skip


def test_a_model_that_reads_no_english_is_asked_in_its_own_words_and_says_why_there_are_no_examples(workbench):
    zero, few, own = model_grid(workbench, asked(), [GPTJ]).cells
    assert (zero.request.prompt.style, zero.refusal) == ("history", "")
    assert zero.note.startswith("Asked with its own prompt. It was pretrained on lists")
    assert few.refusal == "It was pretrained on lists of movie titles and reads no English."
    assert (own.request.choice.adapter, own.refusal) == ("lists-story", "")


def test_a_model_that_does_not_fit_says_so_with_both_figures_in_every_cell_of_its_row(workbench):
    grid = model_grid(workbench, asked(choice=ModelChoice(SMOL, "fp32")), [LLAMA, SMOL])
    reasons = {cell.refusal for cell in grid.cells if cell.row == 0 and cell.column < 2}
    (reason,) = reasons
    assert "LLaMA 7B in fp32 needs about" in reason
    assert "20.0 GB are free" in reason
    assert "\n" not in reason
    assert reason.count(". ") == 0, "one sentence"
    assert grid.num_asked == 4


def test_a_model_that_fits_but_is_not_here_names_the_size_of_its_download(workbench):
    zero, _, adapters = model_grid(workbench, asked(), [LLAMA]).cells
    assert zero.refusal == (
        "LLaMA 7B is not on this machine, 13.5 GB in 16 bits: choose it as the base model once to download it."
    )
    assert adapters.refusal == NO_ADAPTER


def test_a_name_that_is_no_model_is_told_in_its_row(workbench):
    assert all("no such model" in cell.refusal for cell in model_grid(workbench, asked(), ["a b"]).cells[:2])


def test_models_that_need_a_download_are_not_among_those_that_are_here(workbench):
    assert set(models_here(workbench)) == {SMOL, "gptj-mini", GPTJ}


def test_what_is_wrong_with_the_question_itself_is_raised(workbench):
    with pytest.raises(HistoryError, match="no such item"):
        model_grid(workbench, RecommendationRequest(history=(10**9,)), [SMOL])
    with pytest.raises(SettingsError, match="nothing is chosen"):
        adapter_grid(workbench, asked(), [])


def test_a_public_page_answers_one_question_at_most_nine_times_and_by_its_own_models_alone(tmp_path):
    public = Workbench(WorkbenchOptions(runs=tmp_path, public=True))
    grid = model_grid(public, asked(), [SMOL, "gptj-mini"])
    assert grid.num_asked <= 9
    assert all("does not offer that model" in cell.refusal for cell in model_grid(public, asked(), [LLAMA]).cells[:2])
    with pytest.raises(SettingsError, match="at most 160"):
        adapter_grid(public, asked(generation=GenerationSettings(max_new_tokens=200)), [None])


def test_more_answers_than_the_limit_are_refused_before_any_is_asked(workbench, monkeypatch):
    monkeypatch.setattr(workbench, "limits", replace(workbench.limits, max_cells=3))
    with pytest.raises(SettingsError, match=r"4 answers.*at most 3"):
        model_grid(workbench, asked(), [SMOL])
