"""Attention of packed tokens: how the tokens of one pass stand in padded rows.

Rows differ in how many tokens they bring: most a few, one a long title. Padding all to the longest would
make attention the largest part of a step, so the rows that bring more than most form a second band of
their own for what they bring more.

It knows tensors, rows and places; it knows no model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from recsys.generation.ragged_cache import Ints

if TYPE_CHECKING:
    from torch import Tensor

_COST_OF_A_COPY = 8
"""Copying the keys and values of a row costs about as much as attention of so many queries."""


@dataclass(frozen=True, eq=False)
class _Band:
    """Some tokens of some rows, padded to one width.

    Attributes:
        tokens: (tokens,) their places in the pass; None are all.
        rows: (rows,) the rows; None are all.
        row: (tokens,) index of each token's row among these.
        column: (tokens,) place of each token in its padded row.
        width: Columns of a padded row.
        mask: (rows, 1, groups × width, places) added to the attention scores.
    """

    tokens: Tensor | None
    rows: Tensor | None
    row: Tensor
    column: Tensor
    width: int
    mask: Tensor

    def attend(self, query: Tensor, keys: Tensor, values: Tensor, scaling: float) -> Tensor:
        """(tokens of the band, heads, width of a head); see ``PackedLayout.attend``."""
        import torch

        if self.tokens is not None:
            query = query[self.tokens]
        if self.rows is not None:
            keys, values = keys[self.rows], values[self.rows]
        _, heads, size = query.shape
        num_rows, key_heads = keys.shape[:2]
        groups = heads // key_heads
        padded = query.new_zeros((num_rows, self.width, key_heads, groups, size))
        padded[self.row, self.column] = query.reshape(-1, key_heads, groups, size)
        # Query heads that share a key head become further queries of it: no copy of the cache is needed.
        folded = padded.permute(0, 2, 3, 1, 4).reshape(num_rows, key_heads, groups * self.width, size)
        mixed = torch.nn.functional.scaled_dot_product_attention(
            folded, keys, values, attn_mask=self.mask.to(query.dtype), scale=scaling
        )
        by_token = mixed.view(num_rows, key_heads, groups, self.width, size).permute(0, 3, 1, 2, 4)
        return by_token[self.row, self.column].flatten(1, 2)


@dataclass(frozen=True, eq=False)
class PackedLayout:
    """The bands of one pass."""

    bands: tuple[_Band, ...]

    @classmethod
    def of(
        cls, row: Ints, visible: NDArray[np.bool_], num_rows: int, *, groups: int, dtype: Any, device: str
    ) -> PackedLayout:
        """Lays out the tokens of one pass.

        Args:
            row: (tokens,) row of each token, in ascending order.
            visible: (tokens, places) which places of its row each token sees.
            num_rows: Rows of the cache.
            groups: Query heads for each key head.
            dtype: Of the queries.
            device: Where they are.
        """
        count = np.bincount(row, minlength=num_rows)
        column = np.arange(len(row)) - (np.cumsum(count) - count)[row]
        cut = _cheapest_cut(count)
        bands = []
        for low, high in ((0, cut), (cut, int(count.max()))):
            tokens = np.flatnonzero((column >= low) & (column < high))
            if not len(tokens):
                continue
            rows = np.unique(row[tokens])
            if (high - low + _COST_OF_A_COPY) * len(rows) >= (high - low) * num_rows:
                rows = np.arange(num_rows)
            place = np.searchsorted(rows, row[tokens])
            shown = np.zeros((len(rows), high - low, visible.shape[1]), bool)
            shown[place, column[tokens] - low] = visible[tokens]
            bands.append(
                _Band(
                    None if len(tokens) == len(row) else _tensor(tokens, device),
                    None if len(rows) == num_rows else _tensor(rows, device),
                    _tensor(place, device),
                    _tensor(column[tokens] - low, device),
                    high - low,
                    _additive(_tensor(shown, device), groups, dtype),
                )
            )
        return cls(tuple(bands))

    def attend(self, query: Tensor, keys: Tensor, values: Tensor, scaling: float) -> Tensor:
        """Attention of packed queries over the rows of a cache.

        Args:
            query: (1, heads, tokens, width).
            keys: (rows, key heads, places, width).
            values: (rows, key heads, places, width).
            scaling: Of the scores.

        Returns:
            (tokens, heads, width).
        """
        packed = query[0].transpose(0, 1)
        if len(self.bands) == 1:
            return self.bands[0].attend(packed, keys, values, scaling)
        mixed = packed.new_empty(packed.shape)
        for band in self.bands:
            mixed[band.tokens] = band.attend(packed, keys, values, scaling)
        return mixed


def _cheapest_cut(count: Ints) -> int:
    """How many tokens of each row the first band takes, so that both bands together cost least."""
    cuts = np.unique(count[count > 0])
    longer = (count[:, None] > cuts).sum(axis=0)
    cost = len(count) * cuts + longer * (cuts[-1] - cuts + _COST_OF_A_COPY)
    return int(cuts[cost.argmin()])


def _additive(shown: Tensor, groups: int, dtype: Any) -> Tensor:
    import torch

    mask = torch.zeros(shown.shape, dtype=dtype, device=shown.device)
    mask.masked_fill_(~shown, torch.finfo(dtype).min)
    return mask[:, None].repeat((1, 1, groups, 1))


def _tensor(values: NDArray[Any], device: str) -> Tensor:
    import torch

    return torch.as_tensor(values, device=device)
