"""``evaluate``: MAP@K and its fellows on held-out records, beside popularity and EASE on the same ones.

An interrupted evaluation goes on where it stopped when the same command is given again. Under ``accelerate launch -m
recsys evaluate`` processes share the batches, and the first one reports.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from recsys.cli.options import (
    add_choice_options,
    add_prompt_options,
    add_settings,
    add_workbench_options,
    open_workbench,
    read_choice,
    read_prompt,
    read_settings,
)
from recsys.cli.output import writing
from recsys.cli.progress import ProgressLine
from recsys.errors import RecsysError
from recsys.evaluation.export import write_csv, write_json
from recsys.evaluation.job_state import JobState
from recsys.evaluation.jobs import EvaluationJob
from recsys.evaluation.report_markdown import write_markdown
from recsys.evaluation.report_text import render_text
from recsys.evaluation.request import BASELINES, EvaluationRequest
from recsys.models.distributed import is_first_process
from recsys.settings import DecodingSettings, EvaluationSettings, GenerationSettings, ResolutionSettings
from recsys.workbench import Workbench


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_request_arguments(parser)
    parser.add_argument("--csv", type=Path, help="write one row a record")
    parser.add_argument("--markdown", type=Path, help="write the report as Markdown")


def add_request_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what `read_request` reads, and where the result goes."""
    parser.add_argument("--records", type=int, default=50, help="how many records; 0 takes all of the split")
    parser.add_argument("--run-seed", type=int, default=0, help="draws the records and seeds their generation")
    add_settings(parser, EvaluationSettings, skip=("num_records", "seed"))
    parser.add_argument("--baselines", nargs="*", default=["popularity", "ease"], choices=BASELINES, metavar="NAME")
    parser.add_argument("--out", type=Path, help="write the report as JSON")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    add_choice_options(parser)
    for settings in (GenerationSettings, DecodingSettings, ResolutionSettings):
        add_settings(parser, settings, skip=("seed",))
    add_prompt_options(parser)
    add_workbench_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the evaluation and prints its report."""
    workbench = open_workbench(arguments)
    request = read_request(arguments, workbench)
    workbench.check_prompt(request.choice, request.prompt)  # before minutes go into loading the model
    progress = ProgressLine(quiet=not is_first_process())
    workbench.host.load(request.choice, progress)
    job = workbench.start_evaluation(request)
    try:
        state = _watch(job, progress)
    except KeyboardInterrupt:
        job.cancel()
        progress.close()
        job.wait(30)
        print("Stopped. Give the same command again to go on from here.", file=sys.stderr)
        return 130
    progress.close()
    if state.report is None:
        raise state.error or RecsysError(state.message)
    if not is_first_process():
        return 0
    _write(arguments, workbench, job)
    if arguments.json:
        json.dump(state.report.to_dict(), sys.stdout, ensure_ascii=False, indent=2)
        print()
    else:
        print(render_text(state.report))
    return 0


def read_request(arguments: argparse.Namespace, workbench: Workbench) -> EvaluationRequest:
    """The evaluation that the options ask for.

    Raises:
        InputError: for a value out of range, or when there is no such adapter.
    """
    choice = read_choice(arguments, workbench)
    return EvaluationRequest(
        evaluation=EvaluationSettings(
            split=arguments.split,
            num_records=arguments.records,
            k=arguments.k,
            batch_size=arguments.batch_size,
            seed=arguments.run_seed,
            history_length=arguments.history_length,
        ),
        generation=read_settings(arguments, GenerationSettings),
        prompt=read_prompt(arguments, workbench, choice),
        resolution=read_settings(arguments, ResolutionSettings),
        choice=choice,
        baselines=tuple(arguments.baselines),
        decoding=read_settings(arguments, DecodingSettings),
    )


def _watch(job: EvaluationJob, progress: ProgressLine) -> JobState:
    while not (state := job.wait(0.5)).is_over:
        if not state.total:
            progress(0.0, state.message)
            continue
        running = state.metrics.get("map")
        so_far = f", MAP@{job.request.evaluation.k} {running.mean:.4f}" if running and state.done else ""
        left = f", {state.eta_seconds:.0f} s left" if state.eta_seconds is not None else ""
        progress(state.done / state.total, f"{state.done} of {state.total} records{so_far}{left}")
    return state


def _write(arguments: argparse.Namespace, workbench: Workbench, job: EvaluationJob) -> None:
    report = job.state().report
    with writing("the result"):
        if arguments.out and report is not None:
            write_json(report, arguments.out)
        if arguments.markdown and report is not None:
            write_markdown(report, arguments.markdown)
        if arguments.csv:
            write_csv(job.results(), arguments.csv, catalogue=workbench.catalogue)
