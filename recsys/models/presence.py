"""Whether a model is on this machine already, so that asking it fetches nothing. Asks no network."""

from __future__ import annotations

import json
from pathlib import Path

from recsys.models.spec import ModelSpec
from recsys.named_paths import is_folder, named_path

_INDEX = "model.safetensors.index.json"


def is_here(spec: ModelSpec) -> bool:
    """Whether a model can be asked without a download.

    The embedded one always can: a package brings it, whether or not it was unpacked by now. A server's is the
    server's matter. A Hub model is here once the Hub's cache has all of its weights.
    """
    if spec.source == "folder":
        return is_folder(named_path(spec.location))
    return spec.source != "hub" or _is_cached(spec)


def not_here(spec: ModelSpec) -> str:
    """Why a model is not asked that would have to be fetched first, as one sentence with the size of its files."""
    size = "" if spec.num_parameters is None else f", {2 * spec.num_parameters / 1e9:.1f} GB in 16 bits"
    return f"{spec.title} is not on this machine{size}: choose it as the base model once to download it."


def _is_cached(spec: ModelSpec) -> bool:
    if _cached_file(spec, "config.json") is None:
        return False
    if (index := _cached_file(spec, _INDEX)) is None:
        return _cached_file(spec, "model.safetensors") is not None
    try:
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return bool(shards) and all(_cached_file(spec, shard) is not None for shard in shards)


def _cached_file(spec: ModelSpec, name: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(spec.location, name, revision=spec.revision)
    return Path(found) if isinstance(found, str) else None
