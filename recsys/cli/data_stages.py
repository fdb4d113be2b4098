"""One side of ``bench data``, in a process of its own: ``python -m recsys.cli.data_stages ours|pandas FOLDER``.

Prints JSON: the seconds of each stage, the peak of resident memory after it, and what both sides must agree on. A
fresh process has no memory of the other side, and none of what wrote the files.
"""

from __future__ import annotations

import json
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from recsys.cli.bench_decoding import peak_gigabytes
from recsys.cli.pandas_yardstick import PandasScript

STAGES = ("load", "records and split", "popularity", "title index", "one lookup", "every record read once")
LOOKED_UP = "The Shawshenk Redemtion"


class Stages:
    """Times stages one after another."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.peaks: dict[str, float] = {}

    def run(self, name: str, work: Callable[[], Any]) -> Any:
        """Times one stage and gives what it returns."""
        start = time.perf_counter()
        result = work()
        self.seconds[name] = time.perf_counter() - start
        self.peaks[name] = peak_gigabytes()
        return result


def run_ours(folder: Path) -> dict[str, Any]:
    """The package's own path, as the workbench takes it."""
    from recsys.catalogue import Catalogue
    from recsys.data.movielens import load
    from recsys.data.records import SPLIT_NAMES, split_records
    from recsys.resolution.levenshtein import LevenshteinResolver

    stages = Stages()
    dataset = stages.run(STAGES[0], lambda: load(folder))
    split = stages.run(STAGES[1], lambda: split_records(dataset))
    popularity = stages.run(STAGES[2], lambda: split.popularity("train"))
    resolver = LevenshteinResolver(Catalogue(dataset.movies, popularity))
    stages.run(STAGES[3], lambda: resolver.nearest(["warm up"], [None]))  # the index is built at the first call
    stages.run(STAGES[4], lambda: resolver.nearest([LOOKED_UP], [None]))
    stages.run(STAGES[5], lambda: sum(len(record.history) for name in SPLIT_NAMES for record in split.records[name]))
    records = (
        (record.record_id, record.history, record.relevant, record.disliked)
        for name in SPLIT_NAMES
        for record in split.records[name]
    )
    return _result(stages, {name: len(split.records[name]) for name in SPLIT_NAMES}, records, popularity)


def run_pandas(folder: Path) -> dict[str, Any]:
    """The plain pandas script."""
    script, stages = PandasScript(folder), Stages()
    stages.run(STAGES[0], script.load)
    stages.run(STAGES[1], script.split)
    stages.run(STAGES[2], script.count)
    stages.run(STAGES[3], script.index_titles)
    stages.run(STAGES[4], lambda: script.look_up(LOOKED_UP))
    stages.run(STAGES[5], script.walk)
    records = (
        (record["id"], tuple(record["history"]), tuple(record["relevant"]), tuple(record["disliked"]))
        for part in script.records.values()
        for record in part
    )
    counts = {name: len(part) for name, part in script.records.items()}
    return _result(stages, counts, records, script.popularity.to_dict())


def _result(
    stages: Stages, counts: Mapping[str, int], records: Iterable[tuple[Any, ...]], popularity: Mapping[int, int]
) -> dict[str, Any]:
    peak = peak_gigabytes()  # before the checksums, which are the benchmark's own
    checksum = 0
    for record in records:
        checksum = zlib.crc32(repr(record).encode(), checksum)
    return {
        "seconds": stages.seconds,
        "peak_gigabytes_after": stages.peaks,
        "peak_gigabytes": peak,
        "records": dict(counts),
        "records_checksum": checksum,
        "popularity_checksum": zlib.crc32(repr(sorted(popularity.items())).encode()),
    }


if __name__ == "__main__":
    _SIDES = {"ours": run_ours, "pandas": run_pandas}
    json.dump(_SIDES[sys.argv[1]](Path(sys.argv[2])), sys.stdout)
