"""The story in one function: history → prompt → completion → titles → resolutions.

The app, the command line, the API, evaluation and training all call this path; nothing of it is
written twice. It knows neither how a model is loaded nor how a result is shown.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from recsys.baselines.hybrid import FusedTitle
from recsys.catalogue import Catalogue, HistoryEntry, Movie
from recsys.errors import HistoryError
from recsys.generation.completion import Completion, TextGenerator
from recsys.generation.hypotheses import RankedTitle
from recsys.models.host import ModelChoice
from recsys.parsing import ParsedCompletion, is_list_complete, parse_completion
from recsys.prompts import Prompt, PromptExample, render
from recsys.resolution.base import Resolution, TitleResolver
from recsys.resolution.resolve import resolve_titles
from recsys.settings import MAX_HISTORY, DecodingSettings, GenerationSettings, PromptSettings, ResolutionSettings


@dataclass(frozen=True)
class RecommendationRequest:
    """One question: who asks, which model answers, and how.

    Attributes:
        history: What the person liked, in order; empty asks for a cold start.
        disliked: What the person did not like; known to the prompt when the prompt settings say so, and
            never recommended in either case.
        generation: Decoding settings; their num_recommendations is N.
        prompt: Prompt format.
        resolution: How titles become items.
        choice: Base model, precision and adapter.
        decoding: Free text, or only what the catalogue holds.
        record_id: The held-out record that the history comes from, if any.
        allowed_items: In the catalogue modes, the only items that may come out; None allows all.
    """

    history: tuple[HistoryEntry, ...] = ()
    disliked: tuple[HistoryEntry, ...] = ()
    generation: GenerationSettings = field(default_factory=GenerationSettings)
    prompt: PromptSettings = field(default_factory=PromptSettings)
    resolution: ResolutionSettings = field(default_factory=ResolutionSettings)
    choice: ModelChoice = field(default_factory=ModelChoice)
    decoding: DecodingSettings = field(default_factory=DecodingSettings)
    record_id: str | None = None
    allowed_items: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        for name, entries in (("liked", self.history), ("disliked", self.disliked)):
            if len(entries) > MAX_HISTORY:
                seen = f"{len(entries)} movies"
                raise HistoryError(f"too many {name} movies", seen=seen, mend=f"keep at most {MAX_HISTORY}")
            for entry in entries:
                if isinstance(entry, bool) or not isinstance(entry, (int, str)):
                    raise HistoryError(
                        f"a {name} movie is neither an item_id nor a title", seen=entry, mend="give a number or a text"
                    )


@dataclass(frozen=True)
class Recommendation:
    """The answer: what the model wrote and what each of its titles stands for.

    Attributes:
        request: What was asked.
        prompt: What the model read.
        completion: What it wrote; of a ranking or a hybrid, the list that its titles would make.
        parsed: The titles in it.
        resolutions: The item of each title, by rank.
        warnings: What the reader should know.
        ranked: Of a ranking, each title's tokens and likelihood, by rank; else empty.
        fused: Of a hybrid, each title's classic score and likelihood, by rank; else empty.
    """

    request: RecommendationRequest
    prompt: Prompt
    completion: Completion
    parsed: ParsedCompletion
    resolutions: tuple[Resolution, ...]
    warnings: tuple[str, ...] = ()
    ranked: tuple[RankedTitle, ...] = ()
    fused: tuple[FusedTitle, ...] = ()

    @property
    def item_ids(self) -> tuple[int | None, ...]:
        """The recommended items by rank; None keeps the rank of a title that counts as a miss."""
        return tuple(r.item_id if r.is_recommendation else None for r in self.resolutions)

    @property
    def exact_item_ids(self) -> tuple[int | None, ...]:
        """As item_ids, but only titles written exactly as the catalogue has them count: the raw score."""
        return tuple(r.item_id if r.is_recommendation and r.match == "exact" else None for r in self.resolutions)

    def to_dict(self, catalogue: Catalogue) -> dict[str, Any]:
        """The answer as plain JSON values; ``recommendations`` holds one entry for each generated title."""
        return {
            "recommendations": [_resolution_to_dict(r, catalogue) for r in self.resolutions],
            "completion": self.completion.text,
            "prompt": self.completion.prompt_text,
            "cold_start": self.prompt.cold_start,
            "list_format": self.parsed.list_format,
            "text_problem": self.parsed.problem,
            "base_model": self.completion.base_model,
            "precision": self.completion.precision,
            "adapter": self.completion.adapter,
            "settings": {
                "generation": self.completion.settings.to_dict(),
                "prompt": self.request.prompt.to_dict(),
                "resolution": self.request.resolution.to_dict(),
                "decoding": self.request.decoding.to_dict(),
            },
            "without_effect": dict(self.completion.without_effect),
            "finish_reason": self.completion.finish_reason,
            "prompt_tokens": self.completion.prompt_tokens,
            "completion_tokens": self.completion.completion_tokens,
            "tokens_told": self.completion.tokens_told,
            "seconds": round(self.completion.seconds, 4),
            "warnings": list(self.warnings),
            "ranking": [_ranked_to_dict(title) for title in self.ranked] + [title.to_dict() for title in self.fused],
        }


def recommend(
    requests: Sequence[RecommendationRequest],
    generator: TextGenerator,
    catalogue: Catalogue,
    resolver: TitleResolver,
    *,
    examples: Sequence[PromptExample] = (),
    seeds: Sequence[int] | None = None,
    warnings: tuple[str, ...] = (),
    cancel: threading.Event | None = None,
) -> list[Recommendation]:
    """Answers a batch of requests that share their settings.

    Args:
        requests: One or more; the generation settings of the first hold for all.
        generator: Writes the completions.
        catalogue: What can be recommended.
        resolver: Finds the nearest item where no exact or normalised match exists.
        examples: Worked examples of the few-shot prompt; training users only.
        seeds: One for each request; the settings' seed without them.
        warnings: What the loading of model and adapter had to say, passed on with each answer.
        cancel: Set from another thread to stop early; what was written by then is still read.

    Raises:
        HistoryError: for an item that the catalogue does not have, or a blank or overlong history.
    """
    if not requests:
        return []
    prompts = [render_prompt(request, catalogue, examples) for request in requests]
    complete = CompleteList(catalogue)
    settings = requests[0].generation
    completions = generator.generate(prompts, settings, seeds=seeds, is_complete=complete, cancel=cancel)
    return read_completions(requests, prompts, completions, catalogue, resolver, warnings)


def stream_recommendation(
    request: RecommendationRequest,
    generator: TextGenerator,
    catalogue: Catalogue,
    resolver: TitleResolver,
    *,
    examples: Sequence[PromptExample] = (),
    warnings: tuple[str, ...] = (),
    cancel: threading.Event | None = None,
) -> Iterator[str | Recommendation]:
    """Answers one request, yielding the text so far while it grows and the Recommendation last."""
    prompt = render_prompt(request, catalogue, examples)
    stream = generator.stream(prompt, request.generation, is_complete=CompleteList(catalogue), cancel=cancel)
    for part in stream:
        if isinstance(part, str):
            yield part
        else:
            yield read_completion(request, prompt, part, catalogue, resolver, warnings)


def render_prompt(request: RecommendationRequest, catalogue: Catalogue, examples: Sequence[PromptExample]) -> Prompt:
    """The prompt of one request: ids become titles, free text stays as typed."""
    return render(
        _movies(request.history, catalogue),
        request.prompt,
        num_recommendations=request.generation.num_recommendations,
        disliked=_movies(request.disliked, catalogue),
        examples=examples,
    )


def read_completions(
    requests: Sequence[RecommendationRequest],
    prompts: Sequence[Prompt],
    completions: Sequence[Completion],
    catalogue: Catalogue,
    resolver: TitleResolver,
    warnings: tuple[str, ...] = (),
) -> list[Recommendation]:
    """Reads a batch, one completion for each request."""
    return [
        read_completion(request, prompt, completion, catalogue, resolver, warnings)
        for request, prompt, completion in zip(requests, prompts, completions, strict=True)
    ]


def read_completion(
    request: RecommendationRequest,
    prompt: Prompt,
    completion: Completion,
    catalogue: Catalogue,
    resolver: TitleResolver,
    warnings: tuple[str, ...] = (),
) -> Recommendation:
    """Reads a completion: which titles it names, and which items these are."""
    parsed = parse_completion(
        completion.text,
        catalogue,
        num_recommendations=prompt.num_recommendations,
        list_separator=prompt.settings.list_separator,
        closing=prompt.closing,
        answer_prefix=prompt.answer_prefix,
        cut_off=completion.finish_reason in ("max_new_tokens", "stopped"),
    )
    resolutions = resolve_titles(
        parsed.titles, catalogue, resolver, request.resolution, history=request.history, disliked=request.disliked
    )
    told = (*warnings, *completion.notes)
    return Recommendation(request, prompt, completion, parsed, resolutions, told)


class CompleteList:
    """Tells the generator when the list is complete, so that no token is spent after the N-th title."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def __call__(self, text: str, prompt: Prompt) -> bool:
        return is_list_complete(
            text,
            self.catalogue,
            num_recommendations=prompt.num_recommendations,
            list_separator=prompt.settings.list_separator,
            closing=prompt.closing,
            answer_prefix=prompt.answer_prefix,
        )


