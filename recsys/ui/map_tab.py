"""The Map tab: where the language model in memory sees the movies of this page, and what lies nearest to them.

Nearest is a recommender of its own, "similar by meaning", which reads no ratings. What is drawn is worked out in
map_drawer.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from recsys.background import TaskState
from recsys.errors import RecsysError
from recsys.ui.item_map_figure import USUAL_WIDTH
from recsys.ui.map_drawer import MAX_SIMILAR, Drawing, MapDrawer
from recsys.ui.markup import escape
from recsys.ui.recommend_tab import Asked
from recsys.ui.title_picker import MAX_QUERY

if TYPE_CHECKING:
    from recsys.workbench import Workbench

_LEAD = (
    "Every dot is a movie; neighbours are movies that the language model represents alike, from title, year and genres "
    "alone. Far distances mean nothing. Titles without room are shown under the pointer. Drag to zoom, double-click to "
    "see all."
)
_SECONDS_BETWEEN_LOOKS = 1.0
_TOLD: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": 2, "show_progress": "minimal"}
_QUICK: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
_WIDTH = """(...values) => {
  const plot = document.getElementById("map-plot");
  const room = window.innerWidth - (window.innerWidth < 900 ? 40 : 420);
  return [...values.slice(0, -1), (plot && plot.clientWidth) || room];
}"""


@dataclass(frozen=True)
class _Parts:
    """The components that are drawn anew."""

    plot: gr.Plot
    nearest: gr.HTML
    note: gr.HTML
    make: gr.Button
    stop: gr.Button
    timer: gr.Timer

    @property
    def all(self) -> list[Any]:
        return [self.plot, self.nearest, self.note, self.make, self.stop, self.timer]


def create_map_tab(workbench: Workbench, tab: gr.Tab, asked: Asked) -> Callable[[gr.events.Dependency], object]:
    """Makes the tab inside the block that is open; it is drawn whenever it is opened.

    Returns:
        What draws the map again after an event.
    """
    gr.HTML(f'<p class="map-lead">{_LEAD}</p>', apply_default_css=False)
    with gr.Row(elem_classes=["map-row"]):
        with gr.Column(scale=3, min_width=300):
            plot = gr.Plot(show_label=False, elem_id="map-plot")
            note = gr.HTML("", elem_id="map-note", visible=False, apply_default_css=False)
            make = gr.Button("Make the map", variant="primary", visible=False, elem_id="map-make")
            stop = gr.Button("Stop", visible=False, elem_id="map-stop")
        with gr.Column(scale=1, min_width=260, elem_id="map-side", elem_classes=["fold"]):
            find = gr.Textbox(
                label="Find a movie", placeholder="Title or year, then Enter", max_length=MAX_QUERY, elem_id="map-find"
            )
            number = gr.Slider(1, MAX_SIMILAR, value=8, step=1, label="Similar movies", elem_id="map-number")
            nearest = gr.HTML("", elem_id="map-nearest", apply_default_css=False)
    parts = _Parts(plot, nearest, note, make, stop, gr.Timer(_SECONDS_BETWEEN_LOOKS, active=False))
    inputs = [asked.liked, asked.record_id, find, number, gr.Number(USUAL_WIDTH, visible=False)]
    return _connect(workbench, tab, asked, parts, inputs, [find.submit, number.release])


def _connect(
    workbench: Workbench, tab: gr.Tab, asked: Asked, parts: _Parts, inputs: list[Any], triggers: list[Any]
) -> Callable[[gr.events.Dependency], object]:
    drawer = MapDrawer(workbench)

    def draw(
        request: gr.Request, liked: object, record_id: object, query: object, num: object, width: object
    ) -> list[Any]:
        try:
            answers = asked.answers.of(request.session_hash or "")
            return shown(drawer.draw(liked, record_id, answers, query, num, width), workbench.map_task.state())
        except RecsysError as error:
            told = f'<p class="map-note" role="alert">{escape(error)}</p>'
            return [gr.skip(), told, *(gr.skip() for _ in range(4))]

    def begin() -> list[Any]:
        try:
            workbench.start_map(drawer.choice())
        except RecsysError as error:
            return [gr.skip(), gr.skip(), gr.HTML(missing_html(str(error)), visible=True), *(gr.skip() for _ in "123")]
        return shown(drawer.missing(), workbench.map_task.state())

    def look(request: gr.Request, *values: Any) -> list[Any]:
        state = workbench.map_task.state()
        return shown(drawer.missing(), state) if state.is_running else draw(request, *values)

    gr.on([tab.select, *triggers], draw, inputs, parts.all, js=_WIDTH, **_TOLD)
    parts.make.click(begin, None, parts.all, **_QUICK)
    parts.stop.click(workbench.map_task.cancel, **_QUICK)
    parts.timer.tick(look, inputs, parts.all, js=_WIDTH, **_QUICK)
    return lambda after: after.then(draw, inputs, parts.all, js=_WIDTH, **_TOLD)


def shown(drawing: Drawing, task: TaskState) -> list[Any]:
    """What the components are to show: a figure, or why there is none and what may be done about it."""
    if drawing.figure is not None and not drawing.missing:
        return [
            gr.Plot(drawing.figure, visible=True),
            drawing.nearest,
            gr.HTML("", visible=False),
            *(gr.Button(visible=False) for _ in range(2)),
            gr.Timer(active=False),
        ]
    is_failed = task.phase in ("failed", "cancelled") and drawing.may_make
    told = missing_html(drawing.missing, task if task.is_running or is_failed else None)
    return [
        gr.Plot(visible=False) if drawing.figure is None else gr.Plot(drawing.figure, visible=True),
        drawing.nearest,
        gr.HTML(told, visible=True),
        gr.Button(visible=drawing.may_make and not task.is_running),
        gr.Button(visible=drawing.may_make and task.is_running),
        gr.Timer(active=task.is_running),
    ]


def missing_html(missing: str, task: TaskState | None = None) -> str:
    """Why there is no map, and how far its making is."""
    state = ""
    if task is not None and task.is_running:
        bar = f'<span class="load-bar"><i style="width:{task.fraction:.0%}"></i></span>'
        state = f'<div class="data-state" role="status"><span>{escape(task.message)}</span>{bar}</div>'
    elif task is not None:
        state = f'<div class="own-error" role="alert">{escape(task.message[:1].upper() + task.message[1:])}</div>'
    return f'<div class="map-none"><p>{escape(missing)}</p>{state}</div>'
