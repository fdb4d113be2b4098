"""One data set with all that is made of it, and how another one takes its place: whole or not at all.

A request takes ``DataHolder.data`` once and keeps to it, so that none ever sees two data sets.
"""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recsys.arguments import written_settings
from recsys.background import BackgroundTask, Tell
from recsys.baselines.blend import Blend, fit_blend
from recsys.catalogue import Catalogue
from recsys.data.descriptions import add_details
from recsys.data.movielens import MovieLens, load
from recsys.data.records import SplitData, few_shot_examples
from recsys.data.splits import SplitSettings, split_data
from recsys.errors import CancelledError, DataFormatError, SettingsError
from recsys.evaluation.baseline_scores import FITTED_ON
from recsys.evaluation.fitted_baselines import FittedBaselines
from recsys.resolver_pool import ResolverPool
from recsys.settings import DecodingSettings, SplitName

if TYPE_CHECKING:
    from recsys.prompts import PromptExample
    from recsys.resolution.search import TitleSearch

_numbers = itertools.count()
_MAX_BLEND_ITEMS = 10_000
"""Items that the blend knows at most, the most liked ones: fitting takes 16 bytes for each pair of them."""


@dataclass(frozen=True)
class DataChoice:
    """Which data set, and what of it is held out.

    Attributes:
        path: A MovieLens folder or zip; None takes the embedded data.
        split: What is held out.
        descriptions: A csv file of movieId,description of this data set's movies.
    """

    path: Path | None = None
    split: SplitSettings = field(default_factory=SplitSettings)
    descriptions: Path | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """The options of a command line that choose the same, files by their names alone."""
        files = [
            f"--{name}={path.name}" for name, path in (("data", self.path), ("descriptions", self.descriptions)) if path
        ]
        return *files, *written_settings(self.split)


