"""Writes a checkpoint of random weights in the shape of a known model, to measure with what nobody may pass on.

In fp16 and in shards, as the Hub has them. What matters is how much there is: the weights come out of one pool of
random numbers, each tensor from another place, since to draw billions would take longer than to load them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.models.shapes import create_skeleton

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig

_POOL = (1 << 24) + 3
_SPREAD = 0.02
"""Standard deviation of the weights, as models are initialised."""


def checkpoint_bytes(config: PreTrainedConfig) -> int:
    """The size of a shape's checkpoint on disk, but for its headers."""
    return 2 * sum(weight.numel() for weight in create_skeleton(config).parameters())


def write_random_checkpoint(folder: Path, config: PreTrainedConfig, *, shard_bytes: int, seed: int = 0) -> int:
    """Writes config.json and the shards, and returns the bytes of the largest.

    Args:
        folder: Where to write; it is there.
        config: The shape.
        shard_bytes: A shard is closed before it would be larger, but holds one tensor at least.
        seed: Of the weights.
    """
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(seed)
    pool = (torch.randn(_POOL) * _SPREAD).half()
    config.dtype = "float16"
    config.save_pretrained(folder)
    shards = list(_split(config, shard_bytes))
    places: dict[str, str] = {}
    for number, shard in enumerate(shards, 1):
        name = f"model-{number:05}-of-{len(shards):05}.safetensors"
        save_file({key: _draw(shape, pool) for key, shape in shard.items()}, folder / name, {"format": "pt"})
        places |= dict.fromkeys(shard, name)
    index = {"metadata": {"total_size": checkpoint_bytes(config)}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    return max(path.stat().st_size for path in folder.glob("*.safetensors"))


def _split(config: PreTrainedConfig, shard_bytes: int) -> Iterator[dict[str, torch.Size]]:
    shard: dict[str, torch.Size] = {}
    size = 0
    # Tied weights once, as save_pretrained writes them: where both names are in the files, transformers holds both.
    for name, tensor in create_skeleton(config).named_parameters():
        if shard and size + 2 * tensor.numel() > shard_bytes:
            yield shard
            shard, size = {}, 0
        shard[name] = tensor.shape
        size += 2 * tensor.numel()
    yield shard


def _draw(shape: torch.Size, pool: torch.Tensor) -> torch.Tensor:
    """Part of the pool, from a random place and around its end; norms are ones, as in a model that was just made."""
    import torch

    if len(shape) == 1:
        return torch.ones(shape, dtype=pool.dtype)
    tensor = torch.empty(shape, dtype=pool.dtype)
    flat, filled = tensor.view(-1), 0
    start = int(torch.randint(len(pool), ()))
    while filled < len(flat):
        taken = min(len(pool) - start, len(flat) - filled)
        flat[filled : filled + taken] = pool[start : start + taken]
        filled, start = filled + taken, 0
    return tensor
