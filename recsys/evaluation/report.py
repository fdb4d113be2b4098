"""What an evaluation found: every system's figures with their intervals, and how the text was written.

A report holds plain values. summary.py makes it of per-record results, export.py writes it; it knows no file
and no page.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

from recsys.evaluation.intervals import Interval
from recsys.evaluation.metrics import METRICS
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.text_quality import DistanceHistogram, Share

INTERVAL_METHOD: Final = "95% intervals: percentile bootstrap, 10,000 resamples of users with all their records."


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
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        return cls(values["mean"], _interval_from(values["interval"]), values["mean_over_users"])


@dataclass(frozen=True)
class SystemScore:
    """One system on the records.

    Attributes:
        name: The model with its adapter, or the baseline.
        kind: model or baseline.
        metrics: Every metric by name.
        raw: The same counting only titles written exactly as the catalogue has them; None for baselines, which
            write no titles.
        seconds: Generation time of all records, or fitting and ranking.
        coverage: The share of the likes that a baseline was fitted on that are of items it knows; None for models,
            and in reports of before it was told.
    """

    name: str
    kind: Literal["model", "baseline"]
    metrics: Mapping[str, MetricScore]
    raw: Mapping[str, MetricScore] | None
    seconds: float
    coverage: float | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        raw = values["raw"]
        return cls(
            name=values["name"],
            kind=values["kind"],
            metrics={name: MetricScore.from_dict(score) for name, score in values["metrics"].items()},
            raw=None if raw is None else {name: MetricScore.from_dict(score) for name, score in raw.items()},
            seconds=values["seconds"],
            coverage=values.get("coverage"),
        )


@dataclass(frozen=True)
class PairedDifference:
    """How much better the model is than another system on the same records.

    Attributes:
        against: Name of the other system.
        metric: Which metric.
        mean: Model minus other, over records.
        interval: Of that difference, users resampled; None with fewer than two users.
    """

    against: str
    metric: str
    mean: float
    interval: Interval | None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        return cls(values["against"], values["metric"], values["mean"], _interval_from(values["interval"]))


@dataclass(frozen=True)
class Report:
    """An evaluation's findings.

    Attributes:
        fingerprint: Names the run.
        request: What was asked.
        dataset_name: Where the records come from.
        protocol: How the records were made and drawn, in words.
        num_records: Records evaluated.
        num_users: Users that they are of.
        records_hash: The same for the same records, so that runs can be compared.
        systems: The model first, then the baselines.
        differences: Model minus each baseline, in the headline metric.
        text_quality: Every share by name.
        distances: Distances of the generated titles from their nearest item.
        tokens: Tokens generated.
        seconds: Generation time.
        precision: What the weights were held in.
        machine: What it ran on.
        started_at: First start in UTC, ISO 8601; earlier than this session's where the run was taken up again.
        finished_at: When the report was made.
    """

    fingerprint: str
    request: EvaluationRequest
    dataset_name: str
    protocol: str
    num_records: int
    num_users: int
    records_hash: str
    systems: tuple[SystemScore, ...]
    differences: tuple[PairedDifference, ...]
    text_quality: Mapping[str, Share]
    distances: DistanceHistogram
    tokens: int
    seconds: float
    precision: str
    machine: str
    started_at: str
    finished_at: str

    @property
    def k(self) -> int:
        return self.request.evaluation.k

    @property
    def model(self) -> SystemScore:
        """The system that the evaluation is about."""
        return self.systems[0]

    @property
    def tokens_per_second(self) -> float:
        """Generated tokens per second over all batches; 0 where nothing was generated."""
        return self.tokens / self.seconds if self.seconds > 0 else 0.0

    @property
    def definitions(self) -> dict[str, str]:
        """Each metric's definition in one line, to be printed beside its figure."""
        return {name: metric.definition(self.k) for name, metric in METRICS.items()}

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON values, definitions included."""
        plain = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        plain["request"] = self.request.to_dict()
        plain["systems"] = [dataclasses.asdict(system) for system in self.systems]
        plain["differences"] = [dataclasses.asdict(difference) for difference in self.differences]
        plain["text_quality"] = {
            name: {**dataclasses.asdict(share), "value": share.value} for name, share in self.text_quality.items()
        }
        plain["distances"] = dataclasses.asdict(self.distances)
        plain["tokens_per_second"] = self.tokens_per_second
        plain["definitions"] = self.definitions
        plain["interval_method"] = INTERVAL_METHOD
        return plain

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Makes the report from what to_dict gave, by way of JSON or not.

        Raises:
            KeyError: when a part is missing.
            SettingsError: when the request in it is not valid (any more).
        """
        plain = {field.name: values[field.name] for field in dataclasses.fields(cls)}
        plain["request"] = EvaluationRequest.from_dict(values["request"])
        plain["systems"] = tuple(SystemScore.from_dict(system) for system in values["systems"])
        plain["differences"] = tuple(PairedDifference.from_dict(difference) for difference in values["differences"])
        plain["text_quality"] = {
            name: Share(share["numerator"], share["denominator"], share["of"])
            for name, share in values["text_quality"].items()
        }
        plain["distances"] = DistanceHistogram.from_dict(values["distances"])
        return cls(**plain)


def _interval_from(values: Mapping[str, Any] | None) -> Interval | None:
    return None if values is None else Interval(values["low"], values["high"], values["level"])
