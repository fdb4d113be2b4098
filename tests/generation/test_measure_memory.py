"""The measurement sees what is taken, in a process of its own."""

import sys

import pytest

from recsys.generation.measure_memory import _peak, anonymous_bytes, measure_in_child
from recsys.models.memory_plan import AnswerSize

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells a process's memory in this way")
MB = 1_000_000


def test_a_peak_between_two_looks_is_seen():
    before = anonymous_bytes()
    with _peak() as peak:
        bytearray(200 * MB)
    assert 190 * MB < peak.most - before < 260 * MB
    assert anonymous_bytes() - before < 60 * MB


def test_a_small_model_is_loaded_and_asked_in_a_child(tiny_llama_folder):
    before = anonymous_bytes()
    measured = measure_in_child(str(tiny_llama_folder), "fp32", AnswerSize(2, 2, 32))
    assert 0 < measured.resting < 60 * MB
    assert 0 < measured.answering < 100 * MB
    assert measured.peak == max(measured.loading, measured.answering)
    assert anonymous_bytes() - before < 60 * MB  # nothing of it was loaded here
