import dataclasses

import pytest

from recsys.errors import HistoryError
from recsys.generation.completion import Completion
from recsys.prompts import render
from recsys.recommend import RecommendationRequest, read_completion
from recsys.resolution.levenshtein import LevenshteinResolver
from recsys.settings import GenerationSettings
from recsys.ui.answer_cards import answer_cards, empty_cards, error_cards, streaming_cards, waiting_cards
from recsys.ui.answer_details import answer_details, record_truth
from recsys.ui.statuses import badges, leading_badge

HOSTILE = "<img src=x onerror=alert(1)> ${alert(2)} `x`"


@pytest.fixture
def answered(catalogue):
    """Reads what a model wrote as the answer to a request."""

    def answer(text, history=(5618,), n=4, **changes):
        request = RecommendationRequest(history, generation=GenerationSettings(num_recommendations=n, temperature=0))
        liked = [catalogue[entry] if isinstance(entry, int) else entry for entry in history]
        prompt = render(liked, request.prompt, num_recommendations=n)
        completion = Completion(
            text, prompt.text, 50, 20, 2.0, "titles_complete", request.generation, "smollm2-135m", "bf16",
            without_effect=request.generation.without_effect(),
        )  # fmt: skip
        recommendation = read_completion(request, prompt, completion, catalogue, LevenshteinResolver(catalogue))
        return dataclasses.replace(recommendation, **changes)

    return answer


def labels(recommendation):
    return [[badge.label for badge in badges(r, "levenshtein")] for r in recommendation.resolutions]


def test_each_status_has_its_badge(answered):
    found = answered(" Toy Story (1995); Princess Mononok (1997); Toy Story (1995); Spirited Away (2001);")
    assert labels(found) == [["exact"], ["edited 1"], ["exact", "repeated"], ["exact", "already liked"]]


def test_a_title_of_another_year_and_one_of_no_movie_are_told(answered):
    found = answered(" Star Wars (2025); Zorblax Returns Again (1999);", n=2)
    assert "wrong year" in labels(found)[0]
    assert labels(found)[1] == ["out of catalogue"]


def test_what_makes_a_title_a_miss_colours_it_in_the_text(answered):
    found = answered(" Toy Story (1995); Toy Story (1995);", n=2)
    assert [leading_badge(r, "levenshtein").status for r in found.resolutions] == ["exact", "repeated"]


def test_every_badge_has_a_mark_besides_its_colour(answered):
    found = answered(" Toy Story (1995); Princess Mononok (1997); Toy Story (1995); Zorblax Returns Again (1999);")
    marks = {badge.status: badge.mark for r in found.resolutions for badge in badges(r, "levenshtein")}
    assert len(set(marks.values())) == len(marks) == 4


def test_titles_are_marked_in_what_the_model_wrote(answered, catalogue):
    page = answer_cards(answered(" Toy Story (1995); The Matrix (1999);", n=2), catalogue)
    assert page.count('<mark class="st-exact"') == 2
    assert ">Toy Story (1995)</mark>; <mark" in page


def test_what_a_model_writes_is_text_and_nothing_else(answered, catalogue):
    page = answer_cards(answered(f" {HOSTILE}; Toy Story (1995);", n=2), catalogue)
    assert "<img" not in page
    assert "${" not in page
    assert "`" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_streamed_text_is_text_and_nothing_else():
    page = streaming_cards(HOSTILE, [], 4)
    assert "<img" not in page
    assert "${" not in page


def test_what_a_person_typed_is_text_in_the_prompt_and_in_what_is_copied(answered, catalogue):
    page = answer_details(answered(" Toy Story (1995);", history=(HOSTILE,), n=1), catalogue, None, "http://here")
    assert "<img" not in page
    assert "${" not in page


def test_as_many_rows_while_streaming_as_at_the_end(answered, catalogue):
    done = answer_cards(answered(" Toy Story (1995);", n=4), catalogue)
    assert done.count("<li class=") == streaming_cards("Toy", [], 4).count("<li class=") == 4
    assert waiting_cards("…", 4).count("<li class=") == 4


def test_a_title_that_is_not_written_is_told_as_a_miss(answered, catalogue):
    page = answer_cards(answered(" Toy Story (1995);", n=2), catalogue)
    assert page.count("No title written") == 1
    assert "1 of 2 recommended" in page


def test_prose_is_called_prose(answered, catalogue):
    text = " I think that this person would really enjoy watching some of the great films about nature and love."
    page = answer_cards(answered(text), catalogue)
    assert "This is prose, not a list of titles" in page


def test_an_empty_answer_is_called_empty(answered, catalogue):
    assert "The model wrote nothing" in answer_cards(answered("  "), catalogue)


def test_a_cold_start_is_labelled(answered, catalogue):
    assert "Cold start" in answer_cards(answered(" Toy Story (1995);", history=(), n=1), catalogue)
    assert "Cold start" not in answer_cards(answered(" Toy Story (1995);", n=1), catalogue)


def test_settings_without_effect_are_struck_out_with_the_reason(answered, catalogue):
    page = answer_details(answered(" Toy Story (1995);", n=1), catalogue, None, "http://here")
    assert page.count('class="is-idle"') == 2
    assert "Temperature 0 always takes the likeliest token" in page


def test_speed_is_tokens_over_seconds(answered, catalogue):
    page = answer_details(answered(" Toy Story (1995);", n=1), catalogue, None, "http://here")
    assert "10.0 <small>tokens/s" in page


def test_votes_are_offered_for_movies_only(answered, catalogue):
    page = answer_cards(answered(" Toy Story (1995); Zorblax Returns Again (1999);", n=2), catalogue)
    assert page.count('data-vote="like"') == 1
    assert 'data-item="1"' in page


def test_the_truth_shows_which_were_hit_and_at_which_rank(answered, catalogue):
    from recsys.data.records import Record

    record = Record("7-0", 7, (5618,), (2571, 318))
    page = record_truth(answered(" Toy Story (1995); The Matrix (1999);", n=2), catalogue, record)
    assert "✓ hit at rank 2" in page
    assert page.count("not recommended") == 1
    assert "1 hit of 2" in page


def test_an_error_is_told_in_its_own_words_and_escaped():
    page = error_cards(HistoryError("too many movies", seen="<b>", mend="take some out"))
    assert "Too many movies" in page
    assert "Take some out." in page
    assert "<b>" not in page
    assert 'role="alert"' in page


def test_the_empty_page_offers_three_ways_to_start():
    assert empty_cards().count("data-press=") == 3
