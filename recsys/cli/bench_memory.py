"""``bench memory``: the memory that training, or answering, was estimated to take, beside what it took."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from typing import get_args

from recsys.cli.bench_inference_memory import add_inference_arguments, bench_inference_memory
from recsys.cli.options import add_settings, read_settings
from recsys.models.shapes import find_shape
from recsys.settings import Precision
from recsys.training.measure_memory import measure_training_memory
from recsys.training.memory import TrainingLoad, estimate_training_memory
from recsys.training.settings import LoraSettings, TrainingSettings


def add_memory_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the benchmark's arguments."""
    parser.add_argument("--base-model", default="smollm2-135m", help="a known shape, or a folder with a config.json")
    parser.add_argument("--sequence-length", type=int, default=128, help="tokens of a record (default: 128)")
    parser.add_argument("--labels", type=int, default=None, help="tokens of a record that are learnt (default: all)")
    parser.add_argument("--held-in", default="bf16", choices=get_args(Precision)[1:3], help="default: bf16")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--inference", action="store_true", help="measure loading and answering instead of training")
    add_inference_arguments(parser)
    add_settings(parser, LoraSettings)
    add_settings(parser, TrainingSettings, skip=("precision",))


def bench_memory(arguments: argparse.Namespace) -> int:
    """Trains a few steps of random weights, or answers, and prints the estimate beside what it took."""
    if arguments.inference:
        return bench_inference_memory(arguments)
    lora, training = read_settings(arguments, LoraSettings), read_settings(arguments, TrainingSettings)
    load = TrainingLoad(
        arguments.sequence_length,
        arguments.held_in,
        arguments.labels,
        gradient_checkpointing=training.gradient_checkpointing,
    )
    config = find_shape(arguments.base_model)
    estimated = estimate_training_memory(config, lora, training, load).total
    measured = measure_training_memory(config, lora, training, load)
    if arguments.json:
        json.dump({"estimated": estimated, **dataclasses.asdict(measured)}, sys.stdout)
        print()
        return 0
    print(f"estimated {estimated / 1e9:.3f} GB")
    for what, seen in (("tensors", measured.tensors), ("process", measured.process)):
        print(f"{what} {seen / 1e9:.3f} GB, of which the estimate is {estimated / seen:.0%}")
    return 0
