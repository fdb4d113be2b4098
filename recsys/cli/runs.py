"""``runs``: list past evaluations, show one again, compare two, write one as JSON, CSV or Markdown.

Only what the runs left on the disk is read: no model is loaded.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recsys.catalogue import Catalogue
from recsys.cli.output import writing
from recsys.cli.text_table import render_table
from recsys.errors import InputError
from recsys.evaluation.comparison import compare_runs
from recsys.evaluation.comparison_text import render_comparison
from recsys.evaluation.export import write_csv, write_json
from recsys.evaluation.metrics import HEADLINE, METRICS
from recsys.evaluation.report import Report
from recsys.evaluation.report_markdown import write_markdown
from recsys.evaluation.report_text import render_text
from recsys.evaluation.text_layout import interval_text
from recsys.workbench import Workbench
from recsys.workbench_options import WorkbenchOptions

_FINGERPRINT = "a run's fingerprint, or as much of its beginning as no other run has"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="every finished run: model, settings, score, records and time")
    listing.add_argument("--json", action="store_true", help="print JSON")
    listing.add_argument("--shipped", action="store_true", help="list the reports that came with the repository too")
    showing = actions.add_parser("show", help="print a run's report again")
    comparing = actions.add_parser("compare", help="two runs over the records that both have")
    comparing.add_argument("run_a", metavar="A", help=_FINGERPRINT)
    comparing.add_argument("run_b", metavar="B", help="the run that it is compared with")
    exporting = actions.add_parser("export", help="write a run's report and records to files")
    exporting.add_argument("--json", type=Path, metavar="PATH", help="the report as JSON")
    exporting.add_argument("--csv", type=Path, metavar="PATH", help="one row a record")
    exporting.add_argument("--markdown", type=Path, metavar="PATH", help="the report as Markdown")
    for action in (showing, exporting):
        action.add_argument("run_a", metavar="FINGERPRINT", help=_FINGERPRINT)
    for action in (listing, showing, comparing, exporting):
        action.add_argument("--runs", type=Path, help="where evaluations are kept (default: the user's cache)")
    for action in (comparing, exporting):
        action.add_argument(
            "--data", type=Path, help="the runs' data, for titles and decades (default: the embedded latest-small)"
        )


def run(arguments: argparse.Namespace) -> int:
    """Runs the action."""
    workbench = Workbench(WorkbenchOptions(runs=arguments.runs, data=getattr(arguments, "data", None)))
    reports = workbench.jobs.past_reports()
    if arguments.action == "list":
        shipped = frozenset() if arguments.shipped else workbench.jobs.past.shipped_ids
        _list([report for report in reports if report.fingerprint not in shipped], as_json=arguments.json)
        return 0
    report = find_run(reports, arguments.run_a)
    if arguments.action == "show":
        print(render_text(report), end="")
    elif arguments.action == "compare":
        _compare(workbench, report, find_run(reports, arguments.run_b))
    else:
        _export(workbench, report, arguments)
    return 0


def find_run(reports: Sequence[Report], name: str) -> Report:
    """The run whose fingerprint is ``name`` or alone starts so.

    Raises:
        InputError: when there is none, or more than one.
    """
    found = [report for report in reports if name and report.fingerprint.startswith(name)]
    if len(found) > 1:
        exact = [report for report in found if report.fingerprint == name]
        if not exact:
            mend = f"give more of it: {', '.join(report.fingerprint for report in found)}"
            raise InputError("several runs start so", seen=name, mend=mend)
        found = exact
    if not found:
        raise InputError("no finished run is called so", seen=name, mend="runs list tells which there are")
    return found[0]


def _list(reports: Sequence[Report], *, as_json: bool) -> None:
    if as_json:
        json.dump([_to_dict(report) for report in reports], sys.stdout, ensure_ascii=False, indent=2)
        print()
    elif reports:
        heads = ("run", "model", "settings", "score", "95% interval", "records", "finished (UTC)")
        print(render_table(heads, [_row(report) for report in reports]))
    else:
        print("no finished run. Make one: python -m recsys evaluate --records 50")


def _words(report: Report) -> str:
    return ", ".join((report.request.prompt.style.replace("_", "-"), *report.request.search_words, report.precision))


def _row(report: Report) -> tuple[str, ...]:
    score = report.model.metrics[HEADLINE]
    return (
        report.fingerprint,
        report.model.name,
        _words(report),
        f"{METRICS[HEADLINE].label(report.k)} {score.mean:.4f}",
        interval_text(score.interval),
        f"{report.num_records} {report.request.evaluation.split}",
        report.finished_at[:16].replace("T", " "),
    )


def _to_dict(report: Report) -> dict[str, Any]:
    score = report.model.metrics[HEADLINE]
    interval = score.interval
    return {
        "fingerprint": report.fingerprint,
        "model": report.model.name,
        "settings": _words(report),
        "k": report.k,
        HEADLINE: score.mean,
        "interval": None if interval is None else [interval.low, interval.high],
        "num_records": report.num_records,
        "split": report.request.evaluation.split,
        "dataset_name": report.dataset_name,
        "finished_at": report.finished_at,
    }


def _compare(workbench: Workbench, report: Report, other: Report) -> None:
    results, others = (workbench.jobs.past_results(one.fingerprint) for one in (report, other))
    comparison = compare_runs(report, results, other, others, _catalogue(workbench, report))
    print(render_comparison(comparison), end="")


def _export(workbench: Workbench, report: Report, arguments: argparse.Namespace) -> None:
    paths = [path for path in (arguments.json, arguments.csv, arguments.markdown) if path is not None]
    if not paths:
        raise InputError("no file is named", mend="give --json, --csv or --markdown with a path")
    with writing("the run"):
        if arguments.json:
            write_json(report, arguments.json)
        if arguments.markdown:
            write_markdown(report, arguments.markdown)
        if arguments.csv:
            results = workbench.jobs.past_results(report.fingerprint)
            write_csv(results, arguments.csv, catalogue=_catalogue(workbench, report))
    for path in paths:
        print(path)


def _catalogue(workbench: Workbench, report: Report) -> Catalogue | None:
    """The run's movies; None where it is of another data set than the one at hand."""
    dataset = workbench.dataset
    return Catalogue(dataset.movies) if report.is_of(dataset.name) else None
