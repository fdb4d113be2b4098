"""An evaluation that a test starts as a process of its own, to kill it: each batch takes a moment and is noted."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from recsys.data.records import SplitData
from recsys.evaluation.evaluation import run_evaluation
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.store import RunStore
from recsys.settings import EvaluationSettings
from tests.evaluation.answers import answer_by_id, make_record

FINGERPRINT = "0123456789abcdef"
RECORDS = tuple(make_record(f"{user}-{window}") for user in range(5, 17) for window in range(4))
SPLIT = SplitData(
    users={"train": (1, 2), "validation": (3,), "test": tuple(range(5, 17))},
    records={"train": (), "validation": (), "test": RECORDS},
    likes={1: (1, 2, 8), 2: (1, 2, 4), 3: (1, 9), **dict.fromkeys(range(5, 17), (901, 902, 903, 1, 2, 3, 4))},
)
REQUEST = EvaluationRequest(EvaluationSettings(num_records=0, batch_size=3), baselines=("popularity",))


def evaluate(runs: Path, notes: Path | None = None, seconds: float = 0.0):
    """Runs all records; each batch that is asked is noted before its answer."""

    def answer(records):
        if notes is not None:
            with notes.open("a") as file:
                file.write(" ".join(record.record_id for record in records) + "\n")
                file.flush()
                os.fsync(file.fileno())
        time.sleep(seconds)
        return [answer_by_id(record) for record in records]

    return run_evaluation(REQUEST, SPLIT, answer, RunStore(runs, FINGERPRINT), dataset_name="small", precision="fp32")


if __name__ == "__main__":
    evaluate(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
