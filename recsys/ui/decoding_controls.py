"""The controls of catalogue decoding, and what they and the generator's own do to each other.

Which settings have no effect is asked of the settings; this module only says it on the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component

from recsys.errors import SettingsError
from recsys.settings import DecodingSettings, GenerationSettings
from recsys.ui.setting_controls import HELP

if TYPE_CHECKING:
    from recsys.workbench import Workbench

_DECODINGS = [("Off", "free"), ("List", "catalogue_list"), ("Ranking", "catalogue_rank")]
_SCORES = [("Within the tree", "tree"), ("Whole vocabulary", "full")]
_ABOUT = {
    "free": "The model writes what it likes; titles are looked up after.",
    "catalogue_list": "One list as ever, but only real movies that are new to this person.",
    "catalogue_rank": "No text: the likeliest real movies as the next one.",
}
_OFF = "Only with catalogue decoding."
_FILTER_HELP = {
    "title_score": "What likelihood means where lists or titles are compared.",
    "genres": "Any of these; none allows all.",
    "year_from": "Or later.",
    "year_to": "Or earlier.",
}
IDLE_IN_SOME_MODE = ("temperature", "top_p", "top_k", "repetition_penalty", "max_new_tokens", "seed")
"""Generator settings that one mode or another leaves without effect."""


def create_decoding_controls(workbench: Workbench) -> dict[str, Component]:
    """The switch, the title score and the filters, by the name of their setting."""
    default = DecodingSettings()
    controls: dict[str, Component] = {
        "decoding": gr.Radio(
            _DECODINGS,
            value=default.decoding,
            label="Mode",
            info=_ABOUT[default.decoding],
            elem_id="decoding",
            elem_classes=["segments"],
        ),
        "title_score": gr.Radio(
            _SCORES,
            value=default.title_score,
            label="Title score",
            info=_OFF,
            interactive=False,
            elem_id="title_score",
            elem_classes=["segments"],
        ),
        "genres": gr.Dropdown(
            genres_of(workbench),
            value=[],
            multiselect=True,
            label="Genres",
            info=_OFF,
            interactive=False,
            elem_id="genres",
        ),
    }
    with gr.Row(elem_classes=["years-row"]):
        for name, label in (("year_from", "From year"), ("year_to", "To year")):
            # A text, because Gradio turns an empty number into 0 when it is enabled.
            controls[name] = gr.Textbox(
                "",
                label=label,
                info=_OFF,
                placeholder="any",
                max_length=4,
                max_lines=1,
                interactive=False,
                elem_id=name,
                min_width=100,
            )
    return controls


def genres_of(workbench: Workbench) -> list[str]:
    """Every genre of the data in use."""
    return sorted({genre for movie in workbench.catalogue for genre in movie.genres})


def connect_decoding(
    decoding: Mapping[str, Component], generation: Mapping[str, Component], quick: Mapping[str, Any]
) -> None:
    """Disables what has no effect in a mode and says why."""
    switch: Any = decoding["decoding"]
    filters = [decoding[name] for name in _FILTER_HELP]
    switch.change(filter_states, switch, [switch, *filters], **quick)
    asked = [switch, generation["temperature"]]
    switch.change(generator_states, asked, [generation[name] for name in IDLE_IN_SOME_MODE], **quick)
    temperature: Any = generation["temperature"]
    temperature.change(cut_off_states, asked, [generation[name] for name in ("top_p", "top_k")], **quick)


def filter_states(decoding: str) -> list[Any]:
    """The switch's own words, the title score and the filters in this mode."""
    on = decoding != "free"
    words = {name: text if on else _OFF for name, text in _FILTER_HELP.items()}
    return [
        gr.Radio(info=_ABOUT.get(decoding, "")),
        gr.Radio(interactive=on, info=words["title_score"]),
        gr.Dropdown(interactive=on, info=words["genres"]),
        *(gr.Textbox(interactive=on, info=words[name]) for name in ("year_from", "year_to")),
    ]


def generator_states(decoding: Any, temperature: float) -> list[Any]:
    """The generator's controls that some mode leaves without effect, with the reason where this one does."""
    idle = DecodingSettings(decoding).without_effect(GenerationSettings(temperature=temperature))
    return [_state(name, idle.get(name)) for name in IDLE_IN_SOME_MODE]


def cut_off_states(decoding: Any, temperature: float) -> list[Any]:
    """Top-p and top-k alone: a slider that is being moved is better left alone."""
    idle = DecodingSettings(decoding).without_effect(GenerationSettings(temperature=temperature))
    return [_state(name, idle.get(name)) for name in ("top_p", "top_k")]


def read_decoding(values: Mapping[str, Any]) -> DecodingSettings:
    """The settings of the controls' values; filters count only where they act.

    Raises:
        SettingsError: for a value that cannot be.
    """
    settings = DecodingSettings.from_dict(
        {name: _year(name, value) if name.startswith("year") else value for name, value in values.items()}
    )
    return settings if settings.is_catalogue else DecodingSettings()


def written_decoding(settings: DecodingSettings) -> list[Any]:
    """The values of the controls that show these settings."""
    years = ("" if year is None else str(year) for year in (settings.year_from, settings.year_to))
    return [settings.decoding, settings.title_score, list(settings.genres), *years]


def _year(name: str, value: object) -> int | None:
    text = str("" if value is None else value).strip()
    if not text:
        return None
    if not text.isdecimal():
        raise SettingsError(f"{name} is not a year", seen=value, mend="write four digits, or nothing for any year")
    return int(text)


def _state(name: str, reason: str | None) -> Any:
    component: Any = gr.Number if name == "seed" else gr.Slider
    return component(interactive=reason is None, info=reason or HELP[name])
