"""The trained weights of a run: those that it starts from, and those of its best epoch.

Knows PEFT's files and names; knows no steps and no losses.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recsys.data.atomic import flush
from recsys.errors import SettingsError, TrainingError

_BEST = "best.safetensors"
_TRAINED = ("lora_", "ia3_")
"""What the names of adapter weights hold."""
_PREFIX = "prompt_embeddings"
"""A prefix's one tensor: PEFT demands it, puts it in its place and calls it unexpected."""
_SAME_SHAPE = "take the method, the r, the target_modules and the base that it was trained with"


def load_adapter_weights(model: Any, folder: Path) -> None:
    """Fills an adapter that was just added with the weights of a saved one.

    Raises:
        AdapterError: when its files are missing or broken.
        SettingsError: when they are of another shape or method.
    """
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    from recsys.models.adapter_files import WEIGHTS_FILE, read_adapter_entries

    read_adapter_entries(folder)
    state = {name: tensor.float() for name, tensor in load_file(folder / WEIGHTS_FILE).items()}
    try:
        result: Any = set_peft_model_state_dict(model, state)
    except (RuntimeError, KeyError, ValueError) as error:
        raise _does_not_fit(folder, str(error).strip().splitlines()[0]) from error
    missing = [name for name in result.missing_keys if any(part in name for part in _TRAINED)]
    unexpected = [name for name in result.unexpected_keys if name != _PREFIX]
    if missing or unexpected:
        raise _does_not_fit(folder, (missing or unexpected)[0])


def keep_best(model: Any, folder: Path) -> None:
    """Writes the weights that are trained as the best so far."""
    from safetensors.torch import save_file

    unfinished = folder / f".{_BEST}"
    state = {name: p.detach().cpu().contiguous() for name, p in model.named_parameters() if p.requires_grad}
    save_file(state, unfinished)
    flush(unfinished)
    unfinished.replace(folder / _BEST)


def take_best(model: Any, folder: Path) -> None:
    """Puts what keep_best wrote last into the model.

    Raises:
        TrainingError: when that cannot be read.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        best = load_file(folder / _BEST)
    except (OSError, SafetensorError) as error:
        mend = "give the same command with --restart, which trains it anew"
        raise TrainingError("the weights of the best epoch cannot be read", seen=str(error), mend=mend) from error
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name in best:
                parameter.copy_(best[name])


def _does_not_fit(folder: Path, seen: str) -> SettingsError:
    return SettingsError(f"the adapter {folder.name} does not fit this run", seen=seen, mend=_SAME_SHAPE)
