"""Plotly figures of one template: transparent, quiet, and readable on a light and on a dark page.

Gradio does not tell plotly whether the page is dark, so marks are of mid tones that stand out on both, and
the style sheet of the page (evaluate.css) paints text and grid lines from its tokens. The figures are given plain
numbers: what was measured is the caller's business.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from recsys.ui import theme

if TYPE_CHECKING:
    import plotly.graph_objects as go

BarRole = Literal["model", "raw", "baseline", "past"]

_BAR_HEIGHT = 44
_LONGEST_BAR_NAME = 40
"""Characters that stand beside a value on a narrow screen; the rest is told under the pointer."""
_LONGEST_LABEL = 26


@dataclass(frozen=True)
class Bar:
    """One system of a comparison.

    Attributes:
        name: What stands beside the bar.
        value: 0 to 1.
        low: Lower end of the interval; None where there is none.
        high: Upper end.
        role: Decides the colour: the run on show, its raw score, a baseline or a past run.
        detail: Shown under the pointer.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    role: BarRole = "model"
    detail: str = ""


@dataclass(frozen=True)
class RunningPoint:
    """The mean after some of the records.

    Attributes:
        num_records: Records done.
        value: Their mean.
        low: Lower end of the interval; None with too few users.
        high: Upper end.
    """

    num_records: int
    value: float
    low: float | None = None
    high: float | None = None


def running_figure(
    points: Sequence[RunningPoint], *, total: int, label: str, references: Sequence[tuple[str, float]] = ()
) -> go.Figure:
    """The mean so far with its narrowing band, and where the baselines stand on all records of the run.

    Args:
        points: In ascending order of records done.
        total: Records of the whole run: the axis ends there from the start, so nothing jumps.
        label: Name of the figure measured, "MAP@4".
        references: Name and value of each baseline.
    """
    figure = new_figure(height=300, margin={"l": 52, "r": 12, "t": 28, "b": 44})
    banded = [point for point in points if point.low is not None and point.high is not None]
    along = [point.num_records for point in banded]
    quiet: dict[str, Any] = {"hoverinfo": "skip", "showlegend": False, "mode": "lines", "line": {"width": 0}}
    figure.add_scatter(x=along, y=[point.low for point in banded], **quiet)
    band = f"rgba({rgb_parts(theme.FIGURE_COLOURS['model'])},0.22)"
    figure.add_scatter(x=along, y=[point.high for point in banded], fill="tonexty", fillcolor=band, **quiet)
    figure.add_scatter(
        x=[point.num_records for point in points],
        y=[point.value for point in points],
        mode="lines+markers" if len(points) < 2 else "lines",
        line={"color": theme.FIGURE_COLOURS["model"], "width": 2.5},
        hovertemplate=f"%{{x}} records<br>{label} %{{y:.4f}}<extra></extra>",
        showlegend=False,
    )
    for name, value in references:
        _add_reference(figure, name, value, total)
    figure.update_xaxes(range=[0, max(total, 1)], title_text="records done", showgrid=False, tickformat="d")
    figure.update_yaxes(range=[0, _ceiling(points, references)], nticks=6, tickformat=".3~g")
    return figure


def comparison_figure(bars: Sequence[Bar], *, label: str) -> go.Figure:
    """One horizontal bar for each system with its interval, the first on top."""
    height = 54 + _BAR_HEIGHT * max(len(bars), 1)
    figure = new_figure(height=height, margin={"l": 8, "r": 16, "t": 6, "b": 40})
    figure.add_bar(
        orientation="h",
        x=[bar.value for bar in bars],
        y=list(range(len(bars))),
        marker={"color": [theme.FIGURE_COLOURS[bar.role] for bar in bars], "cornerradius": 3},
        width=0.46,
        error_x=_whiskers(bars),
        customdata=[[plain_text(bar.name), _interval(bar), plain_text(bar.detail)] for bar in bars],
        hovertemplate="<b>%{customdata[0]}</b><br>" + label + " %{x:.4f} %{customdata[1]}<br>%{customdata[2]}"
        "<extra></extra>",
        showlegend=False,
    )
    for place, bar in enumerate(bars):
        _add_bar_label(figure, place, bar)
    top = max((bar.high if bar.high is not None else bar.value for bar in bars), default=0.0)
    figure.update_xaxes(range=[0, _round_up(top * 1.04)], title_text=label, nticks=6, tickformat=".3~g")
    # Names stand above their bars, not left of them, so that a narrow screen keeps its width for the bars.
    figure.update_yaxes(range=[len(bars) - 0.5, -0.72], showticklabels=False, showgrid=False, type="linear")
    return figure


