"""Rewrites an adapter of before safetensors, whose weights are a pickle, as one that is read here.

For the command line alone, since whoever runs it chose the file. torch's restricted unpickler reads it: it builds
tensors and plain containers, and a pickle that asks for any code ends there before it runs.
"""

from __future__ import annotations

import dataclasses
import json
import pickle
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.errors import AdapterError
from recsys.models.adapter_adding import AddedAdapter, add_adapter, told_of_left_out
from recsys.models.adapter_archive import ADAPTER_FILES, require_size
from recsys.models.adapter_files import CONFIG_FILE, PICKLED_FILE, WEIGHTS_FILE, known_settings

if TYPE_CHECKING:
    import torch


def convert_adapter(old: Path, name: str, root: Path | None = None, *, base_model: str | None = None) -> AddedAdapter:
    """Takes in a copy of an adapter of adapter_config.json and adapter_model.bin, in safetensors.

    Args:
        old: Its folder, which stays as it is.
        name: What the copy is called.
        root: The folder of adapters; None takes default_adapters_folder().
        base_model: The model that it is for, where it names none that is listed.

    Raises:
        AdapterError: when the pickle asks for code or holds no LoRA, a file is missing, or the name is taken.
        UnknownModelError: when there is no such base model.
        StorageError: when the copy cannot be kept.
    """

    def fill(folder: Path) -> str:
        _write(old, folder)
        return name

    added = add_adapter(fill, root, base_model=base_model, name=name)
    return dataclasses.replace(added, told=(*told_of_left_out(old), *added.told))


def _write(old: Path, folder: Path) -> None:
    from safetensors.torch import save_file

    if not (old / PICKLED_FILE).is_file():
        is_new = (old / WEIGHTS_FILE).is_file()
        mend = f"it has {WEIGHTS_FILE}: zip it and `adapters add` the zip" if is_new else "name an adapter's folder"
        raise AdapterError(f"the folder has no {PICKLED_FILE}", seen=str(old), mend=mend)
    settings = known_settings(old)
    require_size(WEIGHTS_FILE, (old / PICKLED_FILE).stat().st_size)
    save_file(_plain(_unpickle(old / PICKLED_FILE)), folder / WEIGHTS_FILE, metadata={"format": "pt"})
    (folder / CONFIG_FILE).write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    for path in (old / kept for kept in ADAPTER_FILES):
        if path.name not in (CONFIG_FILE, WEIGHTS_FILE) and path.is_file():
            require_size(path.name, path.stat().st_size)
            shutil.copyfile(path, folder / path.name)


def _unpickle(path: Path) -> object:
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's of formats that it may not read; those end in an error
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise AdapterError(
            f"{path.name} is refused: it holds more than weights, and what it holds might run code",
            seen=_first_line(error),
            mend="nothing of it was run; get the adapter as safetensors",
        ) from error
    except (RuntimeError, ValueError, EOFError, KeyError, TypeError, AttributeError, IndexError, OSError) as error:
        mend = "copy it again"
        raise AdapterError(f"{path.name} cannot be read", seen=_first_line(error), mend=mend) from error


def _plain(told: object) -> dict[str, torch.Tensor]:
    """Tensors of their own memory under the names that PEFT writes today."""
    import torch

    weights = dict(told) if isinstance(told, Mapping) else {}
    if not weights or not all(isinstance(n, str) and isinstance(t, torch.Tensor) for n, t in weights.items()):
        seen = f"{len(weights)} entries" if isinstance(told, Mapping) else type(told).__name__
        mend = "some old training scripts saved an empty file: take the adapter of an earlier checkpoint"
        raise AdapterError(f"{PICKLED_FILE} is no table of tensors", seen=seen, mend=mend)
    return {_todays_name(name): tensor.detach().clone().contiguous() for name, tensor in weights.items()}


def _todays_name(name: str) -> str:
    """Without the adapter's own name, which a state dict of a whole model has between its parts.

    >>> _todays_name("base_model.model.q_proj.lora_A.default.weight")
    'base_model.model.q_proj.lora_A.weight'
    """
    return name.replace(".default.", ".")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
