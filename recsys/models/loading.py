"""Loads a base model and its tokenizer in a chosen precision, ready to generate.

Knows devices, precisions and what can go wrong; knows no prompts and no adapters beyond the field that
names the one in effect.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from recsys.models.registry import ModelSpec


@dataclass(eq=False)
class LoadedModel:
    """A base model in memory. One holder at a time uses it: see host.ModelHost.

    Attributes:
        spec: Which model it is.
        model: The transformers causal LM in eval mode (wrapped by PEFT once an adapter was selected);
            its generation_config is neutral, with only the token ids set.
        tokenizer: Its tokenizer: padding on the left, pad token set.
        precision: What the weights are held in: fp32, bf16, fp16 or int8.
        precision_reason: One sentence on why this precision.
        device: Where the inputs go: "cpu", "cuda" or "mps".
        weight_hash: Identity of the base weights, the same in every precision.
        memory_bytes: Bytes of parameters and buffers.
        adapter: Name of the adapter in effect; None is the base alone.
    """

    spec: ModelSpec
    model: Any
    tokenizer: Any
    precision: str
    precision_reason: str
    device: str
    weight_hash: str
    memory_bytes: int
    adapter: str | None = None
