"""Batches of like length, padded on the right, with the targets one place to the left of their tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from recsys.training.examples import EpochExamples, Example

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from recsys.training.title_targets import TitleTargets

NO_TARGET = -100
"""What the labels hold where nothing is learnt; cross-entropy leaves it out, as transformers does."""
_BATCHES_TO_SORT = 50
"""Examples of so many batches are sorted together: enough for little padding, few enough to stay shuffled."""


class LengthBatches:
    """Indices of an epoch's examples in batches of like length, in an order of (seed, epoch) alone.

    A batch sampler of a torch DataLoader. Examples are shuffled, those of fifty batches at a time sorted by length
    and cut, and the batches shuffled again.

    Args:
        examples: Their epoch is the epoch of the order.
        batch_size: Examples of a batch; the last of an epoch may be smaller.
        seed: Of the order.
    """

    def __init__(self, examples: EpochExamples[Any], batch_size: int, *, seed: int) -> None:
        self.examples = examples
        self.batch_size = batch_size
        self.drop_last = False
        self._seed = seed

    def __len__(self) -> int:
        return -(-len(self.examples) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng((self._seed, self.examples.epoch))
        order = rng.permutation(len(self.examples))
        lengths = self.examples.lengths
        room = self.batch_size * _BATCHES_TO_SORT
        batches: list[list[int]] = []
        for start in range(0, len(order), room):
            part = order[start : start + room]
            part = part[np.argsort(lengths[part], kind="stable")]
            batches += [part[i : i + self.batch_size].tolist() for i in range(0, len(part), self.batch_size)]
        # The smaller one stays last, where accelerate expects it when processes share the batches.
        last = [batch for batch in batches if len(batch) < self.batch_size]
        full = [batch for batch in batches if len(batch) == self.batch_size]
        for place in rng.permutation(len(full)).tolist():
            yield full[place]
        yield from last


def padding_share(lengths: Sequence[int], batches: Sequence[Sequence[int]]) -> float:
    """Share of the places of all batches that hold no token."""
    used = sum(lengths[index] for batch in batches for index in batch)
    places = sum(len(batch) * max(lengths[index] for index in batch) for batch in batches)
    return 1 - used / places if places else 0.0


def collate(
    examples: Sequence[Example], *, pad_token_id: int, targets: TitleTargets | None = None
) -> dict[str, Tensor]:
    """One batch: what the model reads, and at each place the token that comes next where it is learnt.

    The last token of a sequence is only ever a target, so it is not read.

    Args:
        examples: At least one.
        pad_token_id: Fills rows up.
        targets: Tells what teachers expect; None asks none.

    Returns:
        input_ids, attention_mask and labels, each of shape (batch, longest - 1). With targets also what they expect,
        flat: expected_at (places, counted row by row), expected_token, and expected_mass, which adds up to the
        teachers' share at each place; unwanted_at and unwanted_token, which begin listed titles alone, and how much
        their unlikelihood weighs.
    """
    import torch

    width = max(map(len, examples)) - 1
    ids = np.full((len(examples), width), pad_token_id, np.int64)
    mask = np.zeros((len(examples), width), np.int64)
    labels = np.full((len(examples), width), NO_TARGET, np.int64)
    for row, example in enumerate(examples):
        length = len(example) - 1
        ids[row, :length] = example.ids[:-1]
        mask[row, :length] = 1
        first = max(example.first_target - 1, 0)
        labels[row, first:length] = example.ids[first + 1 :]
    batch: dict[str, NDArray[Any]] = {"input_ids": ids, "attention_mask": mask, "labels": labels}
    if targets is not None:
        expected = targets(examples)
        at = expected.row * width + expected.place - 1
        batch["expected_at"], batch["expected_token"] = at, expected.token
        batch["expected_mass"] = expected.probability * np.float32(targets.share)
        is_unwanted = expected.is_listed & (targets.unlikelihood > 0)
        batch["unwanted_at"], batch["unwanted_token"] = at[is_unwanted], expected.token[is_unwanted]
        batch["unlikelihood"] = np.array(targets.unlikelihood, np.float32)
    return {name: torch.from_numpy(values) for name, values in batch.items()}