def distance_figure(
    edges: Sequence[float], resolved: Sequence[int], out_of_catalogue: Sequence[int], *, unit: str
) -> go.Figure:
    """How far generated titles are from their nearest item, resolved and out of catalogue stacked.

    Args:
        edges: Lower edge of each bin; the last is open above.
        resolved: Titles of each bin that became an item.
        out_of_catalogue: Titles of each bin that did not.
        unit: What the distance counts, "edits".
    """
    figure = new_figure(height=260, margin={"l": 44, "r": 12, "t": 34, "b": 46}, barmode="stack")
    whole = all(float(edge).is_integer() for edge in edges)
    names = [f"{edge:.0f}" if whole else f"{edge:.1f}" for edge in edges]
    if names:
        names[-1] += "+"
    places = list(range(len(names)))
    for name, counts, role in (
        ("became an item", resolved, "model"),
        ("out of catalogue", out_of_catalogue, "baseline"),
    ):
        figure.add_bar(
            x=places,
            y=list(counts),
            customdata=names,
            name=name,
            marker={"color": theme.FIGURE_COLOURS[role], "cornerradius": 2},
            hovertemplate=f"distance %{{customdata}}: %{{y}} titles {name}<extra></extra>",
        )
    figure.update_layout(
        bargap=0.18, legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"}
    )
    # Every second bin is named, which leaves the names room on a narrow screen.
    named = {"tickvals": places[::2], "ticktext": names[::2], "tickangle": 0}
    figure.update_xaxes(title_text=f"distance to the nearest item, in {unit}", showgrid=False, **named)
    figure.update_yaxes(title_text="titles", rangemode="tozero", nticks=5, tickformat="d")
    return figure


@cache
def template() -> go.layout.Template:
    """What all figures share: no background, one font, thin grid, no tool bar in the way."""
    import plotly.graph_objects as go

    axis = {
        "gridcolor": f"rgba({rgb_parts(theme.FIGURE_COLOURS['text'])},0.28)",
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "fixedrange": True,
        "automargin": True,
        "title": {"font": {"size": 12}, "standoff": 8},
    }
    layout = go.Layout(
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": theme.FONT_STACK, "size": 12, "color": theme.FIGURE_COLOURS["text"]},
        hoverlabel={
            "bgcolor": theme.FIGURE_COLOURS["hover"],
            "bordercolor": theme.FIGURE_COLOURS["hover"],
            "font": {"family": theme.FONT_STACK, "size": 12, "color": theme.FIGURE_COLOURS["hover_text"]},
            "align": "left",
        },
        hovermode="closest",
        dragmode=False,
        xaxis=axis,
        yaxis=axis,
    )
    return go.layout.Template(layout=layout)


def new_figure(*, height: int, margin: dict[str, int], **layout: Any) -> go.Figure:
    """An empty figure of the template."""
    import plotly.graph_objects as go

    figure = go.Figure()
    # A constant uirevision keeps the figure in place while new values arrive.
    figure.update_layout(template=template(), height=height, margin=margin, uirevision="same", **layout)
    return figure


def _add_reference(figure: go.Figure, name: str, value: float, total: int) -> None:
    figure.add_scatter(
        x=[0, max(total, 1)],
        y=[value, value],
        mode="lines",
        line={"color": theme.FIGURE_COLOURS["baseline"], "width": 1.5, "dash": "dot"},
        hovertemplate=f"{plain_text(name)} %{{y:.4f}}<extra></extra>",
        showlegend=False,
    )
    figure.add_annotation(
        x=1, xref="paper", y=value, text=plain_text(name), showarrow=False, xanchor="right", yanchor="bottom", yshift=1
    )


def _add_bar_label(figure: go.Figure, place: int, bar: Bar) -> None:
    shared: dict[str, Any] = {"y": place, "yshift": 19, "showarrow": False, "font": {"size": 12.5}}
    name = bar.name if len(bar.name) <= _LONGEST_BAR_NAME else bar.name[: _LONGEST_BAR_NAME - 1] + "…"
    figure.add_annotation(x=0, xref="paper", xanchor="left", text=plain_text(name), **shared)
    figure.add_annotation(x=1, xref="paper", xanchor="right", text=f"<b>{bar.value:.4f}</b>", **shared)


def _whiskers(bars: Sequence[Bar]) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [0.0 if bar.high is None else max(bar.high - bar.value, 0.0) for bar in bars],
        "arrayminus": [0.0 if bar.low is None else max(bar.value - bar.low, 0.0) for bar in bars],
        "color": theme.FIGURE_COLOURS["text"],
        "thickness": 1.5,
        "width": 4,
    }


def _interval(bar: Bar) -> str:
    return "" if bar.low is None or bar.high is None else f"[{bar.low:.4f}, {bar.high:.4f}]"


def plain_text(text: str) -> str:
    """Text that plotly shows as it is: it would read <b> and <a href> as markup."""
    short = text if len(text) <= _LONGEST_LABEL * 2 else text[: _LONGEST_LABEL * 2 - 1] + "…"
    return short.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _ceiling(points: Sequence[RunningPoint], references: Sequence[tuple[str, float]]) -> float:
    """The end of the axis: over the present mean and the baselines, and over the band once it is narrow.

    The first intervals of a run are so wide that an axis that held them would flatten everything after.
    """
    tops = [value for _, value in references] + [point.value for point in points]
    if points and points[-1].high is not None:
        tops.append(points[-1].high)
    return _round_up(max(tops, default=0.0) * 1.12)


def _round_up(value: float) -> float:
    """The next of 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8 times a power of ten; 0.05 for nothing.

    >>> _round_up(0.043), _round_up(0.31), _round_up(0.0)
    (0.05, 0.4, 0.05)
    """
    if value <= 0:
        return 0.05
    power = 10.0 ** math.floor(math.log10(value))
    steps = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
    return min(round(next(step for step in steps if step * power >= value - 1e-12) * power, 10), 1.0)


def rgb_parts(colour: str) -> str:
    """The parts of "#rrggbb" as plotly's rgba() wants them.

    >>> rgb_parts("#ff8000")
    '255,128,0'
    """
    return ",".join(str(int(colour[place : place + 2], 16)) for place in (1, 3, 5))
