"""Checks the weights of an adapter: as a file of a stranger, without a base and without torch, and against a base.

safetensors' own reader holds the header against the file; what it does not look at is checked here: that the tensors
are LoRA's, come in pairs of the rank that the settings tell, and hold numbers. Changes no model.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.errors import AdapterError
from recsys.models.adapter_files import WEIGHTS_FILE, read_adapter_config, read_adapter_entries
from recsys.models.weights import TensorEntry, find_non_finite

if TYPE_CHECKING:
    from torch.nn import Module

TENSOR_NAME = re.compile(
    r"(?:base_model\.model\.)?(?P<module>.+)\."
    r"(?P<part>lora_A|lora_B|lora_embedding_A|lora_embedding_B|lora_magnitude_vector)(?:\.(?P<kind>weight|bias))?"
)

_LONGEST_HEADER = 16 * 2**20
_AGAIN = "save the adapter again with save_pretrained"
_PAIRS = {"lora_A": "lora_B", "lora_embedding_A": "lora_embedding_B"}


def require_sound_weights(folder: Path) -> dict[str, TensorEntry]:
    """The tensors of an adapter's folder, once all of them were found right.

    Raises:
        AdapterError: when settings or weights are missing, cut off, altered, at odds, or not those of a LoRA.
    """
    config = read_adapter_config(folder)
    path = folder / WEIGHTS_FILE
    if path.is_file():
        _require_whole(path)
    entries = read_adapter_entries(folder)
    if not entries:
        raise AdapterError(f"{WEIGHTS_FILE} of {folder.name} holds no tensors", mend=_AGAIN)
    _require_pairs(folder.name, entries, config)
    try:
        altered = find_non_finite(entries)
    except ValueError as error:
        raise AdapterError(f"{WEIGHTS_FILE} of {folder.name} is not of LoRA", seen=str(error), mend=_AGAIN) from error
    if altered is not None:
        problem = f"{WEIGHTS_FILE} of {folder.name} holds values that are no numbers"
        raise AdapterError(problem, seen=altered, mend="copy it again; if it stays so, its training went wrong")
    return entries


def _require_whole(path: Path) -> None:
    """Lets safetensors hold the header against the file, unless the header is no adapter's."""
    from safetensors import SafetensorError, safe_open

    with path.open("rb") as file:
        prefix = file.read(8)
    length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
    told = f"{length:,} bytes of header"
    if length <= _LONGEST_HEADER:
        try:
            with safe_open(path, framework="np"):
                return
        except (SafetensorError, OSError) as error:
            told = str(error)
    mend = "copy it again, or save the adapter again with save_pretrained"
    raise AdapterError(f"{path.name} is no safetensors file, is cut off or was altered", seen=told, mend=mend)


def _require_pairs(adapter: str, entries: Mapping[str, TensorEntry], config: Mapping[str, Any]) -> None:
    """Each module has both of its factors, of one rank that the settings tell."""
    ranks = {config["r"], *(config.get("rank_pattern") or {}).values()}
    factors: dict[tuple[str, str], int] = {}
    for name, entry in entries.items():
        found = TENSOR_NAME.fullmatch(name)
        if found is None:
            mend = "train it with LoRA layers alone, so that it can be switched off"
            raise AdapterError(f"adapter {adapter} holds a tensor that is not LoRA's", seen=name, mend=mend)
        part = found["part"]
        if part != "lora_magnitude_vector" and found["kind"] != "bias":
            at = 0 if part.endswith("_A") else 1
            if len(entry.shape) != 2 or entry.shape[at] not in ranks:
                seen = f"{name} {list(entry.shape)}"
                raise AdapterError(
                    f"the weights of adapter {adapter} are not of its rank {config['r']}", seen=seen, mend=_AGAIN
                )
            factors[found["module"], part] = entry.shape[at]
    for (module, part), rank in factors.items():
        other = _PAIRS.get(part) or next(a for a, b in _PAIRS.items() if b == part)
        if factors.get((module, other)) != rank:
            raise AdapterError(
                f"adapter {adapter} lacks half of a pair of weights", seen=f"{module}.{part}", mend=_AGAIN
            )


def check_adapter_shapes(model: Module, name: str, entries: Mapping[str, TensorEntry]) -> None:
    """Refuses an adapter whose tensors do not fit the base, before anything is loaded.

    Raises:
        AdapterError: naming the first tensor that does not fit, with both sizes.
    """
    for tensor_name, entry in entries.items():
        found = TENSOR_NAME.fullmatch(tensor_name)
        if found is None:
            mend = "train it with LoRA layers alone, so that it can be switched off"
            raise AdapterError(f"adapter {name} holds a tensor that is not LoRA's", seen=tensor_name, mend=mend)
        module = _base_module(model, found["module"])
        if module is None:
            raise AdapterError(
                f"adapter {name} was made for another architecture: this base has no such module",
                seen=found["module"],
                mend="load the base model that the adapter names, then select it",
            )
        needed = _needed_size(module, found["part"], found["kind"])
        at = 1 if found["part"] in {"lora_A", "lora_embedding_A"} else 0
        if needed is not None and (len(entry.shape) <= at or entry.shape[at] != needed):
            raise AdapterError(
                f"adapter {name} was made for a base of another shape: {found['module']} needs {needed}",
                seen=f"{found['part']} {entry.shape}",
                mend="load the base model that the adapter names, then select it",
            )


def _base_module(model: Module, name: str) -> Module | None:
    try:
        module = model.get_submodule(name)
    except AttributeError:
        return None
    base: Module = getattr(module, "base_layer", module)
    return base


def _needed_size(module: Module, part: str, kind: str | None) -> int | None:
    """The size of the side of a LoRA tensor that meets the base; None where any will do."""
    if part == "lora_A" and kind == "bias":
        return None
    attribute = {
        "lora_A": "in_features",
        "lora_B": "out_features",
        "lora_magnitude_vector": "out_features",
        "lora_embedding_A": "num_embeddings",
        "lora_embedding_B": "embedding_dim",
    }[part]
    size = getattr(module, attribute, -1)  # a module of another kind fits no tensor
    return int(size)
