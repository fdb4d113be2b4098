"""The curves of a training run: losses, learning rate and validation MAP@K, as ``curves.json`` holds them.

Written beside an adapter's weights while it is trained, and read by the Training tab. Knows no model and
no trainer.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from recsys.data.atomic import open_atomically
from recsys.errors import DataFormatError

CURVES_FILE = "curves.json"
CURVES_VERSION = 1


@dataclass(frozen=True)
class TrainPoint:
    """The training loss over the steps since the point before.

    Attributes:
        step: Optimizer steps done.
        epoch: Epochs done, with fractions.
        loss: Mean cross-entropy in nats a target token; with method dpo the mean loss of a pair.
        learning_rate: At this step.
        seconds: Spent training since the first step, resumed runs added up.
    """

    step: int
    epoch: float
    loss: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class ValidationPoint:
    """The loss on records of validation users, in nats a target token; with method dpo, of a pair."""

    step: int
    epoch: float
    loss: float


@dataclass(frozen=True)
class RankingPoint:
    """MAP@K of catalogue rankings on records of validation users.

    Attributes:
        step: Optimizer steps done.
        epoch: Epochs done, with fractions.
        map: Mean over records.
        low: Lower end of the 95% interval clustered by user; None with fewer than two users.
        high: Its upper end.
        k: The rank cut.
        num_records: Records that were ranked.
        num_users: Users that they are of.
    """

    step: int
    epoch: float
    map: float
    low: float | None
    high: float | None
    k: int
    num_records: int
    num_users: int


@dataclass(frozen=True)
class PreferencePoint:
    """How likely validation users' titles are after their histories, for a run that learns preferences.

    Attributes:
        step: Optimizer steps done; 0 is the model that the run starts from.
        epoch: Epochs done, with fractions.
        liked: Mean log-likelihood in nats of a title that was liked next.
        disliked: Of a title that the same person rated 2 or less.
    """

    step: int
    epoch: float
    liked: float
    disliked: float


@dataclass(frozen=True)
class Curves:
    """All points of a run, each list in the order of its steps.

    Attributes:
        name: The adapter or model that was trained.
        steps_per_epoch: Optimizer steps of one epoch.
        num_train_epochs: Epochs that were planned; fewer are in the points while it runs or where it stopped early.
        train: Of the training records.
        validation: Of the validation records.
        ranking: MAP@K of validation users.
        preferences: Log-likelihoods of liked and disliked titles of validation users; of method dpo alone.
    """

    name: str
    steps_per_epoch: float = 0.0
    num_train_epochs: float = 0.0
    train: tuple[TrainPoint, ...] = ()
    validation: tuple[ValidationPoint, ...] = ()
    ranking: tuple[RankingPoint, ...] = ()
    preferences: tuple[PreferencePoint, ...] = ()

    def up_to(self, step: int) -> Self:
        """Without what came after a step, as a run finds it that goes on from that step's checkpoint."""
        kept: dict[str, Any] = {name: tuple(p for p in getattr(self, name) if p.step <= step) for name in _POINTS}
        return dataclasses.replace(self, **kept)

    def to_dict(self) -> dict[str, Any]:
        """The curves as plain JSON values."""
        return {"version": CURVES_VERSION, **dataclasses.asdict(self)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Makes the curves from plain values.

        Raises:
            KeyError, TypeError, ValueError: when they are not of this version's form.
        """
        told = dict(values)
        if (version := told.pop("version")) != CURVES_VERSION:
            raise ValueError(f"version {version} is not known")
        for name, point in _POINTS.items():
            told[name] = tuple(point(**one) for one in told.get(name, ()))
        return cls(**told)

    def save(self, path: Path) -> None:
        """Writes the file whole or not at all."""
        with open_atomically(path) as file:
            file.write((json.dumps(self.to_dict(), indent=1, allow_nan=False) + "\n").encode())


_POINTS: dict[str, type[Any]] = {
    "train": TrainPoint,
    "validation": ValidationPoint,
    "ranking": RankingPoint,
    "preferences": PreferencePoint,
}


def read_curves(path: Path) -> Curves:
    """Reads a curves.json.

    Raises:
        DataFormatError: when it is missing or broken.
    """
    try:
        return Curves.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        mend = "delete the file, or train again"
        raise DataFormatError("these curves cannot be read", path=path, seen=str(error), mend=mend) from error
