"""The key/value cache of a batch of records whose beams share one row each.

A row holds the prompt of a record once, but for what all prompts begin with, and after it the tokens of
all its beams in the order in which they were computed. Which of them a beam may see is a mask, so that
choosing, dropping and doubling beams copies nothing. Rows are of different lengths; no row holds holes,
and what no beam sees any more is squeezed out when it grows large.

It knows keys, values and places; it knows no tokens, no tree and no scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Ints = NDArray[np.int64]
_GROWTH = 64
PLACES_TOGETHER = 32
"""Attention kernels work on so many places at a time, and take longer over a number that is no multiple of it."""


@dataclass(frozen=True, eq=False)
class Stretch:
    """Keys and values of one text from its start on, by layer: (tokens, heads, width) each."""

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]

    def __len__(self) -> int:
        return len(self.keys[0])

    @property
    def num_bytes(self) -> int:
        """Bytes of memory that it holds."""
        return sum(part.numel() * part.element_size() for part in (*self.keys, *self.values))

    def head(self, length: int) -> Stretch:
        """Its first ``length`` tokens, sharing memory."""
        return Stretch(tuple(k[:length] for k in self.keys), tuple(v[:length] for v in self.values))


class RaggedCache:
    """Keys and values of (rows, places, heads, width) by layer, grown as they fill.

    Args:
        num_rows: Records of the batch.
        shared: What all rows begin with: it is kept once, beside the rows, and has no places in them.
        room: Places of a row that are reserved from the start; new memory is what growing costs most.

    Attributes:
        lengths: (rows,) places of each row that are taken.
        shared: As given.
    """

    def __init__(self, num_rows: int, shared: Stretch | None = None, *, room: int = 0) -> None:
        self.lengths: Ints = np.zeros(num_rows, np.int64)
        self.shared = shared
        self._keys: list[Tensor] = []
        self._values: list[Tensor] = []
        self._rows: Tensor | None = None
        self._places: Tensor | None = None
        self._used = 0
        self._capacity = whole_places(room)

    def claim(self, row: Ints, device: str) -> Ints:
        """Takes the next places of each row for the tokens of the next forward pass.

        Args:
            row: (tokens,) the row of each token, in ascending order.
            device: Where the model computes.

        Returns:
            (tokens,) the place of each token in its row.
        """
        import torch

        added = np.bincount(row, minlength=len(self.lengths))
        place: Ints = self.lengths[row] + np.arange(len(row)) - (np.cumsum(added) - added)[row]
        self.lengths = self.lengths + added
        self._used = whole_places(int(self.lengths.max(initial=0)))
        if self._used > self._capacity:
            self._capacity = -(-self._used // _GROWTH) * _GROWTH
        self._rows = torch.as_tensor(row, device=device)
        self._places = torch.as_tensor(place, device=device)
        return place

    def update(self, keys: Tensor, values: Tensor, layer_idx: int, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        """Stores what a layer computed, as transformers' Cache.update, and returns all that it has.

        Args:
            keys: (1, heads, tokens, width) of the tokens whose places were claimed.
            values: Of the same shape.
            layer_idx: The layer.

        Returns:
            Keys and values of shape (rows, heads, places, width), the places a multiple of PLACES_TOGETHER.
        """
        if layer_idx == len(self._keys):
            shape = (len(self.lengths), self._capacity, keys.shape[1], keys.shape[3])
            self._keys.append(keys.new_zeros(shape))
            self._values.append(values.new_zeros(shape))
        elif self._keys[layer_idx].shape[1] < self._capacity:
            self._keys[layer_idx] = self._grown(self._keys[layer_idx])
            self._values[layer_idx] = self._grown(self._values[layer_idx])
        held = self._keys[layer_idx], self._values[layer_idx]
        for store, new in zip(held, (keys, values), strict=True):
            store[self._rows, self._places] = new[0].transpose(0, 1)
        return held[0][:, : self._used].transpose(1, 2), held[1][:, : self._used].transpose(1, 2)

    @property
    def num_shared(self) -> int:
        """Tokens that all rows begin with."""
        return len(self.shared) if self.shared else 0

    def begin_with(self, start: Stretch) -> None:
        """Lets the rows, still empty, begin with a copy of the same text: where they are few, cheaper than sharing."""
        length = len(start)
        self._capacity = max(self._capacity, -(-length // _GROWTH) * _GROWTH)
        for store, parts in ((self._keys, start.keys), (self._values, start.values)):
            for part in parts:
                rows = part.new_zeros((len(self.lengths), self._capacity, *part.shape[1:]))
                rows[:, :length] = part
                store.append(rows)
        self.lengths = np.full_like(self.lengths, length)

    def copy_of(self, row: int, length: int) -> Stretch:
        """The first places of a row, copied."""
        return Stretch(
            tuple(keys[row, :length].clone() for keys in self._keys),
            tuple(values[row, :length].clone() for values in self._values),
        )

    def truncate(self, lengths: Ints) -> None:
        """Forgets what comes after these numbers of tokens, the shared ones included."""
        self.lengths = lengths - self.num_shared

    def squeeze(self, seen: NDArray[np.bool_]) -> Ints:
        """Drops the places that nobody sees.

        Args:
            seen: (rows, places) which places are still seen.

        Returns:
            (rows, most places left) for each new place its old one.
        """
        import torch

        self.lengths = seen.sum(axis=1)
        order: Ints = np.argsort(~seen, axis=1, kind="stable")[:, : int(self.lengths.max(initial=0))]
        rows = torch.arange(len(order))[:, None]
        places = torch.as_tensor(np.pad(order, ((0, 0), (0, -order.shape[1] % PLACES_TOGETHER))))
        self._keys = [keys[rows, places] for keys in self._keys]
        self._values = [values[rows, places] for values in self._values]
        self._capacity = whole_places(order.shape[1])
        return order

    def keep_rows(self, rows: Ints) -> None:
        """Drops all rows but these, which are numbered anew in this order."""
        import torch

        kept = torch.as_tensor(rows)
        self.lengths = self.lengths[rows]
        self._keys = [keys[kept] for keys in self._keys]
        self._values = [values[kept] for values in self._values]

    def _grown(self, store: Tensor) -> Tensor:
        grown = store.new_zeros((store.shape[0], self._capacity, *store.shape[2:]))
        grown[:, : store.shape[1]] = store
        return grown


def whole_places(count: int) -> int:
    """The next multiple of PLACES_TOGETHER."""
    return -(-count // PLACES_TOGETHER) * PLACES_TOGETHER
