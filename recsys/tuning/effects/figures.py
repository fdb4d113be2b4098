"""What is kept of a cell's records: a few figures of each that can be compared pair by pair, and no text."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from recsys.catalogue import Catalogue
from recsys.evaluation.metrics import Ranked
from recsys.evaluation.scores import MetricScore, PairedDifference
from recsys.evaluation.summary import paired_difference
from recsys.parsing.text_problems import count_letters
from recsys.tuning.effects.numbers import one_decade_share

if TYPE_CHECKING:
    from recsys.evaluation.report import Report
    from recsys.evaluation.results import RecordResult

MEASURED: Final[Mapping[str, str]] = {
    "map": "AP@K, its mean is MAP@K",
    "ndcg": "NDCG@K",
    "well_formed": "1 where the text is a list of titles and nothing else",
    "exactly_n": "1 where it holds exactly N titles",
    "out_of_catalogue": "out-of-catalogue titles / N",
    "repeated": "titles that repeat one above / N",
    "code": "1 where the text is code",
    "prose": "1 where the text is prose",
    "other_script": "1 where most letters are of another script than Latin",
    "not_a_list": "1 where the text is code, prose, of another script or empty",
    "foreign_letters": "share of letters of another script than Latin",
    "one_decade": "share of the recommended movies that are of the commonest decade, lists of two or more",
}
"""The figures of a record, in words."""


@dataclass(frozen=True)
class RecordFigures:
    """One record's figures; NaN where there is none.

    Attributes:
        record_id: The record.
        user_id: Its user.
        metrics: The figures of MEASURED.
        item_ids: The recommended items; None keeps the rank of a miss.
    """

    record_id: str
    user_id: int
    metrics: Mapping[str, float]
    item_ids: Ranked

    @classmethod
    def of(cls, result: RecordResult, catalogue: Catalogue) -> RecordFigures:
        """The figures of one result."""
        n, letters = result.num_asked, count_letters(result.completion)
        movies = [catalogue.by_id.get(item) for item in result.item_ids if item is not None]
        figures = {
            "map": result.metrics["map"],
            "ndcg": result.metrics["ndcg"],
            "well_formed": float(result.well_formed),
            "exactly_n": float(result.num_titles == n),
            "out_of_catalogue": sum(title.match == "none" for title in result.titles) / n,
            "repeated": sum("repeated" in title.flags for title in result.titles) / n,
            "code": float(result.problem == "code"),
            "prose": float(result.problem == "prose"),
            "other_script": float(result.problem == "other_script"),
            "not_a_list": float(result.problem is not None),
            "foreign_letters": letters[1] / letters[0] if letters[0] else 0.0,
            "one_decade": one_decade_share([movie.year for movie in movies if movie is not None]),
        }
        return cls(result.record_id, result.user_id, figures, result.item_ids)


@dataclass(frozen=True)
class CellFigures:
    """A cell and its records.

    Attributes:
        shares: The report's shares of the text by name, each with its value and denominator.
        records: In one order for all cells.
        seconds: Generation seconds a record, by the wall clock.
        tokens: Generated tokens a record.
    """

    shares: Mapping[str, tuple[float | None, int]]
    records: tuple[RecordFigures, ...]
    seconds: float
    tokens: float

    @classmethod
    def of(cls, report: Report, results: Sequence[RecordResult], catalogue: Catalogue) -> CellFigures:
        """The figures of a finished evaluation."""
        shares = {name: (share.value, share.denominator) for name, share in report.text_quality.items()}
        records = tuple(RecordFigures.of(result, catalogue) for result in results)
        return cls(shares, records, report.seconds / len(records), report.tokens / len(records))

    @property
    def num_users(self) -> int:
        """Users that the records are of."""
        return len({record.user_id for record in self.records})

    @property
    def record_ids(self) -> frozenset[str]:
        return frozenset(record.record_id for record in self.records)

    def known(self, metric: str) -> frozenset[str]:
        """The records that have a figure."""
        return frozenset(record.record_id for record in self.records if not math.isnan(record.metrics[metric]))

    def only(self, record_ids: Collection[str]) -> tuple[RecordFigures, ...]:
        """The records of these ids."""
        return tuple(record for record in self.records if record.record_id in record_ids)

    def score(self, metric: str = "map", record_ids: Collection[str] | None = None) -> MetricScore:
        """The mean of a figure with its interval, users resampled; records without the figure are left out."""
        chosen = self.records if record_ids is None else self.only(record_ids)
        known = [record for record in chosen if not math.isnan(record.metrics[metric])]
        return MetricScore.of_records([one.metrics[metric] for one in known], [one.user_id for one in known])

    def share(self, name: str) -> float | None:
        """A share of the text, as reports tell it."""
        return self.shares[name][0]


def compare(ours: CellFigures, theirs: CellFigures, *, against: str, metric: str = "map") -> PairedDifference:
    """Ours minus theirs on the records that both have a figure of."""
    known = ours.known(metric) & theirs.known(metric)
    return paired_difference(ours.only(known), theirs.only(known), against=against, metric=metric)


def compare_changes(
    ours: tuple[CellFigures, CellFigures], theirs: tuple[CellFigures, CellFigures], *, against: str, metric: str = "map"
) -> PairedDifference:
    """How much more ours changes than theirs: (first − second) of ours minus the same of theirs, record by record."""
    common = frozenset.intersection(*(cell.known(metric) for cell in (*ours, *theirs)))
    return paired_difference(
        _change(ours, common, metric), _change(theirs, common, metric), against=against, metric=metric
    )


def _change(pair: tuple[CellFigures, CellFigures], common: frozenset[str], metric: str) -> list[RecordFigures]:
    first, second = (cell.only(common) for cell in pair)
    return [
        RecordFigures(a.record_id, a.user_id, {metric: a.metrics[metric] - b.metrics[metric]}, ())
        for a, b in zip(first, second, strict=True)
    ]


def plain(difference: PairedDifference) -> dict[str, Any]:
    """A difference as plain JSON values."""
    ends, test = difference.interval, difference.permutation
    return {
        "metric": difference.metric,
        "against": difference.against,
        "mean": difference.mean,
        "interval": None if ends is None else [ends.low, ends.high],
        "p_value": None if test is None else test.p_value,
        "adjusted_p_value": difference.adjusted_p_value,
        "clear_sign": difference.clear_sign,
    }
