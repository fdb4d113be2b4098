"""What the model thinks of the tokens that the catalogue allows.

A title has two scores. ``full`` is the log-probability of all its tokens over the whole vocabulary, those
included that the catalogue forces. ``tree`` renormalises over the allowed tokens, so that forced tokens are
free. Neither is divided by the length. The output layer is the widest of a small model, so its rows are
taken one by one where few tokens are asked for, and its log-normaliser is computed only for ``full``.

It knows hidden states, tokens and the output layer; it knows no tree and no cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from recsys.generation.model_facts import base_model
from recsys.generation.ragged_cache import Ints

if TYPE_CHECKING:
    from torch import Tensor

    from recsys.models.loading import LoadedModel

TitleScore = Literal["full", "tree"]
Floats = NDArray[np.float64]

_ROWS_AT_ONCE = 256
_VOCABULARY_AT_ONCE = 4096


class TokenPairs(NamedTuple):
    """Tokens asked of hidden states: (pairs,) index of the state and (pairs,) token, in ascending order of states."""

    state: Ints
    token: Ints


class OutputLayer:
    """Logits of chosen tokens, and log-normalisers over the vocabulary, of a loaded model."""

    def __init__(self, loaded: LoadedModel) -> None:
        from torch.nn import Linear

        self._layer = cast(Any, base_model(loaded.model)).get_output_embeddings()
        # A quantised layer, or one that an adapter changes, has no rows to take. Nor has one that accelerate fetches
        # when it is called: on disk its weight is an empty shape, and logits taken from that rank titles at random.
        self._has_rows = type(self._layer) is Linear and not hasattr(self._layer, "_hf_hook")

    def logits(self, hidden: Tensor, pairs: TokenPairs) -> Floats:
        """(pairs,) logits, in float32 whatever the model's precision where rows can be taken."""
        import torch

        if not len(pairs.state):
            return np.zeros(0)
        device = hidden.device
        with torch.inference_mode():
            if not self._has_rows:
                return self._whole_rows(hidden, pairs)
            weight, bias = self._layer.weight, self._layer.bias
            asked = np.zeros(len(weight), bool)
            asked[pairs.token] = True
            column = np.cumsum(asked) - 1
            tokens = torch.as_tensor(np.flatnonzero(asked), device=device)
            states, inverse = np.unique(pairs.state, return_inverse=True)
            some = hidden[torch.as_tensor(states, device=device)].float()
            table = some @ weight[tokens].float().T
            if bias is not None:
                table = table + bias[tokens].float()
            at = torch.as_tensor(inverse, device=device), torch.as_tensor(column[pairs.token], device=device)
            return np.asarray(table[at].cpu().numpy(), np.float64)

    def log_normalisers(
        self, hidden: Tensor, penalised: TokenPairs | None = None, repetition_penalty: float = 1.0
    ) -> Floats:
        """(states,) log of the sum of exp(logit) over the vocabulary.

        Args:
            hidden: (states, hidden).
            penalised: The tokens whose logits the repetition penalty changes.
            repetition_penalty: See ``penalise``.
        """
        import torch

        parts: list[NDArray[np.float64]] = []
        with torch.inference_mode():
            for start in range(0, len(hidden), _ROWS_AT_ONCE):
                some = hidden[start : start + _ROWS_AT_ONCE]
                if penalised is None or repetition_penalty == 1:
                    sums = torch.stack([_log_sum_exp(logits) for logits in self._slices(some)], dim=1)
                    parts.append(sums.logsumexp(dim=1).cpu().double().numpy())
                    continue
                logits = self._layer(some)
                lo, hi = np.searchsorted(penalised.state, (start, start + _ROWS_AT_ONCE))
                states = torch.as_tensor(penalised.state[lo:hi] - start, device=logits.device)
                tokens = torch.as_tensor(penalised.token[lo:hi], device=logits.device)
                seen = logits[states, tokens]
                logits[states, tokens] = torch.where(seen > 0, seen / repetition_penalty, seen * repetition_penalty)
                parts.append(_log_sum_exp(logits).cpu().double().numpy())
        return np.concatenate(parts) if parts else np.zeros(0)

    def _slices(self, hidden: Tensor) -> Iterator[Tensor]:
        """The logits in slices of the vocabulary, where the layer has rows: they stay in the processor's cache."""
        import torch

        if not self._has_rows:
            yield self._layer(hidden)
            return
        weight, bias = self._layer.weight, self._layer.bias
        for start in range(0, len(weight), _VOCABULARY_AT_ONCE):
            part = slice(start, start + _VOCABULARY_AT_ONCE)
            yield torch.nn.functional.linear(hidden, weight[part], None if bias is None else bias[part])

    def _whole_rows(self, hidden: Tensor, pairs: TokenPairs) -> Floats:
        import torch

        parts: list[NDArray[np.float32]] = []
        for start in range(0, len(hidden), _ROWS_AT_ONCE):
            lo, hi = np.searchsorted(pairs.state, (start, start + _ROWS_AT_ONCE))
            if lo == hi:
                continue
            logits = self._layer(hidden[start : start + _ROWS_AT_ONCE]).float()
            states = torch.as_tensor(pairs.state[lo:hi] - start, device=logits.device)
            parts.append(logits[states, torch.as_tensor(pairs.token[lo:hi], device=logits.device)].cpu().numpy())
        return np.concatenate(parts).astype(np.float64)


def _log_sum_exp(logits: Tensor) -> Tensor:
    """Over the columns, in float32 and in place: torch's own spends most of its time on new memory."""
    logits = logits.float()
    top = logits.amax(dim=-1, keepdim=True)
    return logits.sub_(top).exp_().sum(dim=-1).log() + top[:, 0]


def penalise(logits: Floats, pairs: TokenPairs, penalised: TokenPairs, repetition_penalty: float) -> Floats:
    """Applies the repetition penalty where a pair is penalised: a positive logit is divided, a negative multiplied."""
    if repetition_penalty == 1 or not len(penalised.state):
        return logits
    width = 1 + int(max(pairs.token.max(initial=0), penalised.token.max(initial=0)))
    hit = np.isin(pairs.state * width + pairs.token, penalised.state * width + penalised.token)
    changed = np.where(logits > 0, logits / repetition_penalty, logits * repetition_penalty)
    return np.where(hit, changed, logits)
