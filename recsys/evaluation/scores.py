"""The figures that a report is made of: of each system, of pairs of systems, and of groups of records.

They are plain values that come back from JSON as they went. This module knows how a mean over records is
summed up, and nothing of where the records come from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from recsys.evaluation.intervals import Interval, clustered_interval, mean_over_records, mean_over_users
from recsys.evaluation.significance import SIGNIFICANT, PermutationTest
from recsys.evaluation.text_quality import Share


@dataclass(frozen=True)
class MetricScore:
    """One metric of one system.

    Attributes:
        mean: Over records.
        interval: Of that mean, users resampled; None with fewer than two users.
        mean_over_users: Every user weighing the same.
    """

    mean: float
    interval: Interval | None
    mean_over_users: float

    @classmethod
    def of_records(cls, values: Sequence[float], user_ids: Sequence[int]) -> Self:
        """Sums up one value for each record; ``user_ids`` gives the user of each."""
        return cls(mean_over_records(values), clustered_interval(values, user_ids), mean_over_users(values, user_ids))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        return cls(values["mean"], Interval.from_dict(values["interval"]), values["mean_over_users"])


@dataclass(frozen=True)
class Measure:
    """One figure about the lists that a system recommends; beyond_accuracy.py tells which there are.

    Attributes:
        value: None where there is nothing to measure.
        interval: Where the value is a mean over records: users resampled. None for figures of all lists together,
            and with fewer than two users.
        denominator: Of how many; the definition says of what.
    """

    value: float | None
    interval: Interval | None
    denominator: int

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        return cls(values["value"], Interval.from_dict(values["interval"]), values["denominator"])


@dataclass(frozen=True)
class SystemScore:
    """One system on the records.

    Attributes:
        name: The model with its adapter, or the baseline.
        kind: model or baseline.
        metrics: Every metric by name; a report of an older release lacks those added since.
        raw: The same counting only titles written exactly as the catalogue has them; None for baselines, which
            write no titles.
        seconds: Generation time of all records, or fitting and ranking.
        beyond_accuracy: What the lists are like, by name; empty in reports of older releases.
        coverage: The share of the likes that a baseline was fitted on that are of items it knows; None for models,
            and in reports of older releases.
        misses: The share of each class of ranks, by name; misses.py tells which there are. Empty in reports of older
            releases.
        was_fitted: Whether an earlier evaluation had fitted the baseline, so that ``seconds`` holds what fitting took
            then; False in reports of older releases.
    """

    name: str
    kind: Literal["model", "baseline"]
    metrics: Mapping[str, MetricScore]
    raw: Mapping[str, MetricScore] | None
    seconds: float
    beyond_accuracy: Mapping[str, Measure] = field(default_factory=dict)
    coverage: float | None = None
    misses: Mapping[str, Share] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The system as plain JSON values."""
        return {**asdict(self), "misses": {name: share.to_dict() for name, share in self.misses.items()}}

    was_fitted: bool = False

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        raw = values["raw"]
        return cls(
            name=values["name"],
            kind=values["kind"],
            metrics={name: MetricScore.from_dict(score) for name, score in values["metrics"].items()},
            raw=None if raw is None else {name: MetricScore.from_dict(score) for name, score in raw.items()},
            seconds=values["seconds"],
            beyond_accuracy={
                name: Measure.from_dict(measure) for name, measure in values.get("beyond_accuracy", {}).items()
            },
            coverage=values.get("coverage"),
            misses={name: Share.from_dict(share) for name, share in values.get("misses", {}).items()},
            was_fitted=values.get("was_fitted", False),
        )


@dataclass(frozen=True)
class PairedDifference:
    """How much better the model is than another system on the same records.

    Attributes:
        against: Name of the other system.
        metric: Which metric.
        mean: Model minus other, over records.
        interval: Of that difference, users resampled; None with fewer than two users.
        permutation: The paired permutation test, whole users' signs flipped; None with fewer than two users and in
            reports of older releases.
        minimum_detectable_effect: The smallest true difference that such a study finds with 80% power; None as there.
        adjusted_p_value: The test's p-value, corrected by Holm for all baselines of the report; None as there.
    """

    against: str
    metric: str
    mean: float
    interval: Interval | None
    permutation: PermutationTest | None = None
    minimum_detectable_effect: float | None = None
    adjusted_p_value: float | None = None

    @property
    def deciding_p_value(self) -> float | None:
        """The p-value that a verdict goes by: the adjusted one, and the test's own where a report has no other."""
        if self.adjusted_p_value is not None:
            return self.adjusted_p_value
        return None if self.permutation is None else self.permutation.p_value

    @property
    def clear_sign(self) -> int:
        """1 or -1 where both the interval and the test tell that the difference is above or below 0, else 0."""
        deciding = self.deciding_p_value
        if self.interval is None or (deciding is not None and deciding >= SIGNIFICANT):
            return 0
        return int(self.interval.low > 0) - int(self.interval.high < 0)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        test = values.get("permutation")
        return cls(
            against=values["against"],
            metric=values["metric"],
            mean=values["mean"],
            interval=Interval.from_dict(values["interval"]),
            permutation=None if test is None else PermutationTest(**test),
            minimum_detectable_effect=values.get("minimum_detectable_effect"),
            adjusted_p_value=values.get("adjusted_p_value"),
        )


@dataclass(frozen=True)
class BreakdownRow:
    """The headline metric of every system on one group of the records; breakdowns.py tells which there are.

    Attributes:
        by: What the records are grouped by.
        group: low, middle or high for terciles, "1990s" for decades, unknown for records without a value.
        low: The least value in the group; None where it is unknown.
        high: The greatest value in the group; None where it is unknown.
        num_records: Records of the group.
        num_users: Users that they are of; a user may be in several groups.
        scores: The headline metric on these records, by name of the system.
    """

    by: str
    group: str
    low: float | None
    high: float | None
    num_records: int
    num_users: int
    scores: Mapping[str, MetricScore]

    @property
    def range(self) -> str:
        """The least and the greatest value; empty where they are unknown or the group is named by its only value.

        Years and likes need no decimals, overlaps and logarithms two.
        """
        if self.low is None or self.high is None:
            return ""
        if f"{self.low:g}" == f"{self.high:g}" == self.group:
            return ""
        digits = 0 if self.low >= 100 or (self.low.is_integer() and self.high.is_integer()) else 2
        return f"{self.low:.{digits}f} to {self.high:.{digits}f}"

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        scores = {name: MetricScore.from_dict(score) for name, score in values["scores"].items()}
        return cls(**{**values, "scores": scores})
