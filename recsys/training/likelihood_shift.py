"""Whether naming what a person dislikes helps: how the likelihood of titles moves when the prompt names dislikes.

Each case asks for a title that was liked next and for one that the same person rated 2 or less and that the prompt
does not name. Naming other dislikes helps where the second gets less likely, and the first does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recsys.catalogue import Catalogue
from recsys.data.records import Record
from recsys.errors import SettingsError
from recsys.evaluation.intervals import Interval, clustered_interval
from recsys.settings import PromptSettings
from recsys.training.examples import Case, ExampleWriter
from recsys.training.likelihoods import measure_likelihoods
from recsys.training.preferences import dislikes_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from recsys.models.loading import LoadedModel


@dataclass(frozen=True)
class Shift:
    """How the likelihood of one kind of titles moves.

    Attributes:
        kind: liked, disliked, or gap: the first less the second.
        plain: Mean log-likelihood of a title in nats, no dislike named.
        told: The same with dislikes named.
        interval: Of the mean of told less plain, users resampled; None with one user alone.
    """

    kind: str
    plain: float
    told: float
    interval: Interval | None

    @property
    def change(self) -> float:
        """Told less plain, in nats a title."""
        return self.told - self.plain


@dataclass(frozen=True)
class ShiftCase:
    """A history with a title of each kind, and the dislikes that may be named.

    Attributes:
        user_id: Whose.
        history: Liked items in time order.
        liked: An item that was liked next.
        disliked: An item that was rated 2 or less; not among ``told``.
        told: Other dislikes, known at the end of the history.
    """

    user_id: int
    history: tuple[int, ...]
    liked: int
    disliked: int
    told: tuple[int, ...]


def shift_cases(records: Sequence[Record]) -> list[ShiftCase]:
    """Every title liked next, with a dislike of the same person in turn, where another can be named."""
    cases = []
    for place, record in enumerate(records):
        dislikes = dislikes_of(records, place)
        for rank, liked in enumerate(record.relevant):
            if not dislikes:
                break
            asked = dislikes[rank % len(dislikes)]
            told = tuple(item for item in record.disliked if item != asked)
            if told:
                cases.append(ShiftCase(record.user_id, record.history, liked, asked, told))
    return cases


def measure_shift(
    loaded: LoadedModel,
    records: Sequence[Record],
    catalogue: Catalogue,
    prompt: PromptSettings,
    *,
    batch_size: int = 32,
) -> tuple[list[Shift], int, int]:
    """Measures the cases of some records.

    Args:
        loaded: The model, its adapter chosen.
        records: Of users that it was not trained on.
        catalogue: Names of the movies.
        prompt: Its format; dislikes are named and left out whatever it says.
        batch_size: Titles of one forward pass.

    Returns:
        The shifts of liked and disliked titles and of their gap, the number of cases and of users.

    Raises:
        SettingsError: when no record has two dislikes.
    """
    cases = shift_cases(records)
    if not cases:
        mend = "take a larger data set"
        raise SettingsError(
            "nobody has one dislike to ask for and one to name", seen=f"{len(records)} records", mend=mend
        )
    plain, told = (
        _measure(loaded, cases, catalogue, prompt.replace(include_disliked=named), batch_size)
        for named in (False, True)
    )
    users = [case.user_id for case in cases]
    return [_shift(kind, plain[kind], told[kind], users) for kind in plain], len(cases), len(set(users))


def _shift(kind: str, plain: NDArray[np.float64], told: NDArray[np.float64], users: Sequence[int]) -> Shift:
    interval = clustered_interval((told - plain).tolist(), users)
    return Shift(kind, float(plain.mean()), float(told.mean()), interval)


def _measure(
    loaded: LoadedModel, cases: Sequence[ShiftCase], catalogue: Catalogue, prompt: PromptSettings, batch_size: int
) -> dict[str, NDArray[np.float64]]:
    """By kind, (cases,) log-likelihoods in nats with this prompt."""
    write = ExampleWriter(loaded.tokenizer, catalogue, prompt, loss_on="answer")
    pad = loaded.tokenizer.pad_token_id or 0

    def likelihoods(asked: Sequence[int]) -> NDArray[np.float64]:
        examples = [
            write(Case(case.history, (item,), case.told if prompt.include_disliked else ()))
            for case, item in zip(cases, asked, strict=True)
        ]
        return measure_likelihoods(loaded.model, examples, pad_token_id=pad, batch_size=batch_size)

    liked = likelihoods([case.liked for case in cases])
    disliked = likelihoods([case.disliked for case in cases])
    return {"liked": liked, "disliked": disliked, "gap": liked - disliked}
