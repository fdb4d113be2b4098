"""A's settings kept beside the panel, and the same question answered with both.

A belongs to one page: it is in its state and in its links, and nobody else's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from recsys.errors import InputError, RecsysError
from recsys.models.model_choice import ModelChoice
from recsys.recommend import RecommendationRequest
from recsys.ui.ab_cards import kept_html, sides_html
from recsys.ui.ab_differences import find_differences
from recsys.ui.answer_details import share_buttons

# At run time too: Gradio reads the hints of handlers to know who asks.
from recsys.ui.answer_view import View
from recsys.ui.links import open_link, page_address, query_of
from recsys.ui.model_fit import find_fit
from recsys.ui.recommend_handlers import Question, RecommendHandlers
from recsys.ui.request_settings import RequestSettings
from recsys.ui.share import as_command, as_python, as_query, kept_part
from recsys.ui.shown_errors import errors_shown
from recsys.ui.side_by_side import SideState
from recsys.ui.title_picker import read_entries

Kept = RequestSettings | None


class AbHandlers:
    """What happens with A and B; nothing of a visitor is kept here.

    Args:
        recommend: The tab's handlers, whose queue, data and models are used.
    """

    def __init__(self, recommend: RecommendHandlers) -> None:
        self.recommend = recommend
        self.panel = recommend.panel
        self.workbench = recommend.workbench

    def keep(self, request: gr.Request, liked: object, disliked: object, *values: Any) -> tuple[Any, Any, Any, Any]:
        """The panel's settings become A."""
        with errors_shown():
            settings = self.panel.read(values)
        return self._shown(request, settings, liked, disliked, values)

    def drop(self) -> tuple[Any, Any, Any, Any]:
        """There is no A any more."""
        return None, gr.Column(visible=False), gr.Button(visible=True), ""

    def follow(self, request: gr.Request, values: Sequence[Any], kept: Kept) -> tuple[Any]:
        """The card after movies or settings changed."""
        return (self.follow_kept(request, kept, *values),)

    def follow_kept(self, request: gr.Request, kept: Kept, liked: object, disliked: object, *values: Any) -> Any:
        """The card after A changed."""
        return gr.skip() if kept is None else self.card(request, kept, liked, disliked, values)

    def swap(self, kept: Kept, *values: Any) -> list[Any]:
        """A becomes the panel's, the panel's A."""
        with errors_shown():
            settings = self.panel.read(values)
            return [settings, *self.panel.show(_require(kept))]

    def take(self, kept: Kept) -> list[Any]:
        """The panel becomes as A."""
        with errors_shown():
            return self.panel.show(_require(kept))

    def copy(self, *values: Any) -> RequestSettings:
        """A becomes as the panel."""
        with errors_shown():
            return self.panel.read(values)

    def restore(self, request: gr.Request) -> tuple[Any, Any, Any, Any]:
        """A of the link that the page was opened with, if it has one."""
        parameters = kept_part(query_of(request))
        if not parameters:
            return (gr.skip(),) * 4
        link = open_link(parameters, self.workbench)
        settings, outside = self.panel.held(link.settings, "link")
        for problem in (*link.problems, *outside):
            gr.Warning(f"Settings A: {problem}")
        # The panel is restored by an event of its own; the card follows it.
        return settings, gr.Column(visible=True), gr.Button(visible=False), gr.skip()

    def answer(
        self, request: gr.Request, kept: Kept, liked: object, disliked: object, record_id: object, *values: object
    ) -> Iterator[View]:
        """Answers the request on the page with A's settings, then with the panel's."""

        def work(question: Question) -> Iterator[View]:
            return self._answer_both(question, _require(kept))

        yield from self.recommend.run(request, (liked, disliked, record_id, values), work)

    def _answer_both(self, question: Question, kept: RequestSettings) -> Iterator[View]:
        b = question.asked
        a = kept.over(b)
        differences = find_differences(kept, RequestSettings.of(b))

        def draw(states: Sequence[SideState]) -> str:
            return sides_html(states, differences, question.data.catalogue, question.record)

        yield from self.recommend.answer_beside(question, (a, b), draw, self._share(question, a, b))

    def _share(self, question: Question, a: RecommendationRequest, b: RecommendationRequest) -> str:
        address, catalogue = page_address(question.visitor), question.data.catalogue
        texts = [("Copy link to both", f"{address}/?{as_query(b, a)}")]
        for name, asked in (("A", a), ("B", b)):
            texts.append((f"Copy {name} as Python", as_python(asked, address)))
            texts.append((f"Copy {name} as command", as_command(asked, catalogue)))
        return share_buttons(texts)

    def card(
        self, request: gr.Request, kept: RequestSettings, liked: object, disliked: object, values: Sequence[Any]
    ) -> str:
        """The card of A: what differs from the panel now."""
        try:
            panel = self.panel.read(values)
            catalogue = self.workbench.catalogue
            asked = panel.over(RecommendationRequest(read_entries(liked, catalogue), read_entries(disliked, catalogue)))
        except RecsysError as error:
            return kept_html((), (f"B cannot be asked: {error}",), page_address(request))
        link = f"{page_address(request)}/?{as_query(asked, kept.over(asked))}"
        return kept_html(find_differences(kept, panel), self._notes(kept.choice, panel.choice), link)

    def _notes(self, a: ModelChoice, b: ModelChoice) -> list[str]:
        if a.base == b.base:
            return []
        notes = ["Another base model in A than in B: each answer waits until its model is loaded."]
        for name, choice in (("A", a), ("B", b)):
            try:
                fit = find_fit(self.workbench, choice.model, choice.precision)
            except RecsysError as error:
                notes.append(f"{name}: {error}")
                continue
            if fit is not None and not fit.fits:
                notes.append(f"{name}: {fit.sentence}")
        return notes

    def _shown(
        self, request: gr.Request, kept: RequestSettings, liked: object, disliked: object, values: Sequence[Any]
    ) -> tuple[Any, Any, Any, Any]:
        card = self.card(request, kept, liked, disliked, values)
        return kept, gr.Column(visible=True), gr.Button(visible=False), card


def _require(kept: Kept) -> RequestSettings:
    if kept is None:
        raise InputError("no settings are kept as A", mend="press “Keep these settings as A” first")
    return kept
