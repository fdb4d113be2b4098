"""Runs a decoder on the tokens of many rows laid end to end, so that no step pays for padding.

All linear layers see one row of real tokens; only the attention, a small part of the work, is padded to
(rows, longest). Places and masks come with each pass, so beams of one record share its cache row, and
positions are those of the text, not of the cache. LLaMA and its kin are reached through transformers'
attention interface; GPT-J, whose attention has none (and computes in float32 over the whole cache), by
standing in for its ``_attn`` while a pass runs. The model itself is left as it was.

It knows tensors and modules; it knows no prompts, no titles and no scores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from recsys.errors import ModelUnavailableError
from recsys.generation.model_facts import base_model
from recsys.generation.ragged_cache import Ints, RaggedCache

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from recsys.models.loading import LoadedModel

ATTENTION_NAME = "recsys_packed"


@dataclass(frozen=True, eq=False)
class _Layout:
    """How the tokens of one pass stand in padded rows.

    Attributes:
        num_rows: Rows of the cache.
        width: Tokens of the fullest row.
        row: (tokens,) row of each token.
        column: (tokens,) place of each token among its row's tokens of this pass.
        mask: (rows, 1, groups × width, places) added to the attention scores.
    """

    num_rows: int
    width: int
    row: Tensor
    column: Tensor
    mask: Tensor

    def attend(self, query: Tensor, keys: Tensor, values: Tensor, scaling: float) -> Tensor:
        """Attention of packed queries over padded rows.

        Args:
            query: (1, heads, tokens, width).
            keys: (rows, key heads, places, width).
            values: (rows, key heads, places, width).
            scaling: Of the scores.

        Returns:
            (tokens, heads, width).
        """
        import torch

        _, heads, _, size = query.shape
        key_heads = keys.shape[1]
        groups = heads // key_heads
        padded = query.new_zeros((self.num_rows, self.width, key_heads, groups, size))
        padded[self.row, self.column] = query[0].transpose(0, 1).reshape(-1, key_heads, groups, size)
        # Query heads that share a key head become further queries of it: no copy of the cache is needed.
        folded = padded.permute(0, 2, 3, 1, 4).reshape(self.num_rows, key_heads, groups * self.width, size)
        mixed = torch.nn.functional.scaled_dot_product_attention(
            folded, keys, values, attn_mask=self.mask, scale=scaling
        )
        by_token = mixed.view(self.num_rows, key_heads, groups, self.width, size).permute(0, 3, 1, 2, 4)
        return by_token[self.row, self.column].flatten(1, 2)


class PackedModel:
    """The decoder of a loaded model; stateless, the state being in the caches it makes.

    Args:
        loaded: The model, with its adapter or without.

    Raises:
        ModelUnavailableError: for an architecture whose attention cannot be laid out in this way.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        self.device = loaded.device
        self.causal_lm = cast(Any, base_model(loaded.model))
        self.decoder = cast(Any, self.causal_lm.base_model)
        config = self.causal_lm.config
        self._gptj_attentions = [m for m in self.decoder.modules() if type(m).__name__ == "GPTJAttention"]
        through_interface = bool(getattr(self.causal_lm, "_supports_attention_backend", False))
        windows = set(getattr(config, "layer_types", None) or ()) - {"full_attention"}
        if not self._gptj_attentions and (not through_interface or windows):
            raise ModelUnavailableError(
                "catalogue decoding does not know this model's attention",
                seen=getattr(config, "model_type", None),
                mend="choose a LLaMA or GPT-J model, or free generation",
            )
        heads = config.num_attention_heads
        self._groups = heads // (getattr(config, "num_key_value_heads", None) or heads)
        self.dtype: Any = self.decoder.get_input_embeddings().weight.dtype

    def new_cache(self, num_rows: int) -> RaggedCache:
        """An empty cache."""
        return RaggedCache(num_rows)

    def forward(
        self, cache: RaggedCache, row: Ints, token: Ints, position: Ints, place: Ints, visible: NDArray[np.bool_]
    ) -> Tensor:
        """Computes tokens and adds them to the cache, whose ``claim`` gave their places.

        Args:
            cache: Of the rows.
            row: (tokens,) in ascending order.
            token: (tokens,) token ids.
            position: (tokens,) positions in the text.
            place: (tokens,) places in the row.
            visible: (tokens, places) which places each token sees, its own among them.

        Returns:
            (tokens, hidden) the last hidden states.
        """
        import torch

        layout = self._layout(cache, row, place, visible)
        with torch.inference_mode(), self._packed_attention(layout):
            output = self.decoder(
                input_ids=torch.as_tensor(token, device=self.device)[None],
                position_ids=torch.as_tensor(position, device=self.device)[None],
                attention_mask=layout.mask,
                past_key_values=cache,
                use_cache=True,
                **({} if self._gptj_attentions else {"packed_layout": layout}),
            )
        hidden: Tensor = output.last_hidden_state[0]
        return hidden

    def _layout(self, cache: RaggedCache, row: Ints, place: Ints, visible: NDArray[np.bool_]) -> _Layout:
        import torch

        num_rows = len(cache.lengths)
        per_row = np.bincount(row, minlength=num_rows)
        column = np.arange(len(row)) - (np.cumsum(per_row) - per_row)[row]
        width = int(per_row.max())
        shown = np.zeros((num_rows, width, visible.shape[1]), bool)
        shown[row, column] = visible
        seen = torch.as_tensor(shown, device=self.device)[:, None]
        mask = torch.zeros(seen.shape, dtype=self.dtype, device=self.device)
        mask.masked_fill_(~seen, torch.finfo(self.dtype).min)
        return _Layout(
            num_rows,
            width,
            torch.as_tensor(row, device=self.device),
            torch.as_tensor(column, device=self.device),
            mask.repeat((1, 1, self._groups, 1)),
        )

    @contextmanager
    def _packed_attention(self, layout: _Layout) -> Iterator[None]:
        if self._gptj_attentions:
            for attention in self._gptj_attentions:
                attention._attn = _gptj_attention(attention, layout)
            try:
                yield
            finally:
                for attention in self._gptj_attentions:
                    del attention._attn
            return
        from transformers import AttentionInterface

        AttentionInterface.register(ATTENTION_NAME, _attention)
        config = self.causal_lm.config
        before = config._attn_implementation
        config._attn_implementation = ATTENTION_NAME
        try:
            yield
        finally:
            config._attn_implementation = before


def _attention(
    module: Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor,
    *,
    scaling: float,
    packed_layout: _Layout,
    **_: object,
) -> tuple[Tensor, None]:
    return packed_layout.attend(query, key, value, scaling)[None], None


def _gptj_attention(attention: Module, layout: _Layout) -> Callable[..., tuple[Tensor, None]]:
    scaling = 1 / float(cast(float, attention.scale_attn))

    def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> tuple[Tensor, None]:
        return layout.attend(query, key, value, scaling).transpose(0, 1)[None], None

    return attend
