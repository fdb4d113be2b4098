"""How much one visitor may ask for where the app is public, and how much anybody may.

The limits are checked again inside every entry point, since the page's own sliders can be bypassed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from recsys.errors import HistoryError, SettingsError
from recsys.settings import MAX_HISTORY, DecodingSettings, EvaluationSettings, GenerationSettings


@dataclass(frozen=True)
class Limits:
    """Upper bounds of one request.

    Attributes:
        max_history: Liked movies, and as many disliked ones.
        max_new_tokens: Tokens of one completion.
        max_num_beams: Beams of one generation.
        max_num_recommendations: N.
        max_num_candidates: Candidates that a hybrid scores.
        max_records: Records of one evaluation; 0 is no limit.
        max_seconds: Wall-clock seconds of one generation, after which it is stopped; None is no limit.
        max_evaluation_seconds: The same for an evaluation.
        max_cells: Answers to one question that is put to several models or adapters.
        max_grid_seconds: Wall-clock seconds of all of them together; None is no limit.
    """

    max_history: int = MAX_HISTORY
    max_new_tokens: int = 1024
    max_num_beams: int = 16
    max_num_recommendations: int = 20
    max_num_candidates: int = 2000
    max_records: int = 0
    max_seconds: float | None = None
    max_evaluation_seconds: float | None = None
    max_cells: int = 100
    max_grid_seconds: float | None = None

    @classmethod
    def for_public(cls) -> Limits:
        """What a visitor of a public page may ask for on a machine of two cores."""
        return cls(
            max_history=20,
            max_new_tokens=160,
            max_num_beams=8,
            max_num_recommendations=10,
            max_num_candidates=200,
            max_records=100,
            max_seconds=60.0,
            max_evaluation_seconds=900.0,
            max_cells=9,
            max_grid_seconds=240.0,
        )

    def check_generation(self, settings: GenerationSettings, decoding: DecodingSettings | None = None) -> None:
        """Raises SettingsError where a generation setting is above its limit."""
        _at_most("max_new_tokens", settings.max_new_tokens, self.max_new_tokens)
        _at_most("num_beams", settings.num_beams, self.max_num_beams)
        _at_most("num_recommendations", settings.num_recommendations, self.max_num_recommendations)
        if decoding is not None and decoding.is_hybrid:
            _at_most("num_candidates", decoding.num_candidates, self.max_num_candidates)

    def check_history(self, num_liked: int, num_disliked: int) -> None:
        """Raises HistoryError where a side holds too many movies."""
        for kind, number in (("liked", num_liked), ("disliked", num_disliked)):
            if number > self.max_history:
                raise HistoryError(
                    f"too many {kind} movies", seen=f"{number} movies", mend=f"keep at most {self.max_history}"
                )

    def check_cells(self, num_cells: int) -> None:
        """Raises SettingsError where one question would be answered too many times."""
        if num_cells > self.max_cells:
            mend = f"choose fewer models or adapters: at most {self.max_cells} answers at once"
            raise SettingsError("too many answers to one question", seen=f"{num_cells} answers", mend=mend)

    def check_evaluation(self, settings: EvaluationSettings) -> None:
        """Raises SettingsError where an evaluation asks for too many records."""
        if self.max_records and not 0 < settings.num_records <= self.max_records:
            seen = settings.num_records or "all"
            mend = f"this page evaluates from 1 to {self.max_records} at a time; run your own copy for more"
            raise SettingsError("too many records", seen=seen, mend=mend)


def _at_most(name: str, value: int, limit: int) -> None:
    if value > limit:
        raise SettingsError(f"{name} is above this page's limit", seen=value, mend=f"take at most {limit}")


@contextmanager
def stopped_after(seconds: float | None, cancel: threading.Event) -> Iterator[None]:
    """Sets ``cancel`` when the block takes longer than that; None is no limit."""
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, cancel.set)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
