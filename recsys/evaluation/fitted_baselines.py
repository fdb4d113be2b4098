"""Fitted baselines of one data set, kept for the evaluations to come.

Fitting asks nothing of a request but which users are learnt from, so a second evaluation on the same data would do the
same work again. What is kept goes with the data that it was fitted on: whoever owns the data owns this too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from recsys.settings import SplitName

if TYPE_CHECKING:
    from recsys.baselines.base import Recommender

MOST_DENSE_ITEMS: Final = 10_000
"""EASE and SLIT hold 4 bytes for each pair of items: with more items than this they are fitted anew every time."""
_DENSE: Final = ("ease", "slit")


@dataclass(frozen=True, eq=False)
class FittedBaseline:
    """A baseline that is ready to rank.

    Attributes:
        recommender: Which ranks.
        seconds: What fitting took, whenever that was.
        was_kept: Whether an earlier call had fitted it.
    """

    recommender: Recommender
    seconds: float
    was_kept: bool = False


class FittedBaselines:
    """Fits each baseline once for each set of users; safe to share between threads.

    Only what was asked for is kept: of the embedded data 30 MB each for EASE and SLIT and a few for the others, at most
    400 MB each for larger data.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, tuple[SplitName, ...]], FittedBaseline] = {}

    def find(self, name: str, splits: tuple[SplitName, ...], fit: Callable[[], Recommender]) -> FittedBaseline:
        """The baseline as it was fitted on these sets of users; whoever comes while it is being fitted waits for it.

        Args:
            name: Means the same ``fit`` every time.
            splits: The users whose likes ``fit`` reads.
            fit: Fits it where it is not kept.
        """
        with self._lock:
            kept = self._kept.get((name, splits))
            if kept is not None:
                return FittedBaseline(kept.recommender, kept.seconds, was_kept=True)
            started = time.perf_counter()
            recommender = fit()
            fitted = FittedBaseline(recommender, time.perf_counter() - started)
            if name not in _DENSE or len(recommender.item_ids) <= MOST_DENSE_ITEMS:
                self._kept[name, splits] = fitted
            return fitted
