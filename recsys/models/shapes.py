"""The shapes of known architectures, so that a model can be counted without its weights.

A shape is a transformers configuration: written down here for the models of the story and the registry, read
from config.json for a local folder. Nothing is fetched. Positions and rotary angles are left at the library's
defaults, since they are buffers and not weights.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.errors import UnknownModelError
from recsys.models.hub import cached_config
from recsys.models.memory import WeightCounts
from recsys.models.registry import Architecture, ModelSpec, list_models, read_architecture
from recsys.named_paths import is_folder, named_path

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel


@dataclass(frozen=True)
class ModelShape:
    """The sizes of an architecture that decide how many weights it has.

    Attributes:
        architecture: "llama" or "gptj".
        hidden: Width of the hidden state.
        intermediate: Width inside the MLP.
        layers: Number of layers.
        heads: Attention heads.
        key_value_heads: Heads of keys and values; fewer than heads in newer LLaMA.
        vocabulary: Number of tokens.
        tied: Whether the output layer shares the weights of the token embedding.
        head_dim: Width of a head, where it is not hidden / heads.
    """

    architecture: Architecture
    hidden: int
    intermediate: int
    layers: int
    heads: int
    key_value_heads: int
    vocabulary: int
    tied: bool = False
    head_dim: int | None = None

    @property
    def head_width(self) -> int:
        """Numbers in a key or value of one head."""
        return self.head_dim or self.hidden // self.heads

    @property
    def largest_tensor(self) -> int:
        """Weights of the largest: what is read at a time where weights stay on disk."""
        return self.hidden * max(self.vocabulary, self.intermediate)

    def count_weights(self) -> WeightCounts:
        """The weights by arithmetic alone, so that a page lists models without loading torch.

        The skeleton on the meta device has the same (tests/models/test_shapes.py). Biases of attention, which no
        LLaMA has, are left out.
        """
        queries, key_values = self.heads * self.head_width, self.key_value_heads * self.head_width
        attention = 2 * self.hidden * queries + 2 * self.hidden * key_values
        embeddings = (1 if self.tied else 2) * self.vocabulary * self.hidden
        if self.architecture == "gptj":
            linear = attention + 2 * self.hidden * self.intermediate
            beside = self.intermediate + self.hidden + 2 * self.hidden
            return WeightCounts(
                self.layers * linear, self.layers * beside + embeddings + 2 * self.hidden + self.vocabulary
            )
        linear = attention + 3 * self.hidden * self.intermediate
        return WeightCounts(self.layers * linear, (2 * self.layers + 1) * self.hidden + embeddings)

    def to_config(self) -> PreTrainedConfig:
        """The shape as transformers takes it."""
        from transformers import GPTJConfig, LlamaConfig

        if self.architecture == "gptj":
            return GPTJConfig(
                vocab_size=self.vocabulary,
                n_embd=self.hidden,
                n_inner=self.intermediate,
                n_layer=self.layers,
                n_head=self.heads,
                tie_word_embeddings=self.tied,
            )
        return LlamaConfig(
            vocab_size=self.vocabulary,
            hidden_size=self.hidden,
            intermediate_size=self.intermediate,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=self.key_value_heads,
            head_dim=self.head_width,
            tie_word_embeddings=self.tied,
        )


KNOWN: dict[str, ModelShape] = {
    "llama-7b": ModelShape("llama", 4096, 11008, 32, 32, 32, 32000),
    "llama-13b": ModelShape("llama", 5120, 13824, 40, 40, 40, 32000),
    "llama-30b": ModelShape("llama", 6656, 17920, 60, 52, 52, 32000),
    "llama-65b": ModelShape("llama", 8192, 22016, 80, 64, 64, 32000),
    "gpt-j-6b": ModelShape("gptj", 4096, 16384, 28, 16, 16, 50400),
    "smollm2-135m": ModelShape("llama", 576, 1536, 30, 9, 3, 49152, tied=True),
    "smollm2-360m": ModelShape("llama", 960, 2560, 32, 15, 5, 49152, tied=True),
    "smollm2-1.7b": ModelShape("llama", 2048, 8192, 24, 32, 32, 49152, tied=True),
    "tinyllama-1.1b": ModelShape("llama", 2048, 5632, 22, 32, 4, 32000),
    "llama-3.2-1b": ModelShape("llama", 2048, 8192, 16, 32, 8, 128256, tied=True),
    "llama-3.2-3b": ModelShape("llama", 3072, 8192, 28, 24, 8, 128256, tied=True),
    "llama-3.1-8b": ModelShape("llama", 4096, 14336, 32, 32, 8, 128256),
}
"""Shape by name, as the models' makers published them."""

