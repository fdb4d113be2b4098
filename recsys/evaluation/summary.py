"""From the results of every record to a report: means, intervals, differences, and the protocol in words.

A report is made of per-record results alone, so it can be made again at any time. This module runs no model
and writes no file.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from recsys.data.records import LIKED_FROM
from recsys.evaluation.baseline_scores import FITTED_ON, BaselineRun
from recsys.evaluation.beyond_accuracy import RecommendedList, measure_lists
from recsys.evaluation.breakdowns import break_down
from recsys.evaluation.context import EvaluationContext
from recsys.evaluation.intervals import mean_over_records, paired_interval
from recsys.evaluation.metrics import HEADLINE, METRICS, Ranked
from recsys.evaluation.misses import count_answers, count_rankings
from recsys.evaluation.report import Report
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.results import RecordResult
from recsys.evaluation.scores import BreakdownRow, Measure, MetricScore, PairedDifference, SystemScore
from recsys.evaluation.significance import holm_adjusted, minimum_detectable_effect, paired_permutation_test
from recsys.evaluation.text_quality import Share, distance_histogram, text_quality
from recsys.models.host import ModelChoice


class Scored(Protocol):
    """A record's scores, of a model or a baseline."""

    @property
    def record_id(self) -> str: ...
    @property
    def user_id(self) -> int: ...
    @property
    def metrics(self) -> Mapping[str, float]: ...
    @property
    def item_ids(self) -> Ranked: ...


def score_model(choice: ModelChoice, results: Sequence[RecordResult]) -> SystemScore:
    """The model's figures over its results, resolved and raw."""
    user_ids = [result.user_id for result in results]
    return SystemScore(
        name=choice.model if choice.adapter is None else f"{choice.model} + {choice.adapter}",
        kind="model",
        metrics=_metric_scores([result.metrics for result in results], user_ids),
        raw=_metric_scores([result.raw_metrics for result in results], user_ids),
        seconds=sum(result.seconds for result in results),
    )


def score_baseline_run(run: BaselineRun) -> SystemScore:
    """A baseline's figures over its records."""
    user_ids = [score.user_id for score in run.scores]
    metrics = _metric_scores([score.metrics for score in run.scores], user_ids)
    return SystemScore(
        run.name, "baseline", metrics, None, run.seconds, coverage=run.coverage, was_fitted=run.was_fitted
    )


def make_report(
    request: EvaluationRequest,
    results: Sequence[RecordResult],
    baselines: Sequence[BaselineRun],
    *,
    fingerprint: str,
    dataset_name: str,
    num_available: int,
    precision: str,
    started_at: str,
    finished_at: str,
    machine: str,
    context: EvaluationContext | None = None,
) -> Report:
    """Puts a report together.

    Args:
        request: What was asked.
        results: The model's results.
        baselines: Baselines on the same records in the same order.
        fingerprint: Names the run.
        dataset_name: Where the records come from.
        num_available: Records of the whole split.
        precision: What the weights were held in.
        started_at: In UTC, ISO 8601.
        finished_at: In UTC, ISO 8601.
        machine: What it ran on; see describe_machine.
        context: Movies and users of these records; without it the report has no breakdowns and tells nothing beyond
            accuracy.
    """
    systems, breakdowns = _score_systems(request, results, baselines, context)
    return Report(
        fingerprint=fingerprint,
        request=request,
        dataset_name=dataset_name,
        protocol=describe_protocol(request, results, num_available=num_available),
        num_records=len(results),
        num_users=len({result.user_id for result in results}),
        records_hash=hash_records(result.record_id for result in results),
        systems=systems,
        differences=adjust_p_values([paired_difference(results, run.scores, against=run.name) for run in baselines]),
        text_quality=text_quality(results),
        distances=distance_histogram(results, resolver=request.resolution.resolver),
        tokens=sum(result.tokens for result in results),
        seconds=sum(result.seconds for result in results),
        precision=precision,
        machine=machine,
        started_at=started_at,
        finished_at=finished_at,
        breakdowns=breakdowns,
        known_films=context.known_films.description if context is not None and context.known_films else "",
        reference_misses={} if context is None else _reference_misses(results, baselines, context),
    )


def _score_systems(
    request: EvaluationRequest,
    results: Sequence[RecordResult],
    baselines: Sequence[BaselineRun],
    context: EvaluationContext | None,
) -> tuple[tuple[SystemScore, ...], tuple[BreakdownRow, ...]]:
    """The model and the baselines over all records, and over groups of them where the context tells which."""
    systems = (score_model(request.choice, results), *(score_baseline_run(run) for run in baselines))
    if context is None:
        return systems, ()
    rankings: list[Sequence[Scored]] = [results, *(run.scores for run in baselines)]
    misses = [count_answers(results, context)]
    misses += [count_rankings(results, [score.item_ids for score in run.scores], context) for run in baselines]
    systems = tuple(
        replace(
            system, beyond_accuracy=measure_system(results, ranked, context, k=request.evaluation.k), misses=classes
        )
        for system, ranked, classes in zip(systems, rankings, misses, strict=True)
    )
    return systems, _break_down(results, systems, rankings, context)


