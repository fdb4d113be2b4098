"""Blocks that are freed go back to the system though smaller ones that came later stay."""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

import pytest

from recsys.models.heap import give_large_blocks_back

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="glibc alone keeps large blocks")
MB = 1 << 20


def held_once_freed(with_limit: bool) -> int:
    """Bytes of a working copy that stay though it was freed, since a smaller block that came later is still there."""
    import torch

    from recsys.generation.measure_memory import anonymous_bytes

    if with_limit:
        assert give_large_blocks_back()
    first = torch.ones(24 * MB, dtype=torch.uint8)
    del first  # from here on glibc takes blocks of that size from its heap
    before = anonymous_bytes()
    working = torch.ones(20 * MB, dtype=torch.uint8)
    kept = torch.ones(2 * MB, dtype=torch.uint8)
    del working
    return anonymous_bytes() - before - len(kept)


def in_child(with_limit: bool) -> int:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as child:
        return child.submit(held_once_freed, with_limit).result()


def test_a_working_copy_goes_back_to_the_system_when_it_is_freed() -> None:
    assert in_child(False) > 15 * MB  # else this test shows nothing
    assert in_child(True) < 3 * MB
