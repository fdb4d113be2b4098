"""How plain-text reports are laid out: tables of equal width, wrapped lines, intervals in brackets."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Final

from recsys.evaluation.intervals import Interval

_TEXT_WIDTH: Final = 100


def table_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of equal width: the first column to the left, the others to the right.

    >>> table_lines([["", "MAP@4"], ["popularity", "0.0312"]])
    ['             MAP@4', 'popularity  0.0312']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]


def wrapped(text: str, *, indent: str = "") -> list[str]:
    """A text in lines; "j-th" stays whole."""
    return textwrap.wrap(text, _TEXT_WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def interval_text(interval: Interval | None) -> str:
    """An interval in brackets, or why there is none."""
    return "one user only" if interval is None else f"[{interval.low:.4f}, {interval.high:.4f}]"


def probability_text(value: float) -> str:
    """A p-value as it is written.

    >>> probability_text(0.00004), probability_text(0.0312)
    ('p < 0.0001', 'p = 0.0312')
    """
    return "p < 0.0001" if value < 0.0001 else f"p = {value:.4f}"
