"""The controls of catalogue decoding, and what they and the generator's own do to each other.

Which settings have no effect is asked of the settings; this module only says it on the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component

from recsys.errors import SettingsError
from recsys.limits import Limits
from recsys.settings import HYBRID_SETTINGS, DecodingSettings, GenerationSettings
from recsys.ui.setting_controls import HELP, as_whole

if TYPE_CHECKING:
    from recsys.models.served import ServedListing
    from recsys.workbench import Workbench

DECODINGS = [("Off", "free"), ("List", "catalogue_list"), ("Ranking", "catalogue_rank"), ("Hybrid", "hybrid")]
_SCORES = [("Within the tree", "tree"), ("Whole vocabulary", "full")]
DECODING_ABOUT = {
    "free": "The model writes what it likes; titles are looked up after.",
    "catalogue_list": "One list as ever, but only real movies that are new to this person.",
    "catalogue_rank": "No text: the likeliest real movies as the next one.",
    "hybrid": "A classic recommender's best, put in order by it and the model together.",
}
_LONGEST_YEAR = 9
_OFF = "Only with catalogue decoding."
_FILTER_HELP = {
    "title_score": "What likelihood means where lists or titles are compared.",
    "genres": "Any of these; none allows all.",
    "year_from": "Or later.",
    "year_to": "Or earlier.",
}
_HYBRID_HELP = {
    "num_candidates": "Of the classic recommender; the model scores each.",
    "llm_weight": "Of the model's log-likelihood; 0 is the classic order.",
}
_NOT_HYBRID = "Only in a hybrid."
_MOST_BEAMS = 16
_NOWHERE: Mapping[str, str] = MappingProxyType({})
IDLE_IN_SOME_MODE = ("temperature", "top_p", "top_k", "num_beams", "repetition_penalty", "max_new_tokens", "seed")
"""Generator settings that one mode or another leaves without effect."""


def create_decoding_controls(workbench: Workbench) -> dict[str, Component]:
    """The switch, the title score, the filters and what a hybrid needs, by the name of their setting."""
    default = DecodingSettings()
    controls: dict[str, Component] = {
        "decoding": gr.Radio(
            DECODINGS,
            value=default.decoding,
            label="Mode",
            info=DECODING_ABOUT[default.decoding],
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
    return controls | _create_hybrid_controls(workbench.limits)


def _create_hybrid_controls(limits: Limits) -> dict[str, Component]:
    default = DecodingSettings()
    with gr.Row(elem_classes=["years-row"]):
        return {
            name: gr.Number(
                getattr(default, name),
                precision=precision,
                minimum=low,
                maximum=high,
                label=label,
                info=_NOT_HYBRID,
                interactive=False,
                elem_id=name,
                min_width=100,
            )
            for name, label, low, high, precision in (
                ("num_candidates", "Candidates", 1, limits.max_num_candidates, 0),
                ("llm_weight", "LLM weight", 0, 1e6, None),
            )
        }


def genres_of(workbench: Workbench) -> list[str]:
    """Every genre of the data in use."""
    return sorted({genre for movie in workbench.catalogue for genre in movie.genres})


def connect_decoding(
    decoding: Mapping[str, Component],
    generation: Mapping[str, Component],
    model: Component,
    served: ServedListing,
    quick: Mapping[str, Any],
) -> None:
    """Disables what has no effect in a mode, or at a server, and says why."""
    switch: Any = decoding["decoding"]
    others = [decoding[name] for name in (*_FILTER_HELP, *HYBRID_SETTINGS)]
    switch.change(filter_states, switch, [switch, *others], **quick)
    asked = [switch, generation["temperature"], model]

    def states_of(decoding: Any, temperature: float, model: object) -> list[Any]:
        return generator_states(decoding, temperature, served.without_effect(str(model or "")))

    def cut_off_of(decoding: Any, temperature: float, model: object) -> list[Any]:
        return cut_off_states(decoding, temperature, served.without_effect(str(model or "")))

    switch.change(states_of, asked, [generation[name] for name in IDLE_IN_SOME_MODE], **quick)
    temperature: Any = generation["temperature"]
    temperature.change(cut_off_of, asked, [generation[name] for name in ("top_p", "top_k")], **quick)


def filter_states(decoding: str) -> list[Any]:
    """The switch's own words, the title score, the filters and what a hybrid needs in this mode."""
    on, is_hybrid = decoding != "free", decoding == "hybrid"
    words = {name: text if on else _OFF for name, text in _FILTER_HELP.items()}
    return [
        gr.Radio(info=DECODING_ABOUT.get(decoding, "")),
        gr.Radio(interactive=on, info=words["title_score"]),
        gr.Dropdown(interactive=on, info=words["genres"]),
        *(gr.Textbox(interactive=on, info=words[name]) for name in ("year_from", "year_to")),
        *(
            gr.Number(interactive=is_hybrid, info=_HYBRID_HELP[name] if is_hybrid else _NOT_HYBRID)
            for name in HYBRID_SETTINGS
        ),
    ]


def generator_states(decoding: Any, temperature: float, at_server: Mapping[str, str] = _NOWHERE) -> list[Any]:
    """The generator's controls that some mode leaves without effect, with the reason where this one does."""
    # Few beams count for less than they are where many titles are ranked, and the slider is how to get more.
    settings = GenerationSettings(temperature=temperature, num_beams=_MOST_BEAMS)
    idle = {**DecodingSettings(decoding).without_effect(settings), **at_server}
    return [_state(name, idle.get(name)) for name in IDLE_IN_SOME_MODE]


def cut_off_states(decoding: Any, temperature: float, at_server: Mapping[str, str] = _NOWHERE) -> list[Any]:
    """Top-p and top-k alone: a slider that is being moved is better left alone."""
    idle = {**DecodingSettings(decoding).without_effect(GenerationSettings(temperature=temperature)), **at_server}
    return [_state(name, idle.get(name)) for name in ("top_p", "top_k")]


def read_decoding(values: Mapping[str, Any]) -> DecodingSettings:
    """The settings of the controls' values, each of which counts only where it acts.

    Raises:
        SettingsError: for a value that cannot be.
    """
    settings = DecodingSettings.from_dict(
        {
            name: _year(name, value) if name.startswith("year") else _number(name, value)
            for name, value in values.items()
        }
    )
    return DecodingSettings.from_dict(settings.in_effect()) if settings.is_catalogue else DecodingSettings()


def written_decoding(settings: DecodingSettings) -> list[Any]:
    """The values of the controls that show these settings."""
    years = ("" if year is None else str(year) for year in (settings.year_from, settings.year_to))
    hybrid = (getattr(settings, name) for name in HYBRID_SETTINGS)
    return [settings.decoding, settings.title_score, list(settings.genres), *years, *hybrid]


def _number(name: str, value: object) -> object:
    return as_whole(name, value) if name == "num_candidates" else value


def _year(name: str, value: object) -> int | None:
    text = str("" if value is None else value).strip()
    if not text:
        return None
    if not text.isdecimal() or len(text) > _LONGEST_YEAR:
        raise SettingsError(f"{name} is not a year", seen=value, mend="write four digits, or nothing for any year")
    return int(text)


def _state(name: str, reason: str | None) -> Any:
    component: Any = gr.Number if name == "seed" else gr.Slider
    return component(interactive=reason is None, info=reason or HELP[name])
