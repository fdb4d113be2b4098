"""``tune``: search for the best settings on validation users, then prove the winner once on test users.

A search that was stopped goes on where it was when the same command is given again. It needs optuna, the extra `tune`.
"""

from __future__ import annotations

import argparse

from recsys.cli import evaluate
from recsys.cli.options import open_workbench
from recsys.cli.output import json_text, write_texts
from recsys.cli.progress import ProgressLine
from recsys.cli.sweep import require_full_lists, warn_if_learnt
from recsys.tuning.cells import CellEvaluator, study_folder
from recsys.tuning.confirming import confirm_winner
from recsys.tuning.space import DEFAULT_SPACE, parse_space
from recsys.tuning.study import Study, run_study
from recsys.tuning.study_result import GOALS
from recsys.tuning.study_text import render_study
from recsys.tuning.trials import require_optuna


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments: those of ``evaluate``, and what is searched."""
    usual = " ".join(str(one) for one in DEFAULT_SPACE)
    parser.add_argument(
        *("--search",),
        action="append",
        metavar="SETTING=A..B",
        help=f"or SETTING=V1,V2; may be repeated (default: {usual})",
    )
    parser.add_argument(
        "--objective",
        default="ndcg",
        choices=tuple(GOALS),
        help="what is searched for, at --k (default: ndcg; NDCG@20 is --k 20 --num-recommendations 20)",
    )
    parser.add_argument("--trials", type=int, default=30, help="how many are tried in all (default: 30)")
    parser.add_argument("--study-seed", type=int, default=0, help="of the proposals (default: 0)")
    parser.add_argument(
        "--confirm", action=argparse.BooleanOptionalAction, default=True, help="ask test users at the end"
    )
    parser.add_argument(
        "--test-records", type=int, default=0, help="test records of the proof; 0 takes all (default: 0)"
    )
    evaluate.add_request_arguments(parser)
    parser.set_defaults(split="validation", baselines=[])


def run(arguments: argparse.Namespace) -> int:
    """Runs the search and prints its trials and the proof."""
    require_optuna()
    workbench = open_workbench(arguments)
    base = evaluate.read_request(arguments, workbench)
    space = parse_space(arguments.search) if arguments.search else DEFAULT_SPACE
    study = Study(base, space, arguments.objective, arguments.trials, arguments.study_seed)
    require_full_lists(base)
    workbench.check_prompt(base.choice, base.prompt)
    warn_if_learnt(base, workbench)
    progress = ProgressLine()
    workbench.host.load(base.choice, progress)
    ask = CellEvaluator(workbench, progress)
    result = run_study(
        study,
        ask,
        study_folder(workbench),
        confirm=(lambda winner: confirm_winner(base, winner.values, ask, num_records=arguments.test_records))
        if arguments.confirm
        else None,
    )
    progress.close()
    as_json = json_text(result.to_dict())
    write_texts("the search", {arguments.out: as_json})
    print(as_json if arguments.json else render_study(result))
    return 0
