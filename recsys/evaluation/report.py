"""What an evaluation found: every system's figures with their intervals, and how the text was written.

A report holds plain values. summary.py makes it of per-record results, export.py and report_text.py write it; it
knows no file and no page.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from recsys.evaluation.beyond_accuracy import BEYOND_ACCURACY
from recsys.evaluation.breakdowns import BREAKDOWNS
from recsys.evaluation.metrics import METRICS
from recsys.evaluation.misses import miss_definitions
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.scores import BreakdownRow as BreakdownRow
from recsys.evaluation.scores import MetricScore as MetricScore
from recsys.evaluation.scores import PairedDifference as PairedDifference
from recsys.evaluation.scores import SystemScore as SystemScore
from recsys.evaluation.significance import SIGNIFICANCE_METHOD
from recsys.evaluation.text_quality import DistanceHistogram, Share

_ADDED: Final = ("breakdowns", "provenance", "command", "known_films", "reference_misses")
"""What reports of older releases may lack."""

INTERVAL_METHOD: Final = "95% intervals: percentile bootstrap, 10,000 resamples of users with all their records."


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
        breakdowns: The headline metric over groups of records; empty in reports of older releases.
        provenance: What made it, by name: hashes of data, weights, adapter and prompts, versions of the engine; empty
            in reports of older releases.
        command: The command line that makes it again; empty where none was noted.
        known_films: The list by which titles out of the catalogue were told to be films or not, and its size; empty
            where there was none.
        reference_misses: The classes of ranks of popularity and of a random order where they are no baselines of the
            run, by name: what a near share is read against. Empty in reports of older releases.
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
    breakdowns: tuple[BreakdownRow, ...] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    known_films: str = ""
    reference_misses: Mapping[str, Mapping[str, Share]] = field(default_factory=dict)

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

    def is_of(self, dataset_name: str) -> bool:
        """Whether it is of that data set; its own name of it may be followed by how it was split."""
        return self.dataset_name == dataset_name or self.dataset_name.startswith(f"{dataset_name}, ")

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The metrics that it has, the headline first; a report of an older release lacks those added since."""
        return tuple(name for name in METRICS if name in self.model.metrics)

    @property
    def definitions(self) -> dict[str, str]:
        """Each metric's definition in one line, to be printed beside its figure."""
        return {name: METRICS[name].definition(self.k) for name in self.metric_names}

    @property
    def beyond_accuracy_definitions(self) -> dict[str, str]:
        """The definition of each measure that it has, with what its denominator counts."""
        return {
            name: measure.definition(self.k)
            for name, measure in BEYOND_ACCURACY.items()
            if name in self.model.beyond_accuracy
        }

    @property
    def misses(self) -> dict[str, Mapping[str, Share]]:
        """The classes of ranks of every system and reference by name; empty in reports of older releases."""
        if not self.model.misses:
            return {}
        return {**{system.name: system.misses for system in self.systems}, **self.reference_misses}

    @property
    def miss_definitions(self) -> dict[str, str]:
        """What each class of ranks holds, with its denominator."""
        return miss_definitions(self.known_films) if self.model.misses else {}

    @property
    def breakdown_definitions(self) -> dict[str, str]:
        """What the rows of each breakdown that it has are grouped by."""
        found = {row.by for row in self.breakdowns}
        return {name: breakdown.definition for name, breakdown in BREAKDOWNS.items() if name in found}

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON values, definitions included."""
        plain = {part.name: getattr(self, part.name) for part in dataclasses.fields(self)}
        plain["request"] = self.request.to_dict()
        plain["provenance"] = dict(self.provenance)
        plain["systems"] = [system.to_dict() for system in self.systems]
        plain["differences"] = [dataclasses.asdict(difference) for difference in self.differences]
        plain["breakdowns"] = [dataclasses.asdict(row) for row in self.breakdowns]
        plain["text_quality"] = {name: share.to_dict() for name, share in self.text_quality.items()}
        plain["reference_misses"] = {
            name: {key: share.to_dict() for key, share in shares.items()}
            for name, shares in self.reference_misses.items()
        }
        plain["distances"] = dataclasses.asdict(self.distances)
        plain["tokens_per_second"] = self.tokens_per_second
        plain["definitions"] = self.definitions
        plain["beyond_accuracy_definitions"] = self.beyond_accuracy_definitions
        plain["miss_definitions"] = self.miss_definitions
        plain["breakdown_definitions"] = self.breakdown_definitions
        plain["interval_method"] = INTERVAL_METHOD
        plain["significance_method"] = SIGNIFICANCE_METHOD
        return plain

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Makes the report from what to_dict gave, by way of JSON or not; what older releases did not tell is empty.

        Raises:
            KeyError: when a part is missing.
            SettingsError: when the request in it is not valid (any more).
        """
        plain = {
            part.name: values[part.name]
            for part in dataclasses.fields(cls)
            if part.name not in _ADDED or part.name in values
        }
        plain["request"] = EvaluationRequest.from_dict(values["request"])
        plain["systems"] = tuple(SystemScore.from_dict(system) for system in values["systems"])
        plain["differences"] = tuple(PairedDifference.from_dict(difference) for difference in values["differences"])
        plain["breakdowns"] = tuple(BreakdownRow.from_dict(row) for row in values.get("breakdowns", ()))
        plain["text_quality"] = {name: Share.from_dict(share) for name, share in values["text_quality"].items()}
        plain["reference_misses"] = {
            name: {key: Share.from_dict(share) for key, share in shares.items()}
            for name, shares in values.get("reference_misses", {}).items()
        }
        plain["distances"] = DistanceHistogram.from_dict(values["distances"])
        return cls(**plain)
