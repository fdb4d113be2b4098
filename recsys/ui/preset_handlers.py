"""What happens when a preset is chosen, saved, imported, or the defaults are restored.

Whatever a browser sends is checked by recsys.presets; what is wrong is told in the row, and no control moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from recsys.errors import RecsysError
from recsys.models.host import ModelChoice
from recsys.presets import SHIPPED, Preset, read_name, read_preset
from recsys.remote.settings import is_served
from recsys.ui.event_values import sent
from recsys.ui.links import available_choice
from recsys.ui.preset_row import OWN_SETTINGS, told
from recsys.ui.request_settings import RequestSettings
from recsys.ui.setting_names import SETTING_NAMES

if TYPE_CHECKING:
    from recsys.ui.settings_panel import SettingsPanel
    from recsys.ui.settled import Settled
    from recsys.workbench import Workbench

_QUICK: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


class PresetHandlers:
    """The row's handlers for one panel; nothing of a visitor is kept.

    Args:
        workbench: Its models and adapters.
        panel: Whose controls a preset sets.
        default_choice: What the page opens with.
    """

    def __init__(self, workbench: Workbench, panel: SettingsPanel, default_choice: ModelChoice) -> None:
        self.workbench = workbench
        self.panel = panel
        self.default_choice = default_choice

    def connect(self, settled: Settled) -> gr.events.Dependency:
        """Ties the row to the panel; what is returned comes after controls were set, when a model may be loaded.

        Args:
            settled: Tells the row what the controls are; their values end with the panel's.
        """
        row: Any = self.panel.preset
        inputs, shown = self.panel.inputs, [row, *self.panel.inputs]
        row.props["present"] = self.present_preset([getattr(control, "value", None) for control in inputs])
        row.save(self.save, inputs, row, **_QUICK)
        row.bring(self.bring, None, row, **_QUICK)
        settled.add(self.present, (), [row])
        row.restore(self.restore, None, shown, trigger_mode="always_last", **_QUICK)
        picked: gr.events.Dependency = row.pick(self.pick, inputs, shown, trigger_mode="always_last", **_QUICK)
        return picked

    def present(self, _: gr.Request, values: Sequence[Any]) -> tuple[Any]:
        """The settings of the controls, for the row to tell which preset they are."""
        return (gr.HTML(present=self.present_preset(values[-len(self.panel.inputs) :])),)

    def present_preset(self, values: Any) -> dict[str, Any] | None:
        """The controls' values as a preset has them, None where they make no settings."""
        try:
            return _preset(OWN_SETTINGS, self.panel.read(values)).to_dict()
        except RecsysError:
            return None

    def pick(self, event: gr.EventData, *values: Any) -> list[Any]:
        """Every control as a preset has it."""
        try:
            preset = _chosen(event)
            settings, problems = self._over(preset, values)
            shown = self.panel.show(settings)
        except RecsysError as error:
            return [told("wrong", str(error)), *(gr.skip() for _ in self.panel.inputs)]
        text = f"“{preset.name}” is set. {self._idle(settings)}".strip()
        return [told("picked", text, preset=_preset(OWN_SETTINGS, settings).to_dict(), problems=problems), *shown]

    def save(self, event: gr.EventData, *values: Any) -> dict[str, Any]:
        """The controls' settings under a name, for the browser to keep."""
        try:
            preset = _preset(read_name(sent(event, "name")), self.panel.read(values))
        except RecsysError as error:
            return told("wrong", str(error))
        return told("saved", f"“{preset.name}” is kept in this browser.", preset=preset.to_dict())

    def bring(self, event: gr.EventData) -> dict[str, Any]:
        """A preset that was exported somewhere, for the browser to keep."""
        try:
            preset = read_preset(str(sent(event, "text")))
        except RecsysError as error:
            return told("wrong", str(error))
        return told(
            "brought", f"“{preset.name}” is kept in this browser; choose it to set it.", preset=preset.to_dict()
        )

    def restore(self) -> list[Any]:
        """Every control as the page opens with it."""
        prompt = self.workbench.choices.prompt_rule(self.default_choice).default
        default = Preset("Default")
        settings = RequestSettings(
            default.generation, prompt, default.resolution, self.default_choice, default.decoding
        )
        text, present = "All settings are as the page opens with.", _preset(OWN_SETTINGS, settings).to_dict()
        return [told("restored", text, preset=present), *self.panel.show(settings)]

    def _over(self, preset: Preset, values: Any) -> tuple[RequestSettings, list[str]]:
        """The preset's settings as this page can show them, and what of it is not here."""
        problems: list[str] = []
        choice, prompt = preset.choice, preset.prompt
        # What a preset keeps is read only then: a preset is also a way out of values that are none.
        present = self.panel.read(values) if preset.keeps else RequestSettings.of(preset)
        if "choice" in preset.keeps:
            choice = present.choice
        else:
            choice, problems = available_choice(choice, self.workbench, what="preset")
        rule = self.workbench.choices.prompt_rule(choice)
        if "prompt" in preset.keeps:
            prompt = present.prompt
        elif not rule.accepts(prompt):
            problems.append(f"Its prompt is not read here, so another is set. {rule.reason}".strip())
            prompt = rule.default
        generation = preset.generation_over(present.generation)
        settings = RequestSettings(generation, prompt, preset.resolution, choice, preset.decoding)
        held, outside = self.panel.held(settings, "preset")
        return held, [*problems, *outside]

    def _idle(self, settings: RequestSettings) -> str:
        """Which of the generator's settings do nothing in the preset's mode."""
        model = settings.choice.model
        idle = dict(settings.decoding.without_effect(settings.generation))
        if is_served(model):
            idle |= self.workbench.choices.served.without_effect(model)
        names = [SETTING_NAMES[name] for name in settings.generation.to_dict() if name in idle]
        return f"Without effect in it: {', '.join(names)}." if names else ""


def _preset(name: str, settings: RequestSettings) -> Preset:
    return Preset(name, settings.generation, settings.resolution, settings.decoding, settings.prompt, settings.choice)


def _chosen(event: gr.EventData) -> Preset:
    name = sent(event, "name")
    for preset in SHIPPED:
        if preset.name == name:
            return preset
    return read_preset(str(sent(event, "preset")))
