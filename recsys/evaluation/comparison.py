"""Two runs over the records that both have: what differs in scores, in settings, and in what they recommend.

Everything is of the common records alone, so that both runs were asked the same questions; how many records each
run has beside them is told. This module reads no file and writes none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from recsys.catalogue import Catalogue
from recsys.errors import InputError, SettingsError
from recsys.evaluation.decades import Decades, count_decades
from recsys.evaluation.metrics import HEADLINE, METRICS
from recsys.evaluation.report import Report
from recsys.evaluation.results import RecordResult
from recsys.evaluation.scores import MetricScore, PairedDifference
from recsys.evaluation.summary import paired_difference
from recsys.evaluation.text_quality import DistanceHistogram, distance_histogram

Verdict = Literal["a", "b", "unclear", "alike", "too_few"]

VERDICTS: Final[Mapping[Verdict, str]] = {
    "a": "A is better than B",
    "b": "B is better than A",
    "unclear": "No clear difference between A and B",
    "alike": "A and B score alike on every record",
    "too_few": "Too few users to tell A from B",
}
"""Each verdict as a sentence without its full stop."""


@dataclass(frozen=True)
class ComparedRun:
    """One side of a comparison.

    Attributes:
        report: The whole run.
        num_alone: Its records that the other run lacks.
        distances: Distances of its titles of the common records from their nearest item.
    """

    report: Report
    num_alone: int
    distances: DistanceHistogram

    @property
    def words(self) -> tuple[str, ...]:
        """How the model was asked, in a few words each: "zero-shot", "T 0.7"."""
        request = self.report.request
        return (request.prompt.style.replace("_", "-"), *request.search_words)


@dataclass(frozen=True)
class MetricPair:
    """One metric of both runs over the common records, and A minus B."""

    a: MetricScore
    b: MetricScore
    difference: PairedDifference


@dataclass(frozen=True)
class SettingDifference:
    """A setting that the runs do not share.

    Attributes:
        name: With its part: "generation.temperature".
        a: Its value in A, as JSON has it.
        b: Its value in B.
    """

    name: str
    a: Any
    b: Any


@dataclass(frozen=True)
class RecordPair:
    """The headline metric of one common record in both runs."""

    record_id: str
    a: float
    b: float


@dataclass(frozen=True)
class RunComparison:
    """Two runs side by side.

    Attributes:
        a: The first run.
        b: The run that it is compared with.
        num_records: Records that both have.
        num_users: Users that these are of.
        metrics: Every metric that both have, by name.
        raw: The headline metric counting only titles written exactly as the catalogue has them.
        settings: What the requests do not share, and what made the runs where both tell.
        records: The headline metric of each common record, in the order of A.
        decades: Histories, relevant movies and both runs' recommendations; empty without a catalogue.
    """

    a: ComparedRun
    b: ComparedRun
    num_records: int
    num_users: int
    metrics: Mapping[str, MetricPair]
    raw: MetricPair
    settings: tuple[SettingDifference, ...]
    records: tuple[RecordPair, ...]
    decades: tuple[Decades, ...]

    @property
    def k(self) -> int:
        """The rank cut, which both share."""
        return self.a.report.k

    @property
    def headline(self) -> MetricPair:
        return self.metrics[HEADLINE]

    @property
    def same_unit(self) -> bool:
        """Whether distances of both runs count the same thing."""
        return self.a.report.request.resolution.resolver == self.b.report.request.resolution.resolver

    @property
    def num_better(self) -> tuple[int, int]:
        """On how many records A and on how many B scores higher; they are alike on the others."""
        a_higher = sum(pair.a > pair.b for pair in self.records)
        return a_higher, sum(pair.b > pair.a for pair in self.records)

    @property
    def verdict(self) -> Verdict:
        """Which run is better in the headline metric, as far as both the interval and the test tell."""
        difference = self.headline.difference
        if all(pair.a == pair.b for pair in self.records):
            return "alike"
        if difference.interval is None:
            return "too_few"
        by_sign: Mapping[int, Verdict] = {1: "a", -1: "b", 0: "unclear"}
        return by_sign[difference.clear_sign]


def compare_runs(
    report_a: Report,
    results_a: Sequence[RecordResult],
    report_b: Report,
    results_b: Sequence[RecordResult],
    catalogue: Catalogue | None,
) -> RunComparison:
    """Compares two runs over their common records.

    Args:
        report_a: The first run.
        results_a: Its records.
        report_b: The other run.
        results_b: Its records.
        catalogue: Knows the years of the movies; without it there are no decades.

    Raises:
        SettingsError: when the runs are scored at different k.
        InputError: when they are one run, of different data sets or users, or have no record in common.
    """
    require_comparable(report_a, report_b)
    pairs = _common(results_a, results_b)
    ours, theirs = [mine for mine, _ in pairs], [other for _, other in pairs]
    names = [name for name in METRICS if all(name in result.metrics for result in (*ours, *theirs))]
    raw_a, raw_b = ([replace(result, metrics=result.raw_metrics) for result in side] for side in (ours, theirs))
    return RunComparison(
        a=_side(report_a, results_a, ours),
        b=_side(report_b, results_b, theirs),
        num_records=len(pairs),
        num_users=len({result.user_id for result in ours}),
        metrics={name: _metric_pair(ours, theirs, name) for name in names},
        raw=_metric_pair(raw_a, raw_b, HEADLINE),
        settings=differing_settings(report_a, report_b),
        records=tuple(
            RecordPair(mine.record_id, mine.metrics[HEADLINE], other.metrics[HEADLINE]) for mine, other in pairs
        ),
        decades=count_decades(pairs, catalogue, k=report_a.k) if catalogue else (),
    )


def require_comparable(report_a: Report, report_b: Report) -> None:
    """Checks what can be told without the records of the runs.

    Raises:
        SettingsError: when they are scored at different k.
        InputError: when they are one run, or of different data sets or users.
    """
    if report_a.fingerprint == report_b.fingerprint:
        raise InputError("a run cannot be compared with itself", seen=report_a.fingerprint, mend="choose another run")
    if report_a.dataset_name != report_b.dataset_name:
        seen = f"{report_a.dataset_name} and {report_b.dataset_name}"
        raise InputError("the runs are of different data sets", seen=seen, mend="compare runs of one data set")
    splits = [report.request.evaluation.split for report in (report_a, report_b)]
    if splits[0] != splits[1]:
        seen = f"{splits[0]} and {splits[1]} users"
        raise InputError("the runs are of different users", seen=seen, mend="compare runs of the same split")
    if report_a.k != report_b.k:
        seen = f"K = {report_a.k} and K = {report_b.k}"
        raise SettingsError(
            "the runs are scored at different K", seen=seen, mend="evaluate one of them with the K of the other"
        )


def differing_settings(report_a: Report, report_b: Report) -> tuple[SettingDifference, ...]:
    """The settings that are not the same, the precision in effect, and provenance where both reports tell it."""
    flat_a, flat_b = report_a.request.flattened(), report_b.request.flattened()
    if report_a.provenance and report_b.provenance:
        flat_a |= {f"provenance.{name}": value for name, value in report_a.provenance.items()}
        flat_b |= {f"provenance.{name}": value for name, value in report_b.provenance.items()}
    flat_a["weights held in"], flat_b["weights held in"] = report_a.precision, report_b.precision
    return tuple(
        SettingDifference(name, flat_a.get(name), flat_b.get(name))
        for name in dict.fromkeys((*flat_a, *flat_b))
        if flat_a.get(name) != flat_b.get(name)
    )


def _common(
    results_a: Sequence[RecordResult], results_b: Sequence[RecordResult]
) -> list[tuple[RecordResult, RecordResult]]:
    """Both results of each record that both runs have."""
    if not results_a or not results_b:
        mend = "run its command, which runs show tells, to have them"
        raise InputError("the records of a run are not here: it came with the repository", mend=mend)
    of_b = {result.record_id: result for result in results_b}
    pairs = [(mine, of_b[mine.record_id]) for mine in results_a if mine.record_id in of_b]
    if not pairs:
        seen = f"{len(results_a)} and {len(results_b)} records"
        mend = "evaluate more records, or both runs with the same seed"
        raise InputError("the runs have no record in common", seen=seen, mend=mend)
    for mine, other in pairs:
        if (mine.history, mine.relevant) != (other.history, other.relevant):
            mend = "compare runs of the same data, split the same way"
            raise InputError("a record is not the same in both runs", seen=mine.record_id, mend=mend)
    return pairs


def _side(report: Report, results: Sequence[RecordResult], common: Sequence[RecordResult]) -> ComparedRun:
    resolver = report.request.resolution.resolver
    return ComparedRun(report, len(results) - len(common), distance_histogram(common, resolver=resolver))


def _metric_pair(ours: Sequence[RecordResult], theirs: Sequence[RecordResult], metric: str) -> MetricPair:
    user_ids = [result.user_id for result in ours]
    a, b = (MetricScore.of_records([result.metrics[metric] for result in side], user_ids) for side in (ours, theirs))
    return MetricPair(a, b, paired_difference(ours, theirs, against="B", metric=metric))
