"""One request as Python, as a command line and as a link, and a link read back.

All three say only what differs from the defaults. A link's values are checked like any other input.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shlex
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

from recsys.arguments import written_settings
from recsys.catalogue import Catalogue, HistoryEntry
from recsys.errors import HistoryError, InputError, SettingsError
from recsys.models.host import ModelChoice
from recsys.prompts import clean_title
from recsys.recommend import RecommendationRequest
from recsys.settings import (
    INT8_THRESHOLD,
    MAX_HISTORY,
    DecodingSettings,
    GenerationSettings,
    PromptSettings,
    ResolutionSettings,
    Settings,
)

S = TypeVar("S", bound=Settings)

EVALUATE = "evaluate"
"""The tab that a link of evaluation_link.py names."""
KEPT = "a."
"""Before the names of the settings that a link keeps as A."""
MAX_LINK = 8_000
"""Characters of a link's movie list that are read."""


def changed_settings(request: RecommendationRequest) -> dict[str, Any]:
    """The settings that differ from the defaults, by name, and the model: pages open with different ones."""
    parts = (request.generation, request.prompt, request.resolution, request.decoding, request.choice)
    return not_default(*parts) | {"model": request.choice.model}


def not_default(*parts: Settings | ModelChoice) -> dict[str, Any]:
    """What differs from the defaults of these settings, by name."""
    changed: dict[str, Any] = {}
    for settings in parts:
        default = type(settings)()
        for field in dataclasses.fields(settings):  # type: ignore[arg-type]
            value = getattr(settings, field.name)
            if value != getattr(default, field.name):
                changed[field.name] = value
    return changed


def as_python(request: RecommendationRequest, address: str) -> str:
    """A script that asks this server the same with gradio_client."""
    arguments = [f"liked={list(request.history)!r}"]
    if request.disliked:
        arguments.append(f"disliked={list(request.disliked)!r}")
    if request.allowed_items is not None:
        arguments.append(f"allowed_items={list(request.allowed_items)!r}")
    arguments += [
        f"{name}={list(value) if isinstance(value, tuple) else value!r}"
        for name, value in changed_settings(request).items()
    ]
    lines = "".join(f"    {argument},\n" for argument in arguments)
    return (
        "from gradio_client import Client\n\n"
        f"client = Client({address!r})\n"
        f'answer = client.predict(\n{lines}    api_name="/recommend",\n)\n'
        'for movie in answer["recommendations"]:\n'
        '    print(movie["rank"], movie["title"] or movie["generated_title"], movie["match"])\n'
    )


def as_command(request: RecommendationRequest, catalogue: Catalogue) -> str:
    """The command line that asks the same."""
    words = ["python", "-m", "recsys", "recommend"]
    # With disliked movies the command line would name them in the prompt unless it is told not to.
    told = ("include_disliked",) if request.disliked else ()
    for settings in (request.generation, request.prompt, request.resolution, request.decoding):
        words += written_settings(settings, always=told if settings is request.prompt else ())
    words += request.choice.words
    words += [f"--disliked={_title(entry, catalogue)}" for entry in request.disliked]
    words += ["--", *(_title(entry, catalogue) for entry in request.history)]
    return shlex.join(words)


def as_query(request: RecommendationRequest, kept: RecommendationRequest | None = None) -> str:
    """The query of a link that restores this request, and beside it the settings of another that are kept as A."""
    parts: dict[str, str] = {}
    for name, entries in (("liked", request.history), ("disliked", request.disliked)):
        if entries:
            parts[name] = json.dumps(list(entries), ensure_ascii=False, separators=(",", ":"))
    parts |= {name: query_value(value) for name, value in changed_settings(request).items()}
    if kept is not None:
        parts |= {KEPT + name: query_value(value) for name, value in changed_settings(kept).items()}
    return urlencode(parts)


def kept_part(parameters: Mapping[str, str]) -> dict[str, str]:
    """What a link says of the settings that are kept as A, under the names that other settings have.

    >>> kept_part({"top_k": "5", "a.top_k": "9", "__theme": "dark"})
    {'top_k': '9'}
    """
    return {name.removeprefix(KEPT): text for name, text in parameters.items() if name.startswith(KEPT)}


def query_value(value: object) -> str:
    """A setting's value as a link has it.

    >>> query_value(True), query_value(("Drama", "War")), query_value(0.7)
    ('true', 'Drama,War', '0.7')
    """
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, tuple) else str(value)


