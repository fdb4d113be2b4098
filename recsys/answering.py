"""A batch of requests answered by the model in memory: as free text or from the catalogue, in parts where it must be.

The workbench lends the model and the data; here they are put to work. Nothing here waits for a turn.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from recsys.catalogue_recommend import find_decoder, recommend_from_catalogue
from recsys.models.out_of_memory import BatchHalver
from recsys.recommend import Recommendation, RecommendationRequest, recommend, render_prompt

if TYPE_CHECKING:
    from recsys.baselines.base import Recommender
    from recsys.loaded_data import LoadedData
    from recsys.models.loading import LoadedModel
    from recsys.prompts import PromptExample

_Asked = tuple[RecommendationRequest, int | None]


def answer_batch(
    requests: Sequence[RecommendationRequest],
    loaded: LoadedModel,
    data: LoadedData,
    halver: BatchHalver,
    *,
    seeds: Sequence[int] | None,
    examples: Sequence[PromptExample] = (),
    classic: Recommender | None = None,
    warnings: tuple[str, ...] = (),
    cancel: threading.Event | None = None,
) -> list[Recommendation]:
    """Answers requests that share their settings, fewer at once where memory runs out.

    Args:
        requests: One or more; the settings of the first hold for all.
        loaded: The model, held by the caller.
        data: Its catalogue and resolvers.
        halver: Remembers how many the model answered at once.
        seeds: One for each request; the settings' seed without them.
        examples: Worked examples of the few-shot prompt.
        classic: Brings the candidates of a hybrid.
        warnings: What the loading of model and adapter had to say.
        cancel: Set from another thread to stop early.

    Raises:
        ModelUnavailableError: when one record alone is more than memory holds.
        HistoryError, SettingsError: as recommend and recommend_from_catalogue.
    """
    first, catalogue = requests[0], data.catalogue
    resolver = data.resolvers.find(first.resolution.resolver, loaded)

    def work(part: Sequence[_Asked]) -> list[Recommendation]:
        from recsys.generation.generator import TransformersGenerator

        asked = [request for request, _ in part]
        drawn = None if seeds is None else [seed for _, seed in part if seed is not None]
        if not first.decoding.is_catalogue:
            generator = TransformersGenerator(loaded)
            return recommend(
                asked, generator, catalogue, resolver,
                examples=examples, seeds=drawn, warnings=warnings, cancel=cancel,
            )  # fmt: skip
        decoder = find_decoder(loaded, catalogue, render_prompt(first, catalogue, examples))
        return recommend_from_catalogue(
            asked, decoder, catalogue, resolver,
            classic=classic, examples=examples, seeds=drawn, warnings=warnings, cancel=cancel,
        )  # fmt: skip

    drawn_with: Sequence[int | None] = [None] * len(requests) if seeds is None else seeds
    asked: list[_Asked] = list(zip(requests, drawn_with, strict=True))
    beams = first.decoding.beams_of(first.generation)
    answers, told = halver.answer(asked, work, loaded, beams=beams)
    return answers if told is None else [replace(answer, warnings=(*answer.warnings, told)) for answer in answers]
