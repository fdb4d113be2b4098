"""A workbench whose model is a script: it writes lists, slips, inventions and prose without any weights.

Everything behind the model is real: records, parsing, resolution, metrics, jobs and the store on the disk.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recsys.catalogue import Catalogue
from recsys.data.movielens import load
from recsys.data.records import SplitData, split_records
from recsys.evaluation.baseline_scores import BaselineRun, BaselineScore
from recsys.evaluation.context import EvaluationContext
from recsys.evaluation.evaluation import run_evaluation
from recsys.evaluation.jobs import EvaluationJob, EvaluationJobs
from recsys.evaluation.metrics import METRICS, score_record
from recsys.evaluation.report import Report
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.results import RecordResult, ResolvedTitle
from recsys.evaluation.runner import record_seeds
from recsys.evaluation.summary import make_report
from recsys.generation.completion import Completion
from recsys.limits import Limits
from recsys.models.adapter_listing import AdapterInfo
from recsys.models.choices import ModelChoices
from recsys.models.host import HostState, ModelChoice
from recsys.models.registry import ModelSpec
from recsys.prompts import Prompt
from recsys.recommend import RecommendationRequest, recommend
from recsys.resolution.levenshtein import LevenshteinResolver
from recsys.settings import GenerationSettings
from recsys.workbench_options import WorkbenchOptions


class ScriptedGenerator:
    """Writes what a small model writes, drawn by the seed alone."""

    def __init__(self, catalogue: Catalogue, seconds: float) -> None:
        self.seconds = seconds
        by_likes = sorted(catalogue, key=lambda movie: -catalogue.popularity.get(movie.item_id, 0))
        self._known = [movie.display() for movie in by_likes[:300]]

    def generate(
        self,
        prompts: Sequence[Prompt],
        settings: GenerationSettings,
        *,
        seeds: Sequence[int] | None = None,
        is_complete: Any = None,
        cancel: threading.Event | None = None,
    ) -> list[Completion]:
        wait_until = time.monotonic() + self.seconds
        while time.monotonic() < wait_until and not (cancel and cancel.is_set()):
            time.sleep(0.01)
        return [
            self._completion(prompt, settings, seed)
            for prompt, seed in zip(prompts, seeds or [0] * len(prompts), strict=True)
        ]

    def _completion(self, prompt: Prompt, settings: GenerationSettings, seed: int) -> Completion:
        text = self.write(random.Random(seed), settings.num_recommendations, heat=settings.temperature + 0.3)
        return Completion(
            text=text,
            prompt_text=prompt.text,
            prompt_tokens=len(prompt.text) // 4,
            completion_tokens=max(1, len(text) // 4),
            seconds=self.seconds,
            finish_reason="titles_complete",
            settings=settings,
            base_model="smollm2-135m",
            precision="bf16",
        )

    def write(self, rng: random.Random, num_recommendations: int, heat: float = 1.0) -> str:
        if rng.random() < 0.1:
            return " These films are all about <b>love</b> and ${loss}, and the story of a man who returns home."
        return "".join(f" {self._title(rng, heat)};" for _ in range(num_recommendations))

    def _title(self, rng: random.Random, heat: float) -> str:
        title = self._known[min(int(rng.expovariate(1 / (40 * heat))), len(self._known) - 1)]
        slip = rng.random() / heat
        if slip < 0.15:
            place = rng.randrange(len(title) - 6)
            return title[:place] + title[place + 1 :]
        if slip < 0.25:
            return rng.choice(
                ("The Quantum Gardener (2011)", "Moonlit <i>Harbour</i> (2004)", "Zorblax Returns (1999)")
            )
        return title


@dataclass(frozen=True)
class ScriptedHost:
    """A host with the scripted model in memory."""

    tokens_per_second: float | None = 14.2

    def state(self) -> HostState:
        return HostState("ready", ModelChoice(), 1.0, "ready", "bf16", 269_000_000, self.tokens_per_second, ())


class ScriptedWorkbench:
    """What the Evaluate tab uses of a workbench.

    Args:
        runs: Where runs are kept.
        seconds: Time that each batch takes.
        public: Whether visitors are limited.
        adapters: Where adapters are; None has none.
    """

    def __init__(
        self, runs: Path, *, seconds: float = 0.0, public: bool = False, adapters: Path | None = None
    ) -> None:  # fmt: skip
        self.options = WorkbenchOptions(runs=runs, public=public)
        self.limits = Limits.for_public() if public else Limits()
        self.dataset = load()
        self.split: SplitData = split_records(self.dataset)
        self.catalogue = Catalogue(self.dataset.movies, self.split.popularity("train"))
        self.choices = ModelChoices(public=public, adapters_folder=adapters or runs / "adapters")
        self.host = ScriptedHost()
        self.jobs = EvaluationJobs(runs)
        self.generator = ScriptedGenerator(self.catalogue, seconds)
        self.resolver = LevenshteinResolver(self.catalogue)
        self.error: Exception | None = None

    def models(self) -> tuple[ModelSpec, ...]:
        return self.choices.models()

    def adapters(self) -> tuple[AdapterInfo, ...]:
        return self.choices.adapters()

    def start_evaluation(self, request: EvaluationRequest, *, group: str = "") -> EvaluationJob:
        self.limits.check_generation(request.generation)
        self.limits.check_evaluation(request.evaluation)
        return self.jobs.start(request, self._work, group=group)

    def _work(self, job: EvaluationJob) -> Report:
        if self.error is not None:
            raise self.error
        request = job.request

        def answer(records: Sequence[Any]) -> Any:
            asked = [
                RecommendationRequest(
                    record.history, (), request.generation, request.prompt, record_id=record.record_id
                )
                for record in records
            ]
            seeds = record_seeds(records, request.evaluation)
            return recommend(asked, self.generator, self.catalogue, self.resolver, seeds=seeds, cancel=job.cancel_event)

        fingerprint = request.fingerprint(data_name=self.dataset.name, weight_hash="script", precision="bf16")
        return run_evaluation(
            request,
            self.split,
            answer,
            job.open_store(fingerprint),
            dataset_name=self.dataset.name,
            precision="bf16",
            watcher=job,
            cancel=job.cancel_event,
        )


def title(name: str, item_id: int | None, *, match: str = "exact", **others: Any) -> ResolvedTitle:
    """A generated title; exact unless told."""
    values = {"year": None, "distance": 0.0 if item_id is not None else None, "similarity": 1.0, **others}
    return ResolvedTitle(title=name, item_id=item_id, match=match, **values)


def result(record_id: str, titles: Sequence[ResolvedTitle], relevant: tuple[int, ...], **others: Any) -> RecordResult:
    """A record's result at k = 4, scored by the metrics themselves."""
    item_ids = tuple(None if "repeated" in written.flags else written.item_id for written in titles)
    exact = tuple(i if written.match == "exact" else None for i, written in zip(item_ids, titles, strict=True))
    values: dict[str, Any] = {
        "record_id": record_id,
        "user_id": int(record_id.partition("-")[0]),
        "history": (924, 7234),
        "relevant": relevant,
        "completion": "; ".join(written.title for written in titles),
        "problem": None,
        "well_formed": True,
        "num_titles": len(titles),
        "num_asked": 4,
        "titles": tuple(titles),
        "item_ids": item_ids,
        "exact_item_ids": exact,
        "metrics": score_record(relevant, item_ids, 4),
        "raw_metrics": score_record(relevant, exact, 4),
        "seconds": 0.5,
        "tokens": 40,
        "finish_reason": "titles_complete",
        **others,
    }
    return RecordResult(**values)


def report_of(
    results: Sequence[RecordResult],
    *,
    request: EvaluationRequest | None = None,
    fingerprint: str = "0123456789abcdef",
    baseline: Sequence[float] = (),
    finished_at: str = "2026-11-22T21:05:09+00:00",
    context: EvaluationContext | None = None,
) -> Report:
    """The report of these results; ``baseline`` gives popularity's average precision on each record."""
    scores = [
        BaselineScore(r.record_id, r.user_id, (1,), dict.fromkeys(METRICS, value))
        for r, value in zip(results, baseline, strict=False)
    ]
    return make_report(
        request or EvaluationRequest(),
        results,
        [BaselineRun("popularity", tuple(scores), 0.1)] if scores else [],
        fingerprint=fingerprint,
        dataset_name="made",
        num_available=716,
        precision="bf16",
        started_at="2026-11-22T21:00:00+00:00",
        finished_at=finished_at,
        machine="a machine",
        context=context,
    )
