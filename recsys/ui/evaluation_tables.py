"""What an evaluation found, as tables of HTML: every metric, what the lists are like, and for whom a system works.

Texts of models and data are escaped here, as in evaluation_cards. The functions are given reports and return
strings; a report of an older release has no more than the metrics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from recsys.evaluation.beyond_accuracy import BEYOND_ACCURACY
from recsys.evaluation.breakdowns import BREAKDOWNS
from recsys.evaluation.intervals import Interval
from recsys.evaluation.metrics import HEADLINE, METRICS
from recsys.evaluation.misses import is_reason, miss_title, with_failure
from recsys.evaluation.report import INTERVAL_METHOD, Report
from recsys.evaluation.scores import BreakdownRow, Measure, MetricScore, SystemScore
from recsys.evaluation.story import STORY_CAVEAT, STORY_SCORES, STORY_TITLE
from recsys.evaluation.text_quality import Share
from recsys.ui.evaluation_cards import system_title
from recsys.ui.markup import escape, plural


def metrics_table_html(report: Report) -> str:
    """Every metric of every system: the mean over records, and below it the mean over users."""
    k = report.k
    shown = [METRICS[name] for name in report.metric_names]
    heads = "".join(
        f'<th scope="col" title="{escape(metric.definition(k))}">{metric.label(k)}</th>' for metric in shown
    )
    rows: list[str] = []
    for system in report.systems:
        rows.append(_metric_row(_row_title(system), system.metrics, system.kind == "model"))
        if system.raw is not None:
            rows.append(_metric_row("raw exact titles", system.raw, False))
    definitions = "".join(f"<li>{escape(text)}</li>" for text in report.definitions.values())
    return (
        '<table class="ev-table"><thead><tr><th scope="col"><span class="ev-visually-hidden">System</span></th>'
        f"{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        f'<p class="ev-quiet">Large: mean over {plural(report.num_records, "record")}. Small: mean over '
        f"{plural(report.num_users, 'user')}, each weighing the same.</p>"
        f'<details class="ev-fold"><summary>Definitions and protocol</summary><ul>{definitions}</ul>'
        f"<p>{escape(report.protocol)}</p><p>{escape(INTERVAL_METHOD)}</p>"
        f"<p>{escape(report.machine)}; weights in {escape(report.precision)}; run {escape(report.fingerprint)}.</p>"
        "</details>"
    )


def _row_title(system: SystemScore) -> str:
    return f"{system.name}, resolved" if system.kind == "model" else system_title(system.name)


def _metric_row(title: str, metrics: Mapping[str, MetricScore], strong: bool) -> str:
    cells = "".join(
        f"<td><b>{metrics[name].mean:.4f}</b><small>{metrics[name].mean_over_users:.4f}</small></td>"
        for name in METRICS
        if name in metrics
    )
    return f'<tr class="{"ev-row-strong" if strong else ""}"><th scope="row">{escape(title)}</th>{cells}</tr>'


def beyond_accuracy_html(report: Report) -> str:
    """A measure a row, a system a column, each figure with its interval and of how many it is."""
    definitions = report.beyond_accuracy_definitions
    if not definitions:
        return ""
    rows = "".join(
        _row(
            BEYOND_ACCURACY[name].label(report.k),
            definitions[name],
            [_measure(system.beyond_accuracy[name]) for system in report.systems],
        )
        for name in definitions
    )
    return _fold(
        "Beyond accuracy: novelty, variety, popularity bias, years",
        _table("Measure", [system_title(system.name) for system in report.systems], rows),
        definitions.values(),
    )


def misses_html(report: Report) -> str:
    """A class of ranks a row, a system a column, popularity and random among them, each share with its numbers."""
    definitions = report.miss_definitions
    if not definitions:
        return ""
    systems = {name: with_failure(shares) for name, shares in report.misses.items()}
    rows = "".join(
        _row(
            _class_title(name, report.known_films),
            definitions[name],
            [_rank_share(shares.get(name)) for shares in systems.values()],
        )
        for name in with_failure(report.model.misses)
    )
    checked = report.known_films or "no list of films was given (--known-films)"
    return _fold(
        "Every rank asked for: hit, near, discovery, no such film, or failure",
        _table("Rank", [system_title(name) for name in systems], rows),
        [*definitions.values(), f"Titles out of the catalogue were checked against: {checked}"],
    )


def breakdowns_html(report: Report) -> str:
    """The headline metric of every system by groups of records, a table for each way of grouping."""
    names = list(report.breakdown_definitions)
    if not names:
        return ""
    systems = [system.name for system in report.systems]
    tables = ""
    for name in names:
        rows = "".join(
            _row(_group(row), report.breakdown_definitions[name], [_score(row, system) for system in systems])
            for row in report.breakdowns
            if row.by == name
        )
        tables += _table(BREAKDOWNS[name].title, [system_title(system) for system in systems], rows)
    label = METRICS[HEADLINE].label(report.k)
    return _fold(f"For whom it works: {label} by groups of records", tables, report.breakdown_definitions.values())


def story_html(report: Report) -> str:
    """The story's figures, folded and apart from all that was measured; the same for every report."""
    del report
    rows = "".join(_row(escape(score.model), STORY_CAVEAT, [f"<b>{score.map_at_k:.3f}</b>"]) for score in STORY_SCORES)
    return _fold(STORY_TITLE, _table("Model of the story", ["MAP@K as quoted"], rows), [STORY_CAVEAT])


