"""What the endpoints for programs say of themselves, on the API page and to MCP clients.

Gradio reads a docstring's parameters line by line and keeps the first line of each, so the docstrings are
written here from one sentence a parameter, however long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])

RECOMMEND: Final = (
    "Recommends movies for somebody who liked the given ones. The prompt's settings, from style to details, may be "
    "left at None: then the prompt is the one that the adapter was trained with or that the model reads, and else as "
    "the defaults named below. Returns an object with the completion as the model wrote it, and each title of it "
    "with the movie that it resolves to."
)
RECOMMEND_PARAMETERS: Final[Mapping[str, str]] = {
    "liked": "Liked movies in order, each an item_id or a title; an empty list asks for a cold start.",
    "disliked": "Movies never to recommend.",
    "model": (
        "Registry name (see models); outside of a public page also a local folder or a Hub id. None takes the one "
        "that the adapter was made for, without an adapter smollm2-135m."
    ),
    "precision": "What the weights are held in.",
    "adapter": "Name of an adapter (see adapters).",
    "temperature": "0 to 2; 0 is greedy, or plain beam search.",
    "top_p": "Above 0 to 1.",
    "top_k": "0 to 1000; 0 keeps all.",
    "num_beams": "1 to 16.",
    "repetition_penalty": "1 to 2.",
    "max_new_tokens": "1 to 1024.",
    "num_recommendations": "1 to 20.",
    "seed": "Same seed, same answer; 0 unless given.",
    "style": "The prompt's style; else few_shot.",
    "queue_symbol": "What stands between history and answer; else =>.",
    "list_separator": "What stands between titles; else a semicolon.",
    "include_years": "Whether titles carry their year; else not.",
    "include_disliked": "Whether the prompt names the disliked movies; else not.",
    "num_examples": "1 to 8 worked examples of the few_shot style; else 3.",
    "details": "What each title of the history carries in the prompt; else nothing.",
    "resolver": "How titles that the catalogue does not have are read.",
    "threshold": "0 to 1, or None for the resolver's own.",
    "force_nearest": "Take the nearest movie whatever its similarity; not unless asked.",
    "decoding": (
        "Free text, or only real movies new to this person: as a list, ranked by likelihood, or (hybrid) the best of "
        "a classic recommender, ranked by its scores and likelihoods together."
    ),
    "title_score": "What likelihood means in the catalogue modes.",
    "genres": "In the catalogue modes, only movies of any of these genres.",
    "year_from": "In the catalogue modes, only movies of this year or later.",
    "year_to": "In the catalogue modes, only movies of this year or earlier.",
    "allowed_items": "In the catalogue modes, the only item_ids that may come out; None allows all.",
    "num_candidates": "1 to 2000; of the classic recommender, for the model to score in the mode hybrid.",
    "llm_weight": "0 or more; what a log-likelihood counts beside a classic score in the mode hybrid.",
    "int8_threshold": "In int8, inputs of a layer above it are multiplied in half precision; 0 for none.",
}

SEARCH: Final = "Movies whose title, alternative title or year fits the query, best first."
SEARCH_PARAMETERS: Final[Mapping[str, str]] = {
    "query": "A title, a part of one, or a year; at most 200 characters.",
    "limit": "1 to 100 movies.",
}

EVALUATE: Final = "Evaluates a model on held-out records and answers with the report."
EVALUATE_PARAMETERS: Final[Mapping[str, str]] = {
    "records": "How many records; 0 takes all of the split.",
    "k": "The rank cut of every metric, and the titles asked for unless the settings say otherwise.",
    "split": "Whose records.",
    "settings": (
        "Parts that differ from the defaults: evaluation, generation, prompt, resolution, choice, each an object of "
        "settings by name, and baselines, a list of popularity, ease, item_knn, bm25_knn, co_occurrence, slit, "
        "similarity and random. The part evaluation takes batch_size, seed and history_length (the liked movies of "
        "each record that are shown, the latest ones; left out, all). A prompt's setting that is left out is as the "
        "adapter was trained or the model reads, and a choice without a model takes the one that the adapter was "
        "made for."
    ),
    "wait_seconds": (
        "How long to wait, 0 to 3600. When the run takes longer, the answer has the job's state without a report; "
        "the job goes on and evaluation_state tells how it does."
    ),
}

STATE: Final = "The state of a job that evaluate started, with its report once it is done."
STATE_PARAMETERS: Final[Mapping[str, str]] = {"job_id": "As evaluate told it."}


def documented(summary: str, parameters: Mapping[str, str]) -> Callable[[_Function], _Function]:
    """Gives a function its docstring, each parameter on one line."""

    def give(function: _Function) -> _Function:
        lines = [summary, "", "Args:", *(f"    {name}: {sentence}" for name, sentence in parameters.items())]
        function.__doc__ = "\n".join(lines)
        return function

    return give
