"""Curves of training runs laid over each other: losses, learning rate and validation MAP@K.

Each run has one colour and one dash in all figures, by its place in the list of runs; the list itself is the legend.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from recsys.training.curves import Curves, RankingPoint, TrainPoint, ValidationPoint
from recsys.ui import theme
from recsys.ui.figures import new_figure, plain_text, rgb_parts

if TYPE_CHECKING:
    import plotly.graph_objects as go

CurveKind = Literal["train", "validation", "learning_rate", "ranking"]
CurveAxis = Literal["epoch", "step"]
Point = TrainPoint | ValidationPoint | RankingPoint

CURVE_KINDS: dict[CurveKind, str] = {
    "train": "Training loss",
    "validation": "Validation loss",
    "ranking": "Validation MAP@4",
    "learning_rate": "Learning rate",
}
"""Kind of curve → its title, in the order of the page."""
DASHES = ("solid", "dash", "dot", "dashdot")

_MOST_POINTS = 600
"""Of one line: more than a figure has pixels for."""


@dataclass(frozen=True)
class CurveLine:
    """One run in every figure.

    Attributes:
        name: Shown under the pointer.
        place: In the list of runs, from 0: decides colour and dash.
        curves: Its points.
        planned: Where its axis ends, in steps, while it runs; 0 ends it at the last point.
    """

    name: str
    place: int
    curves: Curves
    planned: int = 0

    @property
    def colour(self) -> str:
        return theme.CURVE_COLOURS[self.place % len(theme.CURVE_COLOURS)]

    @property
    def dash(self) -> str:
        return DASHES[self.place % len(DASHES)]


def curve_points(curves: Curves, kind: CurveKind) -> tuple[Point, ...]:
    """The points that a figure of that kind draws."""
    return curves.ranking if kind == "ranking" else curves.validation if kind == "validation" else curves.train


def curve_figure(kind: CurveKind, lines: Sequence[CurveLine], axis: CurveAxis) -> go.Figure:
    """All runs in one figure.

    Args:
        kind: What is drawn.
        lines: The runs, the first drawn first.
        axis: What runs along the bottom.
    """
    figure = new_figure(height=250, margin={"l": 52, "r": 14, "t": 8, "b": 42})
    for line in lines:
        _add_line(figure, kind, line, axis)
    if not any(curve_points(line.curves, kind) for line in lines):
        told = "No run is chosen" if not lines else "No run on show has a point here yet"
        figure.add_annotation(text=told, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False)
        figure.update_yaxes(range=[0, 1], showticklabels=False)
    elif kind in ("ranking", "learning_rate"):
        figure.update_yaxes(rangemode="tozero")
    end = max((_end(line, axis) for line in lines), default=0.0)
    title = "epochs" if axis == "epoch" else "optimizer steps"
    figure.update_xaxes(range=[0, end * 1.02 or 1], title_text=title, showgrid=False, tickformat="~g", nticks=8)
    figure.update_yaxes(nticks=6, tickformat="~g")
    return figure


def _add_line(figure: go.Figure, kind: CurveKind, line: CurveLine, axis: CurveAxis) -> None:
    points = _thinned(curve_points(line.curves, kind))
    is_marked = kind in ("validation", "ranking") or len(points) == 1
    options: dict[str, Any] = {}
    if kind == "ranking":
        options["error_y"] = _whiskers([p for p in points if isinstance(p, RankingPoint)], line.colour)
    figure.add_scatter(
        x=[getattr(point, axis) for point in points],
        y=[_value(point, kind) for point in points],
        customdata=[[plain_text(line.name), _detail(point, kind)] for point in points],
        mode="lines+markers" if is_marked else "lines",
        line={"color": line.colour, "width": 2, "dash": line.dash},
        marker={"color": line.colour, "size": 6},
        hovertemplate=f"<b>%{{customdata[0]}}</b><br>{axis} %{{x:.4~g}}<br>%{{customdata[1]}}<extra></extra>",
        showlegend=False,
        **options,
    )


def _value(point: Point, kind: CurveKind) -> float:
    if isinstance(point, RankingPoint):
        return point.map
    return point.learning_rate if kind == "learning_rate" and isinstance(point, TrainPoint) else point.loss


def _detail(point: Point, kind: CurveKind) -> str:
    if not isinstance(point, RankingPoint):
        value = _value(point, kind)
        return f"learning rate {value:.3g}" if kind == "learning_rate" else f"loss {value:.4f}"
    interval = "" if point.low is None or point.high is None else f" [{point.low:.4f}, {point.high:.4f}]"
    return f"MAP@{point.k:g} {point.map:.4f}{interval}"


def _whiskers(points: Sequence[RankingPoint], colour: str) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [0.0 if point.high is None else max(point.high - point.map, 0.0) for point in points],
        "arrayminus": [0.0 if point.low is None else max(point.map - point.low, 0.0) for point in points],
        "color": f"rgba({rgb_parts(colour)},0.55)",  # whiskers of several runs cross; the lines matter more
        "thickness": 1,
        "width": 3,
    }


def _thinned(points: Sequence[Point]) -> list[Point]:
    """Every n-th point where there are too many, and always the last."""
    stride = -(-len(points) // _MOST_POINTS)
    if stride <= 1:
        return list(points)
    kept = list(points[::stride])
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]


def _end(line: CurveLine, axis: CurveAxis) -> float:
    """Where the line ends, or will end."""
    every = (*line.curves.train, *line.curves.validation, *line.curves.ranking)
    last = max((getattr(point, axis) for point in every), default=0.0)
    planned = line.planned if axis == "step" else line.curves.num_train_epochs * (line.planned > 0)
    return float(max(last, planned))
