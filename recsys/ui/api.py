"""The endpoints for programs: /recommend, /models, /adapters and /search_titles.

They take plain values, check each of them and answer plain JSON. What is wrong comes back as the
error's own sentence. /evaluate is in evaluate_api.py.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, get_args

import gradio as gr

from recsys.catalogue import Catalogue, HistoryEntry
from recsys.errors import HistoryError, RecsysError, SettingsError
from recsys.models.adapter_listing import AdapterInfo
from recsys.models.registry import ModelSpec
from recsys.recommend import RecommendationRequest
from recsys.settings import (
    INT8_THRESHOLD,
    MAX_HISTORY,
    DecodingSettings,
    GenerationSettings,
    Precision,
    PromptSettings,
    ResolutionSettings,
    require_choice,
    require_number,
)
from recsys.ui.api_words import RECOMMEND, RECOMMEND_PARAMETERS, SEARCH, SEARCH_PARAMETERS, documented
from recsys.ui.checked_blocks import ToldError
from recsys.ui.recommend_tab import MODEL_QUEUE
from recsys.ui.title_picker import MAX_HITS, MAX_QUERY, find_entry, find_titles

if TYPE_CHECKING:
    from recsys.loaded_data import LoadedData
    from recsys.workbench import Workbench


def add_api(workbench: Workbench) -> None:
    """Adds the endpoints to the page that is being built."""
    endpoints = Endpoints(workbench)
    gr.api(endpoints.recommend, api_name="recommend", concurrency_id=MODEL_QUEUE, concurrency_limit=1)
    gr.api(endpoints.models, api_name="models", queue=False)
    gr.api(endpoints.adapters, api_name="adapters", queue=False)
    gr.api(endpoints.search_titles, api_name="search_titles", queue=False)


class Endpoints:
    """The functions behind the endpoints; their types, defaults and words are what the API page and MCP show."""

    def __init__(self, workbench: Workbench) -> None:
        self.workbench = workbench

    @documented(RECOMMEND, RECOMMEND_PARAMETERS)
    def recommend(
        self,
        liked: list[int | str],
        disliked: list[int | str] | None = None,
        model: str | None = None,
        precision: Literal["auto", "fp32", "bf16", "fp16", "int8", "nf4"] = "auto",
        adapter: str | None = None,
        temperature: float = 0.7,
        top_p: float = 0.9,
        top_k: int = 50,
        num_beams: int = 1,
        repetition_penalty: float = 1.0,
        max_new_tokens: int = 96,
        num_recommendations: int = 4,
        seed: int = 0,
        style: Literal["zero_shot", "few_shot", "instruction", "history"] | None = None,
        queue_symbol: Literal["=>", "[]", "()", "words"] | None = None,
        list_separator: Literal[";", ",", "newline", "numbered"] | None = None,
        include_years: bool | None = None,
        include_disliked: bool | None = None,
        num_examples: int | None = None,
        details: Literal["none", "genres", "tags", "description"] | None = None,
        resolver: Literal["levenshtein", "common_characters", "embedding"] = "levenshtein",
        threshold: float | None = None,
        force_nearest: bool = False,
        decoding: Literal["free", "catalogue_list", "catalogue_rank", "hybrid"] = "free",
        title_score: Literal["full", "tree"] = "tree",
        genres: list[str] | None = None,
        year_from: int | None = None,
        year_to: int | None = None,
        allowed_items: list[int] | None = None,
        num_candidates: int = 100,
        llm_weight: float = 2.0,
        int8_threshold: float = INT8_THRESHOLD,
    ) -> dict[str, Any]:
        given = {name: value for name, value in locals().items() if name != "self"}
        with errors_told():
            return answer(self.workbench, given)

    def models(self) -> list[dict[str, Any]]:
        """The models that may be loaded here."""
        with errors_told():
            return [_plain(spec) for spec in self.workbench.models()]

    def adapters(self) -> list[dict[str, Any]]:
        """The adapters that were found."""
        with errors_told():
            return [_plain(info) for info in self.workbench.adapters()]

    @documented(SEARCH, SEARCH_PARAMETERS)
    def search_titles(self, query: str, limit: int = MAX_HITS) -> list[dict[str, Any]]:
        with errors_told():
            return search(self.workbench, query, limit)


@contextmanager
def errors_told() -> Iterator[None]:
    """Turns the package's errors into ones that Gradio passes on word by word."""
    try:
        yield
    except RecsysError as error:
        raise ToldError(str(error)) from error


