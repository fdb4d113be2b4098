"""Every test record through catalogue decoding, the way an evaluation asks: seconds, and what must not happen.

A title out of the catalogue, a repeated one or one already liked is a fault of the decoder, so a single one
ends the benchmark with an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recsys.cli.bench_decoding import NUM_TITLES, RANK_BEAMS, timed
from recsys.data.records import Record
from recsys.evaluation.metrics import average_precision
from recsys.evaluation.runner import record_seeds
from recsys.models.host import ModelChoice
from recsys.recommend import Recommendation, RecommendationRequest
from recsys.settings import DecodingSettings, EvaluationSettings, GenerationSettings, PromptSettings
from recsys.workbench import Workbench

WAYS: dict[str, tuple[GenerationSettings, DecodingSettings]] = {
    "list_greedy": (
        GenerationSettings(temperature=0, num_recommendations=NUM_TITLES),
        DecodingSettings("catalogue_list"),
    ),
    "list_beam4": (
        GenerationSettings(temperature=0, num_beams=4, num_recommendations=NUM_TITLES),
        DecodingSettings("catalogue_list"),
    ),
    "rank": (
        GenerationSettings(temperature=0, num_beams=RANK_BEAMS, num_recommendations=NUM_TITLES),
        DecodingSettings("catalogue_rank"),
    ),
    "rank_full": (
        GenerationSettings(temperature=0, num_beams=RANK_BEAMS, num_recommendations=NUM_TITLES),
        DecodingSettings("catalogue_rank", title_score="full"),
    ),
}


def bench_test_set(workbench: Workbench, choice: ModelChoice, *, include_years: bool) -> list[dict[str, Any]]:
    """One row for each way of asking; raises AssertionError where a forbidden title came out.

    Args:
        workbench: Data and model.
        choice: The model.
        include_years: Whether titles carry their year.
    """
    records = workbench.split.records["test"]
    seeds = record_seeds(records, EvaluationSettings(num_records=0))
    prompt = PromptSettings(include_years=include_years)
    rows = []
    for name, (generation, decoding) in WAYS.items():
        requests = [
            RecommendationRequest(r.history, r.disliked, generation, prompt, choice=choice, decoding=decoding)
            for r in records
        ]
        workbench.recommend_batch(requests[:4], seeds=seeds[:4])
        seconds, answers = timed(lambda requests=requests: workbench.recommend_batch(requests, seeds=seeds))  # type: ignore[misc]
        faults = count_faults(records, answers)
        rows.append(
            {
                "way": name,
                "years": include_years,
                "records": len(records),
                "seconds": seconds,
                "titles": sum(len(answer.item_ids) for answer in answers),
                **faults,
                "map_at_4_over_records": _mean_over_records(records, answers),
                "map_at_4_over_users": _mean_over_users(records, answers),
            }
        )
        if any(faults.values()) or rows[-1]["titles"] != NUM_TITLES * len(records):
            raise AssertionError(f"{name}: {rows[-1]}")
    return rows


def count_faults(records: Sequence[Record], answers: Sequence[Recommendation]) -> dict[str, int]:
    """Titles that no answer of catalogue decoding may hold."""
    faults = {"out_of_catalogue": 0, "repeated": 0, "already_liked": 0}
    for record, answer in zip(records, answers, strict=True):
        items = [resolution.item_id for resolution in answer.resolutions]
        faults["out_of_catalogue"] += sum(item is None for item in items)
        faults["repeated"] += len(items) - len(set(items))
        faults["already_liked"] += len({*record.history, *record.disliked}.intersection(items))
    return faults


def _scores(records: Sequence[Record], answers: Sequence[Recommendation]) -> list[float]:
    return [
        average_precision(record.relevant, answer.item_ids, NUM_TITLES)
        for record, answer in zip(records, answers, strict=True)
    ]


def _mean_over_records(records: Sequence[Record], answers: Sequence[Recommendation]) -> float:
    return sum(_scores(records, answers)) / len(records)


def _mean_over_users(records: Sequence[Record], answers: Sequence[Recommendation]) -> float:
    by_user: dict[int, list[float]] = {}
    for record, score in zip(records, _scores(records, answers), strict=True):
        by_user.setdefault(record.user_id, []).append(score)
    return sum(sum(scores) / len(scores) for scores in by_user.values()) / len(by_user)
