"""What sweeps and searches found, drawn: lines with their band, a heat map, the best so far, and trade-offs.

Figures are of the one template (figures.py). The heat map has one hue, and each number in it the colour, black or
white, that stands out on its cell: the cells are opaque, so both modes of the page read alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from recsys.tuning.axes import Axis, Value, write_value
from recsys.tuning.study_result import GOALS, StudyResult
from recsys.tuning.sweep import Measured, SweepCell, SweepResult
from recsys.ui import theme
from recsys.ui.figures import new_figure, plain_text, rgb_parts
from recsys.ui.tuning_words import SCORES, measure_title, setting_title, values_text

if TYPE_CHECKING:
    import plotly.graph_objects as go

_ROW_HEIGHT: Final = 46
_MANY_COLUMNS: Final = 7
_ACCENT: Final = theme.FIGURE_COLOURS["model"]
_MISSING: Final = f"rgba({rgb_parts(theme.FIGURE_COLOURS['grid'])},0.13)"
_QUIET: Final = theme.FIGURE_COLOURS["past"]


def sweep_figure(result: SweepResult, measure: str, fixed: Mapping[str, Value] | None = None) -> go.Figure:
    """The cells of a sweep by one measure: a line for one axis, a heat map for two.

    Args:
        result: The sweep, or what there is of it.
        measure: One of MEASURES.
        fixed: The value of a third axis; the first cell's where it is left out.
    """
    axes, fixed = result.sweep.axes, dict(fixed or {})
    for axis in axes[2:]:
        fixed.setdefault(axis.name, axis.values[0])
    cells = [cell for cell in result.cells if all(cell.values[name] == value for name, value in fixed.items())]
    title = measure_title(measure, result.sweep.base.evaluation.k)
    if len(axes) == 1:
        return _line_figure(axes[0], cells, measure, title)
    return _heat_figure(axes[:2], cells, measure, title)


def figure_number(measure: str, value: float) -> str:
    """A figure as a cell shows it: short, so that a narrow screen has room for it.

    >>> figure_number("map", 0.04123), figure_number("seconds", 12.3), figure_number("decade_drift", -3.25)
    ('0.041', '12.3', '-3.2')
    """
    return f"{value:.3f}" if measure in SCORES or abs(value) < 1 else f"{value:.1f}"


def readable_on(colour: tuple[float, float, float]) -> str:
    """Black or white, whichever stands out more on a colour of parts from 0 to 255."""
    luminance = relative_luminance(colour)
    return "#000000" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "#ffffff"


def relative_luminance(colour: tuple[float, float, float]) -> float:
    """As WCAG defines it, from 0 to 1."""
    parts = [part / 255 for part in colour]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def heat_colour(share: float) -> tuple[float, float, float]:
    """The colour of a cell between the least (0) and the greatest (1)."""
    low, high = ([int(part) for part in rgb_parts(colour).split(",")] for colour in theme.HEAT_COLOURS)
    first, second, third = (a + (b - a) * share for a, b in zip(low, high, strict=True))
    return first, second, third


def _line_figure(axis: Axis, cells: Sequence[SweepCell], measure: str, title: str) -> go.Figure:
    figure = new_figure(height=320, margin={"l": 56, "r": 14, "t": 12, "b": 48})
    known = [(axis.values.index(cell.values[axis.name]), one) for cell, one in _known(cells, measure)]
    banded = [(x, one.interval) for x, one in known if one.interval is not None]
    hidden: dict[str, Any] = {"hoverinfo": "skip", "showlegend": False, "mode": "lines", "line": {"width": 0}}
    along = [x for x, _ in banded]
    figure.add_scatter(x=along, y=[interval.low for _, interval in banded], **hidden)
    band = f"rgba({rgb_parts(_ACCENT)},0.22)"
    figure.add_scatter(x=along, y=[i.high for _, i in banded], fill="tonexty", fillcolor=band, **hidden)
    figure.add_scatter(
        x=[x for x, _ in known],
        y=[one.value for _, one in known],
        customdata=[[plain_text(write_value(axis.values[x])), _detail(measure, one)] for x, one in known],
        mode="lines+markers",
        line={"color": _ACCENT, "width": 2.5},
        marker={"size": 8},
        hovertemplate=f"{setting_title(axis.name)} %{{customdata[0]}}<br>{title} %{{customdata[1]}}<extra></extra>",
        showlegend=False,
    )
    figure.update_xaxes(**_named(axis), showgrid=False, range=[-0.3, len(axis.values) - 0.7])
    figure.update_yaxes(title_text=title, rangemode="tozero", nticks=6, tickformat=".3~g")
    return figure


def _heat_figure(axes: Sequence[Axis], cells: Sequence[SweepCell], measure: str, title: str) -> go.Figure:
    # Rows have all the room that they want, columns only the width of the screen: the shorter axis goes across.
    down, across = sorted(axes, key=lambda axis: -len(axis.values))
    figure = new_figure(height=92 + _ROW_HEIGHT * len(down.values), margin={"l": 56, "r": 8, "t": 8, "b": 52})
    rows: list[list[float | None]] = [[None] * len(across.values) for _ in down.values]
    details = [[""] * len(across.values) for _ in down.values]
    for cell, one in _known(cells, measure):
        y, x = down.values.index(cell.values[down.name]), across.values.index(cell.values[across.name])
        rows[y][x], details[y][x] = one.value, _detail(measure, one)
    values = [value for row in rows for value in row if value is not None]
    least, most = (min(values), max(values)) if values else (0.0, 1.0)
    shared: dict[str, Any] = {"showscale": False, "xgap": 3, "ygap": 3, "hoverongaps": False}
    shared |= {"x": list(range(len(across.values))), "y": list(range(len(down.values)))}
    missing = [[1.0 if value is None else None for value in row] for row in rows]
    figure.add_heatmap(
        z=missing, colorscale=[[0, _MISSING], [1, _MISSING]], hovertemplate="not evaluated yet<extra></extra>", **shared
    )
    figure.add_heatmap(
        z=rows,
        zmin=least,
        zmax=most if most > least else least + 1,
        colorscale=[[0, theme.HEAT_COLOURS[0]], [1, theme.HEAT_COLOURS[1]]],
        customdata=details,
        hovertemplate=f"{title} %{{customdata}}<extra></extra>",
        **shared,
    )
    _number_cells(figure, rows, measure, least, most)
    edges = [[-0.5, len(axis.values) - 0.5] for axis in (across, down)]
    figure.update_xaxes(**_named(across), showgrid=False, range=edges[0])
    figure.update_yaxes(**_named(down), showgrid=False, range=edges[1])
    return figure


def _number_cells(
    figure: go.Figure, rows: Sequence[Sequence[float | None]], measure: str, least: float, most: float
) -> None:
    """Writes each number into its cell, in what stands out there."""
    size = 13 if len(rows[0]) <= _MANY_COLUMNS else 10
    for y, row in enumerate(rows):
        for x, value in enumerate(row):
            if value is not None:
                share = (value - least) / (most - least) if most > least else 0.0
                text, colour = figure_number(measure, value), readable_on(heat_colour(share))
                figure.add_annotation(x=x, y=y, text=text, showarrow=False, font={"color": colour, "size": size})


def best_so_far_figure(result: StudyResult, k: int) -> go.Figure:
    """Every trial by the first goal, and the best up to it."""
    (goal, sign), *_ = GOALS[result.objective]
    title = measure_title(goal, k)
    values = [(trial.measured[goal].value or 0.0) for trial in result.trials]
    numbers = list(range(1, len(values) + 1))
    choose = max if sign > 0 else min
    figure = new_figure(height=280, margin={"l": 56, "r": 14, "t": 12, "b": 46})
    figure.add_scatter(
        x=numbers,
        y=values,
        customdata=[plain_text(values_text(trial.values)) for trial in result.trials],
        mode="markers",
        marker={"color": _QUIET, "size": 8},
        hovertemplate=f"trial %{{x}}<br>{title} %{{y:.4f}}<br>%{{customdata}}<extra></extra>",
        showlegend=False,
    )
    figure.add_scatter(
        x=numbers,
        y=[choose(values[:number]) for number in numbers],
        mode="lines",
        line={"color": _ACCENT, "width": 2.5, "shape": "hv"},
        hovertemplate=f"best of %{{x}}: {title} %{{y:.4f}}<extra></extra>",
        showlegend=False,
    )
    figure.update_xaxes(title_text="trials", showgrid=False, tickformat="d", range=[0.5, len(values) + 0.5])
    figure.update_xaxes(tick0=1, dtick=max(1, round(len(values) / 10)))
    figure.update_yaxes(title_text=title, rangemode="tozero", nticks=6, tickformat=".3~g")
    return figure


def front_figure(result: StudyResult, k: int) -> go.Figure:
    """Trade-offs: the score against seconds, larger dots for cleaner lists, those that none beats in the accent."""
    figure = new_figure(height=320, margin={"l": 56, "r": 14, "t": 34, "b": 48})
    front = set(result.front)
    title = measure_title("ndcg", k)
    for name, is_front, colour in (("beaten", False, _QUIET), ("unbeaten", True, _ACCENT)):
        chosen = [(place, trial) for place, trial in enumerate(result.trials) if (place in front) is is_front]
        figure.add_scatter(
            x=[trial.measured["seconds"].value for _, trial in chosen],
            y=[trial.measured["ndcg"].value for _, trial in chosen],
            customdata=[
                [place + 1, f"{trial.measured['well_formed'].value or 0:.0%}", plain_text(values_text(trial.values))]
                for place, trial in chosen
            ],
            mode="markers",
            name=name,
            marker={
                "color": colour,
                "symbol": "diamond" if is_front else "circle",
                "size": [7 + 10 * (trial.measured["well_formed"].value or 0.0) for _, trial in chosen],
                "line": {"width": 0},
                "opacity": 0.9,
            },
            hovertemplate=f"trial %{{customdata[0]}}<br>{title} %{{y:.4f}}, %{{x:.2g}} s a record, "
            "%{customdata[1]} clean lists<br>%{customdata[2]}<extra></extra>",
        )
    figure.update_layout(legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "itemsizing": "constant"})
    figure.update_xaxes(title_text="seconds a record", rangemode="tozero", nticks=6, tickformat="~g", showgrid=False)
    figure.update_yaxes(title_text=title, rangemode="tozero", nticks=6, tickformat=".3~g")
    return figure


def _known(cells: Sequence[SweepCell], measure: str) -> list[tuple[SweepCell, Measured]]:
    found = [(cell, cell.measured.get(measure)) for cell in cells]
    return [(cell, one) for cell, one in found if one is not None and one.value is not None]


def _named(axis: Axis) -> dict[str, Any]:
    """An axis whose values stand at equal distances, whatever they are."""
    names = [plain_text(write_value(value)) for value in axis.values]
    return {"title_text": setting_title(axis.name), "tickvals": list(range(len(names))), "ticktext": names}


def _detail(measure: str, one: Measured) -> str:
    value = 0.0 if one.value is None else one.value
    interval = f" [{one.interval.low:.4f}, {one.interval.high:.4f}]" if one.interval else ""
    return f"{value:.4f}{interval}" if measure in SCORES else f"{value:.3f}{interval}, of {one.denominator:,}"
