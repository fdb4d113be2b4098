"""Requests answered by catalogue decoding, on a tiny random model: nothing it says can be wrong."""

import pytest

from recsys.catalogue_recommend import find_decoder, open_items, recommend_from_catalogue, require_open_titles
from recsys.errors import SettingsError
from recsys.models.loading import load_model
from recsys.models.registry import find_model
from recsys.recommend import RecommendationRequest, render_prompt
from recsys.resolution.levenshtein import LevenshteinResolver
from recsys.settings import DecodingSettings, GenerationSettings, PromptSettings

HISTORY = (5618, "my neighbor totoro")


@pytest.fixture(scope="module")
def loaded(tiny_llama_folder):
    return load_model(find_model(str(tiny_llama_folder)), "fp32")


def answer(loaded, catalogue, mode, *, prompt=None, score="full", history=HISTORY, only=None, filters=(), **generation):
    request = RecommendationRequest(
        history=history,
        disliked=(1,),
        generation=GenerationSettings(**{"temperature": 0, **generation}),
        prompt=prompt or PromptSettings(style="zero_shot"),
        decoding=DecodingSettings(mode, score, **dict(filters)),
        allowed_items=only,
    )
    decoder = find_decoder(loaded, catalogue, render_prompt(request, catalogue, ()))
    return recommend_from_catalogue([request], decoder, catalogue, LevenshteinResolver(catalogue))[0]


@pytest.mark.parametrize("mode", ["catalogue_list", "catalogue_rank"])
@pytest.mark.parametrize(
    "prompt",
    [
        PromptSettings(style="zero_shot", include_years=True),
        PromptSettings(style="zero_shot", queue_symbol="[]"),
        PromptSettings(style="zero_shot", list_separator="numbered", include_years=True),
        PromptSettings(style="instruction", list_separator="newline"),
        PromptSettings(style="history"),
        PromptSettings(style="history", list_separator=",", include_years=True),
        PromptSettings(style="history", list_separator="newline"),
        PromptSettings(style="history", list_separator="numbered"),
    ],
)
def test_every_title_is_real_new_and_written_once(loaded, catalogue, mode, prompt):
    got = answer(loaded, catalogue, mode, prompt=prompt, num_recommendations=5)
    assert len(got.item_ids) == 5
    assert None not in got.item_ids
    assert len(set(got.item_ids)) == 5
    assert not set(got.item_ids) & {5618, 5971, 1}
    assert {r.match for r in got.resolutions} == {"exact"}
    assert got.parsed.is_well_formed


@pytest.mark.parametrize("mode", ["catalogue_list", "catalogue_rank"])
def test_each_title_stands_in_the_text_where_it_says(loaded, catalogue, mode):
    got = answer(loaded, catalogue, mode)
    for title in got.parsed.titles:
        assert got.completion.text[title.start : title.end].startswith(title.title)


def test_a_ranking_with_a_beam_for_each_title_is_the_order_of_exact_scores(loaded, catalogue):
    got = answer(loaded, catalogue, "catalogue_rank", num_beams=16, num_recommendations=4)
    decoder = find_decoder(loaded, catalogue, got.prompt)
    movies = [movie.item_id for movie in catalogue]
    scores = decoder.score_candidates([got.prompt], movies, excluded=[{5618, 5971, 1}])[0]
    best = [movies[column] for column in (-scores).argsort()[:4]]
    assert list(got.item_ids) == best


@pytest.mark.parametrize(("separator", "form"), [(";", "separated"), ("newline", "newline"), ("numbered", "numbered")])
def test_a_ranking_tells_its_form_what_was_read_and_the_beams_it_took(loaded, catalogue, separator, form):
    got = answer(loaded, catalogue, "catalogue_rank", prompt=PromptSettings("instruction", list_separator=separator))
    listed = answer(loaded, catalogue, "catalogue_list", prompt=PromptSettings("instruction", list_separator=separator))
    assert got.parsed.list_format == listed.parsed.list_format == form
    assert got.completion.prompt_text == listed.completion.prompt_text
    assert got.completion.prompt_tokens == listed.completion.prompt_tokens
    assert "4 beams" in got.completion.without_effect["num_beams"]


