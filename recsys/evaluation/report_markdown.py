"""A report as Markdown with GitHub's tables, to be put into a README, an issue or a paper's notes.

Names of models and data are text: what Markdown, HTML or a table would read as markup is escaped. This module
computes no figure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from recsys.data.atomic import open_atomically
from recsys.evaluation.beyond_accuracy import BEYOND_ACCURACY
from recsys.evaluation.breakdowns import BREAKDOWNS
from recsys.evaluation.comparison_text import setting_text
from recsys.evaluation.metrics import HEADLINE, METRICS
from recsys.evaluation.report import INTERVAL_METHOD, Report
from recsys.evaluation.report_text import checked_against, miss_table
from recsys.evaluation.scores import BreakdownRow, Measure, MetricScore, PairedDifference
from recsys.evaluation.significance import SIGNIFICANCE_METHOD
from recsys.evaluation.text_layout import interval_text
from recsys.evaluation.text_quality import DESCRIPTIONS

_MARKUP: Final = re.compile(r"([\\`*_\[\]<>|~$&#])")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def render_markdown(report: Report) -> str:
    """The whole report: figures, definitions, protocol, settings, and how to make it again."""
    blocks = [
        f"# {_text(report.model.name)} on {_text(report.dataset_name)}",
        _headline(report),
        *_metric_blocks(report),
        *_difference_blocks(report),
        *_text_quality_blocks(report),
        *_miss_blocks(report),
        *_beyond_accuracy_blocks(report),
        *_breakdown_blocks(report),
        *_protocol_blocks(report),
        *_settings_blocks(report),
        *_provenance_blocks(report),
    ]
    return "\n\n".join(blocks) + "\n"


def write_markdown(report: Report, path: Path) -> None:
    """Writes the report as Markdown."""
    with open_atomically(path) as file:
        file.write(render_markdown(report).encode("utf-8", errors="replace"))


def escape_markdown(text: str) -> str:
    r"""A text that Markdown shows as it is, on one line, in a table too.

    >>> print(escape_markdown("a|b `<i>` *c*\nd"))
    a\|b \`\<i\>\` \*c\* d
    """
    return _MARKUP.sub(r"\\\1", _CONTROLS.sub(" ", text)).strip()


_text = escape_markdown


def code_block(text: str) -> str:
    """A fenced block of code that no run of back-quotes in the text can end.

    >>> print(code_block("echo ```"))
    ````
    echo ```
    ````
    """
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column stands to the left and the others to the right; cells are Markdown already."""
    ruler = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ruler, *rows))


def _bullets(texts: Iterable[str]) -> str:
    return "\n".join(f"- {_text(text)}" for text in texts)


def _headline(report: Report) -> str:
    score = report.model.metrics[HEADLINE]
    return (
        f"**{METRICS[HEADLINE].label(report.k)} {score.mean:.4f}** {_interval(score)} over {report.num_records} "
        f"records of {report.num_users} users, {report.request.evaluation.split} split."
    )


def _metric_blocks(report: Report) -> list[str]:
    systems: list[tuple[str, Mapping[str, MetricScore]]] = []
    for system in report.systems:
        systems.append((_text(system.name), system.metrics))
        if system.raw is not None:
            systems.append((f"{_text(system.name)}, exact titles only", system.raw))
    header = ["System", *(METRICS[name].label(report.k) for name in report.metric_names)]
    blocks = ["## Metrics", "Means over records with 95% intervals."]
    blocks.append(_table(header, ([name, *_scores(report, metrics)] for name, metrics in systems)))
    blocks.append("Means over users, each weighing the same.")
    blocks.append(_table(header, ([name, *_user_means(report, metrics)] for name, metrics in systems)))
    told = [f"{system.name} {system.coverage:.1%}" for system in report.systems if system.coverage is not None]
    if told:
        blocks.append(f"Of the likes they are fitted on, the items that baselines know hold: {_text(', '.join(told))}.")
    return [*blocks, _bullets([*report.definitions.values(), INTERVAL_METHOD])]


def _scores(report: Report, metrics: Mapping[str, MetricScore]) -> list[str]:
    return [_score(metrics[name]) if name in metrics else "–" for name in report.metric_names]


def _user_means(report: Report, metrics: Mapping[str, MetricScore]) -> list[str]:
    return [f"{metrics[name].mean_over_users:.4f}" if name in metrics else "–" for name in report.metric_names]


def _difference_blocks(report: Report) -> list[str]:
    if not report.differences:
        return []
    header = ["Minus", "Metric", "Difference", "95% interval", "p", "Smallest visible"]
    rows = [_difference_row(difference, report.k) for difference in report.differences]
    return ["## Differences from baselines", _table(header, rows), _text(SIGNIFICANCE_METHOD)]


def _difference_row(difference: PairedDifference, k: int) -> list[str]:
    test, seen = difference.permutation, difference.minimum_detectable_effect
    return [
        _text(difference.against),
        METRICS[difference.metric].label(k),
        f"{difference.mean:+.4f}",
        _text(interval_text(difference.interval)),
        "–" if test is None else r"\< 0.0001" if test.p_value < 0.0001 else f"{test.p_value:.4f}",
        "–" if seen is None else f"{seen:.4f}",
    ]


def _text_quality_blocks(report: Report) -> list[str]:
    rows = [[_text(DESCRIPTIONS.get(name, name)), _text(str(share))] for name, share in report.text_quality.items()]
    distances = report.distances
    last = len(distances.edges) - 1
    bins = [
        [
            f"{edge:g}{'+' if place == last else ''}",
            str(distances.resolved[place]),
            str(distances.out_of_catalogue[place]),
        ]
        for place, edge in enumerate(distances.edges)
    ]
    return [
        "## What the model wrote",
        _table(["Text", "Share"], rows),
        "Distances of the generated titles from their nearest item; "
        f"{distances.num_without} titles are near nothing at all.",
        _table(["Distance from", "Became an item", "Out of catalogue"], bins),
    ]


def _miss_blocks(report: Report) -> list[str]:
    rows = [[_text(cell) for cell in row] for row in miss_table(report)]
    if not rows:
        return []
    told = _bullets([*report.miss_definitions.values(), checked_against(report)])
    return ["## Every rank classed", _table(rows[0], rows[1:]), told]


def _beyond_accuracy_blocks(report: Report) -> list[str]:
    definitions = report.beyond_accuracy_definitions
    if not definitions:
        return []
    header = ["Measure", *(_text(system.name) for system in report.systems)]
    rows = [
        [BEYOND_ACCURACY[name].label(report.k), *(_measure(system.beyond_accuracy[name]) for system in report.systems)]
        for name in definitions
    ]
    return ["## Beyond accuracy", _table(header, rows), _bullets(definitions.values())]


def _breakdown_blocks(report: Report) -> list[str]:
    blocks = []
    names = [system.name for system in report.systems]
    for by, definition in report.breakdown_definitions.items():
        header = [BREAKDOWNS[by].title, "Records", "Users", *map(_text, names)]
        rows = [_breakdown_row(row, names) for row in report.breakdowns if row.by == by]
        blocks += [_table(header, rows), _text(definition)]
    label = METRICS[HEADLINE].label(report.k)
    return [f"## {label} by groups of records", *blocks] if blocks else []


def _breakdown_row(row: BreakdownRow, systems: Sequence[str]) -> list[str]:
    group = f"{row.group}: {row.range}" if row.range else row.group
    return [_text(group), str(row.num_records), str(row.num_users), *(_score(row.scores[name]) for name in systems)]


def _protocol_blocks(report: Report) -> list[str]:
    speed = f"{report.tokens} tokens in {report.seconds:.1f} s: {report.tokens_per_second:.1f} tokens/s"
    return [
        "## Protocol",
        _text(report.protocol),
        _bullets([speed, report.machine, f"Weights in {report.precision}", f"Records {report.records_hash}"]),
    ]


def _settings_blocks(report: Report) -> list[str]:
    rows = [[_text(name), _text(setting_text(value))] for name, value in report.request.flattened().items()]
    return ["## Settings", _table(["Setting", "Value"], rows)]


def _provenance_blocks(report: Report) -> list[str]:
    blocks = ["## How it was made"]
    blocks.append(_bullets([f"Run {report.fingerprint}, started {report.started_at}, finished {report.finished_at}"]))
    if report.provenance:
        rows = [[_text(name), _text(str(value))] for name, value in report.provenance.items()]
        blocks.append(_table(["Made with", "Which"], rows))
    if report.command:
        blocks.append(code_block(report.command))
    return blocks


def _score(score: MetricScore) -> str:
    return f"{score.mean:.4f} {_interval(score)}"


def _interval(score: MetricScore) -> str:
    return _text(interval_text(score.interval))


def _measure(measure: Measure) -> str:
    value = "–" if measure.value is None else f"{measure.value:.4f}"
    interval = "" if measure.interval is None else f" {_text(interval_text(measure.interval))}"
    return f"{value}{interval} of {measure.denominator}"
