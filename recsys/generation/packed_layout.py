"""Attention of packed tokens: how the tokens of one pass stand in padded rows.

Rows differ in how many tokens they bring: most a few, one a long title. Padding all to the longest would
make attention the largest part of a step, so the rows that bring more than most form a second band of
their own for what they bring more. A beginning that all rows share is held once: each token attends to it
as one long row and to its own row apart, and the two are put together by their normalisers (Hydragen,
arXiv 2402.05099), so that a step reads a long prompt from memory once and not once a row.

It knows tensors, rows and places; it knows no model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from recsys.generation.ragged_cache import Ints, Stretch, whole_places

if TYPE_CHECKING:
    from torch import Tensor

_COST_OF_A_COPY = 8
"""Copying the keys and values of a row costs about as much as attention of so many queries."""


@dataclass(frozen=True, eq=False)
class _Band:
    """Some tokens of some rows, padded to one width.

    Attributes:
        tokens: (tokens,) their places in the pass; None are all.
        rows: The rows, neighbours as a slice: they are read where they are.
        row: (tokens,) index of each token's row among these.
        column: (tokens,) place of each token in its padded row.
        width: Columns of a padded row.
        mask: (rows, 1, groups × width, places) added to the attention scores.
    """

    tokens: Tensor | None
    rows: Tensor | slice
    row: Tensor
    column: Tensor
    width: int
    mask: Tensor
    _padded: list[Tensor] = field(default_factory=list)

    def attend(self, query: Tensor, keys: Tensor, values: Tensor, scaling: float) -> tuple[Tensor, Tensor]:
        """(tokens of the band, heads, width of a head) and (…, heads) log-normalisers; see ``PackedLayout.attend``."""
        if self.tokens is not None:
            query = query[self.tokens]
        keys, values = keys[self.rows], values[self.rows]
        _, heads, size = query.shape
        num_rows, key_heads = keys.shape[:2]
        groups = heads // key_heads
        if not self._padded:  # the places beside the tokens stay zero from layer to layer
            self._padded.append(query.new_zeros((num_rows, key_heads, groups, self.width, size)))
        padded = self._padded[0]
        padded[self.row, :, :, self.column] = query.view(-1, key_heads, groups, size)
        # Query heads that share a key head become further queries of it: no copy of the cache is needed.
        folded = padded.view(num_rows, key_heads, groups * self.width, size)
        mixed, normaliser = _attend(folded, keys, values, self.mask.to(query.dtype), scaling)
        mixed = mixed.view(num_rows, key_heads, groups, self.width, size)[self.row, :, :, self.column]
        normaliser = normaliser.view(num_rows, key_heads, groups, self.width)[self.row, :, :, self.column]
        return mixed.flatten(1, 2), normaliser.flatten(1, 2)


@dataclass(frozen=True, eq=False)
class PackedLayout:
    """How the tokens of one pass attend.

    Attributes:
        bands: The tokens, each in its row.
        shared: What all rows begin with, held once and not in the rows; None where there is no such text.
    """

    bands: tuple[_Band, ...]
    shared: Stretch | None = None

    @classmethod
    def of(
        cls,
        row: Ints,
        visible: NDArray[np.bool_],
        *,
        groups: int,
        dtype: Any,
        device: str,
        shared: Stretch | None = None,
    ) -> PackedLayout:
        """Lays out the tokens of one pass.

        Args:
            row: (tokens,) row of each token, in ascending order.
            visible: (tokens, places) which places of its row each token sees.
            groups: Query heads for each key head.
            dtype: Of the queries.
            device: Where they are.
            shared: What all rows begin with, every token sees.
        """
        count = np.bincount(row)
        column = np.arange(len(row)) - (np.cumsum(count) - count)[row]
        cut = _cheapest_cut(count[int(row[0]) :])
        bands = []
        for low, high in ((0, cut), (cut, int(count.max()))):
            tokens = np.flatnonzero((column >= low) & (column < high))
            if not len(tokens):
                continue
            rows = np.unique(row[tokens])
            neighbours = np.arange(rows[0], rows[-1] + 1)
            if (high - low + _COST_OF_A_COPY) * len(rows) >= (high - low) * len(neighbours):
                rows = neighbours
            place = np.searchsorted(rows, row[tokens])
            shown = np.zeros((len(rows), high - low, whole_places(visible.shape[1])), bool)
            shown[place, column[tokens] - low, : visible.shape[1]] = visible[tokens]
            bands.append(
                _Band(
                    None if len(tokens) == len(row) else _tensor(tokens, device),
                    slice(rows[0], rows[-1] + 1) if rows is neighbours else _tensor(rows, device),
                    _tensor(place, device),
                    _tensor(column[tokens] - low, device),
                    high - low,
                    _additive(_tensor(shown, device), groups, dtype),
                )
            )
        return cls(tuple(bands), shared)

    def attend(self, query: Tensor, keys: Tensor, values: Tensor, scaling: float, layer: int) -> Tensor:
        """Attention of packed queries over the rows of a cache, and over what they all begin with.

        Args:
            query: (1, heads, tokens, width).
            keys: (rows, key heads, places, width).
            values: (rows, key heads, places, width).
            scaling: Of the scores.
            layer: Index of the layer.

        Returns:
            (tokens, heads, width).
        """
        packed = query[0].transpose(0, 1)
        mixed, normaliser = self._attend_to_rows(packed, keys, values, scaling)
        if self.shared is None:
            return mixed
        before, its_normaliser = _attend_to_one(packed, self.shared.keys[layer], self.shared.values[layer], scaling)
        share = (its_normaliser - normaliser).sigmoid()[..., None].to(mixed.dtype)
        return mixed.lerp(before, share)

    def _attend_to_rows(self, packed: Tensor, keys: Tensor, values: Tensor, scaling: float) -> tuple[Tensor, Tensor]:
        import torch

        if len(self.bands) == 1:
            return self.bands[0].attend(packed.contiguous(), keys, values, scaling)
        mixed = packed.new_empty(packed.shape)
        normaliser = torch.empty(packed.shape[:2], device=packed.device)
        for band in self.bands:
            mixed[band.tokens], normaliser[band.tokens] = band.attend(packed, keys, values, scaling)
        return mixed, normaliser


def _attend_to_one(query: Tensor, keys: Tensor, values: Tensor, scaling: float) -> tuple[Tensor, Tensor]:
    """Every token attends to all of one text: (tokens, heads, width) and (tokens, heads) log-normalisers."""
    num_tokens, heads, size = query.shape
    key_heads = keys.shape[1]
    groups = heads // key_heads
    folded = query.view(num_tokens, key_heads, groups, size).permute(1, 2, 0, 3).reshape(1, key_heads, -1, size)
    mixed, normaliser = _attend(folded, keys.transpose(0, 1)[None], values.transpose(0, 1)[None], None, scaling)
    by_token = mixed.view(key_heads, groups, num_tokens, size).permute(2, 0, 1, 3)
    return by_token.flatten(1, 2), normaliser.view(key_heads, groups, num_tokens).permute(2, 0, 1).flatten(1, 2)


def _attend(query: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, scaling: float) -> tuple[Tensor, Tensor]:
    """Scaled dot-product attention with the log-normaliser of each query, in float32 at least.

    On a CPU by the fused kernel behind torch's own attention, which keeps its normalisers to itself;
    elsewhere written out, for the kernels of other devices differ in what they return.
    """
    import torch

    if query.device.type != "cpu":
        return attend_written_out(query, keys, values, mask, scaling)
    mixed, normaliser = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        query, keys, values, 0.0, False, attn_mask=mask, scale=scaling
    )
    return mixed, normaliser.contiguous()


def attend_written_out(
    query: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, scaling: float
) -> tuple[Tensor, Tensor]:
    """The same as two matrix products and a softmax: (…, queries, width) and (…, queries)."""
    scores = (query @ keys.transpose(-1, -2)).float() * scaling
    if mask is not None:
        scores = scores + mask
    normaliser = scores.logsumexp(dim=-1)
    return (scores - normaliser[..., None]).exp().to(values.dtype) @ values, normaliser


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
