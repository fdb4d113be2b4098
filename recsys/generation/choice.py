"""Which of the allowed tokens are taken: the likeliest, or a draw, for all beams of all records at once.

Choices arrive as one padded row for each beam, minus infinity where there is none. Sampling cuts inside
the tree, in the order temperature → top-k → top-p, and draws by adding Gumbel noise: the noise of a
choice depends on the record's seed, the step, the beam and the token alone, never on the batch.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.generation.ragged_cache import Ints
from recsys.generation.sampling import COLDEST
from recsys.settings import GenerationSettings

Floats = NDArray[np.float64]


class Picked(NamedTuple):
    """The choices taken, in order of their record and there from the best to the worst.

    Attributes:
        beam: (picked,) the beam that goes on.
        column: (picked,) which of its choices it takes.
    """

    beam: Ints
    column: Ints


def log_sum_exp(padded: Floats) -> Floats:
    """(beams,) over the columns of each row."""
    top = padded.max(axis=1)
    return np.asarray(top + np.log(np.exp(padded - top[:, None]).sum(axis=1)))


def cut(log_probabilities: Floats, settings: GenerationSettings) -> Floats:
    """Temperature, top-k and top-p over each row; what is cut off is minus infinity, the rest sums to one."""
    scaled = log_probabilities / max(settings.temperature, COLDEST)
    width = scaled.shape[1]
    if 0 < settings.top_k < width:
        least = np.partition(scaled, width - settings.top_k, axis=1)[:, width - settings.top_k]
        scaled = np.where(scaled < least[:, None], -np.inf, scaled)
    scaled = scaled - log_sum_exp(scaled)[:, None]
    if settings.top_p < 1:
        order = np.argsort(-scaled, axis=1, kind="stable")
        sorted_ = np.exp(np.take_along_axis(scaled, order, axis=1))
        beyond = np.cumsum(sorted_, axis=1) - sorted_ >= settings.top_p
        dropped = np.zeros_like(beyond)
        np.put_along_axis(dropped, order, beyond, axis=1)
        scaled = np.where(dropped, -np.inf, scaled)
        scaled = scaled - log_sum_exp(scaled)[:, None]
    return scaled


def gumbel(seed: Ints, step: int, beam: Ints, token: Ints) -> Floats:
    """Gumbel noise, one for each element of the arrays, which broadcast: a hash, so it needs no state."""
    with np.errstate(over="ignore"):
        state = _mix(seed.astype(np.uint64) + np.uint64(step) * np.uint64(0xD1342543DE82EF95))
        state = _mix(state + beam.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
        state = _mix(state + token.astype(np.uint64) * np.uint64(0xBF58476D1CE4E5B9))
    uniform = ((state >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
    return np.asarray(-np.log(-np.log(uniform)))


def pick(keys: Floats, record: Ints, num_beams: int) -> Picked:
    """The best choices of each record.

    Args:
        keys: (beams, choices) what is compared; minus infinity is never picked.
        record: (beams,) in ascending order.
        num_beams: The most choices that a record takes.
    """
    if num_beams == 1 and (len(record) < 2 or bool((np.diff(record) > 0).all())):
        column = keys.argmax(axis=1)
        alive = np.flatnonzero(np.isfinite(keys[np.arange(len(keys)), column]))
        return Picked(alive, column[alive])
    columns = _best_columns(keys, num_beams)
    best = np.take_along_axis(keys, columns, axis=1)
    beam, place = np.nonzero(np.isfinite(best))
    key = best[beam, place]
    order = np.lexsort((columns[beam, place], beam, -key, record[beam]))
    sorted_record = record[beam][order]
    rank = np.arange(len(order)) - np.searchsorted(sorted_record, sorted_record)
    taken = order[rank < num_beams]
    return Picked(beam[taken], columns[beam, place][taken])


def _best_columns(keys: Floats, count: int) -> Ints:
    if count >= keys.shape[1]:
        return np.broadcast_to(np.arange(keys.shape[1]), keys.shape)
    return np.argpartition(-keys, count - 1, axis=1)[:, :count]


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser: every bit of the state reaches every bit of the result."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
