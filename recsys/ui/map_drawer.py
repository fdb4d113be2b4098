"""What the Map tab shows: the map of the model in memory with this page's movies marked, or why there is none.

A model without a map is stood in for by the embedded one, whose map of the embedded data is shipped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from recsys.errors import HistoryError
from recsys.models.host import ModelChoice
from recsys.models.registry import DEFAULT_MODEL
from recsys.remote.settings import is_served
from recsys.ui.item_map_figure import USUAL_WIDTH, Marked, map_figure
from recsys.ui.markup import escape, plural
from recsys.ui.title_picker import MAX_QUERY, read_entries

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from recsys.baselines.similarity import Similarity
    from recsys.catalogue import Catalogue
    from recsys.loaded_data import LoadedData
    from recsys.resolution.item_map import ItemMap
    from recsys.workbench import Workbench

MAX_SIMILAR = 20
_NEEDS = "Making one needs scikit-learn: pip install -e '.[map]'"
_SERVED = "A map is made of a model's own embeddings, and a server gives text alone."
_MAKE = (
    "It is made here: the model reads every title, a batch at a time with people's requests first, then the movies are "
    "laid out."
)


@dataclass(frozen=True)
class Drawing:
    """What the tab shows.

    Attributes:
        figure: The map; None where there is none.
        nearest: HTML of the movies most similar to the liked ones.
        missing: Why there is no map of the model in memory, in plain words; with a figure, whose map it is.
        may_make: Whether one may be made here.
    """

    figure: go.Figure | None
    nearest: str = ""
    missing: str = ""
    may_make: bool = False


@dataclass(frozen=True, eq=False)
class _Made:
    """A map with what it is of, so that a map of other data or another model is never taken for it."""

    data: LoadedData
    base_model: str
    weight_hash: str | None
    item_map: ItemMap
    similarity: Similarity


class MapDrawer:
    """Draws the map for the movies of a page; keeps the last one, since every page of a process has the same."""

    def __init__(self, workbench: Workbench) -> None:
        self.workbench = workbench
        self._kept: _Made | None = None

    def choice(self) -> ModelChoice:
        """The model in memory or on its way there, without an adapter: the map is of the base alone."""
        return replace(self.workbench.host.state().choice or ModelChoice(), adapter=None)

    def missing(self) -> Drawing:
        """Why there is no map, and whether it may be made here."""
        model, data = self.choice().model, self.workbench.data_name
        if is_served(model):
            return Drawing(None, missing=_SERVED)
        told = f"{model} has no map of {data} yet."
        if self.workbench.options.public:
            return Drawing(None, missing=told)
        if find_spec("sklearn") is None:
            return Drawing(None, missing=f"{told} {_NEEDS}")
        return Drawing(None, missing=f"{told} {_MAKE}", may_make=True)

    def draw(
        self,
        liked: object,
        record_id: object,
        answers: tuple[int, ...],
        query: object,
        num: object,
        width: object = USUAL_WIDTH,
    ) -> Drawing:
        """The figure, and the movies most similar to the liked ones as a list.

        Raises:
            RecsysError: when the movies cannot be read, or the number is out of range.
        """
        if not isinstance(num, int | float) or not 1 <= num <= MAX_SIMILAR:
            raise HistoryError("the number of movies is out of range", seen=num, mend=f"ask for 1 to {MAX_SIMILAR}")
        wide = width if isinstance(width, int | float) and math.isfinite(width) else USUAL_WIDTH
        text = query if isinstance(query, str) else ""
        own = self._find()
        made = own or self._stand_in()
        if made is None:
            return self.missing()
        figure, nearest = _draw(made, liked, record_id, answers, text, int(num), wide)
        if own is not None:
            return Drawing(figure, nearest)
        lacking = self.missing()
        told = f"This is the map of {made.base_model}: {lacking.missing}"
        return replace(lacking, figure=figure, nearest=nearest, missing=told)

    def _find(self) -> _Made | None:
        """The map of the model in memory; looked for anew as long as there is none."""
        data, state = self.workbench.data, self.workbench.host.state()
        name = self.choice().model
        weight_hash = state.weight_hash if state.phase == "ready" else None
        return self._read(data, name, weight_hash)

    def _stand_in(self) -> _Made | None:
        """The embedded model's map, where another model is in memory."""
        if self.choice().model == DEFAULT_MODEL:
            return None
        return self._read(self.workbench.data, DEFAULT_MODEL, None)

    def _read(self, data: LoadedData, name: str, weight_hash: str | None) -> _Made | None:
        kept = self._kept
        if kept is not None and kept.data is data and kept.base_model == name and kept.weight_hash == weight_hash:
            return kept
        found = data.resolvers.find_map(name, weight_hash)
        if found is None:
            return None
        similarity = data.resolvers.similarity(name, data.catalogue.popularity, weight_hash)
        self._kept = _Made(data, name, weight_hash, found[1], similarity)
        return self._kept


def _draw(
    made: _Made, liked: object, record_id: object, answers: tuple[int, ...], query: str, num: int, width: float
) -> tuple[go.Figure, str]:
    from recsys.baselines.base import rank

    catalogue = made.data.catalogue
    history = tuple(entry for entry in read_entries(liked, catalogue) if isinstance(entry, int))
    truth = _truth(made.data, record_id, history)
    similar = rank(made.similarity, [history], n=num)[0] if history else ()
    found = made.data.search.search(query[:MAX_QUERY], limit=1) if query.strip() else ()
    around = found[0].item_id if found else None
    marked = [
        Marked("Similar by meaning", similar),
        Marked("Liked", history),
        Marked("Recommended by the model", answers),
        Marked("Liked next, in truth", truth),
        Marked("Found", [] if around is None else [around]),
    ]
    missing = query if query.strip() and around is None else ""
    figure = map_figure(made.item_map, catalogue, marked, around=around, width=max(200.0, min(float(width), 4000)))
    return figure, _list_html(catalogue, made.base_model, similar, truth, missing)


def _truth(data: LoadedData, record_id: object, history: tuple[int, ...]) -> tuple[int, ...]:
    record = data.split.find_record(record_id) if isinstance(record_id, str) else None
    return record.relevant if record is not None and record.history == history else ()


def _list_html(
    catalogue: Catalogue, base_model: str, similar: tuple[int, ...], truth: tuple[int, ...], missing: str
) -> str:
    note = f'<p class="map-note">No movie is found for “{escape(missing)}”.</p>' if missing else ""
    if not similar:
        return note + '<p class="map-note">Add liked movies on the Recommend tab to see what lies nearest to them.</p>'
    rows = "".join(_row(catalogue, item, item in truth) for item in similar)
    hits = len(set(similar).intersection(truth))
    told = f" {plural(hits, 'hit')} of {len(truth)}." if truth else ""
    return (
        f'{note}<h2>Similar by meaning</h2><p class="map-note">By the mean cosine with the liked movies in '
        f"{escape(base_model)}. No rating is read.{told}</p><ol>{rows}</ol>"
    )


def _row(catalogue: Catalogue, item: int, is_hit: bool) -> str:
    movie = catalogue[item]
    hit = ' <b class="map-hit">hit</b>' if is_hit else ""
    return f"<li>{escape(movie.display())}{hit}<span>{escape(', '.join(movie.genres))}</span></li>"
