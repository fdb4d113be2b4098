"""Who writes the answer of one request: the model in memory, or a server that has it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from recsys.catalogue import Catalogue
from recsys.catalogue_recommend import find_decoder, recommend_from_catalogue
from recsys.errors import SettingsError
from recsys.models.choices import ModelChoices
from recsys.models.host import ModelChoice
from recsys.models.out_of_memory import BatchHalver
from recsys.models.served_host import ServedHost
from recsys.models.turns import Priority
from recsys.recommend import Recommendation, RecommendationRequest, recommend, render_prompt
from recsys.remote.server import NO_LOGITS
from recsys.remote.settings import as_served
from recsys.resolver_pool import ResolverPool
from recsys.settings import INT8_THRESHOLD, Precision

if TYPE_CHECKING:
    from recsys.baselines.base import Recommender
    from recsys.generation.completion import TextGenerator
    from recsys.models.loading import LoadedModel
    from recsys.prompts import PromptExample
    from recsys.resolution.base import TitleResolver

_Asked = tuple[RecommendationRequest, int]


@dataclass(frozen=True)
class Engine:
    """What one request is answered with.

    Attributes:
        generator: Writes the completions.
        resolver: Finds what their titles stand for.
        warnings: What the reader of an answer should know of model and adapter.
        loaded: The model in memory; None where a server has it.
    """

    generator: TextGenerator
    resolver: TitleResolver
    warnings: tuple[str, ...] = ()
    loaded: LoadedModel | None = None


@contextmanager
def open_engine(
    host: ServedHost,
    request: RecommendationRequest,
    resolvers: ResolverPool,
    *,
    priority: Priority,
    cancel: threading.Event | None = None,
) -> Iterator[Engine]:
    """The engine of a request's choice, for a block.

    A model of this machine is held for as long; a server answers whoever asks, so nobody waits for it here.

    Raises:
        RecsysError: when it cannot be loaded, the server does not have it, or the wait was cancelled.
    """
    served = host.served(request.choice)
    if served is not None:
        from recsys.generation.remote import RemoteGenerator

        yield Engine(RemoteGenerator(served), resolvers.find(request.resolution.resolver, None))
        return
    from recsys.generation.generator import TransformersGenerator

    with host.use(request.choice, priority=priority, cancel=cancel) as loaded:
        resolver = resolvers.find(request.resolution.resolver, loaded)
        yield Engine(TransformersGenerator(loaded), resolver, host.state().warnings, loaded)


def answer(
    engine: Engine,
    requests: Sequence[RecommendationRequest],
    catalogue: Catalogue,
    halver: BatchHalver,
    *,
    examples: Sequence[PromptExample],
    seeds: Sequence[int] | None,
    classic: Recommender | None,
    cancel: threading.Event | None,
) -> list[Recommendation]:
    """Answers requests that share their settings, in free text or within the catalogue, in parts where memory ends.

    Args:
        engine: What they are answered with.
        requests: One or more; the settings of the first hold for all.
        catalogue: What can be recommended.
        halver: Remembers how many a model of this machine answered at once.
        examples: Worked examples of the few-shot prompt.
        seeds: One for each request; the settings' seed without them.
        classic: Brings the candidates of a hybrid.
        cancel: Set from another thread to stop.

    Raises:
        ModelUnavailableError: when one record alone is more than memory holds.
        RecsysError: whatever recommend and recommend_from_catalogue raise.
    """
    shared: dict[str, Any] = {"examples": examples, "warnings": engine.warnings, "cancel": cancel}

    def work(part: Sequence[_Asked]) -> list[Recommendation]:
        drawn = None if seeds is None else [seed for _, seed in part]
        return _answer_at_once(engine, [one for one, _ in part], catalogue, classic, seeds=drawn, **shared)

    asked: list[_Asked] = list(zip(requests, seeds or [0] * len(requests), strict=True))
    if engine.loaded is None:  # a server looks after its own memory
        return work(asked)
    beams = requests[0].decoding.beams_of(requests[0].generation)
    answers, told = halver.answer(asked, work, engine.loaded, beams=beams)
    return answers if told is None else [replace(one, warnings=(*one.warnings, told)) for one in answers]


def _answer_at_once(
    engine: Engine,
    requests: Sequence[RecommendationRequest],
    catalogue: Catalogue,
    classic: Recommender | None,
    *,
    examples: Sequence[PromptExample],
    **shared: Any,
) -> list[Recommendation]:
    first = requests[0]
    if not first.decoding.is_catalogue:
        return recommend(requests, engine.generator, catalogue, engine.resolver, examples=examples, **shared)
    if engine.loaded is None:
        raise SettingsError(NO_LOGITS, mend="set decoding to free, or choose a model that is loaded here")
    decoder = find_decoder(engine.loaded, catalogue, render_prompt(first, catalogue, examples))
    return recommend_from_catalogue(
        requests, decoder, catalogue, engine.resolver, classic=classic, examples=examples, **shared
    )


def find_choice(
    choices: ModelChoices,
    model: str | None,
    precision: Precision,
    adapter: str | None,
    *,
    int8_threshold: float = INT8_THRESHOLD,
) -> ModelChoice:
    """The choice that a command line names: with a server, model and adapter are the server's.

    Raises:
        AdapterError: when no model is named and there is no such adapter to tell it.
        ServerError: when no model is named and the server tells none.
        SettingsError: for a threshold out of range.
    """
    server = choices.served.server
    if server is not None:
        model = as_served(model) if model else server.opening_for(adapter)
    return choices.find(model, precision, adapter, int8_threshold=int8_threshold)
