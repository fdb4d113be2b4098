"""Whether the base that an adapter was trained on is the one of this machine, without loading it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from recsys.errors import UnknownModelError
from recsys.models.artifacts import smollm2_folder
from recsys.models.manifest import is_complete
from recsys.models.registry import DEFAULT_MODEL, find_model
from recsys.models.weights import hash_weights, model_tensor_entries


def local_weight_hash(name: str) -> str | None:
    """LoadedModel.weight_hash of a model whose files are here; None for one of the Hub, or not fetched yet.

    Args:
        name: A registry name or a local folder.
    """
    try:
        spec = find_model(name)
    except UnknownModelError:
        return None
    if spec.name == DEFAULT_MODEL:
        folder = smollm2_folder()
        if not is_complete(folder):
            return None
    elif spec.source == "hub":
        return None
    else:
        folder = Path(spec.location)
    try:
        return _hash(folder, folder.stat().st_mtime_ns)
    except (OSError, ValueError, KeyError):
        return None


@lru_cache(maxsize=16)
def _hash(folder: Path, _changed_at: int) -> str | None:
    entries = model_tensor_entries(folder)
    return hash_weights(entries) if entries else None