def read_query(
    parameters: Mapping[str, str], catalogue: Catalogue, *, prompt: PromptSettings | None = None
) -> tuple[RecommendationRequest, list[str]]:
    """The request of a link, and what of the link could not be read, each as a sentence.

    A part that is wrong is left out, so that the rest of the link still counts.

    Args:
        parameters: The link's query.
        catalogue: What its item_ids are of.
        prompt: Of what the link does not say; None takes ours.
    """
    problems: list[str] = []
    request = RecommendationRequest(
        history=_read_entries(parameters, "liked", catalogue, problems),
        disliked=_read_entries(parameters, "disliked", catalogue, problems),
        generation=read_parts(parameters, GenerationSettings(), problems),
        prompt=read_parts(parameters, prompt or PromptSettings(), problems),
        resolution=read_parts(parameters, ResolutionSettings(), problems),
        choice=read_choice(parameters),
        decoding=read_parts(parameters, DecodingSettings(), problems),
    )
    return request, problems


def read_choice(parameters: Mapping[str, str]) -> ModelChoice:
    """The model, precision and adapter that a link names, whether or not there are such, and int8's threshold."""
    names = {field.name for field in dataclasses.fields(ModelChoice)}
    given: dict[str, Any] = {name: text[:200] for name, text in parameters.items() if name in names and text}
    with contextlib.suppress(ValueError, SettingsError):
        return ModelChoice(**given | {"int8_threshold": float(given.get("int8_threshold", INT8_THRESHOLD))})
    del given["int8_threshold"]
    return ModelChoice(**given)


def has_request(parameters: Mapping[str, str]) -> bool:
    """Whether a link's query says anything about a request; one of the Evaluate tab does not, whatever it names."""
    if parameters.get("tab") == EVALUATE:
        return False
    names = {"liked", "disliked"}
    for settings in (GenerationSettings, PromptSettings, ResolutionSettings, DecodingSettings, ModelChoice):
        names |= {field.name for field in dataclasses.fields(settings)}
    return any(name in names for name in parameters)


def _title(entry: HistoryEntry, catalogue: Catalogue) -> str:
    """What the command line reads as this entry; of several movies of one name and year, their item_id."""
    if isinstance(entry, str):
        return entry
    title = catalogue[entry].display()
    return title if catalogue.find(title).item_ids[:1] == (entry,) else str(entry)


def _read_entries(
    parameters: Mapping[str, str], name: str, catalogue: Catalogue, problems: list[str]
) -> tuple[HistoryEntry, ...]:
    text = parameters.get(name, "[]")
    try:
        entries = json.loads(text[:MAX_LINK])
    except ValueError:
        problems.append(f"The link's {name} movies cannot be read.")
        return ()
    if not isinstance(entries, list):
        problems.append(f"The link's {name} movies are not a list.")
        return ()
    read: list[HistoryEntry] = []
    for entry in entries[:MAX_HISTORY]:
        try:
            read.append(_read_entry(entry, catalogue))
        except HistoryError as error:
            problems.append(str(error))
    return tuple(dict.fromkeys(read))


def _read_entry(entry: object, catalogue: Catalogue) -> HistoryEntry:
    if isinstance(entry, str):
        return clean_title(entry)
    if isinstance(entry, bool) or not isinstance(entry, int):
        raise HistoryError("a movie is neither an item_id nor a title", seen=entry)
    return catalogue[entry].item_id


def read_parts(parameters: Mapping[str, str], default: S, problems: list[str]) -> S:
    """The settings with what a link says of them; what is wrong is left out and added to the problems."""
    read = default
    for field in dataclasses.fields(default):  # type: ignore[arg-type]
        if field.name not in parameters:
            continue
        try:
            read = read.replace(**{field.name: _value(parameters[field.name], field.type)})
        except InputError as error:
            problems.append(str(error))
    return read


def _value(text: str, annotation: object) -> object:
    """The text as the type that a settings class writes beside its field."""
    named = str(annotation)
    try:
        if named in ("int", "int | None"):
            return int(text)
        if named.startswith("tuple"):
            return tuple(part for part in text.split(",") if part)
        if "float" in named:
            return float(text)
    except ValueError:
        raise SettingsError("a number of the link cannot be read", seen=text) from None
    return {"true": True, "false": False}.get(text.lower(), text) if named == "bool" else text