def test_sampling_follows_its_seed_and_a_ranking_says_that_it_draws_nothing(loaded, catalogue):
    first, again, other = (
        answer(loaded, catalogue, "catalogue_list", temperature=1.5, seed=seed).completion.text for seed in (1, 1, 2)
    )
    assert first == again != other
    assert "temperature" in answer(loaded, catalogue, "catalogue_rank").completion.without_effect


def test_a_decoder_is_made_once_for_each_list_form_and_kept_with_its_model(loaded, catalogue):
    prompt = answer(loaded, catalogue, "catalogue_list").prompt
    assert find_decoder(loaded, catalogue, prompt) is find_decoder(loaded, catalogue, prompt)


def test_more_titles_than_the_catalogue_has_left_give_all_of_them(loaded, catalogue):
    with_years = PromptSettings(style="zero_shot", include_years=True)
    got = answer(loaded, catalogue, "catalogue_list", num_recommendations=20, prompt=with_years)
    assert len(got.item_ids) == len(catalogue) - 3
    without = answer(loaded, catalogue, "catalogue_list", num_recommendations=20)
    assert len(without.item_ids) == len(catalogue) - 4, "both films named Solaris are one title without their years"


@pytest.mark.parametrize("mode", ["catalogue_list", "catalogue_rank"])
def test_a_name_that_a_liked_movie_shares_stands_for_the_other_one(loaded, catalogue, mode):
    got = answer(loaded, catalogue, mode, history=(7234,), num_recommendations=13, num_beams=13)
    assert 7076 in got.item_ids
    assert None not in got.item_ids
    assert 7234 not in got.item_ids


@pytest.mark.parametrize("mode", ["catalogue_list", "catalogue_rank"])
def test_only_movies_that_fit_every_filter_come_out(loaded, catalogue, mode):
    genre = catalogue.movies[3].genres[0]
    filters = {"genres": [genre], "year_from": 1985, "year_to": 2010}
    fitting = {m.item_id for m in catalogue if genre in m.genres and m.year and 1985 <= m.year <= 2010}
    got = answer(loaded, catalogue, mode, filters=filters, num_recommendations=5)
    assert got.item_ids
    assert set(got.item_ids) <= fitting


@pytest.mark.parametrize("mode", ["catalogue_list", "catalogue_rank"])
def test_a_list_of_items_is_all_that_may_come_out(loaded, catalogue, mode):
    only = tuple(movie.item_id for movie in catalogue.movies[2:5])
    got = answer(loaded, catalogue, mode, only=only, num_recommendations=3)
    assert set(got.item_ids) <= set(only)


def test_a_genre_that_no_movie_has_is_refused_with_those_that_are(catalogue):
    request = RecommendationRequest(decoding=DecodingSettings("catalogue_list", genres=("Telenovela",)))
    with pytest.raises(SettingsError, match="known are"):
        open_items(request, catalogue)


def test_filters_that_leave_too_few_movies_are_refused_before_the_model_is_touched(catalogue):
    decoding = DecodingSettings("catalogue_rank", year_from=1871, year_to=1872)
    with pytest.raises(SettingsError, match="too few"):
        require_open_titles(RecommendationRequest(decoding=decoding), catalogue)
    require_open_titles(RecommendationRequest(decoding=decoding.replace(decoding="free")), catalogue)


def test_a_ranking_carries_the_tokens_of_each_title(loaded, catalogue):
    got = answer(loaded, catalogue, "catalogue_rank", num_beams=16)
    assert len(got.ranked) == len(got.item_ids) == 4
    for title, movie_id in zip(got.ranked, got.item_ids, strict=True):
        assert "".join(title.token_texts).strip(" ;") == catalogue[movie_id].title
        assert title.score == pytest.approx(sum(title.token_logprobs))
        assert title.num_open >= 1
    assert [entry["item_id"] for entry in got.to_dict(catalogue)["ranking"]] == list(got.item_ids)
