"""The base that an adapter's tensors fit, told from their names and shapes alone.

So that one that was made for another base is refused when it is added, and not only when somebody selects it: nothing
is loaded, and sizes known beforehand (shapes.py) are enough. What is selected is checked again against the base itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from recsys.errors import AdapterError
from recsys.models.adapter_listing import AdapterInfo
from recsys.models.adapter_weights import TENSOR_NAME
from recsys.models.registry import list_models
from recsys.models.shapes import ModelShape, find_known_shape
from recsys.models.spec import Architecture, ModelSpec
from recsys.models.weights import TensorEntry

_LAYER = re.compile(r"(?P<stem>model\.layers|transformer\.h)\.(?P<place>\d{1,6})\.(?P<module>.+)", re.ASCII)
_STEMS: dict[Architecture, str] = {"llama": "model.layers", "gptj": "transformer.h"}
_NAMES: dict[Architecture, str] = {"llama": "LLaMA", "gptj": "GPT-J"}
_SEES_HIDDEN = {"q_proj": 0, "k_proj": 0, "v_proj": 0, "gate_proj": 0, "up_proj": 0, "fc_in": 0, "lm_head": 0}
_SEES_HIDDEN |= {"down_proj": 1, "fc_out": 1, "out_proj": 1}
"""Modules of which one side is as wide as the hidden state: 0 what goes in, 1 what comes out."""
_ENDS_IN = {"lora_A": 0, "lora_embedding_A": 0}


@dataclass(frozen=True)
class BaseTraces:
    """What an adapter's tensors tell of the base that they were made for.

    Attributes:
        architecture: llama or gptj; None where the names are of neither.
        hidden: Width of the hidden state; None where no tensor tells it.
        num_layers: The last layer that has a tensor; the base has at least as many.
        sides: Module → the widths in and out that its tensors need; None for a side that none tells.
    """

    architecture: Architecture | None
    hidden: int | None
    num_layers: int
    sides: Mapping[str, tuple[int | None, int | None]]

    def fits(self, shape: ModelShape) -> bool:
        """Whether every tensor finds its module in a base of that shape, in its size."""
        sizes = module_sizes(shape)
        for name, needed in self.sides.items():
            layer = _LAYER.fullmatch(name)
            if layer and (layer["stem"] != _STEMS[shape.architecture] or int(layer["place"]) >= shape.layers):
                return False
            there = sizes.get(layer["module"] if layer else name)
            if there is None or any(a not in (None, b) for a, b in zip(needed, there, strict=True)):
                return False
        return True

    def models(self, listed: Iterable[ModelSpec]) -> tuple[ModelSpec, ...]:
        """Those of the models whose shape is known and fits."""
        shapes = ((spec, find_known_shape(spec)) for spec in listed if spec.source != "server")
        return tuple(spec for spec, shape in shapes if shape is not None and self.fits(shape))

    def __str__(self) -> str:
        kind = "a base of another architecture" if self.architecture is None else f"a {_NAMES[self.architecture]}"
        hidden = "" if self.hidden is None else f" of hidden size {self.hidden}"
        layers = f" with {self.num_layers} layer{'' if self.num_layers == 1 else 's'}" if self.num_layers else ""
        return f"{kind}{hidden}{layers}"


@dataclass(frozen=True)
class FoundBase:
    """The model that an adapter will be offered with.

    Attributes:
        model: Its name; None where nobody knows it: then the adapter is offered with any, or with what it names.
        taken_for: The same, where the adapter itself names another or none.
        told: What whoever added it should know, each one sentence.
    """

    model: str | None = None
    taken_for: str = ""
    told: tuple[str, ...] = ()


def find_base(adapter: AdapterInfo, traces: BaseTraces, chosen: ModelSpec | None = None) -> FoundBase:
    """Finds the model that an adapter is for: the one that it names, or else the chosen one.

    Args:
        adapter: What its files say.
        traces: What its tensors say.
        chosen: The model that it is added for, where it names none of those here.

    Raises:
        AdapterError: when its tensors do not fit the base that it names, or else the chosen one, with both sizes.
    """
    listed = list_models()
    named = _named_model(adapter.base_model, (*([chosen] if chosen else []), *listed))
    base = named or chosen
    if base is None:
        return FoundBase(told=(_told_of_no_model(adapter, traces.models(listed)),))
    shape = find_known_shape(base)
    if shape is None:
        told: tuple[str, ...] = (f"The sizes of {base.title} are not known yet: it is checked when both are loaded.",)
    elif traces.fits(shape):
        told = ()
    else:
        raise _mismatch(adapter, traces, base, shape, listed, says_so=named is not None)
    if named is not None:
        return FoundBase(named.name, told=told)
    by_name = f"names {adapter.base_model} as its base" if adapter.base_model else "does not name its base"
    return FoundBase(base.name, base.name, (f"It {by_name}; it is taken for {base.title}.", *told))


def _named_model(name: str, models: Iterable[ModelSpec]) -> ModelSpec | None:
    names = {name.lower(), name.lower().partition("@")[0]} - {""}
    return next((spec for spec in models if names & {spec.name.lower(), spec.location.lower()}), None)


def _told_of_no_model(adapter: AdapterInfo, fitting: tuple[ModelSpec, ...]) -> str:
    named = f"Its base, {adapter.base_model}, is not listed here" if adapter.base_model else "It does not name its base"
    if not fitting:
        return f"{named}, and no listed model has its shape."
    return f"{named}; its shape is that of {', '.join(spec.title for spec in fitting[:3])}."


def _mismatch(
    adapter: AdapterInfo,
    traces: BaseTraces,
    base: ModelSpec,
    shape: ModelShape,
    listed: tuple[ModelSpec, ...],
    *,
    says_so: bool,
) -> AdapterError:
    fitting = traces.models(listed)
    this = f"{base.title}, {shape_in_words(shape)}"
    if says_so:
        problem = f"adapter {adapter.name} says that it is for {this}, but its tensors were made for {traces}"
        return AdapterError(problem, mend="take the adapter that was trained on that base")
    named = f" ({adapter.base_model})" if adapter.base_model else ""
    titles = " or ".join(spec.title for spec in fitting[:3])
    mend = f"choose {titles} as the base model, then add it" if titles else "choose its base model, then add it"
    return AdapterError(f"adapter {adapter.name} was made for {traces}{named}, and this is {this}", mend=mend)


def trace_base(entries: Mapping[str, TensorEntry]) -> BaseTraces:
    """Reads the traces of an adapter's tensors; names that are not LoRA's are passed over."""
    sides: dict[str, list[int | None]] = {}
    for name, entry in entries.items():
        found = TENSOR_NAME.fullmatch(name)
        if found is None or (found["part"] == "lora_A" and found["kind"] == "bias"):
            continue
        side = _ENDS_IN.get(found["part"], 1)
        at = 1 if side == 0 else 0
        if len(entry.shape) > at:
            sides.setdefault(found["module"], [None, None])[side] = entry.shape[at]
    layers = [layer for layer in map(_LAYER.fullmatch, sides) if layer]
    stems = {layer["stem"] for layer in layers}
    architectures = [kind for kind, stem in _STEMS.items() if stems == {stem}]
    seen = (sides[name][end] for name in sides if (end := _SEES_HIDDEN.get(name.rpartition(".")[2])) is not None)
    widths = {width for width in seen if width is not None}
    return BaseTraces(
        architecture=architectures[0] if architectures else None,
        hidden=widths.pop() if len(widths) == 1 else None,
        num_layers=max((int(layer["place"]) + 1 for layer in layers), default=0),
        sides={name: (first, second) for name, (first, second) in sides.items()},
    )


def shape_in_words(shape: ModelShape) -> str:
    """As the traces of an adapter are told.

    >>> shape_in_words(ModelShape("llama", 576, 1536, 30, 9, 3, 49152))
    'a LLaMA of hidden size 576 with 30 layers'
    """
    return str(BaseTraces(shape.architecture, shape.hidden, shape.layers, {}))


def module_sizes(shape: ModelShape) -> dict[str, tuple[int, int]]:
    """Module of a layer, or of the whole model → the widths in and out; tests hold it against the modules' own."""
    hidden, inside, vocabulary = shape.hidden, shape.intermediate, shape.vocabulary
    queries, key_values = shape.heads * shape.head_width, shape.key_value_heads * shape.head_width
    if shape.architecture == "gptj":
        attention = {f"attn.{name}": (hidden, hidden) for name in ("q_proj", "k_proj", "v_proj", "out_proj")}
        mlp = {"mlp.fc_in": (hidden, inside), "mlp.fc_out": (inside, hidden)}
        return attention | mlp | {"transformer.wte": (vocabulary, hidden), "lm_head": (hidden, vocabulary)}
    return {
        "self_attn.q_proj": (hidden, queries),
        "self_attn.k_proj": (hidden, key_values),
        "self_attn.v_proj": (hidden, key_values),
        "self_attn.o_proj": (queries, hidden),
        "mlp.gate_proj": (hidden, inside),
        "mlp.up_proj": (hidden, inside),
        "mlp.down_proj": (inside, hidden),
        "model.embed_tokens": (vocabulary, hidden),
        "lm_head": (hidden, vocabulary),
    }
