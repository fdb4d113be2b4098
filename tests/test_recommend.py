"""The one path from history to resolutions, with a generator that writes what the test says."""

import pytest

from recsys.catalogue import Catalogue, Movie
from recsys.errors import HistoryError
from recsys.generation.completion import Completion
from recsys.recommend import RecommendationRequest, recommend, stream_recommendation
from recsys.resolution.levenshtein import LevenshteinResolver
from recsys.settings import GenerationSettings, PromptSettings

ALIEN, THING, JAWS, UP, GOOD_BAD = (
    Movie(1, "Alien", 1979, ("Horror", "Sci-Fi")),
    Movie(2, "The Thing", 1982, ("Horror",)),
    Movie(3, "Jaws", 1975, ("Horror",)),
    Movie(4, "Up", 2009, ("Animation",)),
    Movie(5, "The Good, the Bad and the Ugly", 1966, ("Western",)),
)
CATALOGUE = Catalogue((ALIEN, THING, JAWS, UP, GOOD_BAD))


class ScriptedGenerator:
    """Writes the same text for every prompt and notes what it was asked."""

    def __init__(self, text):
        self.text = text
        self.prompts = []
        self.seeds = None

    def _complete(self, prompt, settings, seed):
        self.prompts.append(prompt)
        return Completion(
            self.text, prompt.text, 9, 7, 0.5, "titles_complete", settings.replace(seed=seed), "tiny", "fp32"
        )

    def generate(self, prompts, settings, *, seeds=None, is_complete=None, cancel=None):
        self.seeds = seeds
        return [
            self._complete(p, settings, s)
            for p, s in zip(prompts, seeds or [settings.seed] * len(prompts), strict=True)
        ]

    def stream(self, prompt, settings, *, is_complete=None, cancel=None):
        for end in range(1, len(self.text) + 1):
            if is_complete(self.text[:end], prompt):
                break
            yield self.text[:end]
        yield self._complete(prompt, settings, settings.seed)


def answer(text, **changes):
    request = RecommendationRequest(**{"history": (1, 2), **changes})
    generator = ScriptedGenerator(text)
    return recommend([request], generator, CATALOGUE, LevenshteinResolver(CATALOGUE))[0], generator


def test_titles_become_items_by_rank_and_misses_keep_their_rank():
    got, _ = answer(" Jaws (1975); Alien (1979); Completely Invented Film (1999); Up (2009);")
    assert got.item_ids == (3, None, None, 4)
    assert got.resolutions[1].flags == {"already_liked"}
    assert got.resolutions[2].match == "none"


def test_only_titles_written_exactly_count_for_the_raw_score():
    got, _ = answer(" Jawz (1975); Up (2009);")
    assert got.item_ids == (3, 4)
    assert got.exact_item_ids == (None, 4)


def test_a_disliked_movie_is_never_recommended_even_where_the_prompt_does_not_name_it():
    got, generator = answer(" Jaws (1975);", disliked=(3,), prompt=PromptSettings(include_disliked=False))
    assert "Jaws" not in generator.prompts[0].text
    assert got.item_ids == (None,)


def test_free_text_reaches_the_prompt_as_typed_and_counts_as_liked_where_it_is_known():
    got, generator = answer(" Jaws (1975); Up (2009);", history=("jaws", "My Own Film"))
    assert "jaws; My Own Film" in generator.prompts[0].text
    assert got.item_ids == (None, 4)


def test_an_empty_history_is_a_cold_start():
    got, _ = answer(" Jaws (1975);", history=())
    assert got.prompt.cold_start
    assert got.to_dict(CATALOGUE)["cold_start"] is True


def test_an_unknown_item_is_refused_before_anything_is_generated():
    with pytest.raises(HistoryError, match="no such item"):
        answer("", history=(999,))


@pytest.mark.parametrize("history", [(True,), (1.5,), (None,), tuple(range(51))])
def test_a_history_of_the_wrong_kind_or_length_is_refused(history):
    with pytest.raises(HistoryError):
        RecommendationRequest(history=history)


def test_a_batch_answers_each_request_with_its_own_seed():
    requests = [RecommendationRequest(history=(1,)), RecommendationRequest(history=(2,))]
    generator = ScriptedGenerator(" Up (2009);")
    got = recommend(requests, generator, CATALOGUE, LevenshteinResolver(CATALOGUE), seeds=[11, 12])
    assert [r.completion.settings.seed for r in got] == [11, 12]
    assert [r.request.history for r in got] == [(1,), (2,)]


def test_no_requests_give_no_answers():
    assert recommend([], ScriptedGenerator(""), CATALOGUE, LevenshteinResolver(CATALOGUE)) == []


def test_a_stream_ends_with_the_recommendation_and_stops_at_the_nth_title():
    request = RecommendationRequest(history=(1,), generation=GenerationSettings(num_recommendations=1))
    parts = list(
        stream_recommendation(
            request, ScriptedGenerator(" Up (2009); Jaws (1975);"), CATALOGUE, LevenshteinResolver(CATALOGUE)
        )
    )
    assert all(isinstance(part, str) for part in parts[:-1])
    assert parts[-2] == " Up (2009)"
    assert parts[-1].item_ids == (4,)


def test_the_plain_form_holds_everything_that_is_needed_to_repeat_the_answer():
    got, _ = answer(" Jaws (1975); Nothing Like It (2031);")
    plain = got.to_dict(CATALOGUE)
    assert plain["recommendations"][0]["title"] == "Jaws"
    assert plain["recommendations"][1]["item_id"] is None
    assert plain["settings"]["generation"]["temperature"] == GenerationSettings().temperature
    assert plain["prompt"].endswith("=>")