TABLES = (metrics_table_html, story_html, beyond_accuracy_html, misses_html, breakdowns_html)
"""What stands under the chart, in this order."""


def _fold(title: str, tables: str, definitions: Iterable[str]) -> str:
    told = "".join(f"<li>{escape(text)}</li>" for text in definitions)
    return f'<details class="ev-fold"><summary>{escape(title)}</summary>{tables}<ul>{told}</ul></details>'


def _table(first: str, systems: Sequence[str], rows: str) -> str:
    heads = "".join(f'<th scope="col">{escape(system)}</th>' for system in systems)
    return (
        '<div class="ev-scroll" tabindex="0" role="group" '
        f'aria-label="{escape(first)}"><table class="ev-table ev-table-wide"><thead><tr>'
        f'<th scope="col">{escape(first)}</th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _row(title: str, hint: str, cells: Sequence[str]) -> str:
    return (
        f'<tr><th scope="row" title="{escape(hint)}">{title}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
    )


def _measure(measure: Measure) -> str:
    if measure.value is None:
        return "<b>–</b>"
    value = f"{measure.value:.3f}".replace("-", "−")
    return f"<b>{value}</b><small>{_interval(measure.interval, 3)}of {measure.denominator:,}</small>"


def _class_title(name: str, known_films: str) -> str:
    title = escape(miss_title(name, known_films))
    return f'<span class="ev-reason">{title}</span>' if is_reason(name) else title


def _rank_share(share: Share | None) -> str:
    """A share with both of its numbers; a dash for what a system without a text cannot come to."""
    if share is None or share.value is None:
        return "<b>–</b>"
    return f"<b>{share.value:.1%}</b><small>{share.numerator:,} of {share.denominator:,}</small>"


def _score(row: BreakdownRow, system: str) -> str:
    score = row.scores[system]
    return f"<b>{score.mean:.4f}</b><small>{_interval(score.interval, 4)}</small>"


def _group(row: BreakdownRow) -> str:
    """A group with the range of its values and how much it holds."""
    size = f"{plural(row.num_records, 'record')} of {plural(row.num_users, 'user')}"
    return f"{escape(row.group)}<small> {f'{row.range}, ' if row.range else ''}{size}</small>"


def _interval(interval: Interval | None, digits: int) -> str:
    return "" if interval is None else f"[{interval.low:.{digits}f}, {interval.high:.{digits}f}] ".replace("-", "−")
