"""Two runs in figures: bars, records against each other, distances and decades.

A and B have one colour each in all of them. The figures are of the common records alone.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from recsys.evaluation.comparison import ComparedRun, MetricPair, RecordPair, RunComparison
from recsys.evaluation.decades import Decades, DecadesOf
from recsys.evaluation.metrics import HEADLINE, METRICS
from recsys.evaluation.scores import MetricScore
from recsys.evaluation.text_quality import DistanceHistogram
from recsys.ui import theme
from recsys.ui.figures import new_figure, rgb_parts
from recsys.ui.markup import plural

if TYPE_CHECKING:
    import plotly.graph_objects as go

Side = Literal["a", "b"]

SIDE_COLOURS: Final[Mapping[Side, str]] = {"a": theme.CURVE_COLOURS[0], "b": theme.CURVE_COLOURS[1]}
"""The style sheet has the same: --curve-1 and --curve-2."""

_LARGEST_MARK: Final = 46
_ROOM_FOR_A_NUMBER: Final = 18
_LEAST_TOP: Final = 0.25
_DECADE_LINES: Final[Mapping[DecadesOf, tuple[str, str, str]]] = {
    "history": ("liked before", theme.FIGURE_COLOURS["past"], "dot"),
    "relevant": ("liked next", theme.FIGURE_COLOURS["baseline"], "dash"),
    "a": ("A", SIDE_COLOURS["a"], "solid"),
    "b": ("B", SIDE_COLOURS["b"], "solid"),
}


def metric_bars_figure(metrics: Mapping[str, MetricPair], *, k: int) -> go.Figure:
    """Every metric of both runs as a pair of horizontal bars with their intervals, the headline on top."""
    labels = [METRICS[name].label(k) for name in metrics]
    figure = new_figure(
        height=70 + 42 * len(labels), margin={"l": 8, "r": 12, "t": 30, "b": 30}, barmode="group", bargap=0.32
    )
    sides: tuple[tuple[Side, list[MetricScore]], ...] = (
        ("a", [pair.a for pair in metrics.values()]),
        ("b", [pair.b for pair in metrics.values()]),
    )
    for side, scores in sides:
        figure.add_bar(
            orientation="h",
            y=labels,
            x=[score.mean for score in scores],
            name=side.upper(),
            marker={"color": SIDE_COLOURS[side], "cornerradius": 2},
            error_x=_whiskers(scores),
            customdata=[_interval(score) for score in scores],
            hovertemplate=f"<b>{side.upper()}</b> %{{y}} %{{x:.4f}} %{{customdata}}<extra></extra>",
        )
    figure.update_layout(legend=_legend())
    figure.update_xaxes(rangemode="tozero", nticks=6, tickformat=".3~g")
    figure.update_yaxes(autorange="reversed", showgrid=False, ticklabelstandoff=6)
    return figure


def records_figure(records: Sequence[RecordPair], *, k: int) -> go.Figure:
    """Each record by its score in A and in B; records in one place make one mark, the larger the more they are."""
    # The largest first, so that small marks beside it stay on top.
    counts = dict(Counter((round(pair.a, 4), round(pair.b, 4)) for pair in records).most_common())
    most = max(counts.values(), default=1)
    top = max((score for place in counts for score in place), default=0.0) or _LEAST_TOP
    label = METRICS[HEADLINE].label(k).removeprefix("M")  # of one record it is no mean
    figure = new_figure(height=340, margin={"l": 48, "r": 12, "t": 10, "b": 44}, showlegend=False)
    figure.add_scatter(x=[0, top], y=[0, top], mode="lines", line=_diagonal(), hoverinfo="skip")
    sizes = [_LARGEST_MARK * math.sqrt(count / most) for count in counts.values()]
    figure.add_scatter(
        x=[a for a, _ in counts],
        y=[b for _, b in counts],
        mode="markers+text",
        text=[
            str(count) if size >= _ROOM_FOR_A_NUMBER else "" for count, size in zip(counts.values(), sizes, strict=True)
        ],
        marker={
            "size": [max(size, 6) for size in sizes],
            "color": [_side_colour(a, b) for a, b in counts],
            "opacity": 1,
            "line": {"width": 1.5, "color": [_side_colour(a, b, 1.0) for a, b in counts]},
        },
        customdata=[plural(count, "record") for count in counts.values()],
        hovertemplate=f"<b>%{{customdata}}</b><br>{label} of A %{{x:.4f}}, of B %{{y:.4f}}<extra></extra>",
        cliponaxis=False,
    )
    for text, x, y, anchor in (("B is better", 0.02, 0.98, "left"), ("A is better", 0.98, 0.02, "right")):
        figure.add_annotation(text=text, x=x, y=y, xref="paper", yref="paper", xanchor=anchor, showarrow=False)
    axis: dict[str, Any] = {"range": [-0.12 * top, 1.12 * top], "nticks": 6, "tickformat": ".2~f"}
    figure.update_xaxes(title_text=f"{label} of A", **axis)
    figure.update_yaxes(title_text=f"{label} of B", **axis)
    return figure


def distances_figure(a: ComparedRun, b: ComparedRun, *, unit: str) -> go.Figure:
    """Both runs' distances as shares of their titles, those out of catalogue paler on top."""
    figure = new_figure(height=280, margin={"l": 48, "r": 12, "t": 30, "b": 46}, barmode="stack", bargap=0.22)
    edges = a.distances.edges
    whole = all(float(edge).is_integer() for edge in edges)
    names = [f"{edge:.0f}" if whole else f"{edge:.1f}" for edge in edges]
    names[-1] += "+"
    for side, run in (("a", a), ("b", b)):
        _add_distances(figure, side, run.distances, names)  # type: ignore[arg-type]
    named = {"tickvals": list(range(len(names)))[::2], "ticktext": names[::2], "tickangle": 0}
    figure.update_layout(legend=_legend())
    figure.update_xaxes(title_text=f"distance to the nearest item, in {unit}", showgrid=False, **named)
    figure.update_yaxes(title_text="share of titles", rangemode="tozero", nticks=5, tickformat=".0%")
    return figure


def decades_figure(decades: Sequence[Decades]) -> go.Figure:
    """The shares of decades among what was liked before and next, and among what both runs recommend."""
    figure = new_figure(height=280, margin={"l": 48, "r": 12, "t": 30, "b": 36})
    found = sorted({decade for one in decades for decade in one.counts})
    along = list(range(found[0], found[-1] + 10, 10)) if found else []
    for one in decades:
        name, colour, dash = _DECADE_LINES[one.of]
        figure.add_scatter(
            x=along,
            y=[one.share(decade) for decade in along],
            mode="lines+markers",
            name=name,
            line={"color": colour, "width": 2.5 if dash == "solid" else 2, "dash": dash},
            marker={"size": 6},
            customdata=[one.counts.get(decade, 0) for decade in along],
            hovertemplate=f"%{{x}}s, {name}: %{{y:.1%}}, %{{customdata}} of {one.num_dated:,}<extra></extra>",
        )
    step = 10 if len(along) <= 6 else 20
    ticks = [decade for decade in along if (along[-1] - decade) % step == 0]
    figure.update_layout(legend=_legend())
    figure.update_xaxes(tickvals=ticks, ticktext=[f"{decade}s" for decade in ticks], showgrid=False, tickangle=0)
    figure.update_yaxes(title_text="share of movies", rangemode="tozero", nticks=5, tickformat=".0%")
    return figure


def comparison_figures(comparison: RunComparison, *, unit: str) -> tuple[go.Figure, ...]:
    """Bars, records, distances and decades, None where the runs have nothing that compares."""
    return (
        metric_bars_figure(comparison.metrics, k=comparison.k),
        records_figure(comparison.records, k=comparison.k),
        distances_figure(comparison.a, comparison.b, unit=unit) if comparison.same_unit else None,
        decades_figure(comparison.decades) if comparison.decades else None,
    )


def _add_distances(figure: go.Figure, side: Side, distances: DistanceHistogram, names: Sequence[str]) -> None:
    total = sum(distances.resolved) + sum(distances.out_of_catalogue) + distances.num_without
    parts = (("became an item", distances.resolved, 1.0), ("out of catalogue", distances.out_of_catalogue, 0.4))
    for words, counts, opacity in parts:
        figure.add_bar(
            x=list(range(len(names))),
            y=[count / total if total else 0.0 for count in counts],
            name=side.upper(),
            showlegend=opacity == 1.0,
            legendgroup=side,
            offsetgroup=side,
            marker={"color": f"rgba({rgb_parts(SIDE_COLOURS[side])},{opacity})"},
            customdata=[[name, plural(count, "title")] for name, count in zip(names, counts, strict=True)],
            hovertemplate=f"<b>{side.upper()}</b>, distance %{{customdata[0]}}: %{{customdata[1]}} (%{{y:.1%}}) "
            f"{words}<extra></extra>",
        )


def _side_colour(a: float, b: float, opacity: float = 0.35) -> str:
    """The colour of the run that is better on a record; grey where they are alike."""
    colour = theme.FIGURE_COLOURS["baseline"] if a == b else SIDE_COLOURS["a" if a > b else "b"]
    return f"rgba({rgb_parts(colour)},{opacity})"


def _diagonal() -> dict[str, Any]:
    return {"color": theme.FIGURE_COLOURS["grid"], "width": 1.5, "dash": "dot"}


def _legend() -> dict[str, Any]:
    return {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"}


def _whiskers(scores: Sequence[MetricScore]) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [0.0 if score.interval is None else max(score.interval.high - score.mean, 0.0) for score in scores],
        "arrayminus": [
            0.0 if score.interval is None else max(score.mean - score.interval.low, 0.0) for score in scores
        ],
        "color": theme.FIGURE_COLOURS["text"],
        "thickness": 1.5,
        "width": 3,
    }


def _interval(score: MetricScore) -> str:
    return "" if score.interval is None else f"[{score.interval.low:.4f}, {score.interval.high:.4f}]"
