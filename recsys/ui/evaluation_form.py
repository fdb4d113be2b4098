"""The form of the Evaluate tab: which records, which model, which settings, and the request they make.

Model, generator, prompt and matching are the very controls of the Recommend tab, with values of their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.blocks import Block, BlockContext

from recsys.data.windows import HISTORY_LENGTH
from recsys.errors import SettingsError
from recsys.evaluation.request import BASELINES, BATCH_SIZES, EvaluationRequest
from recsys.limits import Limits
from recsys.models.host import ModelChoice
from recsys.settings import EvaluationSettings, require_choice
from recsys.ui.evaluation_cards import SYSTEM_TITLES
from recsys.ui.preset_handlers import PresetHandlers
from recsys.ui.request_settings import RequestSettings
from recsys.ui.settings_panel import create_settings_panel
from recsys.ui.settled import Settled

if TYPE_CHECKING:
    from gradio.components import Component

    from recsys.ui.evaluate_handlers import EvaluateHandlers

SPLITS = {"test": "Test users", "validation": "Validation users"}
"""The sets of users that the form offers."""
LARGEST_BATCH = 128
_DEFAULTS = EvaluationSettings()
_SEED_HELP = "Draws the records, and with each record's id its answer."


class EvaluationForm:
    """Draws the form where it is made; the values of ``inputs`` go into ``read`` in their order.

    Args:
        handlers: Knows how many records there are.
        default_choice: The model that is chosen at first.
    """

    default_split = _DEFAULTS.split

    def __init__(self, handlers: EvaluateHandlers, default_choice: ModelChoice) -> None:
        self._handlers = handlers
        self.settled = Settled("evaluate")
        with gr.Accordion("Records", open=True, elem_id="evaluate-fold-records", elem_classes=["fold"]):
            self._draw_records(handlers.num_available(_DEFAULTS.split))
        self._draw_folds(default_choice)
        self.settled.tell(self.own, "choice")
        self.split.input(
            self.limit_records,
            [self.split, self.num_records],
            self.num_records,
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )

    def _draw_records(self, most: int) -> None:
        self.split = gr.Radio(
            [(title, name) for name, title in SPLITS.items()],
            value=_DEFAULTS.split,
            label="Whose records",
            elem_id="evaluate-split",
            elem_classes=["segments"],
        )
        most = max(most, 1)
        self.num_records = gr.Slider(
            min(1, most - 1),  # Gradio draws no slider whose ends are the same
            most,
            value=min(_DEFAULTS.num_records, most),
            step=1,
            label="How many",
            info=self._records_help(most),
            elem_id="evaluate-records",
        )
        self.k = gr.Slider(
            1,
            largest_k(self._handlers.workbench.limits),
            value=_DEFAULTS.k,
            step=1,
            label="K",
            info="How many titles are asked for and scored.",
            elem_id="evaluate-k",
        )
        self.history_length = gr.Slider(
            0,
            HISTORY_LENGTH,
            value=HISTORY_LENGTH,
            step=1,
            label="Liked movies shown",
            info=f"The latest of each record's {HISTORY_LENGTH}; 0 is a cold start, the right end shows all.",
            elem_id="evaluate-history-length",
        )

    def _draw_folds(self, default_choice: ModelChoice) -> None:
        self.panel = create_settings_panel(self._handlers.workbench, default_choice, self.settled)
        PresetHandlers(self._handlers.workbench, self.panel, default_choice).connect(self.settled)
        for fold in self.panel.accordions:
            fold.open = False
            _prefix_ids(fold, "evaluate-")
        # K asks for as many titles as it scores, so a second control for their number could only disagree with it.
        self.panel.generation["num_recommendations"].visible = False
        self.panel.generation["seed"].info = _SEED_HELP
        with gr.Accordion("Baselines and batches", open=False, elem_id="evaluate-fold-more", elem_classes=["fold"]):
            self.baselines = gr.CheckboxGroup(
                [(SYSTEM_TITLES[name], name) for name in BASELINES],
                value=["popularity", "ease"],
                label="Beside the model",
                info="Fitted on other users, scored on the same records.",
                elem_id="evaluate-baselines",
            )
            self.batch_size = gr.Slider(
                0,
                LARGEST_BATCH,
                value=_DEFAULTS.batch_size,
                step=1,
                label="Batch size",
                info=f"Asked together; 0 takes {BATCH_SIZES[False]}, with catalogue decoding {BATCH_SIZES[True]}.",
                elem_id="evaluate-batch-size",
            )

    @property
    def own(self) -> list[Component]:
        """The controls that the Recommend tab has not."""
        return [self.split, self.num_records, self.k, self.history_length, self.baselines, self.batch_size]

    @property
    def inputs(self) -> list[Component]:
        """All controls, in the order that ``read`` expects their values."""
        return [*self.own, *self.panel.inputs]

    def read(self, values: Sequence[Any]) -> EvaluationRequest:
        """The request that the controls' values make.

        Raises:
            SettingsError: for a value out of range or of the wrong type.
        """
        split, num_records, k, history_length, baselines, batch_size, *others = values
        settings = self.panel.read(others)
        # The seed of the panel is the run's: each record's own is made of it and the record's id.
        seed, whole_k = settings.generation.seed, whole("k", k)
        wanted, shown = whole("records", num_records), whole("history_length", history_length)
        available = len(self._handlers.workbench.split.records.get(split, ()))
        return EvaluationRequest(
            evaluation=EvaluationSettings(
                split=split,
                num_records=0 if wanted >= available > 0 and not self._is_limited else wanted,
                k=whole_k,
                batch_size=whole("batch_size", batch_size),
                seed=seed,
                history_length=None if shown == HISTORY_LENGTH else shown,  # so that runs of before are found again
            ),
            generation=settings.generation.replace(num_recommendations=whole_k, seed=0),
            prompt=settings.prompt,
            resolution=settings.resolution,
            choice=settings.choice,
            baselines=tuple(name for name in BASELINES if name in (baselines or ())),
            decoding=settings.decoding,
        )

    def show(self, request: EvaluationRequest) -> list[Any]:
        """What makes ``inputs`` show a request."""
        settings = request.evaluation
        generation = request.generation.replace(num_recommendations=settings.k, seed=settings.seed)
        panel = RequestSettings(generation, request.prompt, request.resolution, request.choice, request.decoding)
        return [
            settings.split,
            self.limit_records(settings.split, settings.num_records or math.inf),
            settings.k,
            HISTORY_LENGTH if settings.history_length is None else min(settings.history_length, HISTORY_LENGTH),
            list(request.baselines),
            settings.batch_size,
            *self.panel.show(panel),
        ]

    @property
    def _is_limited(self) -> bool:
        return bool(self._handlers.workbench.limits.max_records)

    def _records_help(self, most: int) -> str:
        return f"At most {most} on this public page." if self._is_limited else f"The right end is all {most}."

    def limit_records(self, split: str = default_split, wanted: float = _DEFAULTS.num_records) -> gr.Slider:
        """The slider of records for those that a split has.

        Raises:
            SettingsError: when there is no such split.
        """
        require_choice("split", split, tuple(SPLITS))
        most = max(self._handlers.num_available(split), 1)
        return gr.Slider(maximum=most, value=min(wanted, most), info=self._records_help(most))


def largest_k(limits: Limits) -> int:
    """The end of the slider of K."""
    return limits.max_num_recommendations


def whole(name: str, value: object) -> int:
    """A whole number as a browser sends it, where 4 and 4.0 are the same.

    Raises:
        SettingsError: when it is none.
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not float(value).is_integer():  # type: ignore[arg-type]
        raise SettingsError(f"{name} is not a whole number", seen=value, mend="give a number such as 4")
    return int(value)  # type: ignore[call-overload,no-any-return]


def _prefix_ids(block: Block, prefix: str) -> None:
    """Gives a block and all within it ids of this tab: the Recommend tab has the same controls."""
    if block.elem_id:
        block.elem_id = prefix + block.elem_id
    if isinstance(block, BlockContext):
        for child in block.children:
            _prefix_ids(child, prefix)
