"""The settings of one request: model, generator, prompt and matching, as controls and back.

Controls are grouped as people think of them. One without effect in the present mode is disabled and
says why; which these are is asked of the settings, not decided here. Bounds shown are the page's; the
settings classes check every value again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import gradio as gr
from gradio.components import Component

from recsys.errors import SettingsError
from recsys.models.choices import ModelChoices
from recsys.models.host import ModelChoice
from recsys.remote.settings import is_served
from recsys.settings import GenerationSettings, Precision, ResolutionSettings, Settings
from recsys.ui.choice_controls import (
    NO_ADAPTER,
    choice_updates,
    connect_choice,
    create_choice_controls,
)
from recsys.ui.decoding_controls import (
    connect_decoding,
    create_decoding_controls,
    read_decoding,
    written_decoding,
)
from recsys.ui.model_fit import connect_fit, create_fit_line
from recsys.ui.preset_row import create_preset_row
from recsys.ui.prompt_controls import create_prompt_controls, read_prompt
from recsys.ui.request_settings import RequestSettings
from recsys.ui.served_controls import connect_served, served_outputs
from recsys.ui.setting_controls import (
    HELP,
    RESOLVERS_OWN,
    as_whole,
    create_generation_controls,
    create_resolution_controls,
)
from recsys.ui.setting_names import SETTING_NAMES

if TYPE_CHECKING:
    from recsys.ui.settled import Settled
    from recsys.workbench import Workbench

S = TypeVar("S", bound=Settings)

_QUICK: dict[str, Any] = {
    "queue": False,
    "show_progress": "hidden",
    "trigger_mode": "always_last",
    "api_visibility": "private",
}
_FORCED = "Force nearest takes the nearest title however unlike."


@dataclass(frozen=True)
class SettingsPanel:
    """The controls by the name of their setting, and the event after a model or an adapter was chosen."""

    choice: dict[str, Component]
    generation: dict[str, Component]
    prompt: dict[str, Component]
    resolution: dict[str, Component]
    decoding: dict[str, Component]
    preset: gr.HTML
    accordions: tuple[gr.Accordion, ...]
    choices: ModelChoices
    chosen: gr.events.Dependency

    @property
    def prompt_fold(self) -> gr.Accordion:
        """Where the controls of the prompt are."""
        return self.accordions[3]

    @property
    def model_fold(self) -> gr.Accordion:
        """Where model, precision and adapter are."""
        return self.accordions[2]

    @property
    def inputs(self) -> list[Component]:
        """All controls, in the order that `read` expects their values."""
        groups = (self.choice, self.generation, self.prompt, self.resolution, self.decoding)
        return [control for group in groups for control in group.values()]

    def read(self, values: Sequence[Any]) -> RequestSettings:
        """The settings that the controls' values make.

        Raises:
            SettingsError: for a value out of range or of the wrong type.
        """
        left = list(values)
        choice, generation, prompt, resolution, decoding = (
            {name: left.pop(0) for name in group}
            for group in (self.choice, self.generation, self.prompt, self.resolution, self.decoding)
        )
        return read_settings(choice, generation, prompt, resolution, decoding)

    def write(self, settings: RequestSettings) -> list[Any]:
        """The values of `inputs` that show these settings."""
        own = settings.resolution.threshold is None
        return [
            settings.choice.model,
            settings.choice.precision,
            settings.choice.int8_threshold,
            settings.choice.adapter or NO_ADAPTER,
            *(getattr(settings.generation, name) for name in self.generation),
            *(getattr(settings.prompt, name) for name in self.prompt),
            settings.resolution.resolver,
            own,
            0.6 if own else settings.resolution.threshold,
            settings.resolution.force_nearest,
            *written_decoding(settings.decoding),
        ]

    def show(self, settings: RequestSettings) -> list[Any]:
        """As `write`, with what else the choice does to the controls: what is offered and what is fixed."""
        values = dict(zip(self.inputs, self.write(settings), strict=True))
        shown = [self.choice["adapter"], *self.prompt.values()]
        values |= zip(shown, choice_updates(self.choices, settings.choice, settings.prompt), strict=True)
        return list(values.values())

    def held(self, settings: RequestSettings, what: str) -> tuple[RequestSettings, list[str]]:
        """The settings within the ends of the sliders, beyond which the page could not ask, and what that changed.

        Args:
            settings: Any valid ones.
            what: Where they come from, for the sentences.
        """
        problems: list[str] = []
        generation = _within(settings.generation, self.generation, what, problems)
        decoding = _within(settings.decoding, self.decoding, what, problems)
        return replace(settings, generation=generation, decoding=decoding), problems


def read_settings(
    choice: Mapping[str, Any],
    generation: Mapping[str, Any],
    prompt: Mapping[str, Any],
    resolution: Mapping[str, Any],
    decoding: Mapping[str, Any],
) -> RequestSettings:
    """The settings of plain values as a browser sends them, where 4 and 4.0 are the same number.

    Raises:
        SettingsError: for a value out of range or of the wrong type.
    """
    threshold = None if resolution["own_threshold"] else resolution["threshold"]
    if not isinstance(choice["model"], str) or not choice["model"].strip():
        raise SettingsError("no model is chosen", seen=choice["model"], mend="pick one, or type a Hub id or folder")
    if choice["precision"] not in get_args(Precision):
        raise SettingsError("precision is not known", seen=choice["precision"], mend="choose auto")
    model = choice["model"].strip()
    precision: Precision = "auto" if is_served(model) else choice["precision"]
    return RequestSettings(
        GenerationSettings.from_dict({name: as_whole(name, value) for name, value in generation.items()}),
        read_prompt(prompt),
        ResolutionSettings(resolution["resolver"], threshold, resolution["force_nearest"]),
        ModelChoice(model, precision, choice["adapter"] or None, choice["int8_threshold"]),
        read_decoding(decoding),
    )


def _within(settings: S, controls: Mapping[str, Component], what: str, problems: list[str]) -> S:
    changes: dict[str, Any] = {}
    for name, control in controls.items():
        if isinstance(control, gr.Slider | gr.Number):
            value, low, high = getattr(settings, name), control.minimum, control.maximum
            taken = low if low is not None and value < low else high if high is not None and value > high else value
            if taken != value:
                changes[name] = taken
                problems.append(f"The {what}'s {SETTING_NAMES[name]} is {value:g}; this page ends at {taken:g}.")
    return settings.replace(**changes)


def create_settings_panel(
    workbench: Workbench, default_choice: ModelChoice, settled: Settled | None = None
) -> SettingsPanel:
    """Makes the controls, in five folds; the generator's is open."""
    choices = workbench.choices
    with gr.Accordion("Generator", open=True, elem_id="fold-generator", elem_classes=["fold"]) as generator_fold:
        preset = create_preset_row()
        generation = create_generation_controls(workbench.limits)
    with gr.Accordion(
        "Catalogue decoding", open=False, elem_id="fold-decoding", elem_classes=["fold"]
    ) as decoding_fold:
        decoding = create_decoding_controls(workbench)
    with gr.Accordion("Model", open=False, elem_id="fold-model", elem_classes=["fold"]) as model_fold:
        choice = create_choice_controls(choices, default_choice, public=workbench.options.public)
        fit = create_fit_line()
    with gr.Accordion("Prompt", open=False, elem_id="fold-prompt", elem_classes=["fold"]) as prompt_fold:
        prompt = create_prompt_controls(choices.prompt_rule(default_choice))
    with gr.Accordion("Matching", open=False, elem_id="fold-matching", elem_classes=["fold"]) as matching_fold:
        resolution = create_resolution_controls()
    folds = (generator_fold, decoding_fold, model_fold, prompt_fold, matching_fold)
    if settled is not None:
        groups = (choice, generation, prompt, resolution, decoding)
        controls = [control for group in groups for control in group.values()]
        # A model is loaded first, and a text is wrong while it is typed.
        shaping = [one for one in controls if one not in choice.values() and not isinstance(one, gr.Textbox)]
        settled.tell(shaping, "shape")
        settled.tell([one for one in controls if one not in shaping], "choice")
    chosen = connect_choice(choices, choice, prompt, _QUICK)
    connect_fit(workbench, choice, fit, _QUICK)
    panel = SettingsPanel(choice, generation, prompt, resolution, decoding, preset, folds, choices, chosen)
    _connect(panel)
    return panel


def _connect(panel: SettingsPanel) -> None:
    """Modes disable what has no effect."""
    choices, choice = panel.choices, panel.choice
    connect_decoding(panel.decoding, panel.generation, choice["model"], choices.served, _QUICK)
    others = [panel.decoding["decoding"], panel.resolution["resolver"], panel.generation["temperature"]]
    shown = served_outputs(choice, panel.generation, panel.decoding, panel.resolution)
    connect_served(choices, [choice["model"], *others], shown, _QUICK)
    resolution = panel.resolution
    decides = [resolution["own_threshold"], resolution["force_nearest"]]
    for control in decides:
        control.change(threshold_state, decides, resolution["threshold"], **_QUICK)


def threshold_state(own_threshold: bool, force_nearest: bool) -> gr.Slider:
    """The threshold, disabled with the reason while something else decides."""
    return _state("threshold", _FORCED if force_nearest else RESOLVERS_OWN if own_threshold else None)


def _state(name: str, reason: str | None) -> gr.Slider:
    return gr.Slider(interactive=reason is None, info=reason or HELP[name])