def _movies(entries: Sequence[HistoryEntry], catalogue: Catalogue) -> list[Movie | str]:
    return [entry if isinstance(entry, str) else catalogue[entry] for entry in entries]


def _ranked_to_dict(title: RankedTitle) -> dict[str, Any]:
    return {
        "item_id": title.item_id,
        "log_likelihood": round(title.score, 6),
        "tokens": list(title.token_texts),
        "token_log_probabilities": [round(value, 6) for value in title.token_logprobs],
        "num_choices": list(title.num_choices),
    }


def _resolution_to_dict(resolution: Resolution, catalogue: Catalogue) -> dict[str, Any]:
    movie = None if resolution.item_id is None else catalogue[resolution.item_id]
    nearest = resolution.nearest_item_id
    return {
        "rank": resolution.generated.rank,
        "generated_title": resolution.generated.title,
        "generated_year": resolution.generated.year,
        "item_id": resolution.item_id,
        "title": movie.title if movie else None,
        "year": movie.year if movie else None,
        "genres": list(movie.genres) if movie else [],
        "match": resolution.match,
        "distance": resolution.distance,
        "similarity": round(resolution.similarity, 4),
        "flags": sorted(resolution.flags),
        "counts": resolution.is_recommendation,
        "nearest": catalogue[nearest].display() if movie is None and nearest is not None else None,
    }
