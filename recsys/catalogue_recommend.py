"""Recommendations that cannot be hallucinated: the same request, answered by catalogue decoding.

The counterpart of recommend.recommend for the catalogue modes. A list is one completion, read like any
other; a ranking or a hybrid has no completion of its own, so its titles are written down as the list they would
make.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from recsys.baselines.hybrid import Candidates, find_candidates, fuse
from recsys.catalogue import Catalogue, Movie
from recsys.errors import SettingsError
from recsys.generation.completion import Completion
from recsys.parsing import GeneratedTitle, ListFormat, ParsedCompletion
from recsys.prompts import Prompt, PromptExample, render_answer
from recsys.recommend import Recommendation, RecommendationRequest, read_completions, render_prompt
from recsys.resolution.base import Resolution, TitleResolver
from recsys.settings import FIRST_YEAR, LAST_YEAR, ListSeparator

if TYPE_CHECKING:
    from recsys.baselines.base import Recommender
    from recsys.generation.catalogue_decoding import CatalogueDecoder
    from recsys.models.loading import LoadedModel

_NO_LIKED_MOVIE_KNOWN = (
    "The classic recommender knows none of the liked movies, so its candidates are the most popular ones."
)
_LIST_FORMATS: dict[ListSeparator, ListFormat] = {
    ";": "separated",
    ",": "comma",
    "newline": "newline",
    "numbered": "numbered",
}


def recommend_from_catalogue(
    requests: Sequence[RecommendationRequest],
    decoder: CatalogueDecoder,
    catalogue: Catalogue,
    resolver: TitleResolver,
    *,
    classic: Recommender | None = None,
    examples: Sequence[PromptExample] = (),
    seeds: Sequence[int] | None = None,
    warnings: tuple[str, ...] = (),
    cancel: threading.Event | None = None,
) -> list[Recommendation]:
    """Answers a batch of requests that share their settings with titles of the catalogue alone.

    What a person liked or disliked cannot come out, and no title comes twice.

    Args:
        requests: One or more; the settings of the first hold for all.
        decoder: Made for the prompt's list form and years.
        catalogue: What can be recommended.
        resolver: Never needed for what the catalogue writes; names the path that reads a list.
        classic: Brings the candidates of a hybrid; the other modes need none.
        examples: Worked examples of the few-shot prompt.
        seeds: One for each request; the settings' seed without them.
        warnings: Passed on with each answer.
        cancel: Set from another thread to stop.

    Raises:
        CancelledError: when a ranking or a hybrid was stopped.
        SettingsError: for a genre that the catalogue does not have, or a hybrid without a classic recommender.
        HistoryError: for an item that the catalogue does not have, or a prompt too long for the model.
    """
    if not requests:
        return []
    prompts = [render_prompt(request, catalogue, examples) for request in requests]
    excluded = [frozenset(catalogue.known_items((*r.history, *r.disliked))) for r in requests]
    settings, decoding = requests[0].generation, requests[0].decoding
    asked: dict[str, Any] = {
        "excluded": excluded,
        "allowed": open_items(requests[0], catalogue),
        "score": decoding.title_score,
        "cancel": cancel,
    }
    if decoding.decoding == "catalogue_list":
        completions = decoder.list_titles(prompts, settings, seeds=seeds, **asked)
        answers = read_completions(requests, prompts, completions, catalogue, resolver, warnings)
        return [_of_open_movies(answer, catalogue, out) for answer, out in zip(answers, excluded, strict=True)]
    if decoding.is_hybrid:
        if classic is None:
            raise SettingsError("a hybrid has no classic recommender", seen=classic, mend="give one that was fitted")
        return _fuse(requests, prompts, decoder, classic, warnings, asked)
    return _rank(requests, prompts, decoder, warnings, asked)


def _rank(
    requests: Sequence[RecommendationRequest],
    prompts: Sequence[Prompt],
    decoder: CatalogueDecoder,
    warnings: tuple[str, ...],
    asked: dict[str, Any],
) -> list[Recommendation]:
    settings, decoding = requests[0].generation, requests[0].decoding
    start = time.perf_counter()
    n, num_beams = settings.num_recommendations, decoding.beams_of(settings)
    rankings = decoder.rank_titles(prompts, n=n, num_beams=num_beams, **asked)
    seconds = time.perf_counter() - start
    answers = []
    for request, prompt, ranked in zip(requests, prompts, rankings, strict=True):
        answer = _write_down(request, prompt, [title.item_id for title in ranked], decoder, seconds, warnings)
        answers.append(replace(answer, ranked=ranked))
    return answers


def _fuse(
    requests: Sequence[RecommendationRequest],
    prompts: Sequence[Prompt],
    decoder: CatalogueDecoder,
    classic: Recommender,
    warnings: tuple[str, ...],
    asked: dict[str, Any],
) -> list[Recommendation]:
    settings, decoding = requests[0].generation, requests[0].decoding
    n = settings.num_recommendations
    start = time.perf_counter()
    candidates = find_candidates(
        classic,
        [decoder.catalogue.known_items(request.history) for request in requests],
        n=decoding.candidates_of(settings),
        # What no tokens reach has no likelihood.
        excluded=[{*out, *decoder.trie.unreachable} for out in asked["excluded"]],
        allowed=asked["allowed"],
    )
    likelihoods = decoder.score_each(prompts, [one.item_ids for one in candidates], **asked)
    seconds = time.perf_counter() - start
    answers = []
    for request, prompt, found, scores in zip(requests, prompts, candidates, likelihoods, strict=True):
        fused = fuse(found, scores, llm_weight=decoding.llm_weight, n=n)
        told = (*warnings, *_shortcomings(request, found))
        answer = _write_down(request, prompt, [title.item_id for title in fused], decoder, seconds, told)
        answers.append(replace(answer, fused=fused))
    return answers


def _shortcomings(request: RecommendationRequest, candidates: Candidates) -> Iterator[str]:
    """What the reader should know of the candidates."""
    if request.history and not candidates.knows_history:
        yield _NO_LIKED_MOVIE_KNOWN
    if (num := len(candidates.item_ids)) < request.generation.num_recommendations:
        yield f"The classic recommender knows {num} of the movies that are left; no other can be a candidate."


def open_items(request: RecommendationRequest, catalogue: Catalogue) -> frozenset[int] | None:
    """The items that a request's filters leave; None where it has none.

    Raises:
        SettingsError: for a genre that the catalogue does not have.
    """
    decoding = request.decoding
    known = {genre for movie in catalogue for genre in movie.genres} if decoding.genres else set()
    if unknown := [genre for genre in decoding.genres if genre not in known]:
        mend = f"known are {', '.join(sorted(known))}" if known else "this catalogue lists no genres"
        raise SettingsError("no movie has this genre", seen=unknown[0], mend=mend)
    if not decoding.has_filter:
        return None if request.allowed_items is None else frozenset(request.allowed_items)
    low, high = decoding.year_from or FIRST_YEAR, decoding.year_to or LAST_YEAR
    by_year = decoding.year_from is not None or decoding.year_to is not None
    wanted = None if request.allowed_items is None else set(request.allowed_items)
    return frozenset(
        movie.item_id
        for movie in catalogue
        if (wanted is None or movie.item_id in wanted)
        and (not decoding.genres or not set(decoding.genres).isdisjoint(movie.genres))
        and (not by_year or (movie.year is not None and low <= movie.year <= high))
    )


def require_open_titles(request: RecommendationRequest, catalogue: Catalogue) -> None:
    """Refuses filters that leave fewer movies than are asked for, before any model is touched.

    Raises:
        SettingsError: with how many are left.
    """
    left = open_items(request, catalogue) if request.decoding.is_catalogue else None
    if left is None:
        return
    seen = catalogue.known_items((*request.history, *request.disliked))
    num_left, wanted = len(left.difference(seen)), request.generation.num_recommendations
    if num_left < wanted:
        raise SettingsError(
            f"the filters leave too few movies for {wanted} titles",
            seen=f"{num_left} of {len(catalogue):,} movies",
            mend="take more genres or years, or ask for fewer titles",
        )


def _of_open_movies(answer: Recommendation, catalogue: Catalogue, excluded: Collection[int]) -> Recommendation:
    """The answer with each title standing for a movie that was open.

    Read as free text, a name that a liked movie shares with another could mean the liked one; here it cannot.
    """
    return replace(answer, resolutions=tuple(_open_movie(one, catalogue, excluded) for one in answer.resolutions))


def _open_movie(resolution: Resolution, catalogue: Catalogue, excluded: Collection[int]) -> Resolution:
    if resolution.item_id not in excluded:
        return resolution
    names = catalogue.find_exact(resolution.generated.title, resolution.generated.year).item_ids
    item_id = next((item_id for item_id in names if item_id not in excluded), None)
    if item_id is None:
        return resolution
    return replace(resolution, item_id=item_id, flags=resolution.flags - {"already_liked", "already_disliked"})


def find_decoder(loaded: LoadedModel, catalogue: Catalogue, prompt: Prompt) -> CatalogueDecoder:
    """The decoder of a model for prompts of that form, made when it is first asked for.

    Args:
        loaded: The model, held by the caller; the decoder is kept with it and goes with it.
        catalogue: What can be recommended.
        prompt: One of the prompts.
    """
    from recsys.generation.catalogue_decoding import CatalogueDecoder
    from recsys.generation.prefix_cache import PrefixCache
    from recsys.generation.title_tokens import ListForm

    include_years = prompt.settings.include_years
    form = ListForm.of(prompt)
    key = (id(catalogue), include_years, form)
    if key not in loaded.decoders:
        # One catalogue is in use at a time; decoders of another one would keep it in memory.
        for other in [kept for kept in loaded.decoders if isinstance(kept, tuple) and kept[0] != id(catalogue)]:
            del loaded.decoders[other]
        prefixes = loaded.decoders.setdefault("prefixes", PrefixCache())
        loaded.decoders[key] = CatalogueDecoder(
            loaded, catalogue, include_years=include_years, form=form, prefixes=prefixes
        )
    decoder: CatalogueDecoder = loaded.decoders[key]
    return decoder


def _write_down(
    request: RecommendationRequest,
    prompt: Prompt,
    item_ids: Sequence[int],
    decoder: CatalogueDecoder,
    seconds: float,
    warnings: tuple[str, ...],
) -> Recommendation:
    """The answer of these movies, as the list that they would make."""
    movies = [decoder.catalogue[item_id] for item_id in item_ids]
    text = render_answer(movies, prompt.settings) if movies else ""
    titles = _find_titles(movies, text, include_years=prompt.settings.include_years)
    read = decoder.tokenize(prompt)
    completion = Completion(
        text=text,
        prompt_text=read.text,
        prompt_tokens=len(read.ids),
        completion_tokens=decoder.num_tokens(item_ids),
        seconds=seconds,
        finish_reason="titles_complete",
        settings=request.generation,
        base_model=decoder.loaded.spec.name,
        precision=decoder.loaded.precision,
        adapter=decoder.loaded.adapter,
        without_effect=request.decoding.without_effect(request.generation),
    )
    parsed = ParsedCompletion(titles, _LIST_FORMATS[prompt.settings.list_separator], num_titles=len(titles))
    resolutions = tuple(
        Resolution(title, movie.item_id, "exact", 0.0, 1.0) for title, movie in zip(titles, movies, strict=True)
    )
    return Recommendation(request, prompt, completion, parsed, resolutions, warnings)


def _find_titles(movies: Sequence[Movie], text: str, *, include_years: bool) -> tuple[GeneratedTitle, ...]:
    """Where each movie stands in the list that names them all."""
    titles: list[GeneratedTitle] = []
    end = 0
    for rank, movie in enumerate(movies, start=1):
        written = movie.display(include_year=include_years)
        start = text.index(written, end)
        end = start + len(written)
        titles.append(GeneratedTitle(rank, movie.title, movie.year if include_years else None, start, end))
    return tuple(titles)
