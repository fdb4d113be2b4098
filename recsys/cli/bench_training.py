"""``bench training``: records a second of `train` beside transformers' plain Trainer on the same records."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys

from recsys.cli.options import read_choice
from recsys.settings import PromptSettings
from recsys.workbench import Workbench


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the benchmark's own arguments."""
    parser.add_argument("--records", type=int, default=128, help="records that each way trains on once")
    parser.add_argument("--batch-size", type=int, default=16, help="records of a step")


def bench_training(arguments: argparse.Namespace, workbench: Workbench) -> int:
    """Prints a line for each way, with its ratio to the plain one."""
    from recsys.models.loading import load_model
    from recsys.models.registry import find_model
    from recsys.training.request import TrainingData, TrainingRequest
    from recsys.training.settings import TrainingSettings
    from recsys.training.throughput import measure_throughput

    workbench.options.placement.require_none("training")
    choice = read_choice(arguments, workbench)
    settings = TrainingSettings(per_device_train_batch_size=arguments.batch_size)
    request = TrainingRequest("bench", choice.model, prompt=PromptSettings("history"), training=settings)
    measured = measure_throughput(
        lambda: load_model(find_model(choice.model), choice.precision, device=arguments.device),
        TrainingData(workbench.split, workbench.catalogue, workbench.data_name),
        request,
        num_records=arguments.records,
    )
    plain = measured[0].records_per_second
    rows = [{**dataclasses.asdict(one), "ratio_to_plain": one.records_per_second / plain} for one in measured]
    if arguments.json:
        json.dump(rows, sys.stdout, indent=2)
        print()
        return 0
    for row in rows:
        print(
            f"{row['name']:<8} {row['records_per_second']:6.2f} records/s  {row['ratio_to_plain']:5.2f} × plain  "
            f"padding {row['padding']:6.1%}  logits of {row['logits']:6.1%} of the tokens"
        )
    return 0
