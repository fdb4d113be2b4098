"""Where this page is, and a shared link as it can answer it: without what it does not have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

import gradio as gr

from recsys.catalogue import HistoryEntry
from recsys.models.host import ModelChoice
from recsys.settings import Precision
from recsys.ui.request_settings import RequestSettings
from recsys.ui.share import read_choice, read_query

if TYPE_CHECKING:
    from recsys.workbench import Workbench


@dataclass(frozen=True)
class Link:
    """What a link asks for.

    Attributes:
        liked: Movies of the history.
        disliked: Movies that are not recommended.
        settings: Everything else, as it can be answered here.
        problems: What of the link could not be read or is not here, each as a sentence.
    """

    liked: tuple[HistoryEntry, ...]
    disliked: tuple[HistoryEntry, ...]
    settings: RequestSettings
    problems: tuple[str, ...]


def open_link(parameters: Mapping[str, str], workbench: Workbench) -> Link:
    """Reads the query of a link.

    Args:
        parameters: The query.
        workbench: Its models, adapters and movies.
    """
    named = bool(parameters.get("model"))
    choice, missing = available_choice(read_choice(parameters), workbench, model_is_named=named)
    rule = workbench.choices.prompt_rule(choice)
    asked, problems = read_query(parameters, workbench.catalogue, prompt=rule.default)
    prompt = asked.prompt
    if not rule.accepts(prompt):
        missing.append(f"The link asks for a prompt that is not read here, so another is set. {rule.reason}")
        prompt = rule.default
    settings = RequestSettings(asked.generation, prompt, asked.resolution, choice, asked.decoding)
    return Link(asked.history, asked.disliked, settings, (*problems, *missing))


def available_choice(
    choice: ModelChoice, workbench: Workbench, *, model_is_named: bool = True, what: str = "link"
) -> tuple[ModelChoice, list[str]]:
    """The choice without what this page does not have, and what that is.

    Args:
        choice: What is asked for.
        workbench: Its models and adapters.
        model_is_named: Whether the model is asked for too; else it is the adapter's.
        what: Who asks, for the sentences.
    """
    missing = []
    usable = {info.name for info in workbench.adapters() if info.is_usable}
    if choice.adapter is not None and choice.adapter not in usable:
        missing.append(f"The {what}'s adapter “{choice.adapter}” is not here, so the base model answers alone.")
        choice = replace(choice, adapter=None)
    if not model_is_named:
        found = workbench.choices.find(None, choice.precision, choice.adapter)
        choice = replace(choice, model=found.model)
    models = {spec.name for spec in workbench.models()}
    if workbench.options.public and choice.model not in models:
        missing.append(f"The {what}'s model “{choice.model}” is not offered here.")
        choice = replace(choice, model=ModelChoice().model)
    if choice.precision not in get_args(Precision):
        missing.append(f"The {what}'s precision “{choice.precision}” is not known.")
        choice = replace(choice, precision="auto")
    return choice, missing


def query_of(request: gr.Request) -> dict[str, str]:
    """The query of the link that a page was opened with."""
    return {str(name): str(value) for name, value in dict(request.query_params or {}).items()}


def page_address(request: gr.Request) -> str:
    """Where this page is, as its visitor sees it."""
    headers = dict(request.headers or {})
    host = headers.get("x-forwarded-host") or headers.get("host") or "127.0.0.1:7860"
    return f"{headers.get('x-forwarded-proto', 'http').split(',')[0].strip()}://{host}"
