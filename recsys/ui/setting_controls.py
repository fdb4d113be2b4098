"""The controls of one request's settings, with a line of help each; what they do together is the panel's."""

from __future__ import annotations

import gradio as gr
from gradio.components import Component

from recsys.limits import Limits
from recsys.settings import GenerationSettings

HELP = {
    "temperature": "0 takes the likeliest token; higher is freer.",
    "top_p": "Share of the probability that is kept; 1 keeps all.",
    "top_k": "Number of likeliest tokens kept; 0 keeps all.",
    "num_beams": "Lists written side by side; 1 is no beam search.",
    "repetition_penalty": "Tokens already written get unlikelier; 1 is off.",
    "num_recommendations": "N; writing ends when they are complete.",
    "max_new_tokens": "A title with its year is about 12 tokens.",
    "seed": "Same seed, same answer.",
    "num_examples": "Of other people, shown to the model first.",
    "queue_symbol": "Stands between what was liked and what is asked for.",
    "details": "Carried by each title of a history, in the worked examples too.",
    "threshold": "Least likeness that counts as a match.",
}
"""One line of help for each control."""
RESOLVERS_OWN = "The resolver's own threshold is in use."

RESOLVERS = [
    ("Levenshtein · fewest edits", "levenshtein"),
    ("Embedding · nearest in meaning", "embedding"),
    ("Common characters · the flawed first try", "common_characters"),
]


def create_generation_controls(limits: Limits) -> dict[str, Component]:
    """Sliders grouped by what they decide: shape, cut-off, search, repetition, length, seed."""
    default = GenerationSettings()

    def slider(name: str, label: str, low: float, high: float, step: float) -> gr.Slider:
        return gr.Slider(
            low, high, getattr(default, name), step=step, label=label, info=HELP[name], elem_id=name, buttons=[]
        )

    controls: dict[str, Component] = {}
    _group("Shape")
    controls["temperature"] = slider("temperature", "Temperature", 0, 2, 0.05)
    _group("Cut-off")
    controls["top_p"] = slider("top_p", "Top-p", 0.05, 1, 0.05)
    controls["top_k"] = slider("top_k", "Top-k", 0, 200, 1)
    _group("Search")
    controls["num_beams"] = slider("num_beams", "Beams", 1, min(8, limits.max_num_beams), 1)
    _group("Repetition")
    controls["repetition_penalty"] = slider("repetition_penalty", "Repetition penalty", 1, 2, 0.05)
    _group("Length")
    controls["num_recommendations"] = slider("num_recommendations", "Titles", 1, limits.max_num_recommendations, 1)
    controls["max_new_tokens"] = slider("max_new_tokens", "Most new tokens", 8, min(320, limits.max_new_tokens), 8)
    with gr.Row(elem_classes=["seed-row"]):
        controls["seed"] = gr.Number(
            default.seed, precision=0, minimum=0, label="Seed", info=HELP["seed"], elem_id="seed", min_width=120
        )
        shuffle = gr.Button("New seed", size="sm", elem_id="new-seed", min_width=90)
    shuffle.click(None, outputs=controls["seed"], js="() => Math.floor(Math.random() * 1e6)")
    return controls


def create_resolution_controls() -> dict[str, Component]:
    """How titles become items."""
    return {
        "resolver": gr.Dropdown(RESOLVERS, value="levenshtein", label="Resolver", elem_id="resolver"),
        "own_threshold": gr.Checkbox(True, label="The resolver's own threshold", elem_id="own_threshold"),
        "threshold": gr.Slider(
            0,
            1,
            value=0.6,
            step=0.05,
            label="Threshold",
            info=RESOLVERS_OWN,
            interactive=False,
            elem_id="threshold",
            buttons=[],
        ),
        "force_nearest": gr.Checkbox(False, label="Force nearest: never out of catalogue", elem_id="force_nearest"),
    }


def as_whole(name: str, value: object) -> object:
    """4.0 as 4 where a whole number is meant: a browser has one kind of number."""
    wants_float = name in ("temperature", "top_p", "repetition_penalty")
    return int(value) if isinstance(value, float) and value.is_integer() and not wants_float else value


def _group(title: str) -> None:
    gr.HTML(f'<h3 class="group">{title}</h3>', elem_classes=["group-title"], apply_default_css=False)
