"""The Recommend tab: who asks and how on the left, what the model wrote and what it means on the right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from recsys.models.host import ModelChoice
from recsys.token_viewing import TokenViewer
from recsys.ui.ab_answers import AbHandlers
from recsys.ui.ab_panel import AbPanel, connect_ab, create_ab_panel
from recsys.ui.answer_begin import BEGIN, begin_script
from recsys.ui.answer_cards import empty_cards
from recsys.ui.answer_view import View
from recsys.ui.detail_costs import create_detail_costs
from recsys.ui.history_import import create_history_import
from recsys.ui.live import ENDED, connect_live, create_live_switch
from recsys.ui.preset_handlers import PresetHandlers
from recsys.ui.recommend_handlers import RecommendHandlers
from recsys.ui.rounds_handlers import RoundsHandlers, RoundsParts, connect_votes, create_rounds
from recsys.ui.running_requests import LastAnswers
from recsys.ui.settings_panel import SettingsPanel, create_settings_panel
from recsys.ui.settled import Settled
from recsys.ui.several_controls import SeveralControls, connect_several, create_several_controls
from recsys.ui.several_handlers import SeveralHandlers
from recsys.ui.theme import ASSETS
from recsys.ui.title_picker import create_title_picker
from recsys.ui.token_card import connect_token_card, create_token_card

if TYPE_CHECKING:
    from recsys.workbench import Workbench

MODEL_QUEUE = "model"
"""The one concurrency id of everything that uses the model."""

_QUICK: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
_TOLD: dict[str, Any] = {"concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private"}
"""For handlers that warn: Gradio passes warnings on through the queue only."""

_MODEL: dict[str, Any] = {
    "concurrency_id": MODEL_QUEUE,
    "concurrency_limit": 1,
    "show_progress": "hidden",
    "api_visibility": "private",
}
_WIDTH = "() => [window.innerWidth]"


@dataclass(frozen=True)
class _Parts:
    """The components that handlers read and write."""

    liked: gr.HTML
    disliked: gr.HTML
    record_id: gr.State
    go: gr.Button
    compare: gr.Button
    stop: gr.Button
    leave: gr.Button
    examples: dict[str, gr.Button]
    clear: gr.Button
    answer: gr.HTML
    details: gr.HTML
    panel: SettingsPanel
    several: SeveralControls
    rounds: RoundsParts
    ab: AbPanel

    @property
    def view(self) -> list[gr.components.Component]:
        return [self.answer, self.details, self.go, self.compare, self.stop, self.leave, *self.several.buttons]


@dataclass(frozen=True)
class Asked:
    """What other tabs read of this one.

    Attributes:
        liked: The movies that the page's person liked.
        record_id: The held-out record that they are of, if any.
        answers: What each browser session was recommended last.
        panel: The controls of all settings.
        disliked: What they did not like.
        answer: The cards of the answer.
        details: What stands below them.
        genres: The filter by genre, whose choices are the data's.
        rounds: The strip of rounds between them.
    """

    liked: gr.HTML
    record_id: gr.State
    answers: LastAnswers
    panel: SettingsPanel
    disliked: gr.HTML
    answer: gr.HTML
    details: gr.HTML
    genres: gr.components.Component
    rounds: gr.HTML


def create_recommend_tab(workbench: Workbench, default_choice: ModelChoice | None = None) -> Asked:
    """Makes the tab inside the block that is open."""
    settled = Settled("recommend")
    with gr.Row(elem_classes=["bench"]):
        with gr.Column(elem_classes=["side"], min_width=300, scale=0):
            with gr.Column(elem_classes=["card", "history"]):
                liked, disliked, clear, examples = _history(workbench)
                settled.tell([liked, disliked], "movies")
                record_id = gr.State(None)
                create_history_import(workbench, liked, disliked, record_id)
            go = gr.Button("Recommend", variant="primary", elem_id="go")
            live = create_live_switch()
            compare = gr.Button("Compare free text with catalogue decoding", elem_id="compare", size="sm")
            stop = gr.Button("Stop", visible=False, elem_id="stop", elem_classes=["halt"])
            leave = gr.Button("Waiting for a turn · leave the queue", visible=False, elem_id="leave")
            ab = create_ab_panel()
            several = create_several_controls(workbench, default_choice or ModelChoice())
            panel = create_settings_panel(workbench, default_choice or ModelChoice(), settled)
            preset_set = PresetHandlers(workbench, panel, default_choice or ModelChoice()).connect(settled)
            create_detail_costs(workbench, panel, liked, disliked, settled)
        with gr.Column(elem_classes=["main"], min_width=300):
            script = (ASSETS / "answer.js").read_text(encoding="utf-8")
            plain: dict[str, Any] = {"apply_default_css": False, "js_on_load": script}
            answer = gr.HTML(empty_cards(), elem_id="answer", **plain | {"js_on_load": script + begin_script()})
            rounds = create_rounds()
            tokens = create_token_card()
            details = gr.HTML("", elem_id="details", **plain)
    parts = _Parts(
        liked, disliked, record_id, go, compare, stop, leave, examples, clear, answer, details, panel, several, rounds,
        ab
    )  # fmt: skip
    handlers = RecommendHandlers(workbench, panel)
    votes = RoundsHandlers(workbench, handlers.running, handlers.finished, handlers.answer)
    asking = _connect(parts, handlers, votes, preset_set, settled)
    settled.connect([liked, disliked, *panel.inputs])
    connect_live(live, votes.follow(handlers.answer), *asking, _MODEL)
    connect_token_card(tokens, panel.generation, handlers.answers, TokenViewer(workbench.host), _MODEL)
    shown = (disliked, answer, details, panel.decoding["genres"], rounds.card)
    return Asked(liked, record_id, handlers.answers, panel, *shown)


def _history(workbench: Workbench) -> tuple[gr.HTML, gr.HTML, gr.Button, dict[str, gr.Button]]:
    with gr.Row(elem_classes=["card-head"]):
        gr.HTML("<h2>Movies this person liked</h2>", apply_default_css=False)
        clear = gr.Button("Clear", size="sm", elem_id="clear", elem_classes=["quiet"], min_width=0, scale=0)
    liked = create_title_picker(
        workbench,
        label="Liked movies, in order",
        search_label="Add a movie this person liked",
        placeholder="Add a movie: title or year",
        elem_id="liked",
    )
    with gr.Row(elem_classes=["examples"]):
        examples = {
            "ghibli": gr.Button("Studio Ghibli", size="sm", elem_id="example-ghibli", min_width=0),
            "action": gr.Button("90s action", size="sm", elem_id="example-action", min_width=0),
            "record": gr.Button("Random test user", size="sm", elem_id="example-record", min_width=0),
        }
    with gr.Accordion("Disliked movies", open=False, elem_id="fold-disliked", elem_classes=["fold", "fold-plain"]):
        disliked = create_title_picker(
            workbench,
            label="Disliked movies",
            search_label="Add a movie this person did not like",
            placeholder="Never recommended",
            elem_id="disliked",
        )
    return liked, disliked, clear, examples


def _connect(
    parts: _Parts,
    handlers: RecommendHandlers,
    rounds: RoundsHandlers,
    preset_set: gr.events.Dependency,
    settled: Settled,
) -> tuple[list[gr.components.Component], list[gr.components.Component]]:
    """Connects the events of the tab; returns what an answer that counts as a round is given, and what it shows."""
    panel = parts.panel
    num_recommendations = panel.generation["num_recommendations"]
    inputs = [parts.liked, parts.disliked, parts.record_id, *panel.inputs]
    filled = [parts.liked, parts.disliked, parts.record_id, num_recommendations]
    followed: list[gr.components.Component] = [*parts.view, parts.rounds.session, parts.rounds.card]
    runs = []

    def answer_after(
        start: gr.events.Dependency,
        answer: Callable[..., Iterator[View]] = handlers.answer,
        asked: list[Any] = inputs,
    ) -> None:
        begun = start.then(None, num_recommendations, parts.view, js=BEGIN, api_visibility="private")
        runs.append(begun.then(rounds.follow(answer), [parts.rounds.session, *asked], followed, **_MODEL))
        runs[-1].then(None, js=ENDED, api_visibility="private")

    answer_after(gr.on([parts.go.click, parts.liked.submit], None, js="() => {}", api_visibility="private"))
    answer_after(parts.compare.click(None, js="() => {}", api_visibility="private"), handlers.compare)
    several, over_several = parts.several, SeveralHandlers(handlers)
    for button, answer_them, chosen in (
        (several.ask_adapters, over_several.ask_adapters, several.adapters),
        (several.ask_models, over_several.ask_models, several.models),
    ):
        answer_after(button.click(None, js="() => {}", api_visibility="private"), answer_them, [chosen, *inputs])
    connect_several(handlers.workbench, several, panel.choice["model"], _QUICK)
    for name in ("ghibli", "action"):
        pressed = parts.examples[name].click(lambda name=name: handlers.fill_example(name), None, filled, **_QUICK)
        answer_after(pressed)
    answer_after(parts.examples["record"].click(handlers.fill_record, None, filled, **_QUICK))
    picked = [parts.liked, parts.disliked]
    swapped = connect_ab(parts.ab, AbHandlers(handlers), picked, parts.record_id, answer_after, settled)
    parts.stop.click(handlers.stop, **_QUICK)
    parts.leave.click(handlers.left_queue, None, parts.view, cancels=runs, **_QUICK)
    parts.clear.click(lambda: ([], [], None), None, [parts.liked, parts.disliked, parts.record_id], **_QUICK)
    connect_votes(rounds, parts.rounds, parts.answer, picked, inputs, parts.view, MODEL_QUEUE)
    _load_after(panel, handlers, (panel.chosen, preset_set, *swapped))
    _on_load(parts, handlers)
    return [parts.rounds.session, *inputs], followed


def _load_after(panel: SettingsPanel, handlers: RecommendHandlers, chosen: Iterable[gr.events.Dependency]) -> None:
    """The model is loaded as soon as another may have been chosen."""
    choice = [panel.choice[name] for name in ("model", "precision", "adapter", "int8_threshold")]
    for event in chosen:
        event.then(handlers.load_model, choice, **_TOLD)
    for name in ("precision", "int8_threshold"):
        control: Any = panel.choice[name]
        control.input(handlers.load_model, choice, trigger_mode="always_last", **_TOLD)


def _on_load(parts: _Parts, handlers: RecommendHandlers) -> None:
    """A link restores its request, and a small screen starts with the settings folded."""
    page = gr.context.Context.root_block
    page.load(handlers.restore, None, [parts.liked, parts.disliked, *parts.panel.inputs], **_TOLD)
    width = gr.Number(visible=False)
    fold = parts.panel.accordions[0]
    page.load(lambda pixels: gr.Accordion(open=pixels >= 900), width, fold, js=_WIDTH, **_QUICK)
