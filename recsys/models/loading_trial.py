"""One load of a model in a process of its own, told line by line: ``python -m recsys.models.loading_trial``.

A process's peak never falls again and libraries keep what they took, so ``bench load`` starts one for each way and
watches it from outside. Lines are JSON: ready once all is imported, loaded, generated.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

WAYS = ("stock", "ours")
"""transformers' own loader, and ours."""


def run_trial(folder: Path, precision: str, way: str, num_tokens: int) -> None:
    """Loads a folder's weights on the CPU, then generates greedily, to show that the model works.

    Args:
        folder: Of the model; it needs no tokenizer.
        precision: What to load into.
        way: One of WAYS.
        num_tokens: To generate.
    """
    import psutil
    import torch
    import transformers  # noqa: F401 - what is measured is the load alone

    from recsys.models.heap import give_memory_back
    from recsys.models.loading import count_memory, load_weights
    from recsys.models.weights import model_tensor_entries

    _warm_up(precision)
    entries = model_tensor_entries(folder)
    _tell("ready", private=psutil.Process().memory_full_info().uss)
    began, worked = time.perf_counter(), time.process_time()
    model: Any = load_weights(folder, entries, precision, "cpu", stream=way == "ours")
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - worked
    give_memory_back()
    private = psutil.Process().memory_full_info().uss
    _tell("loaded", seconds=seconds, cpu_seconds=cpu_seconds, private=private, size=count_memory(model))
    prompt = torch.arange(3, 19)[None]
    began = time.perf_counter()
    with torch.inference_mode():
        written = model.generate(prompt, max_new_tokens=num_tokens, min_new_tokens=num_tokens, do_sample=False)
    seconds = time.perf_counter() - began
    _tell("generated", seconds=seconds, tokens=written[0, prompt.shape[1] :].tolist())


def _warm_up(precision: str) -> None:
    """Bitsandbytes is imported with the first layer, which is no part of a load."""
    if precision in ("int8", "nf4"):
        import bitsandbytes.nn  # noqa: F401


def _tell(phase: str, **facts: object) -> None:
    print(json.dumps({"phase": phase, **facts}), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("precision")
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("num_tokens", type=int)
    run_trial(**vars(parser.parse_args()))