STORY_MODELS = ("llama-7b", "llama-13b", "llama-30b", "llama-65b", "gpt-j-6b")

_HUB_NAMES = {
    "huggyllama/llama-7b": "llama-7b",
    "huggyllama/llama-13b": "llama-13b",
    "huggyllama/llama-30b": "llama-30b",
    "huggyllama/llama-65b": "llama-65b",
    "eleutherai/gpt-j-6b": "gpt-j-6b",
    "huggingfacetb/smollm2-135m-instruct": "smollm2-135m",
    "huggingfacetb/smollm2-360m-instruct": "smollm2-360m",
    "huggingfacetb/smollm2-1.7b-instruct": "smollm2-1.7b",
    "tinyllama/tinyllama-1.1b-chat-v1.0": "tinyllama-1.1b",
    "meta-llama/llama-3.2-1b": "llama-3.2-1b",
    "meta-llama/llama-3.2-3b": "llama-3.2-3b",
    "meta-llama/llama-3.1-8b": "llama-3.1-8b",
}


def find_shape(name: str) -> PreTrainedConfig:
    """The configuration of a known name, a Hub id of one of them, or a local folder.

    Args:
        name: One of KNOWN, in any case; a Hub id, with or without @revision; or a folder with a config.json.

    Raises:
        UnknownModelError: when the shape is not known here, or the folder's is neither LLaMA nor GPT-J.
    """
    asked = name.strip().lower().partition("@")[0]
    known = KNOWN.get(_HUB_NAMES.get(asked, asked))
    if known is not None:
        return known.to_config()
    # A model that is shipped here has a name of its own, and a folder.
    shipped = {spec.name: spec.location for spec in list_models() if spec.source == "folder"}
    folder = named_path(shipped.get(name, name))
    if name.strip() and name.isprintable() and len(name) < 1024 and is_folder(folder):
        return _read_folder(folder)
    mend = f"choose one of {', '.join(KNOWN)}, or give a folder with a config.json"
    raise UnknownModelError("the shape of that model is not known without downloading it", seen=name, mend=mend)


def find_known_shape(spec: ModelSpec) -> ModelShape | None:
    """The sizes of a model from what is written down here or on this machine; None where nobody knows them yet.

    A folder's are read from its config.json, a Hub model's too where an earlier visit left it in the Hub's cache.
    """
    known = KNOWN.get(_HUB_NAMES.get(spec.location.lower(), spec.name))
    if known is not None:
        return known
    folder = Path(spec.location) if spec.source == "folder" else None
    config = folder / "config.json" if folder else cached_config(spec)
    return None if config is None else read_shape(config)


def read_shape(config: Path) -> ModelShape | None:
    """The sizes that a config.json tells; None where it tells too little or is no LLaMA or GPT-J."""
    try:
        told = json.loads(config.read_text(encoding="utf-8"))
        architecture = read_architecture(told, str(config))
        if architecture == "gptj":
            hidden, heads = told["n_embd"], told["n_head"]
            sizes = (hidden, told.get("n_inner") or 4 * hidden, told["n_layer"], heads, heads, told["vocab_size"])
        else:
            heads = told["num_attention_heads"]
            sizes = (
                told["hidden_size"], told["intermediate_size"], told["num_hidden_layers"], heads,
                told.get("num_key_value_heads") or heads, told["vocab_size"],
            )  # fmt: skip
    except (OSError, ValueError, KeyError, UnknownModelError):
        return None
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        return None
    return ModelShape(architecture, *sizes, tied=bool(told.get("tie_word_embeddings")), head_dim=told.get("head_dim"))


def create_skeleton(config: PreTrainedConfig) -> PreTrainedModel:
    """The model of a shape on the meta device: every module and size, no memory for any weight."""
    import torch
    from transformers import AutoModelForCausalLM

    create: Any = AutoModelForCausalLM.from_config
    with torch.device("meta"):
        skeleton: PreTrainedModel = create(config, dtype=torch.float32, trust_remote_code=False)
    return skeleton


def _read_folder(folder: Path) -> PreTrainedConfig:
    from transformers import AutoConfig

    try:
        settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        read_architecture(settings, str(folder))
        config: PreTrainedConfig = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except FileNotFoundError:
        raise UnknownModelError(
            "the folder holds no model", seen=str(folder), mend="name a folder with a config.json in it"
        ) from None
    except (OSError, ValueError, TypeError) as error:
        raise UnknownModelError(
            "the folder's config.json cannot be read", seen=f"{folder}: {error}", mend="save or download it again"
        ) from error
    return config
