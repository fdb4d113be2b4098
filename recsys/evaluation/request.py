"""What is evaluated: the records, the model and every setting that can change a result.

The fingerprint of a request names its run on disk, so that the same request finds what an earlier,
interrupted run already has. This module draws no records and loads nothing.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from recsys.arguments import written_settings
from recsys.data.records import Record
from recsys.errors import SettingsError
from recsys.models.host import ModelChoice
from recsys.recommend import RecommendationRequest
from recsys.settings import (
    INT8_THRESHOLD,
    DecodingSettings,
    EvaluationSettings,
    GenerationSettings,
    PromptSettings,
    ResolutionSettings,
    require_choice,
)

BASELINES: Final = ("popularity", "ease", "item_knn", "bm25_knn", "co_occurrence", "slit", "similarity", "random")
"""The baselines that can be scored beside a model."""

BATCH_SIZES: Final = {False: 8, True: 64}
"""Records asked together where nothing is set: in free text, and with catalogue decoding."""

RESULTS_VERSION: Final = 2
"""Raise it when the way from a completion to its scores changes, so that no run mixes two ways."""

_LEFT_OUT_OF_FINGERPRINT = ("baselines",)


@dataclass(frozen=True)
class EvaluationRequest:
    """One evaluation.

    Attributes:
        evaluation: Which records, and how far down the list.
        generation: Decoding settings; each record draws with its own seed, made of the evaluation's seed and its id.
        prompt: Prompt format.
        resolution: How titles become items.
        choice: Base model, precision and adapter.
        baselines: Classic recommenders scored on the same records.
        decoding: Free text, or only what the catalogue holds.
    """

    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)
    generation: GenerationSettings = field(default_factory=GenerationSettings)
    prompt: PromptSettings = field(default_factory=PromptSettings)
    resolution: ResolutionSettings = field(default_factory=ResolutionSettings)
    choice: ModelChoice = field(default_factory=ModelChoice)
    baselines: tuple[str, ...] = ("popularity", "ease")
    decoding: DecodingSettings = field(default_factory=DecodingSettings)

    def __post_init__(self) -> None:
        for name in self.baselines:
            require_choice("baseline", name, BASELINES)

    @property
    def batch_size(self) -> int:
        """Records asked together: as set, or what suits the decoding, which takes many at once within the catalogue."""
        return self.evaluation.batch_size or BATCH_SIZES[self.decoding.is_catalogue]

    @property
    def search_words(self) -> tuple[str, ...]:
        """How titles are searched for, in a few words each: "catalogue list", "T 0", "4 beams"."""
        generation, decoding = self.generation, self.decoding
        beams = decoding.beams_of(generation)
        words = [decoding.decoding.replace("_", " ")] if decoding.is_catalogue else []
        if decoding.decoding == "catalogue_rank" or decoding.is_hybrid:
            words.append(f"{decoding.title_score} score")
        else:
            words.append(f"T {generation.temperature:g}")
        if decoding.is_hybrid:
            words += [f"{decoding.candidates_of(generation)} candidates", f"LLM weight {decoding.llm_weight:g}"]
        return (*words, f"{beams} beams") if beams > 1 else tuple(words)

    @property
    def command_words(self) -> list[str]:
        """The command line that asks the same of the embedded data; `cli.evaluate` reads it back."""
        return ["python", "-m", "recsys", "evaluate", *self.option_words]

    @property
    def option_words(self) -> list[str]:
        """The options of that command line, the split among them: other commands have another one as their default."""
        evaluation = self.evaluation
        return [
            f"--records={evaluation.num_records}",
            *([f"--run-seed={evaluation.seed}"] if evaluation.seed else []),
            *written_settings(evaluation, skip=("num_records", "seed"), always=("split",)),
            *self.choice.words,
            *written_settings(self.generation, skip=("seed",)),
            *written_settings(self.decoding),
            *written_settings(self.resolution),
            *written_settings(self.prompt, always=("style",)),
            *("--baselines", *self.baselines),
        ]

    def for_record(self, record: Record) -> RecommendationRequest:
        """The question that a record asks under these settings."""
        return RecommendationRequest(
            history=record.history,
            disliked=record.disliked,
            generation=self.generation,
            prompt=self.prompt,
            resolution=self.resolution,
            choice=self.choice,
            decoding=self.decoding,
            record_id=record.record_id,
        )

    def to_dict(self) -> dict[str, Any]:
        """The request as plain JSON values."""
        return {
            "evaluation": self.evaluation.to_dict(),
            "generation": self.generation.to_dict(),
            "prompt": self.prompt.to_dict(),
            "resolution": self.resolution.to_dict(),
            "choice": self._written_choice(),
            "baselines": list(self.baselines),
            "decoding": self.decoding.to_dict(),
        }

    def flattened(self) -> dict[str, Any]:
        """Every setting by its part and name, such as "generation.temperature"."""
        flat: dict[str, Any] = {}
        for part, value in self.to_dict().items():
            flat |= {f"{part}.{name}": v for name, v in value.items()} if isinstance(value, dict) else {part: value}
        return flat

    def _written_choice(self) -> dict[str, Any]:
        """The choice without a threshold that is the usual one, so that runs keep the names they had before it."""
        choice = dataclasses.asdict(self.choice)
        if self.choice.int8_threshold == INT8_THRESHOLD:
            del choice["int8_threshold"]
        return choice

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Makes the request from plain values; what is missing keeps its default.

        Raises:
            SettingsError: for a name that is not a setting, or a value out of range.
        """
        known = {"evaluation", "generation", "prompt", "resolution", "choice", "baselines", "decoding"}
        unknown = sorted(set(values) - known)
        if unknown:
            mend = f"known are {', '.join(sorted(known))}"
            raise SettingsError("an evaluation has no such part", seen=unknown[0], mend=mend)
        choice = dict(values.get("choice", {}))
        parts = [part.name for part in dataclasses.fields(ModelChoice)]
        if extra := sorted(set(choice) - set(parts)):
            raise SettingsError("a choice has no such part", seen=extra[0], mend=f"known are {', '.join(parts)}")
        return cls(
            evaluation=EvaluationSettings.from_dict(dict(values.get("evaluation", {}))),
            generation=GenerationSettings.from_dict(dict(values.get("generation", {}))),
            prompt=PromptSettings.from_dict(dict(values.get("prompt", {}))),
            resolution=ResolutionSettings.from_dict(dict(values.get("resolution", {}))),
            choice=ModelChoice(**choice),
            baselines=tuple(values.get("baselines", cls.baselines)),
            decoding=DecodingSettings.from_dict(dict(values.get("decoding", {}))),
        )

    @property
    def _identity(self) -> dict[str, Any]:
        """What of the request a record's result depends on; settings added since stand in it where they act."""
        evaluation = self.evaluation.to_dict()
        if self.evaluation.history_length is None:
            del evaluation["history_length"]
        known = {name: part for name, part in self.to_dict().items() if name not in _LEFT_OUT_OF_FINGERPRINT}
        return known | {"evaluation": evaluation, "decoding": self.decoding.in_effect()}

    def fingerprint(self, *, data_name: str, weight_hash: str, precision: str, adapter_hash: str | None = None) -> str:
        """Names everything that a record's result depends on, in 16 hexadecimal digits.

        Baselines are left out: they add bars to the report and change no record. So are settings of another mode of
        decoding, and a history that is shown whole, so that runs keep the names they had before there were these.

        Args:
            data_name: Name of the data set that the records come from.
            weight_hash: Hash of the base model's weights.
            precision: What the weights are held in ("auto" may differ between machines).
            adapter_hash: Hash of the adapter's weights, or its name where no hash is known; None without one.
        """
        identity = self._identity | {
            "results_version": RESULTS_VERSION,
            "data_name": data_name,
            "weight_hash": weight_hash,
            "precision": precision,
            "adapter_hash": adapter_hash,
        }
        canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]
