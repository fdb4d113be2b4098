"""What catalogue decoding costs as its task grows, and what an adapter and the precision change.

Batch size, catalogue size, N, an adapter merged and not, and how often bf16 and int8 give the titles of
fp32. The share of the constraint is measured with a clock around every look at the tree.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recsys.catalogue import Catalogue
from recsys.cli.bench_decoding import NUM_TITLES, Case, make_case, rank, timed, write_lists
from recsys.cli.synthetic_catalogue import LARGE_CATALOGUE, enlarge
from recsys.generation.catalogue_trie import CatalogueTrie
from recsys.models.adapter_listing import AdapterInfo, describe_adapter, find_adapter
from recsys.models.adapters import merged_copy, select_adapter
from recsys.models.host import ModelChoice
from recsys.settings import GenerationSettings, Precision, PromptSettings
from recsys.workbench import Workbench

if TYPE_CHECKING:
    from recsys.models.loading import LoadedModel

BATCH_SIZES = (1, 4, 16, 64, 128)
NUMBERS_OF_TITLES = (1, 4, 10)
SMALL_CATALOGUE = 1_000
PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16", "int8")
_GREEDY = GenerationSettings(temperature=0, num_recommendations=NUM_TITLES)
_RANDOM_R = 16
_ADAPTED = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "fc_in", "fc_out", "out_proj")


def bench_batch_sizes(case: Case) -> list[dict[str, Any]]:
    """Seconds a record of greedy lists, asked one by one up to all at once."""
    rows = []
    for size in (size for size in BATCH_SIZES if size <= len(case)):
        part = case.first(max(size, 16))
        case.decoder.prefixes.clear()
        batches = [part.part(slice(start, start + size)) for start in range(0, len(part), size)]
        seconds, _ = timed(lambda batches=batches: [write_lists(batch, _GREEDY) for batch in batches])  # type: ignore[misc]
        rows.append({"batch": size, "records": len(part), "milliseconds_a_record": 1000 * seconds / len(part)})
    return rows


def bench_numbers_of_titles(case: Case) -> list[dict[str, Any]]:
    """Seconds a record of greedy lists and of rankings, for several N."""
    rows = []
    for n in NUMBERS_OF_TITLES:
        asked = _GREEDY.replace(num_recommendations=n)
        case.decoder.prefixes.clear()
        list_seconds, _ = timed(lambda asked=asked: write_lists(case, asked))  # type: ignore[misc]
        case.decoder.prefixes.clear()
        rank_seconds, _ = timed(lambda n=n: rank(case, n=n))  # type: ignore[misc]
        rows.append(
            {
                "titles": n,
                "list_milliseconds_a_record": 1000 * list_seconds / len(case),
                "rank_milliseconds_a_record": 1000 * rank_seconds / len(case),
            }
        )
    return rows


def bench_catalogues(case: Case) -> list[dict[str, Any]]:
    """Seconds a record, and the share of the tree in them, for catalogues of three sizes."""
    from recsys.generation.catalogue_decoding import CatalogueDecoder

    whole = case.decoder.catalogue
    best_known = sorted(whole, key=lambda movie: (-whole.popularity.get(movie.item_id, 0), movie.item_id))
    small = Catalogue(tuple(sorted(best_known[:SMALL_CATALOGUE], key=lambda movie: movie.item_id)), whole.popularity)
    rows = []
    for catalogue in (small, whole, enlarge(whole, LARGE_CATALOGUE)):
        build_seconds, decoder = timed(
            lambda catalogue=catalogue: CatalogueDecoder(  # type: ignore[misc]
                case.loaded, catalogue, include_years=case.decoder.include_years, form=case.decoder.form
            )
        )
        sized = replace(case, decoder=decoder)
        write_lists(sized.first(4), _GREEDY)
        decoder.prefixes.clear()
        seconds, _ = timed(lambda sized=sized: write_lists(sized, _GREEDY))  # type: ignore[misc]
        decoder.prefixes.clear()
        decoder.trie, clock = _clocked(decoder.trie)
        clocked_seconds, _ = timed(lambda sized=sized: write_lists(sized, _GREEDY))  # type: ignore[misc]
        rows.append(
            {
                "movies": len(catalogue),
                "build_seconds": build_seconds,
                "milliseconds_a_record": 1000 * seconds / len(case),
                "constraint_share": clock["seconds"] / clocked_seconds,
            }
        )
    return rows


def _clocked(trie: CatalogueTrie) -> tuple[CatalogueTrie, dict[str, float]]:
    """The same tree, with a clock that runs while it is asked."""
    clock = {"seconds": 0.0}

    def timed_method(name: str) -> Any:
        original = getattr(CatalogueTrie, name)

        def method(self: CatalogueTrie, *arguments: Any) -> Any:
            start = time.perf_counter()
            try:
                return original(self, *arguments)
            finally:
                clock["seconds"] += time.perf_counter() - start

        return method

    names = ("advance", "open_choices", "exclude", "num_live", "exclusions", "excluded_leaves")
    clocked_class = type("ClockedTrie", (CatalogueTrie,), {name: timed_method(name) for name in names})
    clocked: CatalogueTrie = clocked_class(**{field.name: getattr(trie, field.name) for field in fields(trie)})
    _ = clocked.nodes, clocked.leaves_of, clocked.same_title  # laid out before the clock counts
    clock["seconds"] = 0.0
    return clocked, clock


def bench_adapter(case: Case, workbench: Workbench, choice: ModelChoice) -> list[dict[str, Any]]:
    """The base alone, with an adapter beside its weights, and with it merged into a private copy."""
    rows = []
    with _an_adapter(case.loaded, workbench, choice) as adapter:
        for name in ("base alone", f"{adapter.name}, unmerged", f"{adapter.name}, merged"):
            select_adapter(case.loaded, None if name == "base alone" else adapter)
            loaded = merged_copy(case.loaded) if name.endswith(" merged") else case.loaded
            from recsys.generation.catalogue_decoding import CatalogueDecoder

            decoder = CatalogueDecoder(
                loaded, case.decoder.catalogue, include_years=case.decoder.include_years, form=case.decoder.form
            )
            asked = replace(case, loaded=loaded, decoder=decoder)
            write_lists(asked.first(4), _GREEDY)
            decoder.prefixes.clear()
            list_seconds, _ = timed(lambda asked=asked: write_lists(asked, _GREEDY))  # type: ignore[misc]
            decoder.prefixes.clear()
            rank_seconds, _ = timed(lambda asked=asked: rank(asked))  # type: ignore[misc]
            rows.append(
                {
                    "weights": name,
                    "list_greedy_records_per_second": len(case) / list_seconds,
                    "rank_records_per_second": len(case) / rank_seconds,
                }
            )
        select_adapter(case.loaded, None)
    return rows


@contextmanager
def _an_adapter(loaded: LoadedModel, workbench: Workbench, choice: ModelChoice) -> Iterator[AdapterInfo]:
    """The adapter that was asked for, or one of random weights: its speed is that of a trained one."""
    if choice.adapter is not None:
        yield find_adapter(choice.adapter, workbench.options.adapters)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"random LoRA of r {_RANDOM_R}"
        path.mkdir()
        _write_random_adapter(loaded, path)
        yield describe_adapter(path)


def _write_random_adapter(loaded: LoadedModel, path: Path) -> None:
    from safetensors.numpy import save_file

    drawn = np.random.default_rng(0)
    tensors = {}
    for name, module in loaded.model.named_modules():
        if name.rsplit(".", 1)[-1] in _ADAPTED:
            rows, columns = module.weight.shape
            key = f"base_model.model.{name}"
            for part, shape in (("lora_A", (_RANDOM_R, columns)), ("lora_B", (rows, _RANDOM_R))):
                tensors[f"{key}.{part}.weight"] = (drawn.standard_normal(shape) * 0.001).astype(np.float32)
    targets = sorted({name.split(".")[-3] for name in tensors})
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": _RANDOM_R, "lora_alpha": 2 * _RANDOM_R}
    save_file(tensors, path / "adapter_model.safetensors")
    text = json.dumps({**config, "target_modules": targets, "base_model_name_or_path": loaded.spec.name})
    (path / "adapter_config.json").write_text(text, encoding="utf-8")


def bench_precisions(workbench: Workbench, choice: ModelChoice, num_records: int) -> list[dict[str, Any]]:
    """How often bf16 and int8 give what fp32 gives: the first title of a ranking, all of it, and greedy lists."""
    answers: dict[str, tuple[list[Any], list[Any]]] = {}
    rows = []
    for precision in PRECISIONS:
        own = replace(choice, precision=precision)
        with workbench.host.use(own, priority="batch") as loaded:
            case = make_case(workbench, loaded, own, num_records, PromptSettings())
            list_seconds, lists = timed(lambda case=case: write_lists(case, _GREEDY))  # type: ignore[misc]
            _, rankings = timed(lambda case=case: rank(case))  # type: ignore[misc]
        answers[precision] = lists, rankings
        first_lists, first_rankings = answers[PRECISIONS[0]]
        rows.append(
            {
                "precision": precision,
                "records": num_records,
                "list_greedy_records_per_second": num_records / list_seconds,
                "same_list": _share(a == b for a, b in zip(lists, first_lists, strict=True)),
                "same_top_title": _share(a[:1] == b[:1] for a, b in zip(rankings, first_rankings, strict=True)),
                "same_ranking": _share(a == b for a, b in zip(rankings, first_rankings, strict=True)),
            }
        )
    return rows


def _share(agree: Iterator[bool]) -> float:
    found = list(agree)
    return sum(found) / len(found)
