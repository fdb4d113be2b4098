"""The map of movies as a plotly figure: all of the catalogue quietly, what this page is about on top of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from recsys.catalogue import Catalogue

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from recsys.resolution.item_map import ItemMap

MarkKind = str
MARKS: Final[Mapping[MarkKind, tuple[str, str, int]]] = {
    "Liked": ("#5b5bd6", "circle", 11),
    "Similar by meaning": ("#0e8fb3", "diamond", 10),
    "Recommended by the model": ("#1f9d61", "star", 14),
    "Liked next, in truth": ("#d9822b", "circle-open", 17),
    "Found": ("#d6409f", "x-open", 14),
}
"""Kind of mark → colour, symbol and size."""

_NAMED: Final = ("Liked", "Liked next, in truth", "Found")
"""Kinds whose titles are written on the map; of the others the pointer and the list tell them."""

_INK = "#85859a"
_QUIET = "rgba(128, 128, 140, 0.38)"
_WINDOW = 0.12
"""Share of the map that is shown around a movie that was searched for."""


@dataclass(frozen=True)
class Marked:
    """Items of one kind.

    Attributes:
        kind: A key of MARKS.
        item_ids: The items; those without a place are left out.
    """

    kind: MarkKind
    item_ids: Sequence[int]


def map_figure(
    item_map: ItemMap, catalogue: Catalogue, marked: Sequence[Marked], *, around: int | None = None
) -> go.Figure:
    """Draws the map.

    Args:
        item_map: Places.
        catalogue: Titles and genres, shown under the pointer.
        marked: What stands out, the last on top.
        around: Item to zoom to.
    """
    import plotly.graph_objects as go

    place_of = dict(zip(item_map.item_ids.tolist(), item_map.places, strict=True))
    known = [item for item in place_of if item in catalogue]
    figure = go.Figure(_points(go, "Catalogue", known, place_of, catalogue))
    for marks in marked:
        shown = [item for item in marks.item_ids if item in place_of]
        if shown:
            figure.add_trace(_points(go, marks.kind, shown, place_of, catalogue))
    axis = {"showgrid": False, "zeroline": False, "showticklabels": False, "title": None}
    figure.update_layout(
        height=640,
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        dragmode="zoom",
        hovermode="closest",
        font={"color": _INK},
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": _INK, "activecolor": "#5b5bd6"},
        legend={"orientation": "h", "y": -0.02, "x": 0},
        xaxis=axis,
        yaxis=axis,
        uirevision="map",
    )
    if around in place_of:
        size = np.ptp(item_map.places, axis=0) * _WINDOW / 2
        low, high = (place_of[around] - size).tolist(), (place_of[around] + size).tolist()
        figure.update_layout(
            xaxis={**axis, "range": [low[0], high[0]]},
            yaxis={**axis, "range": [low[1], high[1]]},
            uirevision=str(around),
        )
    return figure


def _points(
    go: object, kind: str, items: Sequence[int], place_of: Mapping[int, np.ndarray], catalogue: Catalogue
) -> go.Scattergl:
    colour, symbol, size = MARKS.get(kind, (_QUIET, "circle", 4))
    movies = [catalogue[item] for item in items]
    is_marked = kind in MARKS
    return go.Scattergl(  # type: ignore[attr-defined]
        name=kind,
        x=[round(float(place_of[item][0]), 2) for item in items],
        y=[round(float(place_of[item][1]), 2) for item in items],
        mode="markers+text" if kind in _NAMED else "markers",
        marker={"color": colour, "symbol": symbol, "size": size, "line": {"width": 2 if "open" in symbol else 0}},
        text=[_plain(movie.title) for movie in movies] if is_marked else None,
        textposition="top center",
        textfont={"size": 11, "color": colour},
        hovertext=[f"{_plain(movie.display())}<br>{_plain(', '.join(movie.genres))}" for movie in movies],
        hoverinfo="text",
        showlegend=is_marked,
    )


def _plain(text: str) -> str:
    """Plotly reads some markup in a text, and no character references in WebGL labels."""
    return text.replace("<", "‹").replace(">", "›")
