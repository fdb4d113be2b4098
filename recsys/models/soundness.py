"""Whether weights are the very ones that were written, and whether a model made of them gives numbers.

A flipped bit in a weights file changes no size and no header: the model loads, and what it says is nonsense. Folders
that training writes, and the shipped ones, tell the SHA-256 of their weights; others are told by what they compute.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from recsys.errors import AdapterError, ModelUnavailableError
from recsys.models.adapter_files import NOTES_FILE, WEIGHTS_FILE, read_adapter_notes
from recsys.models.manifest import file_sha256
from recsys.models.weights import TensorEntry, find_non_finite

HASH_KEY: Final = "weights_sha256"
"""In recsys.json: the SHA-256 of the folder's one file of weights."""
MODEL_FILE: Final = "model.safetensors"


def require_unaltered_model(folder: Path, title: str) -> None:
    """Refuses a model whose weights are not those that its folder's recsys.json tells; most folders tell none.

    Raises:
        ModelUnavailableError: with both hashes.
    """
    try:
        notes = read_adapter_notes(folder)
    except AdapterError:  # facts for people, without which the model is as good
        return
    found = _other_hash(folder / MODEL_FILE, notes)
    if found is not None:
        mend = _mend("copy or check out the folder again", folder)
        raise ModelUnavailableError(f"the weights of {title} were altered", seen=found, mend=mend)


def require_unaltered_adapter(folder: Path, entries: Mapping[str, TensorEntry]) -> None:
    """Refuses an adapter whose weights are not those that its recsys.json tells, or, where it tells none, no numbers.

    Raises:
        AdapterError: with both hashes, or the tensor.
    """
    notes = read_adapter_notes(folder)
    found = _other_hash(folder / WEIGHTS_FILE, notes)
    if found is not None:
        mend = _mend("copy or train it again", folder)
        raise AdapterError(f"the weights of adapter {folder.name} were altered", seen=found, mend=mend)
    if HASH_KEY in notes:
        return
    try:
        spoilt = find_non_finite(entries)
    except (OSError, ValueError):  # of a type that PEFT will refuse, or not
        return
    if spoilt is not None:
        problem = f"the weights of adapter {folder.name} hold values that are no numbers"
        raise AdapterError(problem, seen=spoilt, mend="copy it again; if it stays so, its training went wrong")


def require_numbers(model: Any, title: str) -> None:
    """Refuses a model that gives no numbers for a first token: one step through all layers shows it.

    Raises:
        ModelUnavailableError: when it does not.
    """
    import torch

    if any(parameter.is_meta for parameter in model.parameters()):
        return  # shared between processes, or read from disk at each step
    with torch.inference_mode():
        ids = torch.zeros((1, 1), dtype=torch.long, device=model.device)
        logits = model(input_ids=ids, use_cache=False).logits
    if torch.isnan(logits).any():
        mend = "copy or download it again: its weights were altered, or hold numbers too large for this precision"
        raise ModelUnavailableError(f"{title} computes no numbers", seen="NaN for the first token", mend=mend)


def _other_hash(weights: Path, notes: Mapping[str, Any]) -> str | None:
    """The hash of the weights and the one that is told, where these differ."""
    told = notes.get(HASH_KEY)
    if not isinstance(told, str):
        return None
    try:
        found = file_sha256(weights)
    except OSError:  # whoever reads the weights next tells why
        return None
    return None if found == told else f"SHA-256 {found[:12]}…, {told[:12]}… was written"


def _mend(again: str, folder: Path) -> str:
    return f"{again}; if you changed the weights yourself, take {HASH_KEY} out of {folder.name}/{NOTES_FILE}"
