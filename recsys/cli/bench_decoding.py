"""``bench decoding``: catalogue decoding beside stock generate, on the same records in one run.

Everything reads the same prompts with the same weights and writes N titles. The stock runs are timed
record by record and in padded batches; the catalogue runs are given all records at once. The floor is what
the tokens that went through the model would take at the speed of a plain prefill.
"""

from __future__ import annotations

import contextlib
import gc
import re
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.catalogue_recommend import find_decoder
from recsys.data.records import Record
from recsys.evaluation.runner import select_records
from recsys.models.host import ModelChoice, give_memory_back
from recsys.prompts import Prompt
from recsys.recommend import RecommendationRequest, render_prompt
from recsys.settings import EvaluationSettings, GenerationSettings, PromptSettings
from recsys.workbench import Workbench

if TYPE_CHECKING:
    from recsys.generation.catalogue_decoding import CatalogueDecoder
    from recsys.models.loading import LoadedModel

NUM_TITLES = 4
RANK_BEAMS = 10
MAX_NEW_TOKENS = 96
GOALS = (
    ("list_greedy", "stock_batched_prefix_fn", 3.0),
    ("list_greedy", "stock_per_record_greedy", 12.0),
    ("list_beam4", "stock_per_record_beam4", 10.0),
    ("rank", "stock_per_record_beam4", 10.0),
)
"""What catalogue decoding should be faster than, and how many times."""
FLOOR_OF = ("list_greedy", "list_beam4", "rank")
STOCK_BATCH = 32
"""Rows of a batch of stock generate: with more, padding and cache grow and it gets no faster."""


