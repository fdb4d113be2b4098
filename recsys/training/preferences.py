"""Pairs of titles after one history: one that was liked next, and one that the same person rated 2 or less.

What direct preference optimisation learns from (Rafailov et al. 2023, arXiv 2305.18290), and how it is judged: the
log-likelihoods of validation users' liked and disliked titles, before and after. Knows no trainer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from recsys.data.windows import Records
from recsys.errors import SettingsError
from recsys.training.examples import Case, Example
from recsys.training.likelihoods import measure_likelihoods

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recsys.data.records import Record

MOST_VALIDATION_PAIRS = 256
"""Of validation users, spread evenly: their likelihoods take some seconds after each epoch."""


@dataclass(frozen=True)
class PreferenceCase:
    """One history with a title of each kind.

    Attributes:
        history: Liked items in time order.
        liked: An item that was liked next.
        disliked: An item that the same person rated 2 or less.
        told_disliked: What the prompt names as disliked, where its settings say so; never ``disliked``.
    """

    history: tuple[int, ...]
    liked: int
    disliked: int
    told_disliked: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Pair:
    """A case as tokens: two sequences that begin alike.

    Attributes:
        liked: The history and the liked title, which is its target.
        disliked: The history and the disliked title.
    """

    liked: Example
    disliked: Example

    def __len__(self) -> int:
        return max(len(self.liked), len(self.disliked))


def write_pairs(write: Callable[[Case], Example]) -> Callable[[PreferenceCase], Pair]:
    """Makes a writer of pairs from one of single examples whose loss is on the answer."""

    def write_pair(case: PreferenceCase) -> Pair:
        told = case.told_disliked
        return Pair(*(write(Case(case.history, (item,), told)) for item in (case.liked, case.disliked)))

    return write_pair


def preference_cases(records: Sequence[Record], *, seed: int) -> tuple[Callable[[int, int], PreferenceCase], int]:
    """In each epoch, of each record whose person disliked something, a liked and a disliked title drawn anew.

    Dislikes count up to the record's last title, so that a split by time stays one.

    Args:
        records: Of training users.
        seed: Draws the titles, together with epoch and index.

    Returns:
        The case of (epoch, index), and the cases of an epoch.

    Raises:
        SettingsError: when nobody disliked anything.
    """
    known = _with_dislikes(records)
    if not known:
        raise SettingsError(
            "no training user rated a movie 2 or less before the end of a record",
            seen=f"{len(records)} records",
            mend="take a larger data set, or method lora",
        )

    def draw(epoch: int, index: int) -> PreferenceCase:
        record, dislikes = known[index]
        rng = np.random.default_rng((seed, epoch, index))
        return _case(record, int(rng.integers(len(record.relevant))), dislikes[int(rng.integers(len(dislikes)))])

    return draw, len(known)


def validation_cases(records: Sequence[Record]) -> list[PreferenceCase]:
    """Every liked title of these records with a dislike of the same person, in turn; thinned out evenly if many."""
    cases = [
        _case(record, place, dislikes[place % len(dislikes)])
        for record, dislikes in _with_dislikes(records)
        for place in range(len(record.relevant))
    ]
    kept = min(len(cases), MOST_VALIDATION_PAIRS)
    return [cases[len(cases) * i // kept] for i in range(kept)]


class PreferenceMeasure:
    """How likely a model finds the titles of pairs, beside how likely it found them at first.

    Args:
        pairs: At least one.
        beta: Of the loss.
        pad_token_id: Fills batches up.
        batch_size: Pairs of one forward pass.
    """

    def __init__(self, pairs: Sequence[Pair], *, beta: float, pad_token_id: int, batch_size: int) -> None:
        self._pairs, self._beta, self._pad, self._size = pairs, beta, pad_token_id, batch_size
        self._before: NDArray[np.float64] | None = None

    def begin(self, model: Any) -> dict[str, float]:
        """Takes a model as the reference: what the run starts from."""
        self._before = self._likelihoods(model)
        return {"eval_liked": float(self._before[0].mean()), "eval_disliked": float(self._before[1].mean())}

    def __call__(self, model: Any) -> dict[str, float]:
        """The loss of these pairs, and the mean log-likelihoods of their liked and disliked titles, in nats."""
        assert self._before is not None, "begin comes first"
        now = self._likelihoods(model)
        liked, disliked = now.mean(axis=1).tolist()
        return {"eval_loss": preference_loss(now, self._before, self._beta), "eval_liked": liked} | {
            "eval_disliked": disliked
        }

    def notes(self, model: Any) -> dict[str, Any]:
        """What recsys.json says of a run that ended with this model."""
        assert self._before is not None, "begin comes first"
        before, after = (values.mean(axis=1).round(4).tolist() for values in (self._before, self._likelihoods(model)))
        told = {"liked_before": before[0], "liked_after": after[0]}
        return {**told, "disliked_before": before[1], "disliked_after": after[1], "pairs": len(self._pairs)}

    def _likelihoods(self, model: Any) -> NDArray[np.float64]:
        """(2, pairs) log-likelihoods of the liked titles and of the disliked ones."""
        kinds = ([pair.liked for pair in self._pairs], [pair.disliked for pair in self._pairs])
        return np.stack(
            [measure_likelihoods(model, examples, pad_token_id=self._pad, batch_size=self._size) for examples in kinds]
        )


def preference_loss(now: NDArray[np.float64], reference: NDArray[np.float64], beta: float) -> float:
    """The mean of -log sigmoid(beta × ((liked - its reference) - (disliked - its reference))).

    Equation 7 of Rafailov et al. 2023.

    Args:
        now: (2, pairs) log-likelihoods of liked and of disliked titles.
        reference: The same of the reference model.
        beta: How firmly the reference is held to.

    >>> now, reference = np.array([[-3.0], [-8.0]]), np.array([[-4.0], [-6.0]])
    >>> round(preference_loss(now, reference, 0.5), 4)  # the margin is 1 + 2, so log(1 + exp(-1.5))
    0.2014
    """
    margin = beta * ((now[0] - reference[0]) - (now[1] - reference[1]))
    return float(np.logaddexp(0, -margin).mean())


def dislikes_of(records: Sequence[Record], place: int) -> tuple[int, ...]:
    """What the person of a record rated 2 or less up to its last item, where that is known; else what it tells."""
    return records.dislikes(place) if isinstance(records, Records) else records[place].disliked


def _with_dislikes(records: Sequence[Record]) -> list[tuple[Record, tuple[int, ...]]]:
    both = ((record, dislikes_of(records, place)) for place, record in enumerate(records))
    return [(record, dislikes) for record, dislikes in both if dislikes]


def _case(record: Record, place: int, disliked: int) -> PreferenceCase:
    case = PreferenceCase(record.history, record.relevant[place], disliked)
    return replace(case, told_disliked=tuple(item for item in record.disliked if item != disliked))
