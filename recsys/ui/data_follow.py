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


def follow_data(workbench: Workbench, changed: gr.State, following: Following) -> None:
    """Connects the page that is being built.

    Args:
        workbench: Whose data are followed.
        changed: What the header changes when the data did.
        following: What follows.
    """
    asked, form = following.asked, following.form
    draw_cards, cards = following.cards
    controls = [asked.genres, form.panel.decoding["genres"], form.num_records]
    first = workbench.data.number

    def follow_controls() -> tuple[Any, ...]:
        genres = genres_of(workbench)
        dropdowns = (gr.Dropdown(choices=genres, value=[]) for _ in range(2))
        return *dropdowns, form.limit_records(form.default_split)

    def clear() -> tuple[Any, ...]:
        asked.answers.forget()
        gr.Info(
            f"{escape(workbench.data_name)} is in use now, for everybody. Movies and answers of the other set were "
            "cleared from this page.",
            title="Another data set",
        )
        return *follow_controls(), form.default_split, [], [], None, empty_cards(), "", *draw_cards()

    cleared = [*controls, form.split, asked.liked, asked.disliked, asked.record_id, asked.answer, asked.details, *cards]
    told: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    changed.change(clear, None, cleared, concurrency_limit=None, **told)
    gr.context.Context.root_block.load(
        # The page is built once, with the data of that moment.
        lambda: follow_controls() if workbench.data.number != first else [gr.skip()] * len(controls),
        None, controls, queue=False, **told,
    )  # fmt: skip