@dataclass(frozen=True)
class Case:
    """Some records, ready to be asked.

    Attributes:
        loaded: The model, held.
        decoder: Of the prompts' list form.
        prompts: One for each record.
        excluded: What each person likes or dislikes already.
    """

    loaded: LoadedModel
    decoder: CatalogueDecoder
    prompts: tuple[Prompt, ...]
    excluded: tuple[frozenset[int], ...]

    def __len__(self) -> int:
        return len(self.prompts)

    def part(self, records: slice) -> Case:
        """The same with some of the records."""
        return Case(self.loaded, self.decoder, self.prompts[records], self.excluded[records])

    def first(self, number: int) -> Case:
        """The same with the first records."""
        return self.part(slice(number))

    def spread(self, number: int) -> Case:
        """The same with so many records from all over."""
        return self.part(slice(0, None, max(1, len(self) // number))).first(number)

    @property
    def token_ids(self) -> list[tuple[int, ...]]:
        return [self.decoder.tokenize(prompt).ids for prompt in self.prompts]


@dataclass(frozen=True)
class Timing:
    """One way of asking, timed.

    Attributes:
        name: What was run.
        num_records: Records asked.
        seconds: Wall-clock seconds for all of them.
        titles: Titles that each record got, on the average.
    """

    name: str
    num_records: int
    seconds: float
    titles: float

    @property
    def records_per_second(self) -> float:
        return self.num_records / self.seconds


@dataclass(frozen=True)
class CatalogueRun:
    """The catalogue modes on one case, measured before stock generate, whose memory stays with the process.

    Attributes:
        timings: Of each mode, with the tokens that went through the model.
        interactive: Of single lists, see ``time_interactive``.
        peak: Gigabytes that the process held at most.
    """

    timings: list[tuple[Timing, int]]
    interactive: dict[str, float]
    peak: float


def bench_catalogue(case: Case) -> CatalogueRun:
    """Lists and rankings of all records, then lists one by one."""
    forget_peak()
    timings = time_catalogue(case)
    return CatalogueRun(timings, time_interactive(case), peak_gigabytes())


def bench_speed(case: Case, run: CatalogueRun, num_alone: int, say: Callable[[str], None]) -> dict[str, Any]:
    """All ways of asking on the same records: records a second, ratios, and how near the floor they are.

    Args:
        case: The records.
        run: The catalogue modes on them.
        num_alone: Records of the runs that go record by record; their cost does not depend on how many they are.
        say: Told what runs.
    """
    say("plain prefill")
    speed = prefill_speed(case)
    stock = time_stock(case, num_alone, say)
    timings = [*stock, *(timing for timing, _ in run.timings)]
    rates = {timing.name: timing.records_per_second for timing in timings}
    floors = {timing.name: tokens / speed / timing.seconds for timing, tokens in run.timings}
    return {
        "records_per_second": rates,
        "num_records": {timing.name: timing.num_records for timing in timings},
        "titles_per_record": {timing.name: timing.titles for timing in timings},
        "ratios": {f"{ours} / {theirs}": rates[ours] / rates[theirs] for ours, theirs, _ in GOALS},
        "prefill_tokens_per_second": speed,
        "prefill_floor_fraction": min(floors[name] for name in FLOOR_OF),
        "prefill_floor_fractions": floors,
        "interactive": run.interactive,
        "peak_gigabytes": run.peak,
        "prompt_tokens": sum(map(len, case.token_ids)) / len(case),
    }


def make_case(
    workbench: Workbench, loaded: LoadedModel, choice: ModelChoice, num_records: int, settings: PromptSettings
) -> Case:
    """Draws test records, as an evaluation of that many would, and writes their prompts."""
    records = select_records(workbench.split.records["test"], EvaluationSettings(num_records=num_records))
    requests = [_request(record, settings, choice) for record in records]
    examples = workbench.examples(settings)
    prompts = tuple(render_prompt(request, workbench.catalogue, examples) for request in requests)
    decoder = find_decoder(loaded, workbench.catalogue, prompts[0])
    excluded = tuple(frozenset((*record.history, *record.disliked)) for record in records)
    return Case(loaded, decoder, prompts, excluded)


def _request(record: Record, prompt: PromptSettings, choice: ModelChoice) -> RecommendationRequest:
    generation = GenerationSettings(num_recommendations=NUM_TITLES)
    return RecommendationRequest(record.history, record.disliked, generation, prompt, choice=choice)


def time_catalogue(case: Case) -> list[tuple[Timing, int]]:
    """Lists and rankings of all records at once, each from an empty prefix cache, with the tokens computed."""
    greedy, beams = (GenerationSettings(temperature=0, num_beams=n, num_recommendations=NUM_TITLES) for n in (1, 4))
    ways: dict[str, Callable[[Case], Sequence[Any]]] = {
        "list_greedy": lambda c: write_lists(c, greedy),
        "list_beam4": lambda c: write_lists(c, beams),
        "rank": lambda c: rank(c),
        "rank_full": lambda c: rank(c, score="full"),
    }
    timings = []
    for name, way in ways.items():
        way(case.first(4))
        case.decoder.prefixes.clear()
        before = case.decoder.num_computed
        seconds, answers = timed(lambda way=way: way(case))  # type: ignore[misc]
        timing = Timing(name, len(case), seconds, sum(map(len, answers)) / len(case))
        timings.append((timing, case.decoder.num_computed - before))
    return timings


def write_lists(case: Case, settings: GenerationSettings) -> list[list[str]]:
    """The titles of each record's list."""
    completions = case.decoder.list_titles(case.prompts, settings, excluded=case.excluded, score="tree")
    return [[title for title in one.text.split(case.decoder.form.tail) if title.strip()] for one in completions]


def rank(case: Case, *, n: int = NUM_TITLES, score: Any = "tree") -> list[list[int]]:
    """The items of each record's ranking."""
    found = case.decoder.rank_titles(case.prompts, n=n, num_beams=RANK_BEAMS, excluded=case.excluded, score=score)
    return [[title.item_id for title in ranked] for ranked in found]


def time_stock(case: Case, num_alone: int, say: Callable[[str], None]) -> list[Timing]:
    """Stock generate: record by record over ``num_alone`` records, and in batches over all."""
    from recsys.generation.stock import PrefixTree, StockGenerator

    stock = StockGenerator(case.loaded, case.decoder.form.tail)
    tree = PrefixTree(case.decoder.trie)
    alone = case.spread(num_alone)

    def write(part: Case, batch: int, num_beams: int = 1, *, within_tree: bool = False) -> list[list[int]]:
        prompts, written = part.token_ids, []
        for start in range(0, len(prompts), batch):
            rows = prompts[start : start + batch]
            width = max(map(len, rows))
            allowed = tree.allowed(width, part.excluded[start : start + batch]) if within_tree else None
            written += stock.write(
                rows, num_titles=NUM_TITLES, max_new_tokens=MAX_NEW_TOKENS, num_beams=num_beams, allowed=allowed
            )
        return written

    ways: dict[str, tuple[Case, Callable[[Case], list[list[int]]]]] = {
        "stock_per_record_greedy": (alone, lambda c: write(c, 1)),
        "stock_per_record_beam4": (alone, lambda c: write(c, 1, 4)),
        "stock_batched_greedy": (case, lambda c: write(c, STOCK_BATCH)),
        "stock_batched_prefix_fn": (case, lambda c: write(c, STOCK_BATCH, within_tree=True)),
    }
    timings = []
    for name, (part, way) in ways.items():
        say(name)
        way(part.first(1))
        seconds, written = timed(lambda way=way, part=part: way(part))  # type: ignore[misc]
        titles = sum(stock.count_titles(tokens) for tokens in written) / len(part)
        timings.append(Timing(name, len(part), seconds, titles))
    return timings


def prefill_speed(case: Case) -> float:
    """Tokens a second of a plain prefill: stock forward passes over whole prompts, at the batch size that is best."""
    from recsys.generation.stock import StockGenerator

    stock = StockGenerator(case.loaded, case.decoder.form.tail)
    prompts = case.first(32).token_ids
    best = 0.0
    for batch in (1, 4, 16):
        for _ in range(2):
            parts = [prompts[start : start + batch] for start in range(0, len(prompts), batch)]
            seconds, num_tokens = timed(lambda parts=parts: sum(map(stock.prefill, parts)))  # type: ignore[misc]
            best = max(best, num_tokens / seconds)
    return best


def time_interactive(case: Case, num_records: int = 10) -> dict[str, float]:
    """Median seconds of one greedy list at batch 1, the worked examples known, each history new."""
    greedy = GenerationSettings(temperature=0, num_recommendations=NUM_TITLES)
    case.decoder.prefixes.clear()
    write_lists(case.first(2), greedy)
    seconds = []
    for i in range(2, min(2 + num_records, len(case))):
        one = case.part(slice(i, i + 1))
        seconds.append(timed(lambda one=one: write_lists(one, greedy))[0])  # type: ignore[misc]
    return {"median_seconds": sorted(seconds)[len(seconds) // 2], "slowest_seconds": max(seconds)}


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds and result."""
    gc.collect()
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def forget_peak() -> None:
    """Gives free memory back and starts the peak anew, where the system can (Linux)."""
    give_memory_back()
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_gigabytes() -> float:
    """The most memory that this process has held since ``forget_peak``; since its start on other systems than Linux."""
    with contextlib.suppress(OSError):
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        if found := re.search(r"VmHWM:\s+(\d+) kB", status):
            return int(found[1]) * 1024 / 1e9
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
