"""A report as plain text, for the command line: tables about 100 characters wide, each with its definitions.

This module computes no figure and writes no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from recsys.evaluation.beyond_accuracy import BEYOND_ACCURACY
from recsys.evaluation.metrics import HEADLINE, METRICS
from recsys.evaluation.misses import is_reason, miss_title, with_failure
from recsys.evaluation.report import INTERVAL_METHOD, Report
from recsys.evaluation.scores import BreakdownRow, Measure, PairedDifference, SystemScore
from recsys.evaluation.significance import SIGNIFICANCE_METHOD
from recsys.evaluation.story import STORY_CAVEAT, STORY_SCORES, STORY_TITLE
from recsys.evaluation.text_layout import interval_text as _interval
from recsys.evaluation.text_layout import table_lines as _table
from recsys.evaluation.text_layout import wrapped as _wrapped
from recsys.evaluation.text_quality import DESCRIPTIONS, Share

_SHARES_SHOWN: Final = (
    "well_formed",
    "exactly_n",
    "exact",
    "normalised",
    "fuzzy",
    "semantic",
    "out_of_catalogue",
    "repeated",
    "already_liked",
    "wrong_year",
)


def render_text(report: Report) -> str:
    """The report as tables of plain text, with the definition of every figure."""
    blocks = [
        [f"{report.model.name} ({report.precision}) on {report.dataset_name}"],
        _wrapped(report.protocol),
        _metric_table(report),
        _coverage_lines(report),
        list(report.definitions.values()),
        [INTERVAL_METHOD],
        _difference_lines(report),
        *_beyond_accuracy_blocks(report),
        *_miss_blocks(report),
        *(_breakdown_block(report, name) for name in report.breakdown_definitions),
        _share_lines(report),
        _story_lines(),
        _baseline_seconds(report),
        [
            _speed(report),
            f"Machine: {report.machine}",
            f"Run {report.fingerprint}, started {report.started_at}, finished {report.finished_at}",
            *([f"Again: {report.command}"] if report.command else []),
        ],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _speed(report: Report) -> str:
    if not report.tokens:  # a server that tells no counts
        return f"{report.seconds:.1f} s; the tokens were not told"
    return f"{report.tokens} tokens in {report.seconds:.1f} s: {report.tokens_per_second:.1f} tokens/s"


def _coverage_lines(report: Report) -> list[str]:
    told = [f"{system.name} {system.coverage:.1%}" for system in report.systems if system.coverage is not None]
    sentence = f"Of the likes they are fitted on, the items that baselines know hold: {', '.join(told)}"
    return _wrapped(sentence) if told else []


def _baseline_seconds(report: Report) -> list[str]:
    told = [
        f"{system.name} {system.seconds:.1f}{' (fitted before)' if system.was_fitted else ''}"
        for system in report.systems
        if system.kind == "baseline"
    ]
    return _wrapped(f"Seconds of fitting and ranking: {', '.join(told)}") if told else []


def _metric_table(report: Report) -> list[str]:
    others = [name for name in report.metric_names if name != HEADLINE]
    headline, *other_labels = (METRICS[name].label(report.k) for name in (HEADLINE, *others))
    header = ["", headline, "95% interval", "over users", "exact only", *other_labels]
    return _table([header, *(_system_row(system, others) for system in report.systems)])


def _system_row(system: SystemScore, others: Sequence[str]) -> list[str]:
    headline = system.metrics[HEADLINE]
    raw = "–" if system.raw is None else f"{system.raw[HEADLINE].mean:.4f}"
    return [
        system.name,
        f"{headline.mean:.4f}",
        _interval(headline.interval),
        f"{headline.mean_over_users:.4f}",
        raw,
        *(f"{system.metrics[name].mean:.4f}" for name in others),
    ]


def _difference_lines(report: Report) -> list[str]:
    label = METRICS[HEADLINE].label(report.k)
    lines = [
        f"{label} minus {difference.against}: {difference.mean:+.4f} {_interval(difference.interval)}"
        f"{_significance(difference)}"
        for difference in report.differences
    ]
    tested = any(difference.permutation is not None for difference in report.differences)
    return [*lines, *_wrapped(SIGNIFICANCE_METHOD)] if tested else lines


def _significance(difference: PairedDifference) -> str:
    """The p of a difference, also adjusted, and the smallest one that could be seen, where they are known."""
    told = ""
    if difference.permutation is not None:
        told += f", p {_probability(difference.permutation.p_value)}"
    if difference.adjusted_p_value is not None:
        told += f", adjusted p {_probability(difference.adjusted_p_value)}"
    if difference.minimum_detectable_effect is not None:
        told += f", smallest visible {difference.minimum_detectable_effect:.4f}"
    return told


def _probability(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"= {value:.4f}"


def _beyond_accuracy_blocks(report: Report) -> list[list[str]]:
    """A measure a row, a system a column, since more is measured than fits side by side; then the definitions."""
    definitions = report.beyond_accuracy_definitions
    if not definitions:
        return []
    header = ["Beyond accuracy", *(system.name for system in report.systems)]
    rows = [
        [BEYOND_ACCURACY[name].label(report.k), *(_measure(system.beyond_accuracy[name]) for system in report.systems)]
        for name in definitions
    ]
    lines = [line for text in definitions.values() for line in _wrapped(text, indent="  ")]
    return [_table([header, *rows]), [*lines, "In brackets: the number of records or movies that the figure is of."]]


def _measure(measure: Measure) -> str:
    value = "–" if measure.value is None else f"{measure.value:.4f}"
    return f"{value} ({measure.denominator})"


def miss_table(report: Report) -> list[list[str]]:
    """A class of ranks a row, a system a column, popularity and random too; none in reports of older releases."""
    systems = {name: with_failure(shares) for name, shares in report.misses.items()}
    if not systems:
        return []
    rows = [
        [
            f"{'  ' * is_reason(name)}{miss_title(name, report.known_films)}",
            *(_rank_share(shares.get(name)) for shares in systems.values()),
        ]
        for name in with_failure(report.model.misses)
    ]
    return [["Every rank asked for", *systems], *rows]


def checked_against(report: Report) -> str:
    """Which list of films titles out of the catalogue were looked up in, in a sentence."""
    return f"Titles out of the catalogue were checked against: {report.known_films or 'no list of films was given'}."


def _miss_blocks(report: Report) -> list[list[str]]:
    rows = miss_table(report)
    if not rows:
        return []
    lines = [line for text in report.miss_definitions.values() for line in _wrapped(text, indent="  ")]
    return [_table(rows), [*lines, checked_against(report)]]


def _rank_share(share: Share | None) -> str:
    """A share with both of its numbers; a dash for what a system without a text cannot come to."""
    if share is None or share.value is None:
        return "–"
    return f"{share.value:.1%} ({share.numerator}/{share.denominator})"


def _breakdown_block(report: Report, name: str) -> list[str]:
    rows = [row for row in report.breakdowns if row.by == name]
    systems = [system.name for system in report.systems]
    header = [f"{METRICS[HEADLINE].label(report.k)} by {name}", "records", "users", *systems]
    definition = _wrapped(report.breakdown_definitions[name], indent="  ")
    return [*_table([header, *(_breakdown_row(row, systems) for row in rows)]), *definition]


def _breakdown_row(row: BreakdownRow, systems: Sequence[str]) -> list[str]:
    group = f"{row.group}: {row.range}" if row.range else row.group
    scores = [f"{row.scores[name].mean:.4f} {_interval(row.scores[name].interval)}" for name in systems]
    return [group, str(row.num_records), str(row.num_users), *scores]


def _share_lines(report: Report) -> list[str]:
    width = max(len(DESCRIPTIONS[name]) for name in _SHARES_SHOWN)
    return [f"{DESCRIPTIONS[name].ljust(width)}  {report.text_quality[name]}" for name in _SHARES_SHOWN]


def _story_lines() -> list[str]:
    """The story's figures, apart from all that was measured."""
    rows = [[score.model, f"{score.map_at_k:.3f}"] for score in STORY_SCORES]
    return [f"{STORY_TITLE}:", *_table(rows), *_wrapped(STORY_CAVEAT)]
