"""What happens when one question goes to several adapters or models: one generator at the model's queue.

It keeps nothing of a visitor: what is asked, and how far it is, lives in the generator alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import gradio as gr

from recsys.errors import HistoryError, SettingsError
from recsys.several import Grid, GridState, adapter_grid, answer_grid, model_grid
from recsys.ui.answer_view import View, answer_view, waiting_for
from recsys.ui.live_stream import LiveStream
from recsys.ui.recommend_handlers import Question, RecommendHandlers
from recsys.ui.several_cards import several_html

_MOST_NAMES = 200
"""A list from a browser that is longer was not made on the page."""


class SeveralHandlers:
    """Both buttons' handlers; one object for all visitors.

    Args:
        handlers: The tab's: they read the page, run and stop.
    """

    def __init__(self, handlers: RecommendHandlers) -> None:
        self.handlers = handlers
        self.workbench = handlers.workbench

    def ask_adapters(
        self, request: gr.Request, chosen: object, liked: object, disliked: object, record_id: object, *values: object
    ) -> Iterator[View]:
        """Asks the chosen adapters of the page's model."""

        def make(question: Question) -> Grid:
            return adapter_grid(self.workbench, question.asked, read_names(chosen), question.data)

        yield from self._run(request, (liked, disliked, record_id, values), make)

    def ask_models(
        self, request: gr.Request, chosen: object, liked: object, disliked: object, record_id: object, *values: object
    ) -> Iterator[View]:
        """Asks the chosen models, each in several ways."""

        def make(question: Question) -> Grid:
            return model_grid(self.workbench, question.asked, read_names(chosen), question.data)

        yield from self._run(request, (liked, disliked, record_id, values), make)

    def _run(
        self,
        request: gr.Request,
        given: tuple[object, object, object, tuple[object, ...]],
        make: Callable[[Question], Grid],
    ) -> Iterator[View]:
        yield from self.handlers.run(request, given, lambda question: self._stream(question, make(question)))

    def _stream(self, question: Question, grid: Grid) -> Iterator[View]:
        workbench, data, cancel = self.workbench, question.data, question.cancel
        state, since, shown = GridState(grid), time.monotonic(), ""
        for part in LiveStream(lambda: answer_grid(workbench, grid, data=data, cancel=cancel), cancel):
            if workbench.data is not data:
                raise HistoryError("another data set was chosen meanwhile", mend="pick movies of it and ask again")
            if part is not None:
                state, since = part, time.monotonic()
            elapsed = time.monotonic() - since
            html = several_html(state, data.catalogue, question.record, waiting=self._waiting(), elapsed=elapsed)
            if html != shown:
                shown = html
                yield answer_view(html, "", stop=not state.over)

    def _waiting(self) -> str:
        """What the cell under way waits for: its model, where that is being loaded."""
        message, progress = waiting_for(self.workbench.host.state())
        return "" if progress is None else message


def read_names(chosen: object) -> tuple[str, ...]:
    """The names of a list on the page.

    Raises:
        SettingsError: for anything but a list of short texts.
    """
    names = chosen if isinstance(chosen, list) else []
    if len(names) > _MOST_NAMES or not all(isinstance(name, str) and len(name) <= 1024 for name in names):
        raise SettingsError("the names are not a list of texts", seen=chosen, mend="choose them on the page")
    return tuple(name.strip() for name in names)
