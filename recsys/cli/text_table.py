"""A table of text for lists on the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence


def render_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The rows under their heads, each column as wide as its longest text, without control characters.

    >>> print(render_table(("name", "r"), [("story", "8")]))
    name   r
    story  8
    """
    lines = [heads, *([re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text) for text in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in padded)