def answer(workbench: Workbench, given: dict[str, Any]) -> dict[str, Any]:
    """The answer to plain values, as plain values.

    Raises:
        RecsysError: with what is wrong.
    """
    data = workbench.data
    return workbench.recommend(read_request(workbench, given, data), data=data).to_dict(data.catalogue)


def read_request(workbench: Workbench, given: dict[str, Any], data: LoadedData | None = None) -> RecommendationRequest:
    """The request of an API call, on the data in use unless others are given.

    Raises:
        InputError: for a value of the wrong type or out of range.
    """

    def part(settings: type) -> dict[str, Any]:
        return {field.name: given[field.name] for field in dataclasses.fields(settings)}

    catalogue = (data or workbench.data).catalogue
    require_choice("precision", given["precision"], get_args(Precision))
    for name in ("model", "adapter"):
        if not isinstance(given[name], str | None):
            raise SettingsError(f"{name} has the wrong type", seen=given[name], mend=f"take a name from /{name}s")
    choice = workbench.choices.find(
        given["model"], given["precision"], given["adapter"] or None, int8_threshold=given["int8_threshold"]
    )
    typed = {name: value for name, value in part(PromptSettings).items() if value is not None}
    return RecommendationRequest(
        history=_entries("liked", given["liked"], catalogue),
        disliked=_entries("disliked", given["disliked"] or [], catalogue),
        generation=GenerationSettings.from_dict(part(GenerationSettings)),
        prompt=workbench.default_prompt(choice).replace(**typed),
        resolution=ResolutionSettings.from_dict(part(ResolutionSettings)),
        choice=choice,
        decoding=DecodingSettings.from_dict(part(DecodingSettings) | {"genres": given["genres"] or ()}),
        allowed_items=_allowed_items(given["allowed_items"], catalogue),
    )


def _allowed_items(items: object, catalogue: Catalogue) -> tuple[int, ...] | None:
    if items is None:
        return None
    if not isinstance(items, list) or not all(isinstance(item, int) and not isinstance(item, bool) for item in items):
        raise SettingsError("allowed_items is not a list of item_ids", seen=items, mend="give whole numbers")
    if len(items) > len(catalogue):
        mend = "name each item once"
        raise SettingsError("allowed_items has more items than the catalogue", seen=f"{len(items)} items", mend=mend)
    return tuple(dict.fromkeys(items))


def search(workbench: Workbench, query: object, limit: object) -> list[dict[str, Any]]:
    """The hits of a checked query.

    Raises:
        SettingsError: for a query or limit of the wrong type or size.
    """
    if not isinstance(query, str) or len(query) > MAX_QUERY:
        raise SettingsError("the query is not a short text", seen=query, mend=f"give at most {MAX_QUERY} characters")
    require_number("limit", limit, 1, 100, integer=True)
    assert isinstance(limit, int)  # what require_number has checked
    return find_titles(workbench, query, limit=limit)


def _entries(name: str, entries: object, catalogue: Catalogue) -> tuple[HistoryEntry, ...]:
    if not isinstance(entries, list):
        raise HistoryError(f"{name} is not a list", seen=entries, mend="give a list of item_ids or titles")
    if len(entries) > MAX_HISTORY:
        raise HistoryError(f"too many {name} movies", seen=f"{len(entries)} movies", mend=f"give at most {MAX_HISTORY}")
    found = [find_entry(entry, catalogue) if isinstance(entry, str) else entry for entry in entries]
    for entry in found:
        if isinstance(entry, bool) or not isinstance(entry, (int, str)):
            raise HistoryError(
                f"a {name} movie is neither an item_id nor a title", seen=entry, mend="give a number or a text"
            )
    return tuple(dict.fromkeys(found))


def _plain(value: ModelSpec | AdapterInfo) -> dict[str, Any]:
    """A model or adapter as JSON values, without its place on the server."""
    plain = {name: list(field) if isinstance(field, tuple) else field for name, field in vars(value).items()}
    return {name: field for name, field in plain.items() if name not in ("path", "location")}
