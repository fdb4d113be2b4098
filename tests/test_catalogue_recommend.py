"""Requests answered by catalogue decoding, on a tiny random model: nothing it says can be wrong."""

import numpy as np
import pytest

from recsys.baselines.base import rank
from recsys.baselines.blend import fit_blend
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


def request_for(mode, *, prompt=None, score="full", history=HISTORY, only=None, filters=(), **generation):
    return RecommendationRequest(
        history=history,
        disliked=(1,),
        generation=GenerationSettings(**{"temperature": 0, **generation}),
        prompt=prompt or PromptSettings(style="zero_shot"),
        decoding=DecodingSettings(mode, score, **dict(filters)),
        allowed_items=only,
    )


def answers(loaded, catalogue, requests, classic=None):
    decoder = find_decoder(loaded, catalogue, render_prompt(requests[0], catalogue, ()))
    return recommend_from_catalogue(requests, decoder, catalogue, LevenshteinResolver(catalogue), classic=classic)


def answer(loaded, catalogue, mode, *, classic=None, **asked):
    return answers(loaded, catalogue, [request_for(mode, **asked)], classic)[0]


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


UNKNOWN = (924, 1201)
"""What too few people like for a classic recommender."""


@pytest.fixture(scope="module")
def blend(catalogue):
    """Knows all movies but two; no two of them get the same score."""
    rng = np.random.default_rng(5)
    known = [movie.item_id for movie in catalogue if movie.item_id not in UNKNOWN]
    return fit_blend({user: rng.permutation(known)[:7].tolist() for user in range(40)})


def by_hand(loaded, catalogue, blend, got, *, llm_weight, num_candidates, out=(5618, 5971, 1), only=None, score="full"):
    """The items of a hybrid from the scores of everything, one prompt and one loop at a time."""
    history = catalogue.known_items(got.request.history)
    classic = dict(zip(blend.item_ids.tolist(), blend.scores([history])[0].tolist(), strict=True))
    left = [item for item in classic if item not in out and (only is None or item in only)]
    candidates = sorted(left, key=lambda item: -classic[item])[:num_candidates]
    decoder = find_decoder(loaded, catalogue, got.prompt)
    options = {"excluded": [set(out)], "allowed": only, "score": score}
    told = dict(zip(candidates, decoder.score_candidates([got.prompt], candidates, **options)[0], strict=True))
    fused = {item: classic[item] + llm_weight * told[item] for item in candidates}
    return sorted(candidates, key=lambda item: -fused[item])[:4], fused, classic, told


@pytest.mark.parametrize("score", ["full", "tree"])
@pytest.mark.parametrize(("llm_weight", "num_candidates"), [(2.0, 100), (0.3, 6), (0.0, 5), (1e6, 5), (1.0, 4)])
def test_a_hybrid_orders_its_candidates_by_the_sum_of_both_scores(
    loaded, catalogue, blend, score, llm_weight, num_candidates
):
    settings = {"llm_weight": llm_weight, "num_candidates": num_candidates}
    got = answer(loaded, catalogue, "hybrid", classic=blend, score=score, filters=settings)
    items, fused, classic, told = by_hand(loaded, catalogue, blend, got, score=score, **settings)
    assert list(got.item_ids) == items
    assert [title.score for title in got.fused] == pytest.approx([fused[item] for item in items], rel=1e-4)
    assert [title.classic_score for title in got.fused] == pytest.approx([classic[item] for item in items], abs=1e-5)
    assert [title.log_likelihood for title in got.fused] == pytest.approx([told[item] for item in items], abs=1e-4)
    assert {title.num_candidates for title in got.fused} == {len(fused)}


def test_without_a_weight_a_hybrid_is_the_classic_recommender_and_with_a_huge_one_the_model(loaded, catalogue, blend):
    classic, model = (
        answer(loaded, catalogue, "hybrid", classic=blend, filters={"llm_weight": weight}) for weight in (0, 1e6)
    )
    (best,) = rank(blend, [catalogue.known_items(HISTORY)], n=12)
    assert list(classic.item_ids) == [item for item in best if item != 1][:4]
    assert [title.classic_rank for title in classic.fused] == [1, 2, 3, 4]
    assert [title.llm_rank for title in model.fused][:2] == [1, 2]
    only = tuple(set(best) - {7076})  # two movies of one name are one title of a ranking, and two of a hybrid
    ranked = answer(loaded, catalogue, "catalogue_rank", num_beams=16, only=only)
    hybrid = answer(loaded, catalogue, "hybrid", classic=blend, only=only, filters={"llm_weight": 1e6})
    assert hybrid.item_ids == ranked.item_ids


