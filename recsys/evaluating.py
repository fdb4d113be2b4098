"""The work of an evaluation job: a model and a data set pinned for as long as it runs, people first between batches."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from recsys.data.descriptions import details_hash
from recsys.data.records import Record
from recsys.evaluation.evaluation import run_evaluation
from recsys.evaluation.jobs import EvaluationJob
from recsys.evaluation.report import Report
from recsys.evaluation.runner import record_seeds
from recsys.limits import stopped_after
from recsys.loaded_data import LoadedData
from recsys.models.host import ModelHost
from recsys.recommend import Recommendation, RecommendationRequest
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
    job: EvaluationJob, data: LoadedData, host: ModelHost, answer: AnswerBatch, *, max_seconds: float | None
) -> Report:
    """Runs a job to its end.

    Args:
        job: Told how it goes.
        data: Its records; no other set takes their place while the job runs.
        host: Holds the model, which is pinned.
        answer: Answers a batch.
        max_seconds: The job is stopped after so long; None is no limit.

    Raises:
        RecsysError: for whatever went wrong; what is finished is kept.
    """
    request = job.request
    job.say(f"Loading {request.choice.model}")
    with host.reserve(request.choice), stopped_after(max_seconds, job.cancel_event):
        with host.use(request.choice, priority="batch", cancel=job.cancel_event) as loaded:
            weight_hash, precision, adapter_hash = loaded.weight_hash, loaded.precision, loaded.adapter_hash

        def recommend_batch(records: Sequence[Record]) -> list[Recommendation]:
            requests = [request.for_record(record) for record in records]
            seeds = record_seeds(records, request.evaluation)
            return answer(requests, seeds=seeds, evaluated=request.evaluation.split, cancel=job.cancel_event)

        def fit_similarity(likes: Mapping[int, Sequence[int]]) -> Recommender:
            popularity = Counter(item for items in likes.values() for item in items)
            return data.resolvers.similarity(request.choice.model, popularity)

        fingerprint = request.fingerprint(
            data_name=data.name + details_hash(data.dataset.movies, request.prompt.details),
            weight_hash=weight_hash,
            precision=precision,
            adapter_hash=adapter_hash,
        )
        return run_evaluation(
            request,
            data.split,
            recommend_batch,
            job.open_store(fingerprint),
            dataset_name=data.name,
            precision=precision,
            watcher=job,
            cancel=job.cancel_event,
            other_baselines={"similarity": fit_similarity},
            catalogue=data.catalogue,
            fitted=data.fitted_baselines,
        )