class LoadedData:
    """A data set, split and indexed; each part is made when it is first asked for.

    Args:
        choice: Which one.

    Attributes:
        number: Tells it from every other data set of this process, the same one read again included.
        fitted_baselines: Those that evaluations asked for; they go when the data go.
    """

    def __init__(self, choice: DataChoice) -> None:
        self.choice = choice
        self.number = next(_numbers)
        self.fitted_baselines = FittedBaselines()
        self._lock = threading.Lock()
        self._examples: dict[int, tuple[PromptExample, ...]] = {}
        self._blend_lock = threading.Lock()
        self._blends: dict[tuple[SplitName, ...], Blend] = {}

    @cached_property
    def dataset(self) -> MovieLens:
        dataset = load(self.choice.path)
        return add_details(dataset, self.choice.descriptions, dataset.tags)

    @cached_property
    def split(self) -> SplitData:
        return split_data(self.dataset, self.choice.split)

    @property
    def name(self) -> str:
        """The data set, and how it is split where that is not the default."""
        return ", ".join(filter(None, (self.dataset.name, self.choice.split.name)))

    @cached_property
    def content_hash(self) -> str:
        """The same for the same movies and ratings, whatever the data set is called; 16 hexadecimal digits."""
        digest = hashlib.sha256()
        for movie in self.dataset.movies:
            digest.update(f"{movie.item_id}\t{movie.title}\t{movie.year}\t{'|'.join(movie.genres)}\n".encode())
        for name in ("user_id", "item_id", "rating", "timestamp"):
            digest.update(np.ascontiguousarray(self.dataset.ratings[name].to_numpy()).data)
        return digest.hexdigest()[:16]

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

    def examples(self, num_examples: int) -> tuple[PromptExample, ...]:
        """Worked examples of a few-shot prompt, from training users; the same at every call."""
        with self._lock:
            if num_examples not in self._examples:
                self._examples[num_examples] = few_shot_examples(self.split, self.catalogue, num_examples=num_examples)
            return self._examples[num_examples]

    def classic_for(self, decoding: DecodingSettings, evaluated: SplitName = "test") -> Blend | None:
        """Who brings the candidates of a hybrid, having learnt from no user of the split; None for another decoding.

        Raises:
            SettingsError: when it knows no movie.
        """
        return self.blend(FITTED_ON[evaluated]) if decoding.is_hybrid else None

    def blend(self, splits: tuple[SplitName, ...]) -> Blend:
        """The classic blend that knows the likes of these sets of users; fitted when it is first asked for.

        Raises:
            SettingsError: when it knows no movie.
        """
        with self._blend_lock:
            if splits not in self._blends:
                self._blends[splits] = fit_blend(self.split.likes_of(*splits), max_items=_MAX_BLEND_ITEMS)
            blend = self._blends[splits]
        if not len(blend.item_ids):
            raise SettingsError(
                "a hybrid has no candidates", seen="no movie is liked by three users", mend="choose another decoding"
            )
        return blend

    def prepare(self, tell: Tell, cancel: threading.Event) -> None:
        """Reads, splits and indexes now, so that nobody waits for it later.

        Raises:
            DataFormatError: when it cannot be read.
            SettingsError: when it cannot be split so, or the split leaves nothing to learn from or to test on.
            CancelledError: when it was stopped between two steps.
        """
        steps: tuple[tuple[float, str, Callable[[], object]], ...] = (
            (0.05, "Reading movies and ratings", lambda: self.dataset),
            (0.6, "Cutting records", self._require_records),
            (0.75, "Counting likes and indexing names", lambda: (self.catalogue, self.catalogue.find("a"))),
            (0.85, "Preparing the matching of titles", lambda: self.resolvers.levenshtein),
            (0.92, "Preparing the search", lambda: self.search),
        )
        for fraction, message, make in steps:
            if cancel.is_set():
                raise CancelledError("the reading was stopped")
            tell(fraction, message)
            try:
                make()
            except OSError as error:  # no right to read it, say
                path = self.choice.path or Path()
                raise DataFormatError("the data set cannot be read", path=path, seen=str(error)) from error

    def _require_records(self) -> None:
        for name in ("train", "test"):
            if not len(self.split.records[name]):
                raise SettingsError(
                    f"the data set has no {name} record: ten movies that one person liked",
                    seen=f"{len(self.dataset.ratings):,} ratings",
                    mend="take a larger data set or split it otherwise",
                )


class DataHolder:
    """The data of a process. Safe to share between threads.

    Args:
        choice: What is held at first; read when it is first needed.
        require_idle: Raises ModelBusyError while the data may not be replaced.
        replaced: Called after they were.
    """

    def __init__(
        self, choice: DataChoice, *, require_idle: Callable[[], None], replaced: Callable[[], None] = lambda: None
    ) -> None:
        self.task = BackgroundTask("a data set is being read")
        self._data = LoadedData(choice)
        self._require_idle = require_idle
        self._replaced = replaced
        self._lock = threading.Lock()

    @property
    def data(self) -> LoadedData:
        return self._data

    @contextmanager
    def kept(self) -> Iterator[LoadedData]:
        """No other data set takes the place of this one during the block."""
        with self._lock:
            yield self._data

    def start_replacing(self, choice: DataChoice, over: Callable[[], None] = lambda: None) -> None:
        """Reads another data set in the background and puts it in place once all of it is ready.

        Whatever goes wrong is told by ``task``, and the data stay as they are.

        Args:
            choice: Which one.
            over: Called when the files are not needed any more.

        Raises:
            ModelBusyError: while the data may not be replaced or others are being read.
        """
        self._require_idle()

        def replace(tell: Tell, cancel: threading.Event) -> str:
            fresh = LoadedData(choice)
            try:
                fresh.prepare(tell, cancel)
            finally:
                over()
            with self._lock:
                self._require_idle()  # a job may have been started while we read
                self._data = fresh
            self._replaced()
            return f"{fresh.name} is in use."

        self.task.start(replace)
