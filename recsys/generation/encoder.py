"""Texts to vectors with the language model itself: the mean of its last hidden states.

The base model alone is read, whatever adapter is selected, so that an index built once stays right.
Knows no titles and no index.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recsys.generation.model_facts import base_model, context_length

if TYPE_CHECKING:
    from torch.nn import Module

    from recsys.models.loading import LoadedModel

MAX_TOKENS = 256
"""Longer texts are cut: a title with its genres is some twenty tokens."""

_TOKENS_PER_BATCH = 2048


class TextEncoder:
    """Encodes texts with a loaded model.

    Args:
        loaded: The model, which the caller holds for as long as it encodes.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The mean of the last hidden states over each text's tokens, scaled to unit length.

        Args:
            texts: Any number; a text is cut after MAX_TOKENS tokens.

        Returns:
            Vectors of shape (number of texts, hidden size), in the order of the texts.
        """
        vectors = np.zeros((len(texts), self._loaded.model.config.hidden_size), dtype=np.float32)
        ids = [self._ids(text) for text in texts]
        for batch in _batches_by_length(ids):
            vectors[batch] = self._encode_batch([ids[index] for index in batch])
        return vectors

    def _ids(self, text: str) -> list[int]:
        tokenizer = self._loaded.tokenizer
        longest = min(MAX_TOKENS, context_length(self._loaded.model) or MAX_TOKENS)
        ids: list[int] = tokenizer(text)["input_ids"][:longest]
        # A blank text of a tokenizer without BOS has no token; the end of text stands for it.
        return ids or [tokenizer.eos_token_id or 0]

    def _encode_batch(self, ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        import torch

        width = max(map(len, ids))
        input_ids = torch.tensor([[*row, *[0] * (width - len(row))] for row in ids], device=self._loaded.device)
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in ids], device=self._loaded.device)
        model = self._loaded.model
        is_adapted = hasattr(model, "disable_adapter")
        decoder = _without_head(model)
        with torch.inference_mode(), model.disable_adapter() if is_adapted else nullcontext():
            states = decoder(input_ids=input_ids, attention_mask=mask, use_cache=False).last_hidden_state.float()
            weights = mask.unsqueeze(-1).to(states)  # whose layers may be on another GPU than the first ones
            means = (states * weights).sum(dim=1) / weights.sum(dim=1)
            unit = torch.nn.functional.normalize(means, dim=-1)
        vectors: NDArray[np.float32] = unit.cpu().numpy()
        return vectors


def _without_head(model: Module) -> Module:
    """The decoder below the language-model head: no text needs the scores of its next token."""
    base = base_model(model)
    decoder: Module = getattr(base, str(base.base_model_prefix))
    return decoder


def _batches_by_length(ids: Sequence[Sequence[int]]) -> list[list[int]]:
    """Indices in batches of similar lengths, each of at most _TOKENS_PER_BATCH tokens with its padding."""
    batches: list[list[int]] = []
    for index in sorted(range(len(ids)), key=lambda i: len(ids[i])):
        # Sorted by length, so the newest is the widest of its batch.
        if batches and (len(batches[-1]) + 1) * len(ids[index]) <= _TOKENS_PER_BATCH:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches
