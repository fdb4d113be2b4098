"""Two runs side by side, as HTML: who they are, which is better, every metric, and the settings that differ.

Every text of models, data and people is escaped, as in evaluation_cards. The functions are given a comparison and
return strings.
"""

from __future__ import annotations

from recsys.evaluation.comparison import VERDICTS, ComparedRun, MetricPair, RunComparison
from recsys.evaluation.comparison_text import records_sentence, setting_text
from recsys.evaluation.intervals import Interval
from recsys.evaluation.metrics import HEADLINE, METRICS
from recsys.evaluation.scores import MetricScore, PairedDifference
from recsys.ui.evaluation_cards import moment
from recsys.ui.markup import escape, plural

_DISTANCES = (
    "How far each written title is from its nearest item, as a share of the run's titles of the common records; paler: "
    "out of catalogue."
)
_OTHER_UNITS = "The runs match titles with different resolvers, so their distances count different things."
_DECADES = (
    "Decades of release: of what people liked before and next, and of what A and B recommend in the first K, each "
    "counted once for every record that has it."
)
_NO_DECADES = "The runs are of a data set that is not in use, so the years of their movies are not known here."


def comparison_html(comparison: RunComparison) -> str:
    """Both runs, the verdict with its figures, and of how many records it is."""
    difference = comparison.headline.difference
    tone = comparison.verdict if comparison.verdict in ("a", "b") else "quiet"
    figures = f'<span class="ev-number">{_difference(difference)}{_probability(difference)}</span>'
    label = METRICS[HEADLINE].label(comparison.k)
    return (
        f'<dl class="ev-sides">{_run("A", comparison.a)}{_run("B", comparison.b)}</dl>'
        f'<p class="ev-two-verdict"><strong class="ev-tone-{tone}">{VERDICTS[comparison.verdict]}.</strong> '
        f"<span>{label} of A {comparison.headline.a.mean:.4f}, of B {comparison.headline.b.mean:.4f}: A minus B "
        f"{figures}.{_visible(difference)}</span></p>"
        f'<p class="ev-quiet">{escape(records_sentence(comparison))}</p>'
    )


def metrics_html(comparison: RunComparison) -> str:
    """A metric a row: A, B and their difference, each with its interval."""
    k = comparison.k
    rows = "".join(
        _metric_row(METRICS[name].label(k), METRICS[name].definition(k), pair)
        for name, pair in comparison.metrics.items()
    )
    label = METRICS[HEADLINE].label(k)
    rows += _metric_row(
        f"{label}, exact titles", "Only titles written exactly as the catalogue has them", comparison.raw
    )
    return (
        f'<table class="ev-table ev-two-table">{_heads("Metric", "A", "B", "A minus B")}<tbody>{rows}</tbody></table>'
        '<p class="ev-quiet">Intervals of 95%, users resampled; p of the paired permutation test clustered by user, '
        "not corrected for the number of metrics.</p>"
    )


def settings_html(comparison: RunComparison) -> str:
    """The settings that the runs do not share."""
    if not comparison.settings:
        return '<p class="ev-quiet">All settings are the same: the runs differ in what made them alone.</p>'
    rows = "".join(
        f'<tr><th scope="row">{escape(row.name).replace(".", ".<wbr>")}</th><td>{escape(setting_text(row.a))}</td>'
        f"<td>{escape(setting_text(row.b))}</td></tr>"
        for row in comparison.settings
    )
    return f'<table class="ev-table ev-two-settings">{_heads("Setting", "A", "B")}<tbody>{rows}</tbody></table>'


def records_html(comparison: RunComparison) -> str:
    """What the figure of the records shows."""
    return (
        f'<p class="ev-quiet">Each of the {plural(comparison.num_records, "record")} by its score in A and in B; the '
        "larger a mark, the more records are there.</p>"
    )


def distances_html(comparison: RunComparison) -> str:
    """What the figure of distances shows, and the titles that it cannot."""
    if not comparison.same_unit:
        return f'<p class="ev-quiet">{_OTHER_UNITS}</p>'
    without = [f"{plural(run.distances.num_without, 'title')} of {name}" for name, run in _sides(comparison)]
    return f'<p class="ev-quiet">{_DISTANCES} Near nothing at all: {" and ".join(without)}.</p>'


def decades_html(comparison: RunComparison) -> str:
    """What the figure of decades shows, with the mean years."""
    if not comparison.decades:
        return f'<p class="ev-quiet">{_NO_DECADES}</p>'
    names = {"history": "liked before", "relevant": "liked next", "a": "A", "b": "B"}
    years = [f"{names[one.of]} {one.mean_year:.1f}" for one in comparison.decades if one.mean_year is not None]
    told = _DECADES.replace(" K,", f" {comparison.k},")
    return f'<p class="ev-quiet">{told} Mean year: {", ".join(years) or "not known"}.</p>'


def _heads(first: str, *others: str) -> str:
    """The head of a table whose first column needs no title to be seen."""
    told = "".join(f'<th scope="col">{name}</th>' for name in others)
    return f'<thead><tr><th scope="col"><span class="ev-visually-hidden">{first}</span></th>{told}</tr></thead>'


def _sides(comparison: RunComparison) -> tuple[tuple[str, ComparedRun], ...]:
    return ("A", comparison.a), ("B", comparison.b)


def _run(letter: str, run: ComparedRun) -> str:
    report = run.report
    told = [*run.words, report.precision, plural(report.num_records, "record"), moment(report.finished_at)]
    return (
        f'<div><dt class="ev-side-{letter.lower()}">{letter}</dt><dd><strong>{escape(report.model.name)}</strong>'
        f"<small>{' · '.join(map(escape, told))} · run {escape(report.fingerprint[:8])}</small></dd></div>"
    )


def _metric_row(label: str, hint: str, pair: MetricPair) -> str:
    return (
        f'<tr><th scope="row" title="{escape(hint)}">{escape(label)}</th><td>{_score(pair.a)}</td>'
        f"<td>{_score(pair.b)}</td><td><b>{_signed(pair.difference.mean)}</b>"
        f"<small>{_range(pair.difference.interval, signed=True)}{_probability(pair.difference)}</small></td></tr>"
    )


def _score(score: MetricScore) -> str:
    return f"<b>{score.mean:.4f}</b><small>{_range(score.interval)}</small>"


def _difference(difference: PairedDifference) -> str:
    return f"{_signed(difference.mean)} {_range(difference.interval, signed=True)}".strip()


def _probability(difference: PairedDifference) -> str:
    if difference.permutation is None:
        return ""
    p_value = difference.permutation.p_value
    return ", p &lt; 0.0001" if p_value < 0.0001 else f", p = {p_value:.4f}"


def _visible(difference: PairedDifference) -> str:
    seen = difference.minimum_detectable_effect
    return f" The smallest difference that 80% of such studies would find: {seen:.4f}." if seen else ""


def _range(interval: Interval | None, *, signed: bool = False) -> str:
    if interval is None:
        return ""
    low, high = (_signed(end) if signed else f"{end:.4f}" for end in (interval.low, interval.high))
    return f"[{low}, {high}]"


def _signed(value: float) -> str:
    return f"{value:+.4f}".replace("-", "−")
