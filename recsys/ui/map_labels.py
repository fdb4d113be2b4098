"""Where the titles of marked movies stand on the map, so that none hides another or a mark.

Greedy: the most important first, each at the first free side of its mark; a title without a free side is left to
the pointer. Pixels are estimated from the width of a letter, since the server draws nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

LETTER_WIDTH: Final = 6.2
"""Of the figure's 11-pixel letters, on average; wide enough for most titles."""
LINE_HEIGHT: Final = 14.0
MAX_LETTERS: Final = 34


class Box(NamedTuple):
    """A rectangle in pixels, y downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box) -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


@dataclass(frozen=True)
class Mark:
    """A mark on the map.

    Attributes:
        x: Pixels from the left.
        y: Pixels from the top.
        size: Of the mark, in pixels.
        title: To be written beside it; None for a mark that only must not be hidden.
    """

    x: float
    y: float
    size: float
    title: str | None = None

    @property
    def box(self) -> Box:
        half = self.size / 2
        return Box(self.x - half, self.y - half, self.x + half, self.y + half)


class Label(NamedTuple):
    """What is written beside a mark, empty where nothing fits, and on which side, in plotly's words."""

    text: str = ""
    position: str = "top center"


def place_labels(marks: Sequence[Mark], *, width: float, height: float) -> list[Label]:
    """The label of each mark.

    Args:
        marks: The most important first.
        width: Of the figure in pixels.
        height: Likewise.
    """
    taken = [mark.box for mark in marks]
    labels = []
    for place, mark in enumerate(marks):
        label, box = _first_free(mark, [*taken[:place], *taken[place + 1 :]], Box(0, 0, width, height))
        labels.append(label)
        if box is not None:
            taken.append(box)
    return labels


def shorten(title: str) -> str:
    """A title of at most MAX_LETTERS letters, cut at a word's end."""
    if len(title) <= MAX_LETTERS:
        return title
    return title[: MAX_LETTERS - 1].rsplit(" ", 1)[0].rstrip(",;:- ") + "…"


def _first_free(mark: Mark, taken: Sequence[Box], frame: Box) -> tuple[Label, Box | None]:
    if mark.title is None:
        return Label(), None
    text = shorten(mark.title)
    for position, box in _sides(mark, len(text) * LETTER_WIDTH):
        is_inside = frame.left <= box.left and box.right <= frame.right
        is_inside = is_inside and frame.top <= box.top and box.bottom <= frame.bottom
        if is_inside and not any(box.overlaps(other) for other in taken):
            return Label(text, position), box
    return Label(), None


def _sides(mark: Mark, width: float) -> list[tuple[str, Box]]:
    """The sides of a mark in the order in which they are tried."""
    inner = mark.box
    above, below = (inner.top - LINE_HEIGHT, inner.top), (inner.bottom, inner.bottom + LINE_HEIGHT)
    beside = (mark.y - LINE_HEIGHT / 2, mark.y + LINE_HEIGHT / 2)
    centre = (mark.x - width / 2, mark.x + width / 2)
    left, right = (inner.left - width, inner.left), (inner.right, inner.right + width)
    tried = {
        "top center": (centre, above),
        "bottom center": (centre, below),
        "middle right": (right, beside),
        "middle left": (left, beside),
        "top right": (right, above),
        "top left": (left, above),
        "bottom right": (right, below),
        "bottom left": (left, below),
    }
    return [(name, Box(x[0], y[0], x[1], y[1])) for name, (x, y) in tried.items()]
