"""The map of movies as a plotly figure: all of the catalogue quietly, what this page is about on top of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from recsys.catalogue import Catalogue
from recsys.ui.map_labels import Label, Mark, place_labels

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

_NAMED: Final = ("Found", "Liked", "Liked next, in truth")
"""Kinds whose titles are written on the map, the most important first; of the others the pointer and the list tell."""

HEIGHT: Final = 640
USUAL_WIDTH: Final = 900
_LEGEND_HEIGHT = 60
_INK = "#85859a"
_QUIET = "rgba(128, 128, 140, 0.38)"
_WINDOW = 0.12
"""Share of the map that is shown around a movie that was searched for."""
_MARGIN = 0.04
"""Share of the map that is left free at each side."""


@dataclass(frozen=True)
class Marked:
    """Items of one kind.

    Attributes:
        kind: A key of MARKS.
        item_ids: The items; those without a place are left out.
    """

    kind: MarkKind
    item_ids: Sequence[int]


class _View(NamedTuple):
    """The part of the map that is shown: its lowest and its highest place."""

    low: np.ndarray
    high: np.ndarray

    def pixels(self, place: np.ndarray, width: float, height: float) -> tuple[float, float]:
        """Where a place is drawn, from the left and from the top."""
        share = (place - self.low) / np.maximum(self.high - self.low, 1e-9)
        return float(share[0]) * width, float(1 - share[1]) * height


def map_figure(
    item_map: ItemMap,
    catalogue: Catalogue,
    marked: Sequence[Marked],
    *,
    around: int | None = None,
    width: float = USUAL_WIDTH,
) -> go.Figure:
    """Draws the map.

    Args:
        item_map: Places.
        catalogue: Titles and genres, shown under the pointer.
        marked: What stands out, the last on top.
        around: Item to zoom to.
        width: Pixels that the figure will have on the page, for the places of its titles.
    """
    import plotly.graph_objects as go

    place_of = dict(zip(item_map.item_ids.tolist(), item_map.places, strict=True))
    known = [item for item in place_of if item in catalogue]
    shown = [Marked(one.kind, [i for i in one.item_ids if i in place_of and i in catalogue]) for one in marked]
    view = _view_of(item_map, None if around is None else place_of.get(around))
    labels = _labels(shown, place_of, catalogue, view, width)
    figure = go.Figure(_points(go, Marked("Catalogue", known), place_of, catalogue, {}))
    for one in shown:
        if one.item_ids:
            figure.add_trace(_points(go, one, place_of, catalogue, labels))
    axis = {"showgrid": False, "zeroline": False, "showticklabels": False, "title": None}
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        dragmode="zoom",
        hovermode="closest",
        font={"color": _INK},
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": _INK, "activecolor": "#5b5bd6"},
        legend={"orientation": "h", "y": -0.02, "x": 0},
        xaxis={**axis, "range": [float(view.low[0]), float(view.high[0])]},
        yaxis={**axis, "range": [float(view.low[1]), float(view.high[1])]},
        uirevision=str(around) if around in place_of else "map",
    )
    return figure


def _view_of(item_map: ItemMap, centre: np.ndarray | None) -> _View:
    """All of the map, or what lies around one place."""
    lowest, size = item_map.places.min(axis=0), np.ptp(item_map.places, axis=0)
    if centre is not None:
        return _View(centre - size * _WINDOW / 2, centre + size * _WINDOW / 2)
    return _View(lowest - size * _MARGIN, lowest + size * (1 + _MARGIN))


def _labels(
    shown: Sequence[Marked], place_of: Mapping[int, np.ndarray], catalogue: Catalogue, view: _View, width: float
) -> dict[tuple[MarkKind, int], Label]:
    """The label of each mark whose kind is named; titles avoid the marks of all kinds."""
    by_importance = sorted(shown, key=lambda one: _NAMED.index(one.kind) if one.kind in _NAMED else len(_NAMED))
    keys, marks, written = [], [], set()
    for one in by_importance:
        for item in one.item_ids:
            x, y = view.pixels(place_of[item], width, HEIGHT - _LEGEND_HEIGHT)
            # A movie that is marked twice, as found and liked say, is named once.
            title = _plain(catalogue[item].title) if one.kind in _NAMED and item not in written else None
            written.add(item)
            keys.append((one.kind, item))
            marks.append(Mark(x, y, MARKS[one.kind][2], title))
    placed = place_labels(marks, width=width, height=HEIGHT - _LEGEND_HEIGHT)
    return dict(zip(keys, placed, strict=True))


def _points(
    go: object,
    marked: Marked,
    place_of: Mapping[int, np.ndarray],
    catalogue: Catalogue,
    labels: Mapping[tuple[MarkKind, int], Label],
) -> go.Scattergl:
    kind, items = marked.kind, marked.item_ids
    colour, symbol, size = MARKS.get(kind, (_QUIET, "circle", 4))
    movies = [catalogue[item] for item in items]
    is_marked, is_named = kind in MARKS, kind in _NAMED
    return go.Scattergl(  # type: ignore[attr-defined]
        name=kind,
        x=[round(float(place_of[item][0]), 2) for item in items],
        y=[round(float(place_of[item][1]), 2) for item in items],
        mode="markers+text" if is_named else "markers",
        marker={"color": colour, "symbol": symbol, "size": size, "line": {"width": 2 if "open" in symbol else 0}},
        text=[labels[kind, item].text for item in items] if is_named else None,
        textposition=[labels[kind, item].position for item in items] if is_named else None,
        textfont={"size": 11, "color": colour},
        hovertext=[f"{_plain(movie.display())}<br>{_plain(', '.join(movie.genres))}" for movie in movies],
        hoverinfo="text",
        showlegend=is_marked,
    )


def _plain(text: str) -> str:
    """Plotly reads some markup in a text, and no character references in WebGL labels."""
    return text.replace("<", "‹").replace(">", "›")
