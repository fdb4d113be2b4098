"""``pretrain``: train a small GPT-J from scratch on the histories of training users, with its own tokenizer.

A run that was stopped goes on when the same command is given again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from recsys.cli.options import add_settings, add_workbench_options, open_workbench, read_settings
from recsys.cli.progress import ProgressLine
from recsys.cli.train import add_run_options, command_line, require_reporter
from recsys.settings import PromptSettings
from recsys.training.pretrain import PretrainSettings
from recsys.training.settings import TrainingSettings

DEFAULTS = TrainingSettings(
    method="full",
    num_train_epochs=4,
    learning_rate=2e-3,
    lr_scheduler_type="cosine",
    warmup_ratio=0.05,
    weight_decay=0.1,
    per_device_train_batch_size=64,
    loss_on="titles",
    augmentation="sub_histories",
    teacher_share=0.7,
    teacher_temperature=0.4,
    unlikelihood=5.0,
    precision="auto",
    save_steps=300,
)
_FIXED = ("method", "loss_on")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("--name", default="gptj-mini", help="name of the model; a folder under --out")
    parser.add_argument("--out", type=Path, required=True, help="where the model's folder is written")
    add_run_options(parser)
    add_settings(parser, PretrainSettings)
    add_settings(parser, TrainingSettings, skip=_FIXED)
    parser.set_defaults(**{name: value for name, value in DEFAULTS.to_dict().items() if name not in _FIXED})
    add_workbench_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Trains the model and writes its folder."""
    from recsys.training.pretrain import pretrain
    from recsys.training.request import TrainingData, TrainingRequest

    shape = read_settings(arguments, PretrainSettings)
    told = {name: getattr(arguments, name) for name in DEFAULTS.to_dict() if name not in _FIXED}
    request = TrainingRequest(
        name=arguments.name,
        base_model=arguments.name,
        prompt=PromptSettings(style="history"),
        training=DEFAULTS.replace(**told),
        is_from_scratch=True,
        num_samples=shape.num_samples,
        command=command_line(),
    )
    require_reporter(arguments.report_to)
    workbench = open_workbench(arguments)
    workbench.options.placement.require_none("training")
    progress = ProgressLine()
    folder = pretrain(
        request,
        TrainingData(workbench.split, workbench.catalogue, workbench.data_name),
        shape,
        out=arguments.out,
        progress=progress,
        restart=arguments.restart,
        report_to=arguments.report_to,
    )
    progress.close()
    if folder is not None:
        print(folder)
    return 0