def _reference_misses(
    results: Sequence[RecordResult], baselines: Sequence[BaselineRun], context: EvaluationContext
) -> dict[str, dict[str, Share]]:
    """What a near share is read against, where it is none of the baselines."""
    lists = {"popularity": context.popularity_lists, "random": context.random_lists}
    for run in baselines:
        lists.pop(run.name, None)
    return {
        name: count_rankings(results, [items[result.record_id] for result in results], context)
        for name, items in lists.items()
        if items
    }


def measure_system(
    results: Sequence[RecordResult], ranked: Sequence[Scored], context: EvaluationContext, *, k: int
) -> dict[str, Measure]:
    """Every measure beyond accuracy of one system.

    Args:
        results: Tell each record's history and relevant items.
        ranked: The system on the same records in the same order.
        context: Of the same records.
        k: The rank cut.
    """
    lists = [
        RecommendedList.of(result, scored.item_ids, context.catalogue, k=k)
        for result, scored in zip(results, ranked, strict=True)
    ]
    return measure_lists(lists, context, k=k)


def paired_difference(
    ours: Sequence[Scored], theirs: Sequence[Scored], *, against: str, metric: str = HEADLINE
) -> PairedDifference:
    """One metric of ours minus theirs, record by record.

    Raises:
        ValueError: when they are not of the same records in the same order.
    """
    if [mine.record_id for mine in ours] != [other.record_id for other in theirs]:
        raise ValueError(f"the records of {against} are others, or in another order")
    user_ids = [mine.user_id for mine in ours]
    mine = [score.metrics[metric] for score in ours]
    other = [score.metrics[metric] for score in theirs]
    mean = mean_over_records(mine) - mean_over_records(other)
    return PairedDifference(
        against=against,
        metric=metric,
        mean=mean,
        interval=paired_interval(mine, other, user_ids),
        permutation=paired_permutation_test(mine, other, user_ids),
        minimum_detectable_effect=minimum_detectable_effect(mine, other, user_ids),
    )


def adjust_p_values(differences: Sequence[PairedDifference]) -> tuple[PairedDifference, ...]:
    """The differences with their p-values corrected for all of them; see significance.holm_adjusted.

    Those without a test are left as they are and do not count.
    """
    tested = [difference.permutation.p_value for difference in differences if difference.permutation is not None]
    adjusted = iter(holm_adjusted(tested))
    return tuple(
        difference if difference.permutation is None else replace(difference, adjusted_p_value=next(adjusted))
        for difference in differences
    )


def describe_protocol(request: EvaluationRequest, results: Sequence[RecordResult], *, num_available: int) -> str:
    """How the records were made and drawn, in words."""
    settings = request.evaluation
    drawn = f"all {num_available} records of the {settings.split} users"
    if len(results) < num_available:
        drawn = f"{len(results)} of the {drawn.removeprefix('all ')}, drawn with seed {settings.seed}"
    fitted = " and ".join(FITTED_ON[settings.split])
    records = _describe_records(request, results)
    return (
        f"Likes are ratings of {LIKED_FROM:g} or more. Evaluated: {drawn}; each is {records} "
        f"Baselines are fitted on the likes of the {fitted} users and leave out what is given."
    )


def _describe_records(request: EvaluationRequest, results: Sequence[RecordResult]) -> str:
    given = len(results[0].history) if results else 0
    hidden = len(results[0].relevant) if results else 0
    if request.evaluation.history_length is None:
        return f"{given + hidden} likes in time order, the first {given} given, the next {hidden} to be found."
    return (
        f"likes in time order, the last {hidden} to be found, of those before only the latest {given} given (history "
        f"length {request.evaluation.history_length}): neither the model nor a baseline knows the others."
    )


def describe_machine() -> str:
    """Processor, cores and memory in one line, without the machine's name."""
    import psutil

    system = f"{platform.system()} {platform.machine()}"
    memory = psutil.virtual_memory().total / 2**30
    return f"{system}, {os.cpu_count() or 1} cores, {memory:.0f} GB, Python {platform.python_version()}"


def hash_records(record_ids: Iterable[str]) -> str:
    """Names a set of records, whatever their order, in 16 hexadecimal digits."""
    return hashlib.sha256("\n".join(sorted(record_ids)).encode()).hexdigest()[:16]


def _metric_scores(rows: Sequence[Mapping[str, float]], user_ids: Sequence[int]) -> dict[str, MetricScore]:
    return {name: MetricScore.of_records([row[name] for row in rows], user_ids) for name in METRICS}


def _break_down(
    results: Sequence[RecordResult],
    systems: Sequence[SystemScore],
    rankings: Sequence[Sequence[Scored]],
    context: EvaluationContext,
) -> tuple[BreakdownRow, ...]:
    values = {
        system.name: [scored.metrics[HEADLINE] for scored in ranked]
        for system, ranked in zip(systems, rankings, strict=True)
    }
    return break_down(results, values, context)
