"""For whom a system works: the headline metric over groups of records.

Records are grouped by what was known before anybody recommended anything, so that groups are the same for
every system. Groups are small, so each row says how many records and users it is of, with the interval. This
module makes no list and judges none.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from recsys.evaluation.context import EvaluationContext
from recsys.evaluation.results import RecordResult
from recsys.evaluation.scores import BreakdownRow, MetricScore

TERCILES: Final = ("low", "middle", "high")
UNKNOWN: Final = "unknown"

_Value = Callable[[RecordResult, EvaluationContext], float | None]
_Group = Callable[[Sequence[float | None], Sequence[int]], list[str]]


@dataclass(frozen=True)
class Breakdown:
    """One way to group records.

    Attributes:
        name: Key in reports.
        title: What the records are grouped by.
        formula: The value in one line.
        value: The value of a record; None where it is not known.
        group: The group of each value, given the user of each.
        needs_difference: Whether it has no rows where all records have the same value.
    """

    name: str
    title: str
    formula: str
    value: _Value
    group: _Group
    needs_difference: bool = False

    @property
    def definition(self) -> str:
        """The line that stands beside its rows."""
        return f"{self.title}: {self.formula}"


def tercile_names(values: Sequence[float], among: Sequence[float]) -> list[str]:
    """Which third each value belongs to: low, middle or high.

    A value belongs to the third that its mid-rank lies in: (values below + half of its equals) / all. So equal values
    share a group, and where all are equal they are all in the middle.

    Args:
        values: Each gets a name.
        among: The values that are ranked; every one of ``values`` is among them.

    >>> tercile_names([1, 2, 2, 3], among=[1, 2, 2, 3])
    ['low', 'middle', 'middle', 'high']
    """
    ranked = sorted(among)
    names = []
    for value in values:
        below, to = bisect.bisect_left(ranked, value), bisect.bisect_right(ranked, value)
        names.append(TERCILES[3 * (below + to) // (2 * len(ranked))])
    return names


def break_down(
    results: Sequence[RecordResult], values: Mapping[str, Sequence[float]], context: EvaluationContext
) -> tuple[BreakdownRow, ...]:
    """Sums up one metric of every system over every group of records.

    Args:
        results: The records, by way of the model's results.
        values: For each system by name the metric of each record, in the order of ``results``.
        context: Of the same records.

    Returns:
        The rows of each breakdown in the order of BREAKDOWNS, the lowest group first, records of unknown value last.
        The groups of one breakdown hold each record once.
    """
    return tuple(row for breakdown in BREAKDOWNS.values() for row in _rows(breakdown, results, values, context))


def _rows(
    breakdown: Breakdown,
    results: Sequence[RecordResult],
    values: Mapping[str, Sequence[float]],
    context: EvaluationContext,
) -> Iterator[BreakdownRow]:
    # Rounded, so that the same overlaps added in another order stay equal and share a group.
    found = [breakdown.value(result, context) for result in results]
    rounded = [None if value is None else round(float(value), 9) for value in found]
    if breakdown.needs_difference and len(set(rounded)) < 2:
        return
    user_ids = [result.user_id for result in results]
    members: dict[str, list[int]] = {}
    for place, name in enumerate(breakdown.group(rounded, user_ids)):
        members.setdefault(name, []).append(place)

    def lowest(name: str) -> tuple[bool, float]:
        return name == UNKNOWN, min((rounded[place] or 0.0 for place in members[name]), default=0.0)

    for name in sorted(members, key=lowest):
        places = members[name]
        known = [value for place in places if (value := rounded[place]) is not None]
        users = [user_ids[place] for place in places]
        scores = {
            system: MetricScore.of_records([metric[place] for place in places], users)
            for system, metric in values.items()
        }
        low, high = (min(known), max(known)) if known else (None, None)
        yield BreakdownRow(breakdown.name, name, low, high, len(places), len(set(users)), scores)


def _thirds_of_records(values: Sequence[float | None], user_ids: Sequence[int]) -> list[str]:
    del user_ids
    known = [value for value in values if value is not None]
    names = iter(tercile_names(known, among=known))
    return [UNKNOWN if value is None else next(names) for value in values]


def _thirds_of_users(values: Sequence[float | None], user_ids: Sequence[int]) -> list[str]:
    """As thirds of records, every user counted once: the most active hold most of the records."""
    of_user = {user: value for user, value in zip(user_ids, values, strict=True) if value is not None}
    names = dict(zip(of_user, tercile_names([*of_user.values()], among=[*of_user.values()]), strict=True))
    return [names.get(user, UNKNOWN) for user in user_ids]


def _decades(values: Sequence[float | None], user_ids: Sequence[int]) -> list[str]:
    del user_ids
    return [UNKNOWN if year is None else f"{int(year // 10) * 10}s" for year in values]


def _whole_numbers(values: Sequence[float | None], user_ids: Sequence[int]) -> list[str]:
    del user_ids
    return [UNKNOWN if value is None else f"{value:g}" for value in values]


def _activity(result: RecordResult, context: EvaluationContext) -> float | None:
    return context.num_likes.get(result.user_id)


BREAKDOWNS: Final[Mapping[str, Breakdown]] = MappingProxyType(
    {
        breakdown.name: breakdown
        for breakdown in (
            Breakdown(
                "coherence",
                "Thematic coherence of the history",
                "mean over its pairs of movies of |common genres| / |genres of either|; thirds of the records",
                lambda result, context: context.genre_similarity(result.history),
                _thirds_of_records,
            ),
            Breakdown(
                "popularity",
                "Popularity of the relevant movies",
                "mean of ln(1 + training users who like the movie); thirds of the records",
                lambda result, context: context.mean_log_popularity(result.relevant),
                _thirds_of_records,
            ),
            Breakdown(
                "decade",
                "Decade of the history",
                "the decade of the mean year of its movies",
                lambda result, context: context.mean_year(result.history),
                _decades,
            ),
            Breakdown(
                "activity",
                "Activity of the user",
                "likes in the whole data set; thirds of the users",
                _activity,
                _thirds_of_users,
            ),
            Breakdown(
                "history_length",
                "Length of the history",
                "liked movies given; a group for each length",
                lambda result, context: len(result.history),
                _whole_numbers,
                needs_difference=True,
            ),
        )
    }
)
"""Every breakdown by name."""
