"""``bench swap``: how long an adapter's change takes, and whether a model's change gives the memory back."""

from __future__ import annotations

import argparse
import dataclasses
import statistics
from typing import Any

from recsys.cli.bench_report import add_out_argument, markdown_table, report
from recsys.generation.measure_swap import AdapterSwap, ModelSwap, measure_adapter_swap, measure_model_swap
from recsys.models.registry import DEFAULT_MODEL, SMALL_MODEL

_MOST_SECONDS = 0.3
_MOST_DIFFERENCE = 0.05
_ABOUT = """
An adapter's change is the time from asking the host to holding the model with the adapter: the first time its files are
read, later it is in memory. CPU is the processor's time, which other work on the machine does not lengthen. The goal is
{most:.0f} ms at the median without a reload of the base.

A model's change frees the present one first. Private memory (USS) is read after the same few tokens of each, once freed
memory is handed back (malloc_trim), in a process whose libraries are warm. The goal is to be back within {share:.0%}.
"""


def add_swap_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the benchmark's arguments."""
    parser.add_argument(
        "--models", nargs=2, default=[DEFAULT_MODEL, SMALL_MODEL], metavar="MODEL", help="the two that take turns"
    )
    parser.add_argument("--changes", type=int, default=20, help="changes of adapter after the first (default: 20)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_out_argument(parser, "swap")


def bench_swap(arguments: argparse.Namespace) -> int:
    """Changes adapters of both models, then goes from the first model to the second and back."""
    first, second = arguments.models
    adapters = [measure_adapter_swap(model, arguments.changes) for model in (first, second)]
    models = measure_model_swap((first, second, first))
    rows = [adapter_row(swap) for swap in adapters], model_rows(models)
    found: dict[str, Any] = {"adapters": rows[0], "models": rows[1], "measured": dataclasses.asdict(models)}
    about = _ABOUT.format(most=_MOST_SECONDS * 1000, share=_MOST_DIFFERENCE)
    report(arguments, "swap", found, f"{markdown_table(rows[0])}\n{markdown_table(rows[1])}{about}")
    return 0


def adapter_row(swap: AdapterSwap) -> dict[str, Any]:
    """Milliseconds of a model's adapters."""
    median = statistics.median(swap.later)
    return {
        "model": swap.model,
        "adapters": " and ".join(swap.adapters),
        "first_ms": " and ".join(f"{seconds * 1000:.0f}" for seconds in swap.first),
        "median_ms": median * 1000,
        "slowest_ms": max(swap.later) * 1000,
        "median_CPU_ms": statistics.median(swap.cpu) * 1000,
        "reloaded": "no" if swap.same_model else "yes",
        "within_goal": "yes" if median < _MOST_SECONDS and swap.same_model else "no",
    }


def model_rows(swap: ModelSwap) -> list[dict[str, Any]]:
    """Private memory by model, in the order of loading."""
    first = swap.resting[0]
    rows = []
    for number, (model, held) in enumerate(zip(swap.models, swap.resting, strict=True)):
        is_back = number > 0 and model == swap.models[0]
        rows.append(
            {
                "step": number + 1,
                "model": model,
                "private_MB": held / 1e6,
                "beyond_empty_MB": (held - swap.empty) / 1e6,
                "of_the_first": f"{held / first:.1%}" if is_back else None,
                "within_goal": ("yes" if abs(held / first - 1) <= _MOST_DIFFERENCE else "no") if is_back else None,
            }
        )
    return rows
