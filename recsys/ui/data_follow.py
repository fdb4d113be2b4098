"""What a page does when another data set took the place of the one that it was opened with.

Its movies are cleared, since an item id may mean another movie now, and controls that list genres or count
records follow. Every page that is open looks by itself: see the header's timer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from recsys.ui.answer_cards import empty_cards
from recsys.ui.decoding_controls import genres_of
from recsys.ui.event_values import sent
from recsys.ui.markup import escape

if TYPE_CHECKING:
    from recsys.ui.evaluation_form import EvaluationForm
    from recsys.ui.recommend_tab import Asked
    from recsys.workbench import Workbench


@dataclass(frozen=True)
class Following:
    """What follows the data.

    Attributes:
        asked: The Recommend tab's movies, record, answer and genres.
        form: The Evaluate tab's form.
        cards: What redraws the About tab's cards of data, and these cards.
    """

    asked: Asked
    form: EvaluationForm
    cards: tuple[Callable[[], tuple[str, ...]], tuple[gr.HTML, ...]]


def follow_data(workbench: Workbench, changed: gr.HTML, following: Following) -> gr.events.Dependency:
    """Connects the page that is being built.

    Args:
        workbench: Whose data are followed.
        changed: What the header selects when the data changed.
        following: What follows.

    Returns:
        What more may follow after.
    """
    asked, form = following.asked, following.form
    draw_cards, cards = following.cards
    controls = [asked.genres, form.panel.decoding["genres"], form.num_records]
    page = [form.split, asked.liked, asked.disliked, asked.record_id, asked.answer, asked.details, asked.rounds, *cards]

    def follow(event: gr.EventData) -> tuple[Any, ...]:
        genres, most = genres_of(workbench), form.limit_records()
        if sent(event, "opened"):
            return *(gr.Dropdown(choices=genres) for _ in range(2)), most, *(gr.skip() for _ in page)
        asked.answers.forget()
        gr.Info(
            f"{escape(workbench.data_name)} is in use now, for everybody. Movies and answers of the other set were "
            "cleared from this page."
        )
        emptied: tuple[Any, ...] = (form.default_split, [], [], None, empty_cards(), "", "")
        return *(gr.Dropdown(choices=genres, value=[]) for _ in range(2)), most, *emptied, *draw_cards()

    dependency: gr.events.Dependency = changed.select(
        follow, None, [*controls, *page], concurrency_limit=None, show_progress="hidden", api_visibility="private"
    )
    return dependency
