import math

import pytest

from recsys.errors import InputError
from recsys.models import registry
from recsys.models.choices import ModelChoices
from recsys.models.host import ModelChoice
from recsys.settings import DecodingSettings, GenerationSettings, PromptSettings, ResolutionSettings
from recsys.ui.api import read_request, search
from tests.fixtures.tiny_adapters import STORY_PROMPT, history_model, write_adapter

DEFAULTS = {
    "liked": [],
    "disliked": None,
    **GenerationSettings().to_dict(),
    **PromptSettings().to_dict(),
    **ResolutionSettings().to_dict(),
    **DecodingSettings().to_dict(),
    "genres": None,
    "allowed_items": None,
    "model": "smollm2-135m",
    "precision": "auto",
    "int8_threshold": 6.0,
    "adapter": None,
}


class Bench:
    def __init__(self, catalogue, adapters):
        from recsys.resolution.search import TitleSearch

        self.choices = ModelChoices(adapters_folder=adapters)
        self.default_prompt = self.choices.default_prompt
        self.catalogue = catalogue
        self.data = self
        self.search = TitleSearch(catalogue)


@pytest.fixture
def bench(catalogue, tmp_path):
    write_adapter(tmp_path, "story", base_model="tiny-history", prompt_id=STORY_PROMPT)
    return Bench(catalogue, tmp_path)


def test_titles_become_items_and_unknown_ones_stay_text(bench):
    request = read_request(bench, DEFAULTS | {"liked": ["Toy Story", 2571, "Not A Film"], "disliked": ["amelie"]})
    assert request.history == (1, 2571, "Not A Film")
    assert request.disliked == (4973,)
    assert request.choice == ModelChoice()


@pytest.mark.parametrize(
    "wrong",
    [
        {"liked": "Toy Story"},
        {"liked": None},
        {"liked": [None]},
        {"liked": [1.0]},
        {"liked": [True]},
        {"liked": [[1]]},
        {"liked": ["x"] * 51},
        {"liked": [" \x00 "]},
        {"disliked": 5},
        {"temperature": math.nan},
        {"temperature": math.inf},
        {"temperature": -1},
        {"temperature": "0.5"},
        {"temperature": None},
        {"top_p": 0},
        {"top_k": 2.5},
        {"num_beams": 0},
        {"max_new_tokens": 10**9},
        {"num_recommendations": True},
        {"seed": -1},
        {"style": "poem"},
        {"style": ["few_shot"]},
        {"queue_symbol": 3},
        {"adapter": "gone"},
        {"include_years": "yes"},
        {"threshold": math.nan},
        {"resolver": "magic"},
        {"precision": "int3"},
        {"model": 3},
        {"adapter": 3},
    ],
)
def test_a_wrong_value_is_refused_with_our_own_error(bench, wrong):
    with pytest.raises(InputError):
        read_request(bench, DEFAULTS | wrong)


@pytest.mark.parametrize(("query", "limit"), [(5, 20), ("x" * 201, 20), ("toy", 0), ("toy", math.nan), ("toy", "5")])
def test_a_wrong_search_is_refused(bench, query, limit):
    with pytest.raises(InputError):
        search(bench, query, limit)


def test_a_search_finds_at_most_as_many_as_asked(bench):
    assert len(search(bench, "s", 2)) == 2


def test_filters_are_read_and_wrong_ones_refused(bench):
    request = read_request(bench, DEFAULTS | {"decoding": "catalogue_rank", "genres": ["Drama"], "allowed_items": [1]})
    assert request.decoding == DecodingSettings("catalogue_rank", genres=("Drama",))
    assert request.allowed_items == (1,)
    for wrong in ({"genres": "Drama"}, {"allowed_items": ["1"]}, {"allowed_items": 3}, {"year_from": "1990"}):
        with pytest.raises(InputError):
            read_request(bench, DEFAULTS | wrong)


def test_a_hybrid_is_read_and_what_cannot_be_is_refused(bench):
    given = {"decoding": "hybrid", "num_candidates": 40, "llm_weight": 0.5}
    assert read_request(bench, DEFAULTS | given).decoding == DecodingSettings(
        "hybrid", num_candidates=40, llm_weight=0.5
    )
    for wrong in ({"num_candidates": 0}, {"num_candidates": 9.5}, {"llm_weight": -1}, {"llm_weight": math.nan}):
        with pytest.raises(InputError):
            read_request(bench, DEFAULTS | given | wrong)


LEFT_OPEN = dict.fromkeys(("model", *PromptSettings().to_dict()))
"""What a caller leaves open who names neither a model nor a prompt."""


def test_what_is_left_open_is_as_ever_without_an_adapter(bench):
    request = read_request(bench, DEFAULTS | LEFT_OPEN)
    assert (request.choice, request.prompt) == (ModelChoice(), PromptSettings())


def test_what_is_left_open_follows_the_adapter(bench, monkeypatch):
    monkeypatch.setattr(registry, "_KNOWN", (*registry._KNOWN, history_model("lists")))
    request = read_request(bench, DEFAULTS | LEFT_OPEN | {"adapter": "story"})
    assert request.choice == ModelChoice("tiny-history", adapter="story")
    assert request.prompt == PromptSettings(style="history")


def test_a_prompt_that_is_given_wins_over_the_adapters(bench):
    given = {"adapter": "story", "include_years": True, "style": "few_shot"}
    assert read_request(bench, DEFAULTS | LEFT_OPEN | given).prompt == PromptSettings("few_shot", include_years=True)
    assert read_request(bench, DEFAULTS | {"adapter": "story"}).choice.model == "smollm2-135m"
