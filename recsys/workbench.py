"""One process's workbench: data, models, resolvers and jobs, shared by the app and the command line.

It is the only place that puts the rooms together. It holds no page and no arguments: the app and the
command line bring requests and show what comes back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.background import BackgroundTask
from recsys.catalogue import Catalogue
from recsys.catalogue_recommend import require_open_titles
from recsys.data.descriptions import require_details
from recsys.data.movielens import MovieLens
from recsys.data.records import Record, SplitData
from recsys.data.splits import SplitSettings
from recsys.engine import answer, open_engine
from recsys.errors import HistoryError, SettingsError
from recsys.evaluating import evaluate
from recsys.evaluation.jobs import EvaluationJob, EvaluationJobs
from recsys.evaluation.report import Report
from recsys.evaluation.request import EvaluationRequest
from recsys.limits import Limits, stopped_after
from recsys.loaded_data import DataChoice, DataHolder, LoadedData
from recsys.map_making import make_map
from recsys.models.adapter_listing import AdapterInfo
from recsys.models.artifacts import Progress
from recsys.models.choices import ModelChoices
from recsys.models.host import ModelChoice
from recsys.models.out_of_memory import BatchHalver, memory_told
from recsys.models.registry import ModelSpec
from recsys.models.served_host import ServedHost
from recsys.models.turns import Priority
from recsys.models.zerogpu import gpu_task, is_zerogpu
from recsys.recommend import Recommendation, RecommendationRequest, stream_recommendation
from recsys.remote.server import require_text_alone
from recsys.remote.settings import is_served
from recsys.resolution.item_map import require_scikit_learn
from recsys.resolver_pool import ResolverPool
from recsys.settings import PromptSettings, SplitName
from recsys.workbench_options import WorkbenchOptions

if TYPE_CHECKING:
    from recsys.prompts import PromptExample
    from recsys.resolution.search import TitleSearch


class Workbench:
    """Data, model host, resolvers and jobs of one process; safe to share between threads."""

    def __init__(self, options: WorkbenchOptions | None = None) -> None:
        self.options = options = options or WorkbenchOptions()
        self.limits = Limits.for_public() if options.public else Limits()
        public, adapters, server = options.public, options.adapters, options.make_server()
        self.choices = ModelChoices(
            public=public, adapters_folder=adapters, default_model=options.default_model, server=server
        )
        self.host = ServedHost(server, public=public, adapters_folder=adapters, **options.placing)
        self.jobs = EvaluationJobs(options.runs_folder, options.shipped_reports)
        self.data_holder = DataHolder(
            DataChoice(options.data, options.split, options.descriptions),
            require_idle=lambda: self.jobs.require_idle(),
            replaced=lambda: self.host.forget_catalogues(),
        )
        self._halver = BatchHalver()
        self.map_task = BackgroundTask("a map is being made")

    @property
    def data(self) -> LoadedData:
        """The data set in use; what works on one for longer takes it once and keeps to it."""
        return self.data_holder.data

    @property
    def dataset(self) -> MovieLens:
        return self.data.dataset

    @property
    def split(self) -> SplitData:
        return self.data.split

    @property
    def data_name(self) -> str:
        """The data set, and how it is split where that is not the default."""
        return self.data.name

    @property
    def catalogue(self) -> Catalogue:
        """All movies, with popularity counted over training users alone."""
        return self.data.catalogue

    @property
    def resolvers(self) -> ResolverPool:
        return self.data.resolvers

    @property
    def search(self) -> TitleSearch:
        return self.data.search

    def choose_data(self, path: Path | None, split: SplitSettings, over: Callable[[], None] = lambda: None) -> None:
        """Starts to read another data set for the whole process; ``data_holder.task`` tells how far it is.

        Args:
            path: A MovieLens folder or zip; None takes the embedded data.
            split: What is held out.
            over: Called when its files are not needed any more.

        Raises:
            SettingsError: on a public page.
            ModelBusyError: while an evaluation runs or another data set is being read.
        """
        if self.options.public:
            raise SettingsError("a public page keeps its data set", mend="run your own copy to choose another")
        # Descriptions are of the movies of one data set: the ids of another may mean other movies.
        descriptions = self.options.descriptions if path == self.options.data else None
        self.data_holder.start_replacing(DataChoice(path, split, descriptions), over)

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

    def examples(self, prompt: PromptSettings, data: LoadedData | None = None) -> tuple[PromptExample, ...]:
        """The worked examples of a few-shot prompt, from training users; none for the other styles."""
        if prompt.style != "few_shot":
            return ()
        return (data or self.data).examples(prompt.num_examples)

    def check(self, request: RecommendationRequest, data: LoadedData | None = None) -> None:
        """Checks a request against the limits and the catalogue before any model is touched.

        Raises:
            InputError: with what is wrong and the mend.
        """
        catalogue = (data or self.data).catalogue
        self.limits.check_generation(request.generation, request.decoding)
        self.limits.check_history(len(request.history), len(request.disliked))
        self.check_prompt(request.choice, request.prompt)
        require_text_alone(request.choice.model, request.decoding, request.resolution)
        for entry in (*request.history, *request.disliked):
            if isinstance(entry, int):
                _ = catalogue[entry]
        require_open_titles(request, catalogue)

    def recommend(
        self, request: RecommendationRequest, *, data: LoadedData | None = None, cancel: threading.Event | None = None
    ) -> Recommendation:
        """Answers one request, ahead of any long job."""
        for part in self.stream(request, data=data, cancel=cancel):
            if isinstance(part, Recommendation):
                return part
        raise AssertionError("a stream ends with its recommendation")

    def stream(
        self, request: RecommendationRequest, *, data: LoadedData | None = None, cancel: threading.Event | None = None
    ) -> Iterator[str | Recommendation]:
        """Answers one request: the text so far while it grows, the Recommendation last.

        Args:
            request: What is asked.
            data: Its movies and examples; None takes those in use. Others may take their place meanwhile.
            cancel: Set from another thread to stop.
        """
        data = data or self.data
        self.check(request, data)
        data.classic_for(request.decoding)  # fitted here, and not while the model is held or a GPU is lent
        # On ZeroGPU the answer comes from another process: closing the iterator stops it, and no object is sent there.
        elsewhere = is_zerogpu() and not is_served(request.choice.model)
        parts = self._stream_on_device(request, None, None) if elsewhere else self._stream(request, data, cancel)
        for part in parts:
            if isinstance(part, Recommendation):
                self.host.report_speed(part.completion.tokens_per_second)
            yield part

    @cached_property
    def _stream_on_device(self) -> Callable[..., Iterator[str | Recommendation]]:
        return gpu_task(self._stream)

    def _stream(
        self, request: RecommendationRequest, data: LoadedData | None, cancel: threading.Event | None
    ) -> Iterator[str | Recommendation]:
        data, cancel = data or self.data, cancel or threading.Event()
        if request.decoding.is_catalogue:
            with stopped_after(self.limits.max_seconds, cancel):
                yield self._answer([request], None, cancel, "interactive", data)[0]
            return
        examples = self.examples(request.prompt, data)
        with open_engine(self.host, request, data.resolvers, priority="interactive", cancel=cancel) as engine:
            asked: dict[str, Any] = {"examples": examples, "warnings": engine.warnings, "cancel": cancel}
            with stopped_after(self.limits.max_seconds, cancel), memory_told(request.generation.num_beams):
                yield from stream_recommendation(request, engine.generator, data.catalogue, engine.resolver, **asked)

    def recommend_batch(
        self,
        requests: Sequence[RecommendationRequest],
        *,
        seeds: Sequence[int],
        evaluated: SplitName = "test",
        cancel: threading.Event | None = None,
    ) -> list[Recommendation]:
        """Answers a batch for a long job: interactive requests go first, one batch at a time.

        The records are of the split ``evaluated``, and a hybrid's classic recommender learns from none of its users.
        """
        if is_zerogpu() and not is_served(requests[0].choice.model):
            return self._answer_on_device(requests, seeds, None, evaluated=evaluated)
        return self._answer(requests, seeds, cancel, evaluated=evaluated)

    @cached_property
    def _answer_on_device(self) -> Callable[..., list[Recommendation]]:
        return gpu_task(self._answer, seconds=120)

    def _answer(
        self,
        requests: Sequence[RecommendationRequest],
        seeds: Sequence[int] | None,
        cancel: threading.Event | None,
        priority: Priority = "batch",
        data: LoadedData | None = None,
        evaluated: SplitName = "test",
    ) -> list[Recommendation]:
        first, data = requests[0], data or self.data
        examples = self.examples(first.prompt, data)
        classic = data.classic_for(first.decoding, evaluated)
        with open_engine(self.host, first, data.resolvers, priority=priority, cancel=cancel) as engine:
            asked: dict[str, Any] = {"examples": examples, "seeds": seeds, "classic": classic, "cancel": cancel}
            return answer(engine, requests, data.catalogue, self._halver, **asked)

    def start_evaluation(self, request: EvaluationRequest, *, group: str = "") -> EvaluationJob:
        """Starts an evaluation in the server, which resumes where one was stopped; see EvaluationJobs.start.

        Raises:
            InputError: when the request is above a limit.
            ModelBusyError: while another evaluation runs.
        """
        self.limits.check_evaluation(request.evaluation)
        self.limits.check_generation(request.generation, request.decoding)
        self.check_prompt(request.choice, request.prompt)
        require_text_alone(request.choice.model, request.decoding, request.resolution)
        with self.data_holder.kept() as data:
            return self.jobs.start(request, lambda job: self._evaluate(job, data), group=group)

    def _evaluate(self, job: EvaluationJob, data: LoadedData) -> Report:
        max_seconds, known_films = self.limits.max_evaluation_seconds, self.options.known_films
        return evaluate(job, data, self.host, self.recommend_batch, max_seconds=max_seconds, known_films=known_films)

    def check_prompt(self, choice: ModelChoice, prompt: PromptSettings) -> None:
        """Refuses details that no movie has, and an adapter that does not exist or was trained with another prompt.

        Raises:
            SettingsError: naming the details, or the style where the model does not read it.
            AdapterError: naming both prompts.
        """
        require_details(self.dataset.movies, prompt.details)
        self.choices.require_prompt(choice, prompt)

    def start_map(self, choice: ModelChoice) -> None:
        """Starts to make the map of the data in use by a model; ``map_task`` tells how far it is.

        Raises:
            SettingsError: on a public page.
            ModelUnavailableError: without scikit-learn.
            ModelBusyError: while another map is being made.
        """
        if self.options.public:
            raise SettingsError("a public page makes no maps", mend="run your own copy")
        require_scikit_learn()
        resolvers = self.resolvers
        self.map_task.start(lambda tell, cancel: make_map(resolvers, self.host, choice, tell, cancel))

    def build_embedding_index(self, choice: ModelChoice, *, ship: bool, progress: Progress | None = None) -> Path:
        """Embeds every title of the catalogue with a model and writes the index, for the embedding resolver."""
        with self.host.use(choice, priority="batch") as loaded:
            return self.resolvers.build_index(loaded, ship=ship, progress=progress)
