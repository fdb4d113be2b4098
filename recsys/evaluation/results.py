"""What one record's evaluation leaves behind, as one JSON object.

A result holds everything that reports, charts and the records browser need, so that a report can be made
again from them alone. It knows no catalogue: titles of items are looked up by whoever shows them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from recsys.evaluation.metrics import METRICS, score_record

if TYPE_CHECKING:
    from recsys.data.records import Record
    from recsys.recommend import Recommendation
    from recsys.resolution.base import Resolution


@dataclass(frozen=True)
class ResolvedTitle:
    """One generated title and what it stands for.

    Attributes:
        title: As the model wrote it, without its year.
        year: The year written after it, if any.
        item_id: The item, or None when out of catalogue.
        match: exact, normalised, fuzzy, semantic, or none for out of catalogue.
        distance: In the resolver's unit; None when nothing is near.
        similarity: 0 to 1.
        flags: repeated, already_liked, already_disliked, wrong_year, ambiguous, forced; in alphabetical order.
        nearest_item_id: The nearest item even where it is too far to count.
    """

    title: str
    year: int | None
    item_id: int | None
    match: str
    distance: float | None
    similarity: float
    flags: tuple[str, ...] = ()
    nearest_item_id: int | None = None

    @classmethod
    def from_resolution(cls, resolution: Resolution) -> Self:
        return cls(
            title=resolution.generated.title,
            year=resolution.generated.year,
            item_id=resolution.item_id,
            match=resolution.match,
            distance=resolution.distance,
            similarity=resolution.similarity,
            flags=tuple(sorted(resolution.flags)),
            nearest_item_id=resolution.nearest_item_id,
        )


@dataclass(frozen=True)
class RecordResult:
    """How a model answered one record.

    Attributes:
        record_id: The record.
        user_id: Its user, the cluster of every interval.
        history: The liked items that the model was given.
        relevant: The liked items that came next.
        completion: What the model wrote.
        problem: What the text is instead of a list (empty, code, prose, other_script), or None.
        well_formed: Whether the text is a list of titles and nothing else.
        num_titles: Complete titles that the text holds.
        num_asked: Titles asked for.
        titles: The generated titles with their resolutions, by rank.
        item_ids: The recommended items by rank; None keeps the rank of a miss.
        exact_item_ids: As item_ids, counting only titles written exactly as the catalogue has them.
        metrics: Every metric of item_ids at k.
        raw_metrics: Every metric of exact_item_ids at k.
        seconds: Generation time of its batch divided by the records of the batch.
        tokens: Tokens generated.
        finish_reason: Why generation ended.
    """

    record_id: str
    user_id: int
    history: tuple[int, ...]
    relevant: tuple[int, ...]
    completion: str
    problem: str | None
    well_formed: bool
    num_titles: int
    num_asked: int
    titles: tuple[ResolvedTitle, ...]
    item_ids: tuple[int | None, ...]
    exact_item_ids: tuple[int | None, ...]
    metrics: Mapping[str, float] = field(default_factory=dict)
    raw_metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    tokens: int = 0
    finish_reason: str = ""

    @classmethod
    def from_recommendation(
        cls, record: Record, recommendation: Recommendation, *, k: int, num_in_batch: int = 1
    ) -> Self:
        """Scores one recommendation against its record.

        Args:
            record: The held-out record.
            recommendation: The answer to its history.
            k: The rank cut of every metric.
            num_in_batch: Records generated together, which share the batch's seconds.
        """
        completion, parsed = recommendation.completion, recommendation.parsed
        metrics = score_record(record.relevant, recommendation.item_ids, k)
        is_exact = recommendation.exact_item_ids == recommendation.item_ids
        return cls(
            record_id=record.record_id,
            user_id=record.user_id,
            history=record.history,
            relevant=record.relevant,
            completion=completion.text,
            problem=parsed.problem,
            well_formed=parsed.is_well_formed,
            num_titles=parsed.num_titles,
            num_asked=recommendation.prompt.num_recommendations,
            titles=tuple(ResolvedTitle.from_resolution(resolution) for resolution in recommendation.resolutions),
            item_ids=recommendation.item_ids,
            exact_item_ids=recommendation.exact_item_ids,
            metrics=metrics,
            raw_metrics=metrics if is_exact else score_record(record.relevant, recommendation.exact_item_ids, k),
            seconds=completion.seconds / num_in_batch,
            tokens=completion.completion_tokens,
            finish_reason=completion.finish_reason,
        )

    def with_every_metric(self, k: int) -> Self:
        """The same with the metrics that it lacks: a result of an older release does not have those added since.

        What it has stays as it is.
        """
        if self.metrics.keys() >= METRICS.keys():
            return self
        resolved, raw = (score_record(self.relevant, items, k) for items in (self.item_ids, self.exact_item_ids))
        return replace(self, metrics={**resolved, **self.metrics}, raw_metrics={**raw, **self.raw_metrics})

    def to_dict(self) -> dict[str, Any]:
        """The result as plain JSON values."""
        # Not dataclasses.asdict, which copies every number by itself: it took longer than all that is kept and scored.
        titles = tuple(dict(vars(title)) for title in self.titles)
        return vars(self) | {"titles": titles, "metrics": dict(self.metrics), "raw_metrics": dict(self.raw_metrics)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Makes the result from what to_dict gave, by way of JSON or not.

        Raises:
            TypeError: for a missing or unknown part.
            KeyError: when there are no titles.
        """
        plain = dict(values)
        for name in ("history", "relevant", "item_ids", "exact_item_ids"):
            plain[name] = tuple(plain[name])
        plain["titles"] = tuple(
            ResolvedTitle(**{**title, "flags": tuple(title.get("flags", ()))}) for title in plain["titles"]
        )
        return cls(**plain)

    def to_json(self) -> str:
        """The result as JSON on one line; plain ASCII, so any text survives."""
        return json.dumps(self.to_dict(), separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Reads what to_json wrote.

        Raises:
            ValueError: when the text is no JSON object of a result.
        """
        try:
            return cls.from_dict(json.loads(text))
        except (TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
            raise ValueError(f"not a result: {error}") from error
