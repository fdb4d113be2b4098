"""``train``: fine-tune an adapter on the records of training users, here or under `accelerate launch`.

A run that was stopped goes on when the same command is given again.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from recsys.cli.options import add_settings, add_workbench_options, open_workbench, read_settings
from recsys.cli.progress import ProgressLine
from recsys.errors import SettingsError
from recsys.models.adapter_listing import default_adapters_folder
from recsys.models.registry import DEFAULT_MODEL
from recsys.settings import PromptSettings
from recsys.training.request import TrainingData, TrainingRequest
from recsys.training.settings import LoraSettings, TrainingSettings
from recsys.workbench import Workbench

RECIPES = ("story",)
"""story: LoRA r=8 on q_proj and v_proj, AdamW, ten epochs over 6→4 records, where no option says otherwise."""
_LONGEST_RECORD = 128
"""Tokens that a dry run takes for a record: those of ten titles and some, since no tokenizer is at hand."""
REPORTERS = ("none", "wandb", "trackio")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("--base-model", default=DEFAULT_MODEL, help="registry name, local folder or Hub id")
    parser.add_argument("--name", help="name of the adapter; a folder under --out (default: the base's, -story)")
    parser.add_argument(
        "--recipe", default="story", choices=RECIPES, help="where the defaults of the options below are from"
    )
    parser.add_argument("--out", type=Path, help="where the adapter's folder is written (default: adapters/)")
    parser.add_argument("--init-adapter", type=Path, help="a folder of an adapter of the same shape to go on from")
    parser.add_argument(
        "--dry-run", action="store_true", help="print what would be trained and how much memory it takes"
    )
    add_run_options(parser)
    for settings in (LoraSettings, TrainingSettings):
        add_settings(parser, settings)
    add_settings(parser, PromptSettings)
    parser.set_defaults(style="history")
    add_workbench_options(parser)


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Adds what train and pretrain share besides settings."""
    parser.add_argument("--restart", action="store_true", help="forget an earlier start of this run")
    parser.add_argument("--report-to", default="none", choices=REPORTERS, help="send curves there as well")


def run(arguments: argparse.Namespace) -> int:
    """Trains the adapter and writes its folder."""
    request = TrainingRequest(
        name=arguments.name or f"{Path(arguments.base_model).name}-{arguments.recipe}",
        base_model=arguments.base_model,
        prompt=read_settings(arguments, PromptSettings),
        lora=read_settings(arguments, LoraSettings),
        training=read_settings(arguments, TrainingSettings),
        init_adapter=arguments.init_adapter,
        command=command_line(),
    )
    workbench = open_workbench(arguments)
    workbench.options.placement.require_none("training")
    if arguments.dry_run:
        return _dry_run(request, workbench)
    from recsys.training.fine_tuning import fine_tune

    require_reporter(arguments.report_to)
    data = TrainingData(workbench.split, workbench.catalogue, workbench.data_name)
    progress = ProgressLine()
    folder = fine_tune(
        request,
        data,
        out=arguments.out or arguments.adapters or default_adapters_folder(),
        device=arguments.device,
        progress=progress,
        restart=arguments.restart,
        report_to=arguments.report_to,
    )
    progress.close()
    if folder is not None:
        can_be_scored = request.training.method in ("lora", "dpo")
        print(f"{folder}: score it with python -m recsys adapters score {request.name}" if can_be_scored else folder)
    return 0


def _dry_run(request: TrainingRequest, workbench: Workbench) -> int:
    from recsys.training.dry_run import describe_dry_run

    num_records = len(workbench.split.records["train"])
    print(
        describe_dry_run(
            request.base_model,
            request.lora,
            request.training,
            num_records=num_records,
            sequence_length=_LONGEST_RECORD,
        )
    )
    return 0


def command_line() -> str:
    """The command that was given, for the card."""
    return shlex.join(["python", "-m", "recsys", *sys.argv[1:]])


def require_reporter(name: str) -> None:
    """Refuses a place to report to whose package is not here.

    Raises:
        SettingsError: with the command that installs it.
    """
    import importlib.util

    if name != "none" and importlib.util.find_spec(name) is None:
        raise SettingsError(f"{name} is not installed", seen=f"--report-to {name}", mend=f"pip install {name}")
