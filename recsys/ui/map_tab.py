"""The Map tab: where a language model sees the movies of this page, and what lies nearest to them.

Nearest is a recommender of its own, "similar by meaning", which reads no ratings.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import gradio as gr

from recsys.errors import HistoryError, RecsysError
from recsys.models.registry import DEFAULT_MODEL
from recsys.ui.item_map_figure import Marked, map_figure
from recsys.ui.markup import escape, plural
from recsys.ui.recommend_tab import Asked
from recsys.ui.title_picker import MAX_QUERY, read_entries

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from recsys.baselines.similarity import Similarity
    from recsys.resolution.embedding import EmbeddingIndex
    from recsys.resolution.item_map import ItemMap
    from recsys.workbench import Workbench

MAX_SIMILAR = 20
_LEAD = (
    "Every dot is a movie; neighbours are movies that the language model represents alike, from title, year and genres "
    "alone. Far distances mean nothing. Drag to zoom, double-click to see all."
)
_TOLD: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": 2, "show_progress": "minimal"}


def create_map_tab(workbench: Workbench, tab: gr.Tab, asked: Asked) -> None:
    """Makes the tab inside the block that is open; it is drawn whenever it is opened."""
    gr.HTML(f'<p class="map-lead">{_LEAD}</p>', apply_default_css=False)
    with gr.Row(elem_classes=["map-row"]):
        with gr.Column(scale=3, min_width=300):
            plot = gr.Plot(show_label=False, elem_id="map-plot")
        with gr.Column(scale=1, min_width=260, elem_id="map-side", elem_classes=["fold"]):
            find = gr.Textbox(
                label="Find a movie", placeholder="Title or year, then Enter", max_length=MAX_QUERY, elem_id="map-find"
            )
            number = gr.Slider(1, MAX_SIMILAR, value=8, step=1, label="Similar movies", elem_id="map-number")
            nearest = gr.HTML("", elem_id="map-nearest", apply_default_css=False)
    drawer = MapDrawer(workbench)

    def draw(request: gr.Request, liked: object, record_id: object, query: str, num: float) -> tuple[Any, str]:
        try:
            return drawer.draw(liked, record_id, asked.answers.of(request.session_hash or ""), query, int(num))
        except RecsysError as error:
            return gr.skip(), f'<p class="map-note" role="alert">{escape(error)}</p>'

    inputs, outputs = [asked.liked, asked.record_id, find, number], [plot, nearest]
    gr.on([tab.select, find.submit, number.release], draw, inputs, outputs, **_TOLD)


@dataclass(frozen=True)
class MapDrawer:
    """Draws the map for the movies of a page."""

    workbench: Workbench

    @cached_property
    def _made(self) -> tuple[EmbeddingIndex, ItemMap] | None:
        return self.workbench.resolvers.find_map(DEFAULT_MODEL)

    @cached_property
    def _similarity(self) -> Similarity | None:
        if self._made is None:
            return None
        return self.workbench.resolvers.similarity(self._made[0].base_model, self.workbench.catalogue.popularity)

    def draw(
        self, liked: object, record_id: object, answers: tuple[int, ...], query: str, num: int
    ) -> tuple[go.Figure | None, str]:
        """The figure, and the movies most similar to the liked ones as a list.

        Raises:
            RecsysError: when the movies cannot be read, or the number is out of range.
        """
        if self._made is None or self._similarity is None:
            told = "This data set has no map yet. Make one with: python -m recsys models index, then models map"
            return None, f'<p class="map-note">{told}</p>'
        if not 1 <= num <= MAX_SIMILAR:
            raise HistoryError("the number of movies is out of range", seen=num, mend=f"ask for 1 to {MAX_SIMILAR}")
        from recsys.baselines.base import rank

        catalogue = self.workbench.catalogue
        history = tuple(entry for entry in read_entries(liked, catalogue) if isinstance(entry, int))
        truth = self._truth(record_id, history)
        similar = rank(self._similarity, [history], n=num)[0] if history else ()
        found = self.workbench.search.search(query[:MAX_QUERY], limit=1) if query.strip() else ()
        around = found[0].item_id if found else None
        marked = [
            Marked("Similar by meaning", similar),
            Marked("Liked", history),
            Marked("Recommended by the model", answers),
            Marked("Liked next, in truth", truth),
            Marked("Found", [] if around is None else [around]),
        ]
        missing = bool(query.strip()) and around is None
        return map_figure(self._made[1], catalogue, marked, around=around), self._list(
            similar, truth, query if missing else ""
        )

    def _truth(self, record_id: object, history: tuple[int, ...]) -> tuple[int, ...]:
        if not isinstance(record_id, str):
            return ()
        try:
            record = self.workbench.record(record_id)
        except HistoryError:
            return ()
        return record.relevant if record.history == history else ()

    def _list(self, similar: tuple[int, ...], truth: tuple[int, ...], missing: str) -> str:
        note = f'<p class="map-note">No movie is found for “{escape(missing)}”.</p>' if missing else ""
        if not similar:
            return (
                note + '<p class="map-note">Add liked movies on the Recommend tab to see what lies nearest to them.</p>'
            )
        assert self._made is not None
        rows = "".join(self._row(item, item in truth) for item in similar)
        hits = len(set(similar).intersection(truth))
        told = f" {plural(hits, 'hit')} of {len(truth)}." if truth else ""
        model = escape(self._made[0].base_model)
        return (
            f'{note}<h2>Similar by meaning</h2><p class="map-note">By the mean cosine with the liked movies in '
            f"{model}. No rating is read.{told}</p><ol>{rows}</ol>"
        )

    def _row(self, item: int, is_hit: bool) -> str:
        movie = self.workbench.catalogue[item]
        hit = ' <b class="map-hit">hit</b>' if is_hit else ""
        return f"<li>{escape(movie.display())}{hit}<span>{escape(', '.join(movie.genres))}</span></li>"
