"""How long an evaluation will take, told before it starts, and what that is based on.

The best basis is an earlier run with the same model and the same search on this machine; then the speed that
the loaded model has shown; then the speed of a common machine. This module measures nothing itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from recsys.evaluation.jobs import estimate_seconds
from recsys.evaluation.report import Report
from recsys.evaluation.request import EvaluationRequest
from recsys.settings import GenerationSettings, PromptSettings

ASSUMED_TOKENS_PER_SECOND: Final = 13.6
"""One record at a time, greedily: a model of 135M parameters in bf16 on two processor cores."""

_TOKENS_PER_TITLE: Final = {True: 12.5, False: 7.5}
"""Mean tokens of a catalogue title and its separator, with and without the year."""

_BATCH_GAINS: Final = ((1, 1.0), (8, 5.4), (16, 7.0), (32, 8.7))
"""How much faster a batch of that size generates than one record at a time; measured in bf16 on two cores."""

_CATALOGUE_PROMPT_SECONDS: Final = 0.009
"""Reading one history of a few-shot prompt in a large batch, the worked examples read once for all."""

_BEAMS_COST: Final = 0.6
"""Each beam beyond the first costs about this much of a record of its own."""


@dataclass(frozen=True)
class Estimate:
    """A duration and what it is based on.

    Attributes:
        seconds: Of all records.
        basis: In words, to stand behind the figure.
    """

    seconds: float
    basis: str


def estimate(
    request: EvaluationRequest, num_records: int, reports: Sequence[Report], tokens_per_second: float | None
) -> Estimate:
    """Estimates the generation time of an evaluation.

    Args:
        request: What will be asked.
        num_records: Records of the run.
        reports: Earlier runs, the newest first.
        tokens_per_second: What the loaded model has shown on single requests; None when it has answered none.
    """
    earlier = next((report for report in reports if _compares(report, request)), None)
    if earlier is not None:
        each = earlier.seconds / earlier.num_records
        return Estimate(estimate_seconds(num_records, each), f"{each:.2g} s a record in an earlier run here")
    speed = tokens_per_second or ASSUMED_TOKENS_PER_SECOND
    if request.decoding.is_catalogue:
        each = catalogue_seconds(request) * ASSUMED_TOKENS_PER_SECOND / speed
        return Estimate(estimate_seconds(num_records, each), f"about {each:.2g} s a record with catalogue decoding")
    effective = speed * batch_gain(request.batch_size) / (1 + _BEAMS_COST * (_beams(request) - 1))
    tokens = expected_tokens(request.generation, request.prompt)
    told = "measured on this model" if tokens_per_second else "assumed: two processor cores, bf16"
    basis = f"about {tokens} tokens a record at {effective:.0f} tokens/s ({told})"
    return Estimate(estimate_seconds(num_records, tokens / effective), basis)


def catalogue_seconds(request: EvaluationRequest) -> float:
    """Seconds a record of catalogue decoding in large batches; measured in bf16 on two cores.

    >>> from recsys.settings import DecodingSettings
    >>> round(catalogue_seconds(EvaluationRequest(decoding=DecodingSettings("catalogue_list"))), 3)
    0.031
    """
    beams = request.decoding.beams_of(request.generation)
    if request.decoding.decoding == "catalogue_rank":
        titles = 0.001 * beams * (1.0 if request.decoding.title_score == "tree" else 2.5)
    elif request.decoding.is_hybrid:
        # Half of what one core of a busy machine took.
        titles = 0.0014 * request.decoding.candidates_of(request.generation)
        titles *= 1.0 if request.decoding.title_score == "tree" else 3.0
    else:
        titles = 0.0055 * request.generation.num_recommendations * (1 + 0.6 * (beams - 1))
    return _CATALOGUE_PROMPT_SECONDS + titles * (1.8 if request.prompt.include_years else 1.0)


def expected_tokens(generation: GenerationSettings, prompt: PromptSettings) -> int:
    """Tokens of an answer that is a clean list of N titles, or the limit where that is lower."""
    return min(
        generation.max_new_tokens, round(generation.num_recommendations * _TOKENS_PER_TITLE[prompt.include_years])
    )


def batch_gain(batch_size: int) -> float:
    """How much faster a batch generates than single records, between the measured sizes by a straight line.

    >>> batch_gain(1), batch_gain(8), batch_gain(256)
    (1.0, 5.4, 8.7)
    """
    for (small, low), (large, high) in pairwise(_BATCH_GAINS):
        if batch_size <= large:
            return low + (high - low) * (batch_size - small) / (large - small)
    return _BATCH_GAINS[-1][1]


def _beams(request: EvaluationRequest) -> int:
    return request.generation.num_beams


def _compares(report: Report, request: EvaluationRequest) -> bool:
    """Whether a run took the same model through the same amount of work."""
    theirs = report.request
    return (
        theirs.choice.model == request.choice.model
        and request.choice.precision in ("auto", report.precision)
        and _beams(theirs) == _beams(request)
        and theirs.generation.num_recommendations == request.generation.num_recommendations
        and theirs.generation.max_new_tokens == request.generation.max_new_tokens
        and theirs.batch_size == request.batch_size
        and theirs.decoding == request.decoding
        and theirs.prompt == request.prompt
        and report.seconds > 0
    )
