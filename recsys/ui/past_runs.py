"""The list of past runs as HTML: a button that opens each, and one that compares it with the run on show.

Every text of models and data is escaped, as in evaluation_cards.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from recsys.errors import InputError, RecsysError
from recsys.evaluation.comparison import require_comparable
from recsys.evaluation.metrics import HEADLINE, METRICS
from recsys.evaluation.report import Report
from recsys.ui.evaluation_cards import moment, notice_html, sentences
from recsys.ui.markup import escape, plural


def runs_html(
    reports: Sequence[Report], shown: str | None, shipped: Collection[str] = (), *, problem: RecsysError | None = None
) -> str:
    """Past runs in the order given, and folded behind them those that came with the repository.

    Args:
        reports: All of them.
        shown: The fingerprint of the one on show.
        shipped: The fingerprints of the shipped ones.
        problem: Why the runs of this machine cannot be read.
    """
    told = "" if problem is None else notice_html("failed", "Past runs cannot be read", sentences(problem))
    if not reports and not told:
        return '<p class="ev-empty-line">No finished run yet. The first one will be listed here.</p>'
    on_show = next((report for report in reports if report.fingerprint == shown), None)
    own = [report for report in reports if report.fingerprint not in shipped]
    others = [report for report in reports if report.fingerprint in shipped]
    mine = _list(own, on_show) if own else told or '<p class="ev-empty-line">None made here yet.</p>'
    if not others:
        return mine
    state = "" if own and on_show not in others else " open"
    summary = f"<summary>Shipped reports ({len(others)})</summary>"
    return f'{mine}<details class="ev-fold ev-shipped"{state}>{summary}{_list(others, on_show)}</details>'


def _list(reports: Sequence[Report], on_show: Report | None) -> str:
    return f'<ul class="ev-runs">{"".join(_run(report, on_show) for report in reports)}</ul>'


def _run(report: Report, on_show: Report | None) -> str:
    score = report.model.metrics[HEADLINE]
    settings = report.request
    told = [
        f"{plural(report.num_records, 'record')} ({settings.evaluation.split})",
        *([] if (given := settings.evaluation.history_length) is None else [f"{given} liked shown"]),
        *settings.search_words,
        settings.prompt.style.replace("_", "-"),
        report.precision,
        moment(report.finished_at),
    ]
    current = ' aria-current="true"' if report is on_show else ""
    return (
        f'<li><button type="button" data-run="{escape(report.fingerprint)}"{current}>'
        f"<strong>{escape(report.model.name)}</strong>"
        f'<span class="ev-number">{METRICS[HEADLINE].label(report.k)} {score.mean:.4f}</span>'
        f"<small>{' · '.join(map(escape, told))}</small></button>{_compare_button(report, on_show)}</li>"
    )


def _compare_button(report: Report, on_show: Report | None) -> str:
    """The button that compares with the run on show; where that cannot be, it says why, pressed or not."""
    if on_show is None or report is on_show:
        return ""
    hint, state = "Side by side with the run on show", ""
    try:
        require_comparable(on_show, report)
    except InputError as error:
        hint, state = sentences(error), ' aria-disabled="true"'
    name = f"Compare the run on show with {report.model.name}, {moment(report.finished_at)}"
    return (
        f'<button type="button" class="ev-compare" data-compare="{escape(report.fingerprint)}" title="{escape(hint)}" '
        f'aria-label="{escape(name)}"{state}>Compare</button>'
    )
