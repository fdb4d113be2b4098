"""Sentences that figures word: a difference is called clear by its interval and its test, never by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from recsys.evaluation.intervals import Interval
from recsys.evaluation.scores import MetricScore, PairedDifference
from recsys.evaluation.text_layout import probability_text
from recsys.tuning.effects.figures import CellFigures

CLEAR: Final = (
    "A difference is called clear where its 95% interval (users resampled) leaves out 0 and p of the permutation test "
    "(whole users' signs flipped) is below 0.05 after Holm's correction over the comparisons of its table; else no "
    "clear difference was found, which is not the same as none."
)


def score_text(score: MetricScore) -> str:
    """A mean with its interval."""
    return f"{score.mean:.4f}{interval_words(score.interval)}"


def interval_words(interval: Interval | None) -> str:
    """An interval in brackets behind a figure; empty where there is none."""
    return "" if interval is None else f" [{interval.low:.4f}, {interval.high:.4f}]"


def difference_text(difference: PairedDifference) -> str:
    """A difference with its interval and the p-value that decides."""
    ends = "" if difference.interval is None else f" [{difference.interval.low:+.4f}, {difference.interval.high:+.4f}]"
    p_value = difference.deciding_p_value
    return f"{difference.mean:+.4f}{ends}" + ("" if p_value is None else f", {probability_text(p_value)}")


def verdict(difference: PairedDifference, *, above: str = "clearly above", below: str = "clearly below") -> str:
    """What may be said of a difference.

    >>> verdict(PairedDifference("b", "map", 0.1, None))
    'not clearly different from'
    """
    return {1: above, -1: below}.get(difference.clear_sign, "not clearly different from")


def share_text(value: float | None) -> str:
    """A share in percent.

    >>> share_text(0.0312), share_text(None)
    ('3.1%', '–')
    """
    return "–" if value is None else f"{value:.1%}"


def listed(texts: Sequence[str]) -> str:
    """Texts in a row.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return " and ".join(filter(None, [", ".join(texts[:-1]), *texts[-1:]]))


def records_of(cell: CellFigures) -> str:
    """The denominator in words."""
    return f"{len(cell.records)} test records of {cell.num_users} users"


def signs_told(what: str, differences: Sequence[tuple[str, PairedDifference]], against: str) -> str:
    """Which of several settings are clearly above or below a reference, in one sentence.

    Args:
        what: The figure, as in "MAP@4".
        differences: Each setting with its difference from the reference.
        against: The reference.
    """
    below, above, level = ([(value, d) for value, d in differences if d.clear_sign == sign] for sign in (-1, 1, 0))
    parts = [
        f"clearly {word} at {listed([f'{value} ({difference_text(d)})' for value, d in found])}"
        for word, found in (("lower", below), ("higher", above))
        if found
    ]
    if level:
        parts.append(f"not clearly different at {listed([value for value, _ in level])}")
    return f"{what}, beside {against}: {'; '.join(parts)}."
