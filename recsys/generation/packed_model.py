"""Runs a decoder on the tokens of many rows laid end to end, so that no step pays for padding.

All linear layers see one row of real tokens; only the attention, a small part of the work, is padded to
(rows, longest). Places and masks come with each pass, so beams of one record share its cache row, and
positions are those of the text, not of the cache. LLaMA and its kin are reached through transformers'
attention interface; GPT-J, whose attention has none (and computes in float32 over the whole cache), by
standing in for its ``_attn`` while a pass runs. The model itself is left as it was.

It knows tensors and modules; it knows no prompts, no titles and no scores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from recsys.errors import ModelUnavailableError
from recsys.generation.model_facts import base_model
from recsys.generation.packed_layout import PackedLayout
from recsys.generation.ragged_cache import Ints, RaggedCache, Stretch
from recsys.models.placement import computing_devices

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from recsys.models.loading import LoadedModel

ATTENTION_NAME = "recsys_packed"
MAX_ROWS = 128
"""The most texts that are computed side by side: with more, a step of a small model is no faster."""
TOKENS_AT_ONCE = 1024
"""With more the activations of a small model leave the processor's cache, and each token takes longer."""
MAX_CACHE_BYTES = 640 * 2**20
"""The most memory that their keys and values should take."""


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
        if computing_devices(self.causal_lm) > 1:
            raise ModelUnavailableError(
                "catalogue decoding computes on one device and this model's layers are on several",
                mend="name one GPU, as in --max-memory 0:40GB,cpu:60GB, or choose free generation",
            )
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
        head_width = getattr(config, "head_dim", None) or config.hidden_size // heads
        values = 2 * config.num_hidden_layers * (heads // self._groups) * head_width
        self.dtype: Any = self.decoder.get_input_embeddings().weight.dtype
        self._bytes_per_token = values * self.dtype.itemsize

    def batches(self, lengths: Sequence[int], more: int, *, shared: int = 0) -> list[list[int]]:
        """Which texts are computed side by side: of like length, so that the attention is padded little.

        Args:
            lengths: Tokens of each text.
            more: Tokens that each may grow by.
            shared: Tokens that all begin with, which take memory once.

        Returns:
            Indices of the texts, by batch.
        """
        order = sorted(range(len(lengths)), key=lambda i: lengths[i])
        widest = max(lengths, default=0) - shared + more
        room = max(1, min(MAX_ROWS, MAX_CACHE_BYTES // (max(widest, 1) * self._bytes_per_token)))
        count = -(-len(order) // room)
        # As even as can be: a batch of one record takes nearly as many passes as a full one.
        cuts = [len(order) * i // max(count, 1) for i in range(count + 1)]
        return [order[start:end] for start, end in pairwise(cuts)]

    def new_cache(self, num_rows: int, shared: Stretch | None = None, *, room: int = 0) -> RaggedCache:
        """An empty cache, or one whose rows share a beginning, with room for so many places in each row."""
        return RaggedCache(num_rows, shared, room=room)

    def forward(self, cache: RaggedCache, row: Ints, token: Ints, position: Ints, visible: NDArray[np.bool_]) -> Tensor:
        """Computes tokens and adds them to the cache, whose ``claim`` gave their places.

        Args:
            cache: Of the rows.
            row: (tokens,) in ascending order.
            token: (tokens,) token ids.
            position: (tokens,) positions in the text.
            visible: (tokens, places) which places of its row each token sees, its own among them.

        Returns:
            (tokens, hidden) the last hidden states.
        """
        import torch

        layout = PackedLayout.of(
            row,
            visible,
            groups=self._groups,
            dtype=self.dtype,
            device=self.device,
            shared=cache.shared,
        )
        with torch.inference_mode(), self._packed_attention(layout):
            output = self.decoder(
                input_ids=torch.as_tensor(token, device=self.device)[None],
                position_ids=torch.as_tensor(position, device=self.device)[None],
                attention_mask=layout.bands[0].mask,  # of four dimensions: transformers makes none of its own
                past_key_values=cache,
                use_cache=True,
                **({} if self._gptj_attentions else {"packed_layout": layout}),
            )
        hidden: Tensor = output.last_hidden_state[0]
        return hidden

    @contextmanager
    def _packed_attention(self, layout: PackedLayout) -> Iterator[None]:
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
    packed_layout: PackedLayout,
    **_: object,
) -> tuple[Tensor, None]:
    return packed_layout.attend(query, key, value, scaling, cast(int, module.layer_idx))[None], None


def _gptj_attention(attention: Module, layout: PackedLayout) -> Callable[..., tuple[Tensor, None]]:
    scaling = 1 / float(cast(float, attention.scale_attn))
    layer = cast(int, attention.layer_idx)

    def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> tuple[Tensor, None]:
        return layout.attend(query, key, value, scaling, layer).transpose(0, 1)[None], None

    return attend


def passes(count: Ints) -> Iterator[Ints]:
    """Neighbouring rows that bring so many tokens each, a pass of at most TOKENS_AT_ONCE after the other."""
    start, used = 0, 0
    for i, more in enumerate(count.tolist()):
        if i > start and used + more > TOKENS_AT_ONCE:
            yield np.arange(start, i)
            start, used = i, 0
        used += more
    yield np.arange(start, len(count))
