"""``effects``: what each generator setting does to the shipped models: questions answered by their figures.

A report that was stopped goes on where it was when the same command is given again. Test records are asked: the report
describes, and nothing is chosen by it.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.cli.options import add_workbench_options, open_workbench
from recsys.cli.output import json_text, write_texts
from recsys.cli.progress import ProgressLine
from recsys.tuning.effects.cells import Sizes
from recsys.tuning.effects.questions import QUESTIONS, ask_questions
from recsys.tuning.effects.report_text import render_effects
from recsys.tuning.effects.shipping import effect_sweeps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recsys.data.records import Record
    from recsys.models.model_choice import ModelChoice
    from recsys.workbench import Workbench

_OUT = Path("assets/reports/effects")
_SIZES = {
    "small": "gptj-mini",
    "some": "its adapter, and of gptj-mini under temperature × top-p",
    "large": "SmolLM2's adapters",
    "base": "SmolLM2 without an adapter",
}
"""How many records are asked, by name, and of what."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    usual = Sizes()
    parser.add_argument(
        "--out", type=Path, default=_OUT, help=f"folder of effects.md and effects.json (default: {_OUT})"
    )
    parser.add_argument(
        "--questions", nargs="*", choices=tuple(QUESTIONS), metavar="NAME", help=f"default: {' '.join(QUESTIONS)}"
    )
    for name, help_text in _SIZES.items():
        words = f"test records of {help_text}; 0 takes all (default: {getattr(usual, name)})"
        parser.add_argument(_flag(name), type=int, default=getattr(usual, name), help=words)
    parser.add_argument(
        "--finished", action="store_true", help="ask for nothing more: tell what earlier starts have finished"
    )
    parser.add_argument("--sweeps", type=Path, help="also write the sweeps that the Tune tab opens with to this folder")
    add_workbench_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Asks the questions, writes the report and prints its answers."""
    workbench = open_workbench(arguments)
    sizes = Sizes(**{name: getattr(arguments, f"{name}_records") for name in _SIZES})
    progress = ProgressLine()
    effects = ask_questions(
        arguments.questions or tuple(QUESTIONS),
        sizes,
        workbench,
        measure_losses,
        command=command_of(arguments),
        tell=progress,
        finished_only=arguments.finished,
    )
    progress.close()
    texts: dict[Path | None, str] = {
        arguments.out / "effects.md": render_effects(effects),
        arguments.out / "effects.json": json_text(effects.to_dict()),
    }
    if arguments.sweeps is not None:
        sweeps = effect_sweeps(sizes, workbench)
        texts |= {arguments.sweeps / f"{name}.json": json_text(sweep.to_dict()) for name, sweep in sweeps.items()}
    write_texts("the report", texts)
    for name, finding in effects.findings.items():
        print(f"{QUESTIONS[name].title}\n  {finding.answer}")
    for name, text in effects.missing_told().items():
        print(f"{QUESTIONS[name].title}\n  {text}")
    return 0


def _flag(size: str) -> str:
    return f"--{size}-records"


def measure_losses(workbench: Workbench, choice: ModelChoice, records: Sequence[Record]) -> NDArray[Any]:
    """(records,) nats a title that was liked next, asked by the choice's own prompt."""
    from recsys.training.record_loss import measure_record_losses

    with workbench.host.use(choice, priority="batch") as loaded:
        return measure_record_losses(loaded, records, workbench.catalogue, workbench.default_prompt(choice))


def command_of(arguments: argparse.Namespace) -> str:
    """The command line that makes the report again, on the same data."""
    words = ["python", "-m", "recsys", "effects", f"--out={arguments.out.as_posix()}"]
    words += [f"{_flag(name)}={getattr(arguments, f'{name}_records')}" for name in _SIZES]
    words += [f"--sweeps={arguments.sweeps.as_posix()}"] if arguments.sweeps is not None else []
    words += ["--finished"] if arguments.finished else []
    words += ["--questions", *arguments.questions] if arguments.questions else []
    return shlex.join(words)
