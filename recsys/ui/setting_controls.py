"""The controls of one request's settings, with a line of help each; what they do together is the panel's."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import gradio as gr
from gradio.components import Component

from recsys.limits import Limits
from recsys.models.host import ModelChoice
from recsys.settings import GenerationSettings, Precision, PromptSettings

if TYPE_CHECKING:
    from recsys.workbench import Workbench

NO_ADAPTER = ""

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

_STYLES = [
    ("Worked examples", "few_shot"),
    ("Bare list", "zero_shot"),
    ("Instruction", "instruction"),
    ("History · trained models", "history"),
]
_SYMBOLS = [("=>", "=>"), ("[ ]", "[]"), ("( )", "()"), ("Plain words", "words")]
_SEPARATORS = [("Semicolon", ";"), ("Comma", ","), ("New line", "newline"), ("Numbered", "numbered")]
_DETAILS = [("None", "none"), ("Genres", "genres"), ("Tags", "tags"), ("Description", "description")]
_RESOLVERS = [
    ("Levenshtein · fewest edits", "levenshtein"),
    ("Embedding · nearest in meaning", "embedding"),
    ("Common characters · the flawed first try", "common_characters"),
]
_PRECISION_TITLES = {
    "auto": "Auto",
    "fp32": "fp32 · 32-bit float",
    "bf16": "bf16 · bfloat16",
    "fp16": "fp16 · half",
    "int8": "int8 · bitsandbytes",
}


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


def create_choice_controls(workbench: Workbench, default: ModelChoice) -> dict[str, Component]:
    """Base model, precision and adapter."""
    public = workbench.options.public
    models = [(spec.title, spec.name) for spec in workbench.choices.models()]
    if default.model not in {name for _, name in models}:
        models.append((default.model, default.model))
    adapters = [("None · base model alone", NO_ADAPTER), *((info.name, info.name) for info in workbench.choices.adapters())]
    return {
        "model": gr.Dropdown(
            models,
            value=default.model,
            allow_custom_value=not public,
            label="Base model",
            info="Loaded when chosen; one at a time." if public else "Or type a local folder or a Hub id.",
            elem_id="model",
        ),
        "precision": gr.Dropdown(
            [(_PRECISION_TITLES[name], name) for name in get_args(Precision)],
            value=default.precision,
            label="Precision",
            info="Auto takes the fastest that is right here.",
            elem_id="precision",
        ),
        "adapter": gr.Dropdown(
            adapters,
            value=default.adapter or NO_ADAPTER,
            label="Adapter",
            info="LoRA folders; switching keeps the base model." if len(adapters) > 1 else "None was found yet.",
            elem_id="adapter",
        ),
    }


def create_prompt_controls() -> dict[str, Component]:
    """The prompt's format."""
    default = PromptSettings()
    return {
        "style": gr.Radio(_STYLES, value=default.style, label="Style", elem_id="style", elem_classes=["segments"]),
        "num_examples": gr.Slider(
            1,
            8,
            value=default.num_examples,
            step=1,
            label="Examples",
            info=HELP["num_examples"],
            elem_id="num_examples",
            buttons=[],
        ),
        "queue_symbol": gr.Radio(
            _SYMBOLS,
            value=default.queue_symbol,
            label="Queue symbol",
            info=HELP["queue_symbol"],
            elem_id="queue_symbol",
            elem_classes=["segments"],
        ),
        "list_separator": gr.Radio(
            _SEPARATORS,
            value=default.list_separator,
            label="Separator",
            elem_id="list_separator",
            elem_classes=["segments"],
        ),
        "include_years": gr.Checkbox(default.include_years, label="Titles carry their year", elem_id="include_years"),
        "include_disliked": gr.Checkbox(
            default.include_disliked, label="Name the disliked movies in the prompt", elem_id="include_disliked"
        ),
        "details": gr.Radio(
            _DETAILS,
            value=default.details,
            label="Details of movies",
            info=HELP["details"],
            elem_id="details-kind",
            elem_classes=["segments"],
        ),
    }


def create_resolution_controls() -> dict[str, Component]:
    """How titles become items."""
    return {
        "resolver": gr.Dropdown(_RESOLVERS, value="levenshtein", label="Resolver", elem_id="resolver"),
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


def _group(title: str) -> None:
    gr.HTML(f'<h3 class="group">{title}</h3>', elem_classes=["group-title"], apply_default_css=False)
