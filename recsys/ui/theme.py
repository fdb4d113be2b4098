"""Colours, type and spacing of the page: one accent, one colour for each status, two modes.

Every colour that carries text is a pair (text on fill) that reaches a contrast of 4.5 to 1 in its
mode; a test measures it. Figures take their colours from here too. It knows no component.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import gradio as gr

Mode = Literal["light", "dark"]
Status = Literal["exact", "edited", "semantic", "out", "repeated", "liked", "year", "error"]

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "ui"
STYLE_SHEETS = (
    "frame.css",
    "forms.css",
    "title_picker.css",
    "answer.css",
    "several.css",
    "tokens.css",
    "rounds.css",
    "evaluate.css",
    "training.css",
    "tune.css",
    "data.css",
    "presets.css",
    "ab.css",
)

FONT = ("ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif")
FONT_STACK = ", ".join(FONT)
FONT_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Liberation Mono", "monospace")


@dataclass(frozen=True)
class Tone:
    """One colour in one mode.

    Attributes:
        text: Readable on ``fill`` and on the page.
        fill: A quiet background for badges and highlights.
        solid: For bars, dots and buttons.
    """

    text: str
    fill: str
    solid: str


@dataclass(frozen=True)
class Colour:
    """One colour in both modes."""

    light: Tone
    dark: Tone

    def tone(self, mode: Mode) -> Tone:
        return self.dark if mode == "dark" else self.light


@dataclass(frozen=True)
class Surface:
    """The greys of one mode: page, card on it, card pressed in, lines, and three weights of text."""

    page: str
    card: str
    sunken: str
    line: str
    line_strong: str
    text: str
    muted: str
    faint: str


ACCENT = Colour(Tone("#4b46c4", "#eeeeff", "#5b5bd6"), Tone("#b1a9ff", "#23224d", "#6460dd"))

STATUS_COLOURS: dict[Status, Colour] = {
    "exact": Colour(Tone("#17693f", "#e3f5ea", "#2b9a66"), Tone("#5fd89b", "#12321f", "#3bb87c")),
    "edited": Colour(Tone("#0b6178", "#ddf4fa", "#0e8ead"), Tone("#5fd0ea", "#0b3340", "#19a3c4")),
    "semantic": Colour(Tone("#86318f", "#fbebfb", "#ab4aba"), Tone("#eb9df5", "#3d1c41", "#b95fc6")),
    "out": Colour(Tone("#53535d", "#efeff2", "#80808c"), Tone("#b9b9c4", "#2a2a31", "#7b7b88")),
    "repeated": Colour(Tone("#a13c00", "#ffefe3", "#e46a1b"), Tone("#ffab70", "#43210c", "#ec7730")),
    "liked": Colour(Tone("#b02352", "#ffebf0", "#dd3b6f"), Tone("#ff9dbb", "#46172a", "#e5527f")),
    "year": Colour(Tone("#825300", "#fff4d0", "#d99600"), Tone("#f6c953", "#3a2a05", "#d99a1a")),
    "error": Colour(Tone("#bb2a2f", "#ffebea", "#dc3e42"), Tone("#ff9592", "#481619", "#e5484d")),
}
"""Status → colour: exact (and normalised) match, edited, semantic, out of catalogue, repeated, already
liked or disliked, wrong year or ambiguous, and errors."""

SURFACES: dict[Mode, Surface] = {
    "light": Surface("#fafafb", "#ffffff", "#f4f4f6", "#e5e5ea", "#cfcfd8", "#17171b", "#5b5b66", "#6c6c77"),
    "dark": Surface("#0d0d10", "#16161a", "#1d1d22", "#2a2a31", "#3d3d46", "#ededf0", "#a5a5b1", "#8f8f9b"),
}

FIGURE_COLOURS = {
    "model": "#6a66dd",
    "raw": "#9a97ee",
    "baseline": "#85858f",
    "past": "#b3b3bd",
    "text": "#7d7d88",
    "grid": "#85858f",
    "hover": "#26262c",
    "hover_text": "#ffffff",
}
"""Mid tones for plotly, which is not told whether the page is dark, by the role of a mark."""

CURVE_COLOURS = ("#6a66dd", "#d9661f", "#249a63", "#d6487a", "#1590ab", "#a98208")
"""Mid tones of lines that are told apart, each beside a dash of its own; by place, and again from the first."""

HEAT_COLOURS = ("#dcdbfa", "#403dab")
"""The least and the greatest cell of a heat map: one hue, and on every step black or white is read."""

_ACCENT_SCALE = ("#f5f5ff", "#eeeeff", "#dadaff", "#bcbbfb", "#9896f0", "#6460dd", "#5b5bd6", "#4b46c4", "#3d3a9c")
_GREY_SCALE = ("#fafafb", "#f4f4f6", "#e5e5ea", "#cfcfd8", "#9a9aa6", "#6c6c77", "#5b5b66", "#3d3d46", "#2a2a31")


def css_variables(mode: Mode) -> dict[str, str]:
    """The tokens as CSS custom properties, such as --status-exact-text and --surface-card."""
    named: Mapping[str, Colour] = {"accent": ACCENT, **{f"status-{name}": c for name, c in STATUS_COLOURS.items()}}
    variables = {
        f"--{name}-{part}": getattr(colour.tone(mode), part)
        for name, colour in named.items()
        for part in ("text", "fill", "solid")
    }
    variables |= {f"--curve-{place}": colour for place, colour in enumerate(CURVE_COLOURS, 1)}
    return variables | {f"--surface-{name.replace('_', '-')}": v for name, v in vars(SURFACES[mode]).items()}


def stylesheet() -> str:
    """The tokens of both modes, then every style sheet of assets/ui.

    It goes into the theme and not to ``launch(css=…)``, which drops @container and @supports rules.
    """
    selectors: dict[Mode, str] = {"light": ":root", "dark": ":root.dark, :root .dark"}
    blocks = [
        selector + " {" + "".join(f"{name}:{value};" for name, value in css_variables(mode).items()) + "}"
        for mode, selector in selectors.items()
    ]
    sheets = [ASSETS / name for name in STYLE_SHEETS]
    return "\n".join(blocks + [sheet.read_text(encoding="utf-8") for sheet in sheets if sheet.exists()])


class WorkbenchTheme(gr.themes.Base):
    """Flat surfaces, hairlines, one accent."""

    def __init__(self) -> None:
        super().__init__(
            primary_hue=_scale("iris", _ACCENT_SCALE, "#2f2d75", "#1c1b45"),
            secondary_hue=_scale("iris", _ACCENT_SCALE, "#2f2d75", "#1c1b45"),
            neutral_hue=_scale("stone", _GREY_SCALE, "#16161a", "#0d0d10"),
            font=FONT,
            font_mono=FONT_MONO,
            radius_size=gr.themes.sizes.radius_md,
            text_size=gr.themes.sizes.text_md,
        )
        self.name = "workbench"
        self.set(**_both_modes(_SURFACE_VALUES), **_both_modes(_ACCENT_VALUES), **_SIZES)
        self.custom_css = stylesheet()


def _scale(name: str, first: tuple[str, ...], c900: str, c950: str) -> gr.themes.Color:
    return gr.themes.Color(*first, c900, c950, name=name)


def _both_modes(values: Mapping[str, str]) -> dict[str, str]:
    """Sets each value in both modes: the CSS variables that they name differ, not the names."""
    return {name + suffix: value for name, value in values.items() for suffix in ("", "_dark")}


_SURFACE_VALUES = {
    "body_background_fill": "var(--surface-page)",
    "body_text_color": "var(--surface-text)",
    "body_text_color_subdued": "var(--surface-muted)",
    "background_fill_primary": "var(--surface-card)",
    "background_fill_secondary": "var(--surface-sunken)",
    "border_color_primary": "var(--surface-line)",
    "block_background_fill": "transparent",
    "block_border_color": "var(--surface-line)",
    "block_border_width": "0px",
    "block_shadow": "none",
    "block_info_text_color": "var(--surface-muted)",
    "block_label_background_fill": "transparent",
    "block_label_border_width": "0px",
    "block_label_text_color": "var(--surface-muted)",
    "block_title_text_color": "var(--surface-text)",
    "block_title_background_fill": "transparent",
    "panel_background_fill": "var(--surface-card)",
    "panel_border_color": "var(--surface-line)",
    "accordion_text_color": "var(--surface-text)",
    "table_text_color": "var(--surface-text)",
    "table_border_color": "var(--surface-line)",
    "table_even_background_fill": "var(--surface-card)",
    "table_odd_background_fill": "var(--surface-card)",
    "input_background_fill": "var(--surface-card)",
    "input_background_fill_focus": "var(--surface-card)",
    "input_border_color": "var(--surface-line-strong)",
    "input_border_width": "1px",
    "input_placeholder_color": "var(--surface-faint)",
    "input_shadow": "none",
    "button_secondary_background_fill": "var(--surface-card)",
    "button_secondary_background_fill_hover": "var(--surface-sunken)",
    "button_secondary_border_color": "var(--surface-line-strong)",
    "button_secondary_border_color_hover": "var(--surface-line-strong)",
    "button_secondary_text_color": "var(--surface-text)",
    "checkbox_background_color": "var(--surface-card)",
    "checkbox_border_color": "var(--surface-line-strong)",
    "checkbox_label_background_fill": "transparent",
    "checkbox_label_background_fill_hover": "var(--surface-sunken)",
    "checkbox_label_border_color": "var(--surface-line)",
    "checkbox_label_text_color": "var(--surface-text)",
    "checkbox_label_shadow": "none",
    "code_background_fill": "var(--surface-sunken)",
    "stat_background_fill": "var(--surface-sunken)",
}
_ACCENT_VALUES = {
    "border_color_accent": "var(--accent-solid)",
    "color_accent_soft": "var(--accent-fill)",
    "link_text_color": "var(--accent-text)",
    "link_text_color_hover": "var(--accent-text)",
    "link_text_color_active": "var(--accent-text)",
    "link_text_color_visited": "var(--accent-text)",
    "loader_color": "var(--accent-solid)",
    "slider_color": "var(--accent-solid)",
    "input_border_color_focus": "var(--accent-solid)",
    "input_shadow_focus": "0 0 0 3px var(--accent-fill)",
    "button_primary_background_fill": "var(--accent-solid)",
    "button_primary_background_fill_hover": "#4b46c4",
    "button_primary_border_color": "var(--accent-solid)",
    "button_primary_text_color": "#ffffff",
    "checkbox_background_color_selected": "var(--accent-solid)",
    "checkbox_border_color_selected": "var(--accent-solid)",
    "checkbox_border_color_focus": "var(--accent-solid)",
    "checkbox_label_background_fill_selected": "var(--accent-fill)",
    "checkbox_label_border_color_selected": "var(--accent-solid)",
    "checkbox_label_text_color_selected": "var(--accent-text)",
    "error_background_fill": "var(--status-error-fill)",
    "error_border_color": "var(--status-error-solid)",
    "error_text_color": "var(--status-error-text)",
    "error_icon_color": "var(--status-error-text)",
}
_SIZES = {
    "color_accent": "var(--accent-solid)",
    "block_info_text_size": "*text_sm",
    "block_title_text_size": "*text_sm",
    "block_title_text_weight": "550",
    "block_label_text_size": "*text_sm",
    "block_padding": "0px",
    "block_radius": "10px",
    "container_radius": "10px",
    "input_radius": "8px",
    "button_large_radius": "8px",
    "button_medium_radius": "8px",
    "button_small_radius": "8px",
    "button_large_text_weight": "600",
    "button_medium_text_weight": "550",
    "button_small_text_weight": "500",
    "section_header_text_weight": "600",
    "layout_gap": "16px",
    "form_gap_width": "0px",
}
