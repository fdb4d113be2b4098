"""The table of several answers and its figures, as HTML from hand-made states."""

import re
from dataclasses import replace

import pytest

from recsys.recommend import RecommendationRequest
from recsys.settings import PromptSettings
from recsys.several import Cell, CellAnswer, Grid, GridState
from recsys.ui.several_cards import progress_text, several_html
from recsys.ui.several_figures import figures_html
from tests.evaluation.answers import CATALOGUE, make_answer, make_record, title

HOSTILE = "<img src=x onerror=alert(1)> ${alert(2)} `x` {{7}}"
ZERO, HISTORY = (
    RecommendationRequest(prompt=PromptSettings("zero_shot")),
    RecommendationRequest(prompt=PromptSettings("history")),
)


def grid(*cells, rows=("A model", "Another"), columns=("Zero-shot", "Its adapters")):
    return Grid("One question", rows, columns, cells)


TWO = grid(Cell(0, 0, ZERO), Cell(0, 1, HISTORY, name="story"), Cell(1, 0, ZERO), Cell(1, 1, ZERO, refusal="No."))


def html(state, **options):
    return several_html(state, CATALOGUE, options.pop("record", None), **options)


def text(shown):
    return " ".join(re.sub(r"<[^>]+>", " ", shown).split())


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (GridState(TWO), "0 of 3"),
        (GridState(TWO, num_done=2, eta_seconds=40.4), "2 of 3 · about 40 s left"),
        (GridState(TWO, num_done=2, eta_seconds=63), "2 of 3 · about 1 min 5 s left"),
        (GridState(TWO, num_done=2, eta_seconds=0.2), "2 of 3 · about 1 s left"),
        (GridState(TWO, num_done=3, over="done"), "3 answers"),
        (GridState(TWO, num_done=1, over="stopped"), "Stopped after 1 of 3"),
        (GridState(grid(Cell(0, 0, ZERO, refusal="No.")), over="done"), "Nothing here could be asked"),
    ],
)
def test_the_progress_is_told_in_words(state, told):
    assert progress_text(state) == told


def test_the_time_left_goes_down_while_a_cell_is_under_way():
    assert progress_text(GridState(TWO, num_done=1, eta_seconds=9), elapsed=4) == "1 of 3 · about 5 s left"


def test_a_page_whose_time_is_over_says_so():
    assert "time that this page gives" in progress_text(GridState(TWO, num_done=1, over="timed_out"))


def test_a_cell_shows_what_was_written_what_it_is_and_what_it_took():
    answer = make_answer([1, title(None, "none", name="Void")], text=" a; b;", seconds=2.25, tokens=7)
    state = GridState(TWO, {0: CellAnswer(answer)}, num_done=1)
    shown = text(html(state, record=make_record("5-0", (1, 2))))
    assert "Movie 1 (1961)" in shown
    assert "Void" in shown
    assert "a list of titles 2.25 s · 7 tokens · 1 hit of 2" in shown
    assert "hit" not in text(html(state))


def test_the_cell_under_way_says_what_it_waits_for_and_the_refused_one_why():
    state = GridState(TWO, {3: CellAnswer(refusal="It does not fit.")}, asking=1)
    shown = html(state, waiting="Loading the model: reading")
    assert shown.count("is-asking") == 1
    assert "Loading the model: reading" in shown
    assert "It does not fit." in shown
    assert 'data-phase="busy"' in shown
    over = html(replace(state, asking=None, over="stopped"))
    assert over.count("Not asked") == 3
    assert 'data-phase="done"' in over


def test_the_prompt_is_named_where_the_column_does_not_tell_it():
    shown = text(html(GridState(TWO, {3: CellAnswer(refusal="No.")})))
    assert "story · history prompt" in shown
    assert "zero-shot prompt" not in shown.replace("Zero-shot", "")
    note = grid(Cell(0, 0, HISTORY, note="Asked with its own prompt."))
    assert "history prompt Asked with its own prompt." in text(html(GridState(note)))


def test_a_model_that_is_not_asked_at_all_gives_its_reason_once():
    refused = grid(*(Cell(0, column, ZERO, refusal="Too large.") for column in (0, 1)))
    state = GridState(refused, dict.fromkeys((0, 1), CellAnswer(refusal="Too large.")), over="done")
    assert html(state).count("Too large.") == 1
    assert 'colspan="2"' in html(state)


@pytest.mark.parametrize(("problem", "words"), [("prose", "prose, no list"), ("code", "code, no list")])
def test_a_text_that_is_no_list_is_called_so(problem, words):
    state = GridState(TWO, {0: CellAnswer(make_answer([], problem=problem))})
    assert words in text(html(state))


def test_bars_count_the_titles_of_each_answer_and_name_the_parts_that_occur():
    answers = {
        0: CellAnswer(make_answer([1, 2, title(3, "fuzzy"), title(None, "none")])),
        1: CellAnswer(make_answer([1])),
    }
    shown = figures_html(GridState(TWO, answers))
    labels = re.findall(r'aria-label="([^"]*\d[^"]*)"', shown)
    assert labels == ["2 exact, 1 resolved, 1 out of catalogue", "1 exact, 3 not written"]
    legend = text(shown.split("several-legend")[1].split("</ul>")[0])
    assert "repeated" not in legend
    assert "not written" in legend
    assert shown.count("several-group") == 2, "once in each figure: the row that has no answer is no bar"


def test_without_an_answer_there_is_no_figure():
    assert figures_html(GridState(TWO, {3: CellAnswer(refusal="No.")})) == ""


def test_nothing_that_came_from_elsewhere_is_markup_or_script():
    hostile = replace(make_answer([title(None, "none", name=HOSTILE)], text=HOSTILE), warnings=(HOSTILE,))
    cells = (Cell(0, 0, ZERO, name=HOSTILE, note=HOSTILE), Cell(1, 0, ZERO, refusal=HOSTILE))
    there = Grid(HOSTILE, (HOSTILE, HOSTILE), (HOSTILE, HOSTILE), cells)
    state = GridState(there, {0: CellAnswer(hostile), 1: CellAnswer(refusal=HOSTILE)}, over="done")
    shown = html(state)
    assert "<img" not in shown
    assert "${" not in shown
    assert "`" not in shown
    assert "{{" not in shown
