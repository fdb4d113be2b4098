"""The work of an evaluation job: a model and a data set pinned for as long as it runs, people first between batches."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from recsys.data.descriptions import details_hash
from recsys.data.known_films import read_known_films
from recsys.data.records import Record
from recsys.evaluation.evaluation import run_evaluation
from recsys.evaluation.jobs import EvaluationJob
from recsys.evaluation.origin import Origin
from recsys.evaluation.report import Report
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.runner import record_seeds
from recsys.limits import stopped_after
from recsys.loaded_data import LoadedData
from recsys.models.distributed import Processes
from recsys.models.host import ModelChoice
from recsys.models.served_host import ServedHost
from recsys.recommend import Recommendation, RecommendationRequest, render_prompt
from recsys.remote.server import AS_SERVED
from recsys.remote.settings import is_served
from recsys.settings import SplitName

if TYPE_CHECKING:
    from recsys.baselines.base import Recommender


class AnswerBatch(Protocol):
    """Answers requests together, after people who wait."""

    def __call__(
        self,
        requests: Sequence[RecommendationRequest],
        *,
        seeds: Sequence[int],
        evaluated: SplitName,
        cancel: threading.Event | None,
    ) -> list[Recommendation]:
        """One answer for each request, in their order, by what may be known where that split is evaluated."""


def evaluate(
    job: EvaluationJob,
    data: LoadedData,
    host: ServedHost,
    answer: AnswerBatch,
    *,
    max_seconds: float | None,
    known_films: Path | None = None,
) -> Report:
    """Runs a job to its end.

    Args:
        job: Told how it goes.
        data: Its records; no other set takes their place while the job runs.
        host: Holds the model, which is pinned.
        answer: Answers a batch.
        max_seconds: The job is stopped after so long; None is no limit.
        known_films: A list of films larger than the catalogue, for the report.

    Raises:
        RecsysError: for whatever went wrong; what is finished is kept.
    """
    request = job.request
    # Read first: a bad file is told before hours go into the records.
    films = None if known_films is None else read_known_films(known_films)
    job.say(f"Loading {request.choice.model}")
    with host.reserve(request.choice), stopped_after(max_seconds, job.cancel_event):
        weights = _identify(host, request.choice, job.cancel_event)

        def recommend_batch(records: Sequence[Record]) -> list[Recommendation]:
            requests = [request.for_record(record) for record in records]
            seeds = record_seeds(records, request.evaluation)
            return answer(requests, seeds=seeds, evaluated=request.evaluation.split, cancel=job.cancel_event)

        return run_evaluation(
            request,
            data.split,
            recommend_batch,
            job.open_store(_fingerprint(request, data, weights)),
            dataset_name=data.name,
            precision=weights.precision,
            watcher=job,
            cancel=job.cancel_event,
            other_baselines={"similarity": partial(_fit_similarity, data, request.choice.model)},
            catalogue=data.catalogue,
            origin=_origin(request, data, weights, _server_words(host, request.choice)),
            processes=Processes.of_environment(),
            known_films=films,
            fitted=data.fitted_baselines,
        )


def _fit_similarity(data: LoadedData, model: str, likes: Mapping[int, Sequence[int]]) -> Recommender:
    popularity = Counter(item for items in likes.values() for item in items)
    return data.resolvers.similarity(model, popularity)


@dataclass(frozen=True)
class _Weights:
    """What answers: hashes of base model and adapter, what the weights are held in, and the server that has them."""

    base_hash: str
    adapter_hash: str | None
    precision: str
    engine: str = ""


def _identify(host: ServedHost, choice: ModelChoice, cancel: threading.Event) -> _Weights:
    """What answers; of a server's model its name and the server's, since nobody tells the hash."""
    served = host.served(choice)
    if served is not None:
        return _Weights(
            served.identity, served.adapter_identity, AS_SERVED, f"{served.kind.title} at {served.server.host}"
        )
    with host.use(choice, priority="batch", cancel=cancel) as loaded:
        return _Weights(loaded.weight_hash, loaded.adapter_hash, loaded.precision)


def _server_words(host: ServedHost, choice: ModelChoice) -> tuple[str, ...]:
    """The words of a command line that name the server of a choice."""
    return host.server.settings.words if host.server is not None and is_served(choice.model) else ()


def name_run(request: EvaluationRequest, data: LoadedData, host: ServedHost, cancel: threading.Event) -> str:
    """The fingerprint of a run of these records, data and weights; the model is loaded to tell its hash."""
    return _fingerprint(request, data, _identify(host, request.choice, cancel))


def _fingerprint(request: EvaluationRequest, data: LoadedData, weights: _Weights) -> str:
    details = details_hash(data.dataset.movies, request.prompt.details)
    return request.fingerprint(
        data_name=" ".join(filter(None, (data.name, data.content_hash, details))),
        weight_hash=weights.base_hash,
        precision=weights.precision,
        adapter_hash=weights.adapter_hash,
    )


def _origin(request: EvaluationRequest, data: LoadedData, weights: _Weights, server_words: tuple[str, ...]) -> Origin:
    """The hashes of data and weights, the prompt of each record, and the options that choose the data."""
    examples = data.examples(request.prompt.num_examples) if request.prompt.style == "few_shot" else ()

    def render(record: Record) -> str:
        return render_prompt(request.for_record(record), data.catalogue, examples).text

    hashes = {"data": data.content_hash, "weights": weights.base_hash}
    if weights.adapter_hash is not None:
        hashes["adapter"] = weights.adapter_hash
    if weights.engine:
        hashes["engine"] = weights.engine
    return Origin(hashes, render, (*data.choice.words, *server_words))