def test_candidates_fit_every_filter_and_are_neither_liked_nor_disliked_nor_unknown(loaded, catalogue, blend):
    filters = {"genres": ["Sci-Fi"], "year_from": 1960, "year_to": 2005, "llm_weight": 0.5}
    fitting = {m.item_id for m in catalogue if "Sci-Fi" in m.genres and m.year and 1960 <= m.year <= 2005}
    got = answer(loaded, catalogue, "hybrid", classic=blend, filters=filters, history=(260, "Solaris (1972)"))
    assert set(got.item_ids) == fitting - {260, 7234, *UNKNOWN}
    out = {260, 7234, 1}
    items, *_ = by_hand(loaded, catalogue, blend, got, llm_weight=0.5, num_candidates=100, out=out, only=fitting)
    assert list(got.item_ids) == items
    only = (32, 318, 924)
    assert set(answer(loaded, catalogue, "hybrid", classic=blend, only=only).item_ids) == {32, 318}


def test_a_batch_of_hybrids_is_answered_as_its_requests_are_one_by_one(loaded, catalogue, blend):
    histories = [(5618, 5971), (2571,), ("Toy Story", 260, 318), (), (7234, 32)]
    requests = [request_for("hybrid", history=history, filters={"num_candidates": 5}) for history in histories]
    together = answers(loaded, catalogue, requests, blend)
    alone = [answers(loaded, catalogue, [request], blend)[0] for request in requests]
    assert [one.item_ids for one in together] == [one.item_ids for one in alone]
    assert len({one.item_ids for one in together}) > 1
    for one, other in zip(together, alone, strict=True):
        assert [t.score for t in one.fused] == pytest.approx([t.score for t in other.fused], abs=1e-3)


def test_a_history_that_the_classic_recommender_does_not_know_gets_the_most_liked_movies_and_a_note(
    loaded, catalogue, blend
):
    got = answer(loaded, catalogue, "hybrid", classic=blend, history=UNKNOWN, filters={"num_candidates": 4})
    popular = [item for item in blend.item_ids.tolist() if item != 1][:4]
    assert set(got.item_ids) == set(popular)
    assert {title.classic_score for title in got.fused} == {0.0}
    assert any("knows none of the liked movies" in warning for warning in got.warnings)
    known = answer(loaded, catalogue, "hybrid", classic=blend)
    cold = answer(loaded, catalogue, "hybrid", classic=blend, history=())
    assert known.warnings == cold.warnings == (), "a cold start is told already"


def test_too_few_candidates_give_fewer_titles_and_a_note(loaded, catalogue, blend):
    got = answer(loaded, catalogue, "hybrid", classic=blend, only=(32, 318, 924, 1201))
    assert len(got.item_ids) == 2
    assert any("knows 2 of the movies" in warning for warning in got.warnings)


def test_a_hybrid_is_written_down_as_a_list_and_told_with_both_scores(loaded, catalogue, blend):
    got = answer(loaded, catalogue, "hybrid", classic=blend, prompt=PromptSettings("instruction", include_years=True))
    assert got.completion.text.count("(") >= 4
    assert got.completion.completion_tokens > 4
    assert "num_beams" in got.completion.without_effect
    told = got.to_dict(catalogue)
    assert [entry["item_id"] for entry in told["ranking"]] == list(got.item_ids)
    for entry in told["ranking"]:
        assert entry["score"] == pytest.approx(entry["classic_score"] + 2.0 * entry["log_likelihood"], abs=1e-5)
        assert 1 <= entry["llm_rank"] <= entry["num_candidates"]
    assert told["settings"]["decoding"]["num_candidates"] == 100


def test_a_hybrid_without_a_classic_recommender_is_refused(loaded, catalogue):
    with pytest.raises(SettingsError, match="classic recommender"):
        answer(loaded, catalogue, "hybrid")
