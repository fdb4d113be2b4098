"""What generation must know of a loaded model: its base, its context and the tokens that end a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.nn import Module

    from recsys.models.loading import LoadedModel


def base_model(model: Module) -> Module:
    """The transformers model inside PEFT's wrapper, or the model itself where there is none."""
    unwrap = getattr(model, "get_base_model", None)
    base: Module = unwrap() if unwrap is not None else model
    return base


def context_length(model: Module) -> int | None:
    """Tokens that a model reads and writes together, or None where its config does not say."""
    length = getattr(model.config, "max_position_embeddings", None)
    return int(length) if length else None


def end_of_text_ids(loaded: LoadedModel) -> frozenset[int]:
    """The tokens that end a text: the tokenizer's, and those that the model's own configs name."""
    model = loaded.model
    named = [loaded.tokenizer.eos_token_id, model.config.eos_token_id, model.generation_config.eos_token_id]
    ids: set[int] = set()
    for one in named:
        ids.update(one if isinstance(one, (list, tuple)) else [one] if one is not None else [])
    return frozenset(ids)
