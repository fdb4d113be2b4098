"""Prompts computed once: what many prompts begin with is read from memory, not computed again.

The worked examples of a few-shot prompt open every prompt of a run, and a person who moves a slider asks
the same prompt again. Keys and values of a text depend on nothing that comes after it, so any start of a
text that was computed serves any text with the same start, for the same weights.

It knows tokens, keys and values; it knows no titles.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recsys.generation.packed_model import PackedModel, passes
from recsys.generation.ragged_cache import Ints, RaggedCache, Stretch

if TYPE_CHECKING:
    from torch import Tensor

DEFAULT_MAX_BYTES = 256 * 2**20
_WORTH_SHARING = 8
_ROWS_WORTH_SHARING = 4
"""With fewer rows a second attention in each layer costs more than reading the shared text once a row."""


class PrefixCache:
    """Computed beginnings of texts, the least recently used forgotten first.

    Args:
        max_bytes: The most memory that it holds.
    """

    def __init__(self, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        self._held: OrderedDict[tuple[Hashable, tuple[int, ...]], Stretch] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def num_bytes(self) -> int:
        """Bytes held now."""
        return sum(stretch.num_bytes for stretch in self._held.values())

    def longest(self, key: Hashable, tokens: Sequence[int]) -> Stretch | None:
        """The longest computed beginning of these tokens, under weights named by ``key``."""
        with self._lock:
            found = [(common_length([held, tokens]), held) for name, held in self._held if name == key]
            length, held = max(found, default=(0, ()))
            if not length:
                return None
            self._held.move_to_end((key, held))
            return self._held[key, held].head(length)

    def keep(self, key: Hashable, tokens: Sequence[int], stretch: Stretch) -> None:
        """Remembers a computed text; what it begins with is then covered by it."""
        tokens = tuple(tokens)
        with self._lock:
            for name, held in list(self._held):
                if name == key and tokens[: len(held)] == held:
                    del self._held[name, held]
            self._held[key, tokens] = stretch
            while self._held and self.num_bytes > self.max_bytes:
                self._held.popitem(last=False)

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._held.clear()


@dataclass(eq=False)
class Prefill:
    """A batch of prompts, computed.

    Attributes:
        cache: One row for each prompt.
        lengths: (prompts,) tokens of each.
        hidden: (prompts, hidden) the state after each prompt's last token.
        visible: (prompts, places) the places of each prompt, what all share aside.
        num_computed: Tokens that went through the model.
    """

    cache: RaggedCache
    lengths: Ints
    hidden: Tensor
    visible: NDArray[np.bool_]
    num_computed: int


def prefill(
    model: PackedModel, prompts: Sequence[Sequence[int]], prefixes: PrefixCache, key: Hashable, *, room: int = 0
) -> Prefill:
    """Computes prompts, what they share and what was computed before only once.

    Args:
        model: The decoder.
        prompts: Token ids, at least one token each.
        prefixes: What was computed before; what is computed now is added.
        key: Names the weights: base, adapter and precision.
        room: Places that each row will probably need after its prompt.
    """
    shared = min(common_length(prompts), min(map(len, prompts)) - 1)
    start = prefixes.longest(key, prompts[0][:shared])
    computed = 0
    if len(prompts) > 1 and shared - (len(start) if start else 0) >= _WORTH_SHARING:
        cache, before = _begin(model, 1, start)
        _compute(model, cache, [prompts[0][before:shared]])
        start = cache.copy_of(0, shared)
        prefixes.keep(key, prompts[0][:shared], start)
        computed = shared - before
    cache, before = _begin(model, len(prompts), start, room + max(map(len, prompts)))
    rest = [prompt[before:] for prompt in prompts]
    hidden = _compute(model, cache, rest)
    lengths = np.array([len(prompt) for prompt in prompts])
    own = lengths - cache.num_shared
    if len(prompts) == 1:
        prefixes.keep(key, prompts[0], cache.copy_of(0, len(prompts[0])))
    return Prefill(
        cache,
        lengths,
        hidden,
        np.arange(int(own.max())) < own[:, None],
        computed + int(lengths.sum()) - before * len(prompts),
    )


def common_length(texts: Sequence[Sequence[int]]) -> int:
    """How many tokens all texts begin with."""
    shortest = min(map(len, texts))
    table = np.array([list(text[:shortest]) for text in texts], np.int64).reshape(len(texts), shortest)
    differs = (table != table[0]).any(axis=0)
    return int(differs.argmax()) if differs.any() else shortest


def _begin(model: PackedModel, num_rows: int, start: Stretch | None, room: int = 0) -> tuple[RaggedCache, int]:
    if start is None:
        return model.new_cache(num_rows, room=room), 0
    if num_rows >= _ROWS_WORTH_SHARING:
        return model.new_cache(num_rows, start, room=room - len(start)), len(start)
    cache = model.new_cache(num_rows, room=room)
    cache.begin_with(start)
    return cache, len(start)


def _compute(model: PackedModel, cache: RaggedCache, texts: Sequence[Sequence[int]]) -> Tensor:
    """Computes the texts after what the rows hold; returns the state after each one's last token."""
    import torch

    lengths = np.array([len(text) for text in texts])
    states = []
    for rows in passes(lengths):
        row = np.repeat(rows, lengths[rows])
        token = np.fromiter((token for i in rows for token in texts[i]), np.int64, len(row))
        place = cache.claim(row, model.device)
        visible = np.arange(int(place.max()) + 1) <= place[:, None]
        shown = np.zeros((len(row), int(cache.lengths.max())), bool)
        shown[:, : visible.shape[1]] = visible
        hidden = model.forward(cache, row, token, cache.num_shared + place, shown)
        states.append(hidden[torch.as_tensor(np.cumsum(lengths[rows]) - 1, device=hidden.device)])
    return torch.cat(states)
