"""Whether naming what a person dislikes helps: how the likelihood of titles moves when the prompt names dislikes.

Each case asks for a title that was liked next and for one that the same person rated 2 or less and that the prompt
does not name. Naming other dislikes helps where the second gets less likely, and the first does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from recsys.catalogue import Catalogue
from recsys.data.records import Record
from recsys.errors import SettingsError
from recsys.evaluation.intervals import Interval, clustered_interval
from recsys.settings import PromptSettings
from recsys.training.batches import collate
from recsys.training.examples import Case, Example, ExampleWriter
from recsys.training.preferences import dislikes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recsys.models.loading import LoadedModel

_KINDS = ("liked", "disliked")


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
    users = [case.user_id for case in cases]
    found: dict[tuple[str, bool], NDArray[np.float64]] = {}
    for names_dislikes in (False, True):
        format_ = prompt.replace(include_disliked=names_dislikes)
        write = ExampleWriter(loaded.tokenizer, catalogue, format_, loss_on="answer")
        for kind in _KINDS:
            told = [case.told if names_dislikes else () for case in cases]
            examples = [
                write(Case(case.history, (getattr(case, kind),), named))
                for case, named in zip(cases, told, strict=True)
            ]
            found[kind, names_dislikes] = _likelihoods(loaded, examples, batch_size)
    for names_dislikes in (False, True):
        found["gap", names_dislikes] = found["liked", names_dislikes] - found["disliked", names_dislikes]
    shifts = [
        Shift(
            kind,
            float(found[kind, False].mean()),
            float(found[kind, True].mean()),
            clustered_interval((found[kind, True] - found[kind, False]).tolist(), users),
        )
        for kind in (*_KINDS, "gap")
    ]
    return shifts, len(cases), len(set(users))


def _likelihoods(loaded: LoadedModel, examples: Sequence[Example], batch_size: int) -> NDArray[np.float64]:
    """(examples,) log-likelihoods in nats, computed in order of length, which pads least."""
    import torch

    from recsys.training.target_loss import title_log_likelihoods

    head, device = loaded.model.get_output_embeddings(), next(loaded.model.parameters()).device
    pad = loaded.tokenizer.pad_token_id if loaded.tokenizer.pad_token_id is not None else loaded.tokenizer.eos_token_id
    order = np.argsort([len(example) for example in examples], kind="stable")
    found = np.zeros(len(examples))
    loaded.model.eval()
    for start in range(0, len(order), batch_size):
        part = order[start : start + batch_size]
        batch = {name: a.to(device) for name, a in collate([examples[i] for i in part], pad_token_id=pad).items()}
        with torch.inference_mode():
            found[part] = title_log_likelihoods(loaded.model, head, batch).double().cpu().numpy()
    return found
