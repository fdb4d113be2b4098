"""Recommendations that cannot be hallucinated: the same request, answered by catalogue decoding.

The counterpart of recommend.recommend for the two catalogue modes. A list is one completion, read like any
other; a ranking has no completion of its own, so its titles are written down as the list they would make.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from recsys.catalogue import Catalogue, Movie
from recsys.errors import SettingsError
from recsys.generation.completion import Completion
from recsys.parsing import GeneratedTitle, ListFormat, ParsedCompletion
from recsys.prompts import Prompt, PromptExample, render_answer
from recsys.recommend import Recommendation, RecommendationRequest, read_completions, render_prompt
from recsys.resolution.base import Resolution, TitleResolver
from recsys.settings import FIRST_YEAR, LAST_YEAR, ListSeparator

if TYPE_CHECKING:
    from recsys.generation.catalogue_decoding import CatalogueDecoder
    from recsys.generation.hypotheses import RankedTitle
    from recsys.models.loading import LoadedModel

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
        examples: Worked examples of the few-shot prompt.
        seeds: One for each request; the settings' seed without them.
        warnings: Passed on with each answer.
        cancel: Set from another thread to stop.

    Raises:
        CancelledError: when a ranking was stopped.
        SettingsError: for a genre that the catalogue does not have.
        HistoryError: for an item that the catalogue does not have, or a prompt too long for the model.
    """
    if not requests:
        return []
    prompts = [render_prompt(request, catalogue, examples) for request in requests]
    excluded = [frozenset(catalogue.known_items((*r.history, *r.disliked))) for r in requests]
    settings, decoding = requests[0].generation, requests[0].decoding
    allowed = open_items(requests[0], catalogue)
    shared: dict[str, Any] = {
        "excluded": excluded, "allowed": allowed, "score": decoding.title_score, "cancel": cancel
    }  # fmt: skip
    if decoding.decoding == "catalogue_list":
        completions = decoder.list_titles(prompts, settings, seeds=seeds, **shared)
        answers = read_completions(requests, prompts, completions, catalogue, resolver, warnings)
        return [_of_open_movies(answer, catalogue, out) for answer, out in zip(answers, excluded, strict=True)]
    start = time.perf_counter()
    rankings = decoder.rank_titles(
        prompts,
        n=settings.num_recommendations,
        num_beams=decoding.beams_of(settings),
        **shared,
    )
    seconds = time.perf_counter() - start
    return [
        _ranking(request, prompt, ranked, decoder, seconds, warnings)
        for request, prompt, ranked in zip(requests, prompts, rankings, strict=True)
    ]


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


def _ranking(
    request: RecommendationRequest,
    prompt: Prompt,
    ranked: tuple[RankedTitle, ...],
    decoder: CatalogueDecoder,
    seconds: float,
    warnings: tuple[str, ...],
) -> Recommendation:
    movies = [decoder.catalogue[title.item_id] for title in ranked]
    text = render_answer(movies, prompt.settings) if movies else ""
    titles = _find_titles(movies, text, include_years=prompt.settings.include_years)
    read = decoder.tokenize(prompt)
    completion = Completion(
        text=text,
        prompt_text=read.text,
        prompt_tokens=len(read.ids),
        completion_tokens=sum(len(title.tokens) for title in ranked),
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
    return Recommendation(request, prompt, completion, parsed, resolutions, warnings, ranked)


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
