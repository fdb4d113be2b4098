from __future__ import annotations

from typing import Any

import pytest

from recsys.generation.prefix_cache import PrefixCache, common_length
from recsys.generation.ragged_cache import Stretch


def stretch(length: int) -> Stretch:
    """One layer, one head of width one, in float32: eight bytes for each token."""
    import torch

    part: Any = torch.arange(length, dtype=torch.float32).reshape(length, 1, 1)
    return Stretch((part,), (part,))


def test_the_longest_common_beginning_is_found() -> None:
    cache = PrefixCache()
    cache.keep("base", [1, 2, 3], stretch(3))
    cache.keep("base", [1, 2, 9, 9], stretch(4))
    found = cache.longest("base", [1, 2, 9, 5])
    assert found is not None
    assert len(found) == 3


def test_other_weights_share_nothing() -> None:
    cache = PrefixCache()
    cache.keep("base", [1, 2, 3], stretch(3))
    assert cache.longest("adapter", [1, 2, 3]) is None
    assert cache.longest("base", [7]) is None
    assert cache.longest("base", []) is None


def test_a_longer_text_covers_what_it_begins_with() -> None:
    cache = PrefixCache()
    cache.keep("base", [1, 2], stretch(2))
    cache.keep("base", [1, 2, 3], stretch(3))
    assert cache.num_bytes == 24


def test_the_least_recently_used_text_is_forgotten_first() -> None:
    cache = PrefixCache(max_bytes=32)
    cache.keep("base", [1, 1], stretch(2))
    cache.keep("base", [2, 2], stretch(2))
    assert cache.longest("base", [1, 1]) is not None
    cache.keep("base", [3, 3], stretch(2))
    assert cache.longest("base", [2, 2]) is None
    assert cache.longest("base", [1, 1]) is not None
    assert cache.num_bytes == 32
    cache.clear()
    assert cache.num_bytes == 0


@pytest.mark.parametrize(
    ("texts", "length"), [([[1, 2], [1, 2, 3]], 2), ([[1], [2]], 0), ([[1, 2, 3]], 3), ([[1], []], 0)]
)
def test_texts_share_what_all_begin_with(texts: list[list[int]], length: int) -> None:
    assert common_length(texts) == length
