"""What an answer and a loss cost: processor seconds of this process, since the wall clock counts other work as well.

Each is timed once and kept in a file, so that a report is made again from the same figures.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from recsys.data.atomic import open_atomically
from recsys.errors import DataFormatError
from recsys.evaluation.intervals import Interval, clustered_interval, mean_over_records
from recsys.evaluation.runner import record_seeds, select_records
from recsys.tuning.cells import data_mark
from recsys.tuning.effects.cells import EffectCell, Sizes, choose, make_request

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recsys.data.records import Record
    from recsys.models.model_choice import ModelChoice
    from recsys.workbench import Workbench

MeasureLosses = Callable[["Workbench", "ModelChoice", Sequence["Record"]], "NDArray[Any]"]
"""(records,) nats a title that was liked next; tuning knows no training, so it is given this."""
FILE_NAME: Final = "effect-costs.json"


@dataclass(frozen=True)
class CostCell:
    """What is timed.

    Attributes:
        kind: A written answer, or the loss of the titles that came next.
        cell: Subject and settings; those of generation change no loss.
        num_records: Test records, drawn with seed 0; 0 takes as many as Sizes says.
    """

    kind: Literal["answer", "loss"]
    cell: EffectCell
    num_records: int = 64


@dataclass(frozen=True)
class Cost:
    """What it took.

    Attributes:
        cpu_seconds: Processor seconds a record, all threads together, loading left out.
        num_records: Of how many records.
        loss: Mean nats a title; None of answers.
        interval: Of that mean, users resampled.
    """

    cpu_seconds: float
    num_records: int
    loss: float | None = None
    interval: Interval | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Cost:
        return cls(**{**values, "interval": Interval.from_dict(values["interval"])})


def time_costs(
    wanted: Iterable[CostCell],
    sizes: Sizes,
    workbench: Workbench,
    measure_losses: MeasureLosses,
    tell: Callable[[float, str], None] = lambda share, told: None,
) -> Mapping[CostCell, Cost]:
    """Times what no earlier call has.

    Args:
        wanted: Named once or often.
        sizes: How many records, where a cell says 0.
        workbench: Answers.
        measure_losses: Gives the losses of some records.
        tell: Told how far it is.

    Raises:
        DataFormatError: when the file of earlier figures cannot be read.
        RecsysError: what answering raises.
    """
    path = workbench.jobs.runs_folder / FILE_NAME
    kept, found = _read(path), {}
    cells = sorted(set(wanted), key=lambda one: (one.cell.subject, str(one)))
    for number, one in enumerate(cells):
        key = _key(one, sizes, workbench)
        if key not in kept:
            tell(number / len(cells), f"timing {one.kind} of {one.cell.subject}")
            kept[key] = asdict(_time(one, sizes, workbench, measure_losses))
            with open_atomically(path) as file:
                file.write(json.dumps(kept, indent=1).encode())
        found[one] = Cost.from_dict(kept[key])
    return found


def read_costs(wanted: Iterable[CostCell], sizes: Sizes, workbench: Workbench) -> Mapping[CostCell, Cost]:
    """Of what is wanted, that which an earlier call has timed.

    Raises:
        DataFormatError: when the file cannot be read.
    """
    kept = _read(workbench.jobs.runs_folder / FILE_NAME)
    keys = {one: _key(one, sizes, workbench) for one in set(wanted)}
    return {one: Cost.from_dict(kept[key]) for one, key in keys.items() if key in kept}


def _key(one: CostCell, sizes: Sizes, workbench: Workbench) -> str:
    return f"{data_mark(workbench)} {one} {sizes if not one.num_records else ''}".rstrip()


def _time(one: CostCell, sizes: Sizes, workbench: Workbench, measure_losses: MeasureLosses) -> Cost:
    request = make_request(one.cell, sizes, workbench)
    evaluation = request.evaluation.replace(num_records=one.num_records or sizes.of(one.cell))
    records = select_records(workbench.split.records["test"], evaluation)
    workbench.host.load(choose(one.cell.subject, workbench))
    size = request.batch_size
    if one.kind == "loss":
        measure_losses(workbench, request.choice, records[:size])  # what is done once is none of a record's cost
        started = time.process_time()
        nats = measure_losses(workbench, request.choice, records).tolist()
        seconds = (time.process_time() - started) / len(records)
        users = [record.user_id for record in records]
        return Cost(seconds, len(records), mean_over_records(nats), clustered_interval(nats, users))

    def answer(batch: Sequence[Record]) -> None:
        asked = [request.for_record(record) for record in batch]
        workbench.recommend_batch(asked, seeds=record_seeds(batch, evaluation), evaluated="test")

    answer(records[:size])
    started = time.process_time()
    for start in range(0, len(records), size):
        answer(records[start : start + size])
    return Cost((time.process_time() - started) / len(records), len(records))


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        mend = "move the file away; everything is timed again then"
        raise DataFormatError("is no list of costs", path=path, seen=str(error), mend=mend) from error
