"""Two runs side by side as plain text, for the command line. It computes no figure and writes no file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from recsys.evaluation.comparison import VERDICTS, ComparedRun, MetricPair, RunComparison
from recsys.evaluation.decades import Decades, DecadesOf
from recsys.evaluation.metrics import HEADLINE, METRICS
from recsys.evaluation.report import INTERVAL_METHOD
from recsys.evaluation.significance import SIGNIFICANCE_METHOD
from recsys.evaluation.text_layout import interval_text, probability_text, table_lines, wrapped
from recsys.evaluation.text_quality import DistanceHistogram

DECADE_TITLES: Final[Mapping[DecadesOf, str]] = {
    "history": "liked before",
    "relevant": "liked next",
    "a": "recommended by A",
    "b": "recommended by B",
}
"""The columns of the decades in words."""


def render_comparison(comparison: RunComparison) -> str:
    """The comparison as tables of plain text."""
    blocks = [
        [_run("A", comparison.a), _run("B", comparison.b)],
        wrapped(records_sentence(comparison)),
        wrapped(f"{VERDICTS[comparison.verdict]}: {_headline(comparison)}"),
        _metric_table(comparison),
        [f"{METRICS[name].definition(comparison.k)}" for name in comparison.metrics],
        [INTERVAL_METHOD, *wrapped(SIGNIFICANCE_METHOD)],
        _settings_table(comparison),
        _distance_table(comparison),
        _decade_table(comparison),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def records_sentence(comparison: RunComparison) -> str:
    """Of how many records everything is, and how many each run has alone."""
    a_higher, b_higher = comparison.num_better
    same = comparison.num_records - a_higher - b_higher
    return (
        f"On the {comparison.num_records} records of {comparison.num_users} users that both have; A has "
        f"{comparison.a.num_alone} more alone, B {comparison.b.num_alone}. A scores higher on {a_higher}, "
        f"B on {b_higher}, both alike on {same}."
    )


def setting_text(value: Any) -> str:
    """A setting's value as a person types it; a dash for none."""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "–"
    return "–" if value is None else value if isinstance(value, str) else json.dumps(value)


def _run(letter: str, run: ComparedRun) -> str:
    report = run.report
    return f"{letter}: {report.model.name}, {', '.join(run.words)} (run {report.fingerprint}, {report.finished_at})"


def _headline(comparison: RunComparison) -> str:
    pair = comparison.headline
    label = METRICS[HEADLINE].label(comparison.k)
    return f"{label} {pair.a.mean:.4f} and {pair.b.mean:.4f}, A minus B {_difference(pair)}."


def _difference(pair: MetricPair) -> str:
    found = pair.difference
    told = f"{found.mean:+.4f} {interval_text(found.interval)}"
    if found.permutation is not None:
        told += f", {probability_text(found.permutation.p_value)}"
    if found.minimum_detectable_effect is not None:
        told += f", smallest visible {found.minimum_detectable_effect:.4f}"
    return told


def _metric_table(comparison: RunComparison) -> list[str]:
    named = {METRICS[name].label(comparison.k): pair for name, pair in comparison.metrics.items()}
    named[f"{METRICS[HEADLINE].label(comparison.k)}, exact only"] = comparison.raw
    header = ["", "A", "95% interval", "B", "95% interval", "A minus B", "95% interval", "p"]
    return table_lines([header, *(_metric_row(label, pair) for label, pair in named.items())])


def _metric_row(label: str, pair: MetricPair) -> list[str]:
    test = pair.difference.permutation
    return [
        label,
        f"{pair.a.mean:.4f}",
        interval_text(pair.a.interval),
        f"{pair.b.mean:.4f}",
        interval_text(pair.b.interval),
        f"{pair.difference.mean:+.4f}",
        interval_text(pair.difference.interval),
        "–" if test is None else probability_text(test.p_value).removeprefix("p ").removeprefix("= "),
    ]


def _settings_table(comparison: RunComparison) -> list[str]:
    if not comparison.settings:
        return ["All settings are the same."]
    rows = [[row.name, setting_text(row.a), setting_text(row.b)] for row in comparison.settings]
    return table_lines([["Settings that differ", "A", "B"], *rows])


def _distance_table(comparison: RunComparison) -> list[str]:
    if not comparison.same_unit:
        return ["The runs match titles with different resolvers, so their distances count different things."]
    a, b = comparison.a.distances, comparison.b.distances
    rows = [
        [f"{edge:g}{'+' if place == len(a.edges) - 1 else ''}", *(_bin(side, place) for side in (a, b))]
        for place, edge in enumerate(a.edges)
    ]
    rows.append(["near nothing", str(a.num_without), str(b.num_without)])
    return table_lines([["Distance: titles (out of catalogue)", "A", "B"], *rows])


def _bin(distances: DistanceHistogram, place: int) -> str:
    outside = distances.out_of_catalogue[place]
    return f"{distances.resolved[place] + outside} ({outside})"


def _decade_table(comparison: RunComparison) -> list[str]:
    if not comparison.decades:
        return []
    decades = sorted({decade for column in comparison.decades for decade in column.counts})
    rows = [[f"{decade}s", *(f"{one.share(decade):.1%}" for one in comparison.decades)] for decade in decades]
    rows.append(["mean year", *(_mean_year(one) for one in comparison.decades)])
    rows.append(["movies with a year", *(str(one.num_dated) for one in comparison.decades)])
    return table_lines([["Decade of the movies", *(DECADE_TITLES[one.of] for one in comparison.decades)], *rows])


def _mean_year(decades: Decades) -> str:
    return "–" if decades.mean_year is None else f"{decades.mean_year:.1f}"
