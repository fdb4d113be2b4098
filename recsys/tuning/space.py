"""What each setting of a search may be: a span of numbers, or one of some values.

This module searches nothing: study.py does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from recsys.errors import SettingsError
from recsys.tuning.axes import VARIED, Axis, setting_type

STEP: Final = 0.05
"""Of searched numbers that are not whole: a winner should be sayable."""


@dataclass(frozen=True)
class Span:
    """A setting that may be any number between two.

    Attributes:
        name: The setting.
        low: The least.
        high: The greatest.
    """

    name: str
    low: float
    high: float

    def __post_init__(self) -> None:
        if self.name not in VARIED:
            raise SettingsError("no setting to search", seen=self.name, mend=f"choose of {', '.join(sorted(VARIED))}")
        if not {int, float} & set(setting_type(self.name)):
            raise SettingsError(f"{self.name} is no number", seen=str(self), mend=f"list its values: {self.name}=a,b")
        if not self.low < self.high:
            raise SettingsError(f"{self.name} has an empty span", seen=str(self), mend="write the lower number first")

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers are meant."""
        return float not in setting_type(self.name)

    def __str__(self) -> str:
        return f"{self.name}={self.low:g}..{self.high:g}"


DEFAULT_SPACE: Final[tuple[Axis | Span, ...]] = (
    Span("temperature", 0, 1.5),
    Span("top_p", 0.3, 1),
    Axis("top_k", (0, 10, 50, 200)),
    Axis("num_beams", (1, 2, 4)),
    Span("repetition_penalty", 1, 1.5),
)
"""The five sliders of the app."""


def parse_space(texts: Iterable[str]) -> tuple[Axis | Span, ...]:
    """The space of texts such as "temperature=0..1.5" and "num_beams=1,2,4".

    Raises:
        SettingsError: for a setting that is not known, or a value of another type.
    """
    return tuple(_parse(text) for text in texts)


def _parse(text: str) -> Axis | Span:
    name, _, listed = text.partition("=")
    low, dots, high = listed.partition("..")
    if not dots:
        return Axis.parse(text)
    try:
        return Span(name.strip().replace("-", "_"), float(low), float(high))
    except ValueError:
        raise SettingsError(f"{name} takes numbers", seen=text, mend=f"write {name}=0..1") from None
