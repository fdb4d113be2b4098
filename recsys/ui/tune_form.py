"""The form of the Tune tab: what is varied on how many validation records, or what is searched and how long.

What is not varied is what the Evaluate tab's form says; its inputs stand behind these in every event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import gradio as gr

from recsys.errors import ModelUnavailableError, SettingsError
from recsys.evaluation.request import EvaluationRequest
from recsys.tuning.axes import MAX_AXES, Axis
from recsys.tuning.space import DEFAULT_SPACE
from recsys.tuning.study import Study
from recsys.tuning.sweep import Sweep
from recsys.tuning.trials import require_optuna
from recsys.ui.evaluation_form import whole
from recsys.ui.markup import escape
from recsys.ui.tuning_words import OBJECTIVES, SETTINGS, setting_title

if TYPE_CHECKING:
    from gradio.components import Component

    from recsys.ui.evaluation_form import EvaluationForm
    from recsys.workbench import Workbench

SPLIT: Final = "validation"
NO_AXIS: Final = ""
_FIRST_AXES: Final = ("temperature", "top_p", NO_AXIS)
_FEWEST, _USUAL, _MOST_TRIALS = 16, 48, 200
_ORDINALS: Final = ("First setting", "Second setting", "Third setting")
_QUICK: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


class TuneForm:
    """Draws the form where it is made.

    Args:
        workbench: Knows how many records there are.
        base_form: Says what is not varied.
    """

    def __init__(self, workbench: Workbench, base_form: EvaluationForm) -> None:
        self._workbench, self._base_form = workbench, base_form
        self.mode = gr.Radio(
            [("Sweep", "sweep"), ("Search", "study")],
            value="sweep",
            show_label=False,
            elem_id="tune-mode",
            elem_classes=["segments"],
        )
        with gr.Column(elem_classes=["fold", "tn-fold"]):
            self.num_records = gr.Slider(
                step=1, label="Validation records", elem_id="tune-records", **self._records_state(_USUAL)
            )
        self.axes: list[Component] = []
        with gr.Column(elem_classes=["fold", "tn-fold"], elem_id="tune-axes") as self.sweep_part:
            for place, name in enumerate(_FIRST_AXES):
                self._draw_axis(place, name)
        with gr.Column(visible=False, elem_classes=["fold", "tn-fold"], elem_id="tune-search") as self.study_part:
            self._draw_search()
        self.mode.change(_show_part, self.mode, [self.sweep_part, self.study_part], **_QUICK)

    def _draw_axis(self, place: int, name: str) -> None:
        offered = [(f"{words.group} · {words.title}", setting) for setting, words in SETTINGS.items()]
        setting = gr.Dropdown(
            offered if place == 0 else [("None", NO_AXIS), *offered],
            value=name,
            label=_ORDINALS[place],
            elem_id=f"tune-axis-{place + 1}",
        )
        values = gr.Textbox(
            SETTINGS[name].values if name else "",
            label="Its values",
            show_label=False,
            max_lines=1,
            max_length=400,
            placeholder="Values, with commas between them",
            visible=bool(name),
            elem_id=f"tune-values-{place + 1}",
        )
        # A dropdown that is only passed through tells of input too, and what was written must stay then.
        before = gr.State(name)
        setting.input(_usual_values, [setting, before], [values, before], **_QUICK)
        self.axes += [setting, values]

    def _draw_search(self) -> None:
        missing = _missing_optuna()
        gr.HTML(missing, visible=bool(missing), elem_id="tune-missing", apply_default_css=False)
        self.objective = gr.Radio(
            [("Trade-offs" if name == "pareto" else title, name) for name, title in OBJECTIVES.items()],
            value="ndcg",
            label="Search for",
            info="Trade-offs are of NDCG, clean lists and time: those that none beats in all three.",
            elem_id="tune-objective",
            elem_classes=["segments"],
        )
        self.num_trials = gr.Slider(
            2,
            _MOST_TRIALS,
            value=30,
            step=1,
            label="Trials",
            info="Those of an earlier start count; the first has the settings of Evaluate.",
            elem_id="tune-trials",
        )
        self.space = gr.CheckboxGroup(
            [(_space_title(str(one)), one.name) for one in DEFAULT_SPACE],
            value=[one.name for one in DEFAULT_SPACE],
            label="Over",
            elem_id="tune-space",
        )
        self.prove = gr.Checkbox(
            False,
            label="Prove the winner on test users at the end",
            info="Asks all test users twice: with the winner, and with the settings before.",
            elem_id="tune-prove-at-end",
        )

    @property
    def own_inputs(self) -> list[Component]:
        """The controls of this tab, in the order that `read` expects their values."""
        return [self.mode, self.num_records, *self.axes, self.objective, self.num_trials, self.space, self.prove]

    @property
    def inputs(self) -> list[Component]:
        """All that an event needs: this tab's controls, then the Evaluate tab's."""
        return [*self.own_inputs, *self._base_form.inputs]

    def read_base(self, values: Sequence[Any]) -> EvaluationRequest:
        """What is the same in every cell.

        Raises:
            SettingsError: for a value out of range or of the wrong type.
        """
        base = self._base_form.read(values[len(self.own_inputs) :])
        wanted, available = whole("records", values[1]), self._available
        settings = base.evaluation.replace(split=SPLIT, num_records=0 if wanted >= available > 0 else wanted)
        return replace(base, evaluation=settings, baselines=())

    def read(self, values: Sequence[Any]) -> Sweep | Study:
        """The sweep or the search that the controls' values make.

        Raises:
            SettingsError: for what cannot be made.
        """
        base = self.read_base(values)
        mode, _, *others = values[: len(self.own_inputs)]
        if mode == "sweep":
            pairs = zip(others[: 2 * MAX_AXES : 2], others[1 : 2 * MAX_AXES : 2], strict=True)
            return Sweep(base, tuple(Axis.parse(f"{name}={text or ''}") for name, text in pairs if name))
        objective, num_trials, chosen, _ = others[2 * MAX_AXES :]
        space = tuple(one for one in DEFAULT_SPACE if one.name in (chosen or ()))
        if not space:
            raise SettingsError("no setting is chosen to search over", mend="check one")
        return Study(base, space, objective, whole("trials", num_trials))

    def wants_proof(self, values: Sequence[Any]) -> bool:
        """Whether test users are asked at the end of a search."""
        return bool(values[len(self.own_inputs) - 1])

    def limit_records(self, wanted: float) -> gr.Slider:
        """The slider of records for the data in use."""
        return gr.Slider(**self._records_state(wanted))

    @property
    def _available(self) -> int:
        return len(self._workbench.split.records[SPLIT])

    def _records_state(self, wanted: float) -> dict[str, Any]:
        most = max(self._available, 1)
        least = min(_FEWEST, most - 1)  # Gradio draws no slider whose ends are the same
        info = f"The right end is all {most}; every cell asks the same ones."
        return {"minimum": least, "maximum": most, "value": min(max(wanted, least), most), "info": info}


def _show_part(mode: str) -> tuple[gr.Column, gr.Column]:
    return gr.Column(visible=mode == "sweep"), gr.Column(visible=mode == "study")


def _usual_values(name: object, before: object) -> tuple[Any, object]:
    """The values that another setting takes at first; none without a setting."""
    if name == before:
        return gr.skip(), name
    words = SETTINGS.get(name) if isinstance(name, str) else None
    return gr.Textbox(words.values if words else "", visible=words is not None), name


def _space_title(text: str) -> str:
    """A searched setting with what it may be.

    >>> _space_title("temperature=0..1.5"), _space_title("num_beams=1,2,4")
    ('Temperature 0–1.5', 'Beams 1, 2, 4')
    """
    name, _, values = text.partition("=")
    return f"{setting_title(name)} {values.replace('..', '–').replace(',', ', ')}"


def _missing_optuna() -> str:
    """How to install what searches need; empty where it is there."""
    try:
        require_optuna()
    except ModelUnavailableError as error:
        command = "" if error.mend is None else f"<code>{escape(error.mend)}</code>"
        told = f"Searches need optuna, which is not installed: {command}"
        return f'<p class="callout callout-problem" role="note">{told}</p>'
    return ""
