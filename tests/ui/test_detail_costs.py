"""What details cost: tokens counted on the page's movies, times measured or marked as an estimate."""

import json

import pytest

from recsys.models.host import HostState
from recsys.recommend import RecommendationRequest
from recsys.settings import PromptSettings
from recsys.ui.detail_costs import MEASURED, DetailCost, costs_html, count_costs, measured_ratios, table_html
from tests.ui.fake_workbench import FakeWorkbench

BARE = PromptSettings(style="zero_shot")


@pytest.fixture(scope="module")
def workbench():
    return FakeWorkbench()


def test_each_kind_is_counted_in_words_and_what_the_data_lack_has_no_count(workbench):
    # "Spirited Away; My Neighbor Totoro =>" has six words; genres add " -- " and one run without spaces to each title.
    costs = count_costs(workbench, RecommendationRequest(history=(5618, 5971), prompt=BARE))
    assert [(cost.details, cost.tokens) for cost in costs] == [
        ("none", 6),
        ("genres", 10),
        ("tags", None),
        ("description", None),
    ]


def test_a_time_is_shown_where_the_same_model_and_prompt_were_measured():
    none, genres = json.loads(MEASURED.read_text())["details"]
    assert measured_ratios("smollm2-135m", PromptSettings()) == {
        "none": 1.0,
        "genres": pytest.approx(genres["milliseconds_a_record"] / none["milliseconds_a_record"], abs=0.001),
    }
    assert measured_ratios("smollm2-135m", PromptSettings(details="genres")) != {}
    assert measured_ratios("another-model", PromptSettings()) == {}
    assert measured_ratios("smollm2-135m", BARE) == {}
    assert measured_ratios("smollm2-135m", PromptSettings(num_examples=1)) == {}


def test_an_estimate_says_that_it_is_one_and_a_measured_time_does_not():
    costs = (DetailCost("none", 200), DetailCost("genres", 300), DetailCost("tags", None))
    html = table_html(costs, "genres", "Counted.")
    assert "<td>300 <small>+100</small></td><td>1.50 ×</td><td>≈ 1.5 ×</td>" in html
    assert "estimated from the tokens and was not measured" in html
    assert "this data set has none" in html
    measured = table_html((costs[0], DetailCost("genres", 300, 1.83)), "none", "Counted.")
    assert "<td>1.83 ×</td>" in measured
    assert "estimated" not in measured


def test_without_movies_a_held_out_persons_are_counted_and_said_so(workbench):
    assert "on 6 movies of a held-out person." in costs_html(workbench, RecommendationRequest(prompt=BARE))
    assert "on 1 movie of this page." in costs_html(workbench, RecommendationRequest(history=(1,), prompt=BARE))


def test_without_a_model_nothing_is_counted(workbench, monkeypatch):
    monkeypatch.setattr(workbench.host, "state", HostState)
    assert "once a model is loaded" in costs_html(workbench, RecommendationRequest(history=(1,)))
