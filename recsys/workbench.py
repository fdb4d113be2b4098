"""One process's workbench: data, models, resolvers and jobs, shared by the app and the command line.

It is the only place that puts the rooms together. It holds no page and no arguments: the app and the
command line bring requests and show what comes back.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.catalogue import Catalogue
from recsys.catalogue_recommend import find_decoder, recommend_from_catalogue, require_open_titles
from recsys.data.descriptions import add_details, details_hash, require_details
from recsys.data.movielens import MovieLens, load
from recsys.data.records import Record, SplitData, few_shot_examples
from recsys.data.splits import split_data
from recsys.errors import HistoryError
from recsys.evaluation.evaluation import run_evaluation
from recsys.evaluation.jobs import EvaluationJob, EvaluationJobs
from recsys.evaluation.report import Report
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.runner import record_seeds
from recsys.limits import Limits, stopped_after
from recsys.models.adapters import AdapterInfo
from recsys.models.artifacts import Progress
from recsys.models.choices import ModelChoices
from recsys.models.host import ModelChoice, ModelHost
from recsys.models.registry import ModelSpec
from recsys.models.turns import Priority
from recsys.models.zerogpu import gpu_task, is_zerogpu
from recsys.recommend import Recommendation, RecommendationRequest, recommend, render_prompt, stream_recommendation
from recsys.resolver_pool import ResolverPool
from recsys.settings import PromptSettings
from recsys.workbench_options import WorkbenchOptions

if TYPE_CHECKING:
    from recsys.baselines.base import Recommender
    from recsys.prompts import PromptExample
    from recsys.resolution.search import TitleSearch


class Workbench:
    """Data, model host, resolvers and jobs of one process; safe to share between threads."""

    def __init__(self, options: WorkbenchOptions | None = None) -> None:
        self.options = options or WorkbenchOptions()
        self.limits = Limits.for_public() if self.options.public else Limits()
        self.choices = ModelChoices(public=self.options.public, adapters_folder=self.options.adapters)
        self.host = ModelHost(
            public=self.options.public, adapters_folder=self.options.adapters, device=self.options.device
        )
        self.jobs = EvaluationJobs(self.options.runs_folder)
        self._lock = threading.RLock()

    @cached_property
    def dataset(self) -> MovieLens:
        dataset = load(self.options.data)
        return add_details(dataset, self.options.descriptions, dataset.tags)

    @cached_property
    def split(self) -> SplitData:
        return split_data(self.dataset, self.options.split)

    @property
    def data_name(self) -> str:
        """The data set, and how it is split where that is not the default."""
        return ", ".join(filter(None, (self.dataset.name, self.options.split.name)))

    @cached_property
    def catalogue(self) -> Catalogue:
        """All movies, with popularity counted over training users alone."""
        return Catalogue(self.dataset.movies, self.split.popularity("train"))

    @cached_property
    def resolvers(self) -> ResolverPool:
        return ResolverPool(self.catalogue, self.dataset.name)

    @cached_property
    def search(self) -> TitleSearch:
        from recsys.resolution.search import TitleSearch

        return TitleSearch(self.catalogue)

    def models(self) -> tuple[ModelSpec, ...]:
        """The models that may be loaded here."""
        return self.choices.models()

    def adapters(self) -> tuple[AdapterInfo, ...]:
        """The adapters that were found."""
        return self.choices.adapters()

    def default_prompt(self, choice: ModelChoice) -> PromptSettings:
        """The prompt that a choice is asked with where nobody says otherwise.

        Raises:
            InputError: when there is no such adapter, or its prompt cannot be written.
        """
        return self.choices.default_prompt(choice)

    def record(self, record_id: str) -> Record:
        """The record of that id.

        Raises:
            HistoryError: when there is none.
        """
        found = self.split.find_record(record_id)
        if found is None:
            raise HistoryError("no such record", seen=record_id, mend="take an id such as 15-0")
        return found

    def examples(self, prompt: PromptSettings) -> tuple[PromptExample, ...]:
        """The worked examples of a few-shot prompt, from training users; none for the other styles."""
        if prompt.style != "few_shot":
            return ()
        with self._lock:
            return few_shot_examples(self.split, self.catalogue, num_examples=prompt.num_examples)

    def check(self, request: RecommendationRequest) -> None:
        """Checks a request against the limits and the catalogue before any model is touched.

        Raises:
            InputError: with what is wrong and the mend.
        """
        self.limits.check_generation(request.generation)
        self.limits.check_history(len(request.history), len(request.disliked))
        self.check_prompt(request.choice, request.prompt)
        for entry in (*request.history, *request.disliked):
            if isinstance(entry, int):
                _ = self.catalogue[entry]
        require_open_titles(request, self.catalogue)

    def recommend(self, request: RecommendationRequest, *, cancel: threading.Event | None = None) -> Recommendation:
        """Answers one request, ahead of any long job."""
        for part in self.stream(request, cancel=cancel):
            if isinstance(part, Recommendation):
                return part
        raise AssertionError("a stream ends with its recommendation")

    def stream(
        self, request: RecommendationRequest, *, cancel: threading.Event | None = None
    ) -> Iterator[str | Recommendation]:
        """Answers one request: the text so far while it grows, the Recommendation last."""
        self.check(request)
        # On ZeroGPU the answer comes from another process, which no event reaches: closing the iterator stops it.
        for part in self._stream_on_device(request, None if is_zerogpu() else cancel):
            if isinstance(part, Recommendation):
                self.host.report_speed(part.completion.tokens_per_second)
            yield part

    @cached_property
    def _stream_on_device(self) -> Callable[..., Iterator[str | Recommendation]]:
        return gpu_task(self._stream)

    def _stream(self, request: RecommendationRequest, cancel: threading.Event | None) -> Iterator[str | Recommendation]:
        from recsys.generation.generator import TransformersGenerator

        cancel = cancel or threading.Event()
        examples = self.examples(request.prompt)
        if request.decoding.is_catalogue:
            with stopped_after(self.limits.max_seconds, cancel):
                yield self._answer([request], None, cancel, priority="interactive")[0]
            return
        with self.host.use(request.choice, priority="interactive", cancel=cancel) as loaded:
            resolver = self.resolvers.find(request.resolution.resolver, loaded)
            generator = TransformersGenerator(loaded)
            warnings = self.host.state().warnings
            with stopped_after(self.limits.max_seconds, cancel):
                yield from stream_recommendation(
                    request,
                    generator,
                    self.catalogue,
                    resolver,
                    examples=examples,
                    warnings=warnings,
                    cancel=cancel,
                )

    def recommend_batch(
        self,
        requests: Sequence[RecommendationRequest],
        *,
        seeds: Sequence[int],
        cancel: threading.Event | None = None,
    ) -> list[Recommendation]:
        """Answers a batch for a long job: interactive requests go first, one batch at a time."""
        return self._answer_on_device(requests, seeds, None if is_zerogpu() else cancel)

    @cached_property
    def _answer_on_device(self) -> Callable[..., list[Recommendation]]:
        return gpu_task(self._answer, seconds=120)

    def _answer(
        self,
        requests: Sequence[RecommendationRequest],
        seeds: Sequence[int] | None,
        cancel: threading.Event | None,
        priority: Priority = "batch",
    ) -> list[Recommendation]:
        from recsys.generation.generator import TransformersGenerator

        first = requests[0]
        examples = self.examples(first.prompt)
        with self.host.use(first.choice, priority=priority, cancel=cancel) as loaded:
            resolver = self.resolvers.find(first.resolution.resolver, loaded)
            shared: dict[str, Any] = {
                "examples": examples,
                "seeds": seeds,
                "warnings": self.host.state().warnings,
                "cancel": cancel,
            }
            if not first.decoding.is_catalogue:
                return recommend(requests, TransformersGenerator(loaded), self.catalogue, resolver, **shared)
            prompt = render_prompt(first, self.catalogue, examples)
            return recommend_from_catalogue(
                requests, find_decoder(loaded, self.catalogue, prompt), self.catalogue, resolver, **shared
            )

    def start_evaluation(self, request: EvaluationRequest) -> EvaluationJob:
        """Starts an evaluation in the server; it goes on whoever watches, and resumes where one was stopped.

        Raises:
            InputError: when the request is above a limit.
            ModelBusyError: while another evaluation runs.
        """
        self.limits.check_evaluation(request.evaluation)
        self.limits.check_generation(request.generation)
        self.check_prompt(request.choice, request.prompt)
        return self.jobs.start(request, self.evaluate)

    def evaluate(self, job: EvaluationJob) -> Report:
        """The work of an evaluation job: pins the model, and lets interactive requests go first after each batch."""
        request = job.request
        job.say(f"Loading {request.choice.model}")
        with (
            self.host.reserve(request.choice),
            stopped_after(self.limits.max_evaluation_seconds, job.cancel_event),
        ):
            with self.host.use(request.choice, priority="batch", cancel=job.cancel_event) as loaded:
                weight_hash, precision, adapter_hash = loaded.weight_hash, loaded.precision, loaded.adapter_hash

            def recommend_batch(records: Sequence[Record]) -> list[Recommendation]:
                requests = [request.for_record(record) for record in records]
                seeds = record_seeds(records, request.evaluation)
                return self.recommend_batch(requests, seeds=seeds, cancel=job.cancel_event)

            fingerprint = request.fingerprint(
                data_name=self.data_name + details_hash(self.dataset.movies, request.prompt.details),
                weight_hash=weight_hash,
                precision=precision,
                adapter_hash=adapter_hash,
            )
            return run_evaluation(
                request,
                self.split,
                recommend_batch,
                job.open_store(fingerprint),
                dataset_name=self.data_name,
                precision=precision,
                watcher=job,
                cancel=job.cancel_event,
                other_baselines={"similarity": lambda likes: self._fit_similarity(request.choice.model, likes)},
            )

    def _fit_similarity(self, base_model: str, likes: Mapping[int, Sequence[int]]) -> Recommender:
        popularity = Counter(item for items in likes.values() for item in items)
        return self.resolvers.similarity(base_model, popularity)

    def check_prompt(self, choice: ModelChoice, prompt: PromptSettings) -> None:
        """Refuses details that no movie has, and an adapter that does not exist or was trained with another prompt.

        Raises:
            SettingsError: naming the details, or the style where the model does not read it.
            AdapterError: naming both prompts.
        """
        require_details(self.dataset.movies, prompt.details)
        self.choices.require_prompt(choice, prompt)

    def build_embedding_index(self, choice: ModelChoice, *, ship: bool, progress: Progress | None = None) -> Path:
        """Embeds every title of the catalogue with a model and writes the index, for the embedding resolver."""
        with self.host.use(choice, priority="batch") as loaded:
            return self.resolvers.build_index(loaded, ship=ship, progress=progress)
