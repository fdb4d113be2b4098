"""Packed attention against attention written out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recsys.generation import packed_layout
from recsys.generation.packed_layout import PackedLayout, attend_written_out
from recsys.generation.ragged_cache import Stretch

HEADS, KEY_HEADS, WIDTH, PLACES, SHARED = 4, 2, 8, 5, 7
ROW = np.array([0, 0, 0, 2, 3])
"""Three tokens of the first record, none of the second, one of the others."""


def random(*shape: int, seed: int) -> Any:
    import torch

    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def visible() -> Any:
    shown = np.zeros((len(ROW), PLACES), bool)
    for token, places in enumerate(([0], [0, 1], [0, 1, 3], [2], [0, 4])):
        shown[token, places] = True
    return shown


def by_hand(query: Any, keys: Any, values: Any, shown: Any, shared: Stretch | None) -> Any:
    """Token by token and head by head."""
    import torch

    answers = torch.zeros(len(ROW), HEADS, WIDTH)
    for token, row in enumerate(ROW):
        for head in range(HEADS):
            group = head // (HEADS // KEY_HEADS)
            own = torch.as_tensor(shown[token])
            seen, told = keys[row, group, :PLACES][own], values[row, group, :PLACES][own]
            if shared is not None:
                seen = torch.cat([shared.keys[0][:, group], seen])
                told = torch.cat([shared.values[0][:, group], told])
            weights = (seen @ query[0, head, token] * 0.5).softmax(dim=0)
            answers[token, head] = weights @ told
    return answers


@pytest.mark.parametrize("is_shared", [False, True])
@pytest.mark.parametrize("on_cpu", [True, False])
def test_packed_tokens_attend_as_each_would_alone(
    is_shared: bool, on_cpu: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    if not on_cpu:  # what other devices compute, computed here
        monkeypatch.setattr(packed_layout, "_attend", attend_written_out)
    shared = Stretch((random(SHARED, KEY_HEADS, WIDTH, seed=4),), (random(SHARED, KEY_HEADS, WIDTH, seed=5),))
    query = random(1, HEADS, len(ROW), WIDTH, seed=1)
    keys, values = random(4, KEY_HEADS, 32, WIDTH, seed=2), random(4, KEY_HEADS, 32, WIDTH, seed=3)
    shown = visible()
    layout = PackedLayout.of(
        ROW, shown, groups=HEADS // KEY_HEADS, dtype=torch.float32, device="cpu", shared=shared if is_shared else None
    )
    found = layout.attend(query, keys, values, 0.5, layer=0)
    torch.testing.assert_close(found, by_hand(query, keys, values, shown, shared if is_shared else None))


def test_long_rows_get_a_band_of_their_own() -> None:
    import torch

    row = np.array([0] * 30 + list(range(1, 20)))
    shown = np.ones((len(row), 4), bool)
    layout = PackedLayout.of(row, shown, groups=1, dtype=torch.float32, device="cpu")
    assert [band.width for band in layout.bands] == [1, 29]
