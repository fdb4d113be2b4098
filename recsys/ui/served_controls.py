"""What a server's model does to the controls: what it does not take is disabled, each with the reason.

Which settings these are is asked of the server's kind; this module only says it on the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from recsys.models.choices import ModelChoices
from recsys.models.served import NO_CATALOGUE, PRECISION_REASON
from recsys.remote.server import NO_EMBEDDINGS
from recsys.remote.settings import is_served
from recsys.ui.choice_controls import PRECISIONS
from recsys.ui.decoding_controls import DECODING_ABOUT, DECODINGS, IDLE_IN_SOME_MODE, generator_states
from recsys.ui.setting_controls import RESOLVERS

_PRECISION_HELP = "Auto takes the fastest that is right here."
_OF_A_MODEL_HERE = [choice for choice in RESOLVERS if choice[1] != "embedding"]


def served_outputs(
    choice: Mapping[str, Component],
    generation: Mapping[str, Component],
    decoding: Mapping[str, Component],
    resolution: Mapping[str, Component],
) -> list[Component]:
    """The controls that `served_states` answers for, in its order."""
    sliders = [generation[name] for name in IDLE_IN_SOME_MODE]
    return [choice["precision"], decoding["decoding"], resolution["resolver"], *sliders]


def served_states(choices: ModelChoices, model: object, decoding: Any, resolver: Any, temperature: float) -> list[Any]:
    """The controls as a model leaves them: all of them free for a model of this machine."""
    name = str(model or "")
    if not is_served(name):
        return [
            gr.Dropdown(interactive=True, info=_PRECISION_HELP),
            gr.Radio(interactive=True, info=DECODING_ABOUT.get(decoding, "")),
            gr.Dropdown(choices=RESOLVERS, value=resolver, info=None),
            *generator_states(decoding, temperature),
        ]
    readable = resolver if resolver in {value for _, value in _OF_A_MODEL_HERE} else "levenshtein"
    return [
        gr.Dropdown(choices=PRECISIONS, value="auto", interactive=False, info=PRECISION_REASON),
        gr.Radio(choices=DECODINGS, value="free", interactive=False, info=NO_CATALOGUE),
        gr.Dropdown(choices=_OF_A_MODEL_HERE, value=readable, info=f"{NO_EMBEDDINGS[0].upper()}{NO_EMBEDDINGS[1:]}."),
        *generator_states("free", temperature, choices.served.without_effect(name)),
    ]


def connect_served(
    choices: ModelChoices, asked: Sequence[Component], shown: list[Component], quick: Mapping[str, Any]
) -> None:
    """Follows the model, whether a person, a link or the opening of the page chose it.

    Args:
        choices: What there is.
        asked: Model, decoding, resolver and temperature.
        shown: What `served_outputs` gave.
        quick: Options of events that take no time.
    """

    def follow(*values: Any) -> list[Any]:
        return served_states(choices, *values)

    if choices.served.server is None:
        return
    model: Any = asked[0]
    model.change(follow, list(asked), shown, **quick)
    page = gr.context.Context.root_block
    if page is not None:
        page.load(follow, list(asked), shown, **quick)
