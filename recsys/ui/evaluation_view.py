"""From jobs and reports to what the figures are made of: bars, running points, and the runs that compare.

It computes no metric of its own, except the interval of each point of the running curve, which a job does
not keep.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from recsys.evaluation.intervals import clustered_interval, mean_over_records
from recsys.evaluation.metrics import HEADLINE, METRICS
from recsys.evaluation.report import MetricScore, Report
from recsys.evaluation.results import RecordResult
from recsys.ui.evaluation_cards import moment, system_title
from recsys.ui.figures import Bar, BarRole, RunningPoint

_NUM_POINTS: Final = 30
_LIVE_RESAMPLES: Final = 500
_NUM_PAST: Final = 4


def running_points(results: Sequence[RecordResult], total: int) -> list[RunningPoint]:
    """The headline metric after some of the records, at most about thirty points, the last of them now.

    Args:
        results: In the order in which they were done.
        total: Records of the whole run; decides how far points stand apart, so that they stay where they are.
    """
    step = max(1, -(-total // _NUM_POINTS))
    places = [*range(step, len(results), step), len(results)] if results else []
    values = [result.metrics[HEADLINE] for result in results]
    user_ids = [result.user_id for result in results]
    points = []
    for place in places:
        interval = clustered_interval(values[:place], user_ids[:place], num_resamples=_LIVE_RESAMPLES)
        mean = mean_over_records(values[:place])
        points.append(RunningPoint(place, mean, *((interval.low, interval.high) if interval else (None, None))))
    return points


def comparison_bars(report: Report, past: Sequence[Report]) -> list[Bar]:
    """The run resolved and raw, its baselines, and the newest past runs on the very same records."""
    bars = [_bar(f"{report.model.name}, resolved", report.model.metrics[HEADLINE], "model", "titles resolved to items")]
    if report.model.raw is not None:
        bars.append(_bar("raw exact titles", report.model.raw[HEADLINE], "raw", "only titles written exactly"))
    bars += [
        _bar(system_title(system.name), system.metrics[HEADLINE], "baseline", "on the same records")
        for system in report.systems[1:]
    ]
    compared = [other for other in past if is_comparable(other, report)][:_NUM_PAST]
    return bars + [
        _bar(_past_name(other), other.model.metrics[HEADLINE], "past", _past_detail(other)) for other in compared
    ]


def is_comparable(other: Report, report: Report) -> bool:
    """Whether another run was made on the same records at the same k."""
    return (
        other.fingerprint != report.fingerprint
        and other.records_hash == report.records_hash
        and other.k == report.k
        and other.dataset_name == report.dataset_name
    )


def distance_unit(report: Report) -> str:
    """What distances of the run's resolver count."""
    return {"levenshtein": "edits", "common_characters": "1 − shared characters", "embedding": "1 − cosine"}[
        report.request.resolution.resolver
    ]


def headline_label(k: int) -> str:
    """The name of the headline metric at k: "MAP@4"."""
    return METRICS[HEADLINE].label(k)


def _bar(name: str, score: MetricScore, role: BarRole, detail: str) -> Bar:
    low, high = (score.interval.low, score.interval.high) if score.interval else (None, None)
    return Bar(name, score.mean, low, high, role, detail)


def _past_name(report: Report) -> str:
    """What tells it from the others in few words, since names stand above bars on narrow screens too."""
    choice, words = report.request.choice, report.request.search_words
    beams = [word for word in words[1:] if word.endswith("beams")]
    searched = words[0].removeprefix("catalogue ") if beams else words[0]
    return ", ".join([f"past: {choice.adapter or choice.model}", searched, *beams])


def _past_detail(report: Report) -> str:
    told = (report.request.prompt.style.replace("_", "-"), *report.request.search_words, report.precision)
    return f"{', '.join(told)}; run {report.fingerprint[:6]}, {moment(report.finished_at)}"
