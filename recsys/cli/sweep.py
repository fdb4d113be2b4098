"""``sweep``: the same validation records under every combination of some settings, one row each.

A sweep that was stopped goes on where it was when the same command is given again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.cli import evaluate
from recsys.cli.options import open_workbench
from recsys.cli.output import json_text, write_texts
from recsys.cli.progress import ProgressLine
from recsys.errors import SettingsError
from recsys.models.learnt_from import learnt_warning
from recsys.tuning.axes import Axis, make_cells
from recsys.tuning.cells import CellEvaluator
from recsys.tuning.sweep import Sweep, run_sweep
from recsys.tuning.sweep_text import render_sweep, render_sweep_markdown

if TYPE_CHECKING:
    from recsys.evaluation.request import EvaluationRequest
    from recsys.workbench import Workbench


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments: those of ``evaluate``, and the axes."""
    parser.add_argument(
        *("--axis",), action="append", required=True, metavar="SETTING=V1,V2", help="what is varied; up to three times"
    )
    parser.add_argument("--markdown", type=Path, help="write the table as Markdown")
    evaluate.add_request_arguments(parser)
    parser.set_defaults(split="validation", baselines=[])


def run(arguments: argparse.Namespace) -> int:
    """Runs the sweep and prints its table."""
    workbench = open_workbench(arguments)
    sweep = Sweep(evaluate.read_request(arguments, workbench), tuple(Axis.parse(text) for text in arguments.axis))
    make_cells(sweep.base, sweep.axes)  # before minutes go into loading the model
    require_full_lists(sweep.base)
    workbench.check_prompt(sweep.base.choice, sweep.base.prompt)
    warn_if_learnt(sweep.base, workbench)
    progress = ProgressLine()
    workbench.host.load(sweep.base.choice, progress)
    result = run_sweep(sweep, CellEvaluator(workbench, progress))
    progress.close()
    as_json = json_text(result.to_dict())
    write_texts("the sweep", {arguments.out: as_json, arguments.markdown: render_sweep_markdown(result)})
    print(as_json if arguments.json else render_sweep(result))
    return 0


def require_full_lists(base: EvaluationRequest) -> None:
    """Refuses a cut below which no title is asked for: NDCG@20 of four titles tells of four titles.

    Raises:
        SettingsError: with the option that is missing.
    """
    k, n = base.evaluation.k, base.generation.num_recommendations
    if k > n:
        mend = f"add --num-recommendations {k}; --decoding catalogue_rank gives rankings of up to 20"
        raise SettingsError(f"{n} titles have no figure at {k}", seen=f"--k {k}", mend=mend)


def warn_if_learnt(base: EvaluationRequest, workbench: Workbench) -> None:
    """Says on stderr where the model has learnt from the users whose records it is asked about."""
    told = learnt_warning(base.evaluation.split, base.choice, workbench.options.adapters)
    if told:
        print(f"Note: {told}", file=sys.stderr)
