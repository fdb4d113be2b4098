from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.generation.choice import cut, gumbel, log_sum_exp, pick
from recsys.settings import GenerationSettings
from tests.generation.catalogue_oracle import cut_slowly

NONE = -np.inf

# Thousandths: closer values may tie after the softmax, and then either may be cut.
logits = st.lists(st.integers(-5000, 5000).map(lambda n: n / 1000), min_size=1, max_size=8, unique=True)


@given(st.lists(logits, min_size=1, max_size=3), st.data())
@settings(deadline=None)
def test_each_row_is_cut_as_it_would_be_alone(rows: list[list[float]], data: st.DataObject) -> None:
    sampling = GenerationSettings(
        temperature=data.draw(st.sampled_from((0.3, 1.0, 2.0))),
        top_k=data.draw(st.integers(0, 4)),
        top_p=data.draw(st.sampled_from((0.37, 0.81, 1.0))),
    )
    padded = np.full((len(rows), max(map(len, rows))), NONE)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = row
    for row, found in zip(rows, cut(padded, sampling), strict=True):
        expected = cut_slowly(dict(enumerate(row)), sampling)
        assert {i: value for i, value in enumerate(found) if np.isfinite(value)} == pytest.approx(expected, abs=1e-9)


def test_the_nucleus_keeps_the_token_that_crosses_top_p() -> None:
    halves = np.log(np.array([[0.5, 0.3, 0.2]]))
    kept = np.exp(cut(halves, GenerationSettings(temperature=1.0, top_k=0, top_p=0.6)))
    assert kept[0] == pytest.approx([5 / 8, 3 / 8, 0])


def test_the_best_choices_of_a_record_come_from_any_of_its_beams() -> None:
    keys = np.array([[1.0, 5.0, NONE], [4.0, 2.0, 3.0], [9.0, NONE, NONE]])
    picked = pick(keys, np.array([0, 0, 1]), 2)
    assert picked.beam.tolist() == [0, 1, 2]
    assert picked.column.tolist() == [1, 0, 0]


def test_one_beam_takes_its_best_choice_and_a_beam_without_any_ends() -> None:
    picked = pick(np.array([[1.0, 2.0], [NONE, NONE], [4.0, 3.0]]), np.array([0, 1, 2]), 1)
    assert picked.beam.tolist() == [0, 2]
    assert picked.column.tolist() == [1, 0]


@given(st.lists(st.lists(st.integers(-50, 50), min_size=4, max_size=4), min_size=1, max_size=6), st.data())
@settings(deadline=None)
def test_picks_are_those_of_a_full_sort(rows: list[list[int]], data: st.DataObject) -> None:
    keys = np.array(rows, float) + np.arange(len(rows) * 4).reshape(-1, 4) / 1000
    record = np.sort(np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows)))))
    num_beams = data.draw(st.integers(1, 5))
    picked = pick(keys, record, num_beams)
    found = [(int(record[b]), b, c) for b, c in zip(picked.beam.tolist(), picked.column.tolist(), strict=True)]
    expected = []
    for one in sorted(set(record.tolist())):
        places = [(keys[b, c], b, c) for b in range(len(rows)) if record[b] == one for c in range(4)]
        expected += [(one, b, c) for _, b, c in sorted(places, reverse=True)[:num_beams]]
    assert found == expected


def test_noise_depends_on_its_own_seed_step_beam_and_token_alone() -> None:
    tokens = np.arange(1000)
    whole = gumbel(np.array([[3], [4]]), 1, np.array([[0], [0]]), tokens)
    assert whole[1].tolist() == gumbel(np.array(4), 1, np.array(0), tokens).tolist()
    for other in (gumbel(np.array(3), 2, np.array(0), tokens), gumbel(np.array(3), 1, np.array(1), tokens), whole[1]):
        assert abs(np.corrcoef(whole[0], other)[0, 1]) < 0.1


def test_the_largest_of_score_plus_noise_is_a_draw_from_the_softmax() -> None:
    probabilities = np.array([0.6, 0.3, 0.1])
    seeds = np.arange(20_000)[:, None]
    drawn = (np.log(probabilities) + gumbel(seeds, 0, np.zeros_like(seeds), np.arange(3))).argmax(axis=1)
    # Three standard errors of a share of 20,000 draws are about 0.01.
    assert np.bincount(drawn) / len(seeds) == pytest.approx(probabilities, abs=0.011)


def test_log_sum_exp_is_that_of_each_row() -> None:
    assert log_sum_exp(np.array([[0.0, NONE], [1000.0, 1000.0]])) == pytest.approx([0, 1000 + np.log(2)])
