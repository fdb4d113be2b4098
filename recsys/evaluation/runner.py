"""One system over many records: drawn, asked in batches, scored, kept, and taken up again after a stop.

The runner is given a function that answers a batch of records. It knows no model, so tests and baselines
that write text run through it as a model does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from recsys.errors import CancelledError
from recsys.evaluation.results import RecordResult
from recsys.evaluation.store import RunStore
from recsys.generation.seeds import derive_seed
from recsys.models.artifacts import Progress
from recsys.models.distributed import Processes
from recsys.settings import EvaluationSettings

if TYPE_CHECKING:
    from recsys.data.records import Record
    from recsys.recommend import Recommendation

ALONE: Final = Processes()

RecommendBatch = Callable[[Sequence["Record"]], Sequence["Recommendation"]]
"""Answers a batch of records, in their order."""


def select_records(records: Sequence[Record], settings: EvaluationSettings) -> tuple[Record, ...]:
    """Draws the records of an evaluation without replacement, kept in the order of ``records``.

    The same seed draws a larger set around a smaller one: the first 50 are among the first 100.

    Args:
        records: All records of the split.
        settings: num_records (0 takes all; more than there are takes all), seed and history_length.
    """
    wanted = settings.num_records
    drawn: Sequence[int] = range(len(records))
    if 0 < wanted < len(records):
        drawn = sorted(np.random.default_rng(settings.seed).permutation(len(records))[:wanted].tolist())
    return tuple(cut_history(records[index], settings.history_length) for index in drawn)


def cut_history(record: Record, length: int | None) -> Record:
    """The record as if only the latest ``length`` movies of its history had been liked; None cuts nothing.

    Movies that are cut off are known to nobody: they may be recommended, and are misses then. Dislikes stay, since they
    are not what is varied.
    """
    if length is None or length >= len(record.history):
        return record
    return replace(record, history=record.history[len(record.history) - length :])


def record_seeds(records: Sequence[Record], settings: EvaluationSettings) -> list[int]:
    """The seed of each record's generation: of its id and the run's seed, never of its place in a batch."""
    return [derive_seed(settings.seed, record.record_id) for record in records]


def evaluate_records(
    records: Sequence[Record],
    recommend_batch: RecommendBatch,
    *,
    k: int,
    batch_size: int,
    store: RunStore | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    processes: Processes = ALONE,
) -> Iterator[RecordResult]:
    """Asks and scores every record, first those that the store already holds.

    Several processes take whole batches in turn, the same that one process would make, so that none of them changes
    what an answer depends on. Each keeps its own part of the store.

    Args:
        records: The records of the run.
        recommend_batch: Answers up to ``batch_size`` records.
        k: The rank cut of every metric.
        batch_size: Records asked together.
        store: Where finished batches are kept; None keeps nothing.
        progress: Told the share of records done and a sentence, after every batch.
        cancel: Set from another thread to stop; the batch under way is thrown away, since its texts may be cut.
        processes: Which share of the batches this process takes.

    Yields:
        One result for each record, a batch only once it is kept.

    Raises:
        CancelledError: when ``cancel`` was set before every record was done.
        ValueError: when recommend_batch gives more or fewer answers than it was given records.
    """
    held = _held_results(records, store, k)
    yield from held
    done = {result.record_id for result in held}
    waiting = [record for record in records if record.record_id not in done]
    num_done = len(held)
    batches = [waiting[start : start + batch_size] for start in range(0, len(waiting), batch_size)]
    kept = store.part(processes.rank) if store is not None and processes.count > 1 else store
    for batch in batches[processes.rank :: processes.count]:
        _stop_if(cancel, num_done, len(records))
        answers = recommend_batch(batch)
        _stop_if(cancel, num_done, len(records))
        results = [
            RecordResult.from_recommendation(record, answer, k=k, num_in_batch=len(batch))
            for record, answer in zip(batch, answers, strict=True)
        ]
        if kept is not None:
            kept.append(results)
        num_done += len(results)
        if progress is not None:
            progress(num_done / len(records), f"{num_done} of {len(records)} records")
        yield from results


def _held_results(records: Sequence[Record], store: RunStore | None, k: int) -> list[RecordResult]:
    """What the store holds of these records, in their order."""
    if store is None:
        return []
    by_id = {result.record_id: result.with_every_metric(k) for result in store.results()}
    return [by_id[record.record_id] for record in records if record.record_id in by_id]


def _stop_if(cancel: threading.Event | None, num_done: int, num_records: int) -> None:
    if cancel is not None and cancel.is_set():
        raise CancelledError(
            f"the evaluation was stopped after {num_done} of {num_records} records",
            mend="start the same evaluation again to go on from there",
        )
