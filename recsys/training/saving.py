"""What a run leaves behind: a PEFT folder in fp16 or a model folder, with its notes, its curves and its card.

A folder takes its name only when every file of it is written.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.data.atomic import flush
from recsys.errors import TrainingError
from recsys.models.adapter_card import read_adapter_card, render_card
from recsys.models.adapter_files import CONFIG_FILE, NOTES_FILE, WEIGHTS_FILE
from recsys.models.manifest import file_sha256
from recsys.models.soundness import HASH_KEY, MODEL_FILE
from recsys.training.curves import CURVES_FILE, Curves
from recsys.training.run_folder import explain_disk_error

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def adapter_tensors(model: Any) -> dict[str, Any]:
    """An adapter's own tensors under the names of PEFT's files, on the CPU in the precision of training."""
    from peft import get_peft_model_state_dict

    state = get_peft_model_state_dict(model)
    return {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}


def save_adapter(
    model: Any,
    folder: Path,
    *,
    base_model: str,
    notes: Mapping[str, Any],
    curves: Curves,
    tensors: Mapping[str, Any] | None = None,
) -> None:
    """Writes a PEFT folder: settings, fp16 weights, recsys.json, curves and card.

    Args:
        model: The PeftModel.
        folder: Where; what is there is replaced.
        base_model: Its base, as the registry names it.
        notes: For recsys.json.
        curves: Of the run.
        tensors: Its weights under the names of PEFT's files, where they were gathered; the model's own where None.

    Raises:
        TrainingError: when the weights are no numbers, or the folder cannot be written.
    """

    def write(target: Path) -> None:
        from safetensors.torch import save_file

        weights = {name: tensor.half() for name, tensor in (tensors or adapter_tensors(model)).items()}
        _require_finite(weights)
        save_file(weights, target / WEIGHTS_FILE, metadata={"format": "pt"})
        config = model.peft_config[model.active_adapter]
        config.base_model_name_or_path, config.inference_mode = base_model, True
        told = {name: sorted(value) if isinstance(value, set) else value for name, value in config.to_dict().items()}
        (target / CONFIG_FILE).write_text(json.dumps(told, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        curves.save(target / CURVES_FILE)
        hashed = {**notes, HASH_KEY: file_sha256(target / WEIGHTS_FILE)}
        write_notes(target, hashed, name=folder.name)

    _write_whole(folder, write)


def save_model(
    model: Any, tokenizer: PreTrainedTokenizerBase, folder: Path, *, notes: Mapping[str, Any], curves: Curves
) -> None:
    """Writes a model folder: fp16 weights, configuration, tokenizer, recsys.json, curves and card.

    Raises:
        TrainingError: when the weights are no numbers, or the folder cannot be written.
    """

    def write(target: Path) -> None:
        import copy

        import torch

        half = copy.deepcopy(model).half()
        _require_finite(dict(half.named_parameters()))
        half.config.dtype = torch.float16
        half.save_pretrained(target)
        tokenizer.save_pretrained(target)
        curves.save(target / CURVES_FILE)
        weights = target / MODEL_FILE  # several files where it is large, whose hash is not noted
        hashed = {**notes, HASH_KEY: file_sha256(weights)} if weights.is_file() else notes
        write_notes(target, hashed, name=folder.name)

    _write_whole(folder, write)


def write_notes(folder: Path, notes: Mapping[str, Any], *, name: str | None = None) -> None:
    """Writes recsys.json, and the card from what it says.

    Args:
        folder: Of the adapter or model.
        notes: What recsys.json says.
        name: What the card calls it; the folder's name where None.
    """
    import dataclasses

    (folder / NOTES_FILE).write_text(json.dumps(notes, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    card = read_adapter_card(folder)
    text = render_card(card if name is None else dataclasses.replace(card, name=name))
    (folder / "README.md").write_text(text, encoding="utf-8")


def _write_whole(folder: Path, write: Callable[[Path], None]) -> None:
    work, old = (folder.parent / f".{folder.name}.{state}" for state in ("unfinished", "old"))
    try:
        with explain_disk_error(folder):
            if old.exists() and not folder.exists():  # a kill came between the two renames below
                old.rename(folder)
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True)
            write(work)
            for path in work.iterdir():
                path.chmod(0o644)  # safetensors makes files that only their owner can read
                flush(path)
            shutil.rmtree(old, ignore_errors=True)
            if folder.exists():
                folder.rename(old)
            work.rename(folder)
            shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _require_finite(weights: Mapping[str, Any]) -> None:
    for name, tensor in weights.items():
        if not tensor.isfinite().all():
            mend = "lower learning_rate and train again; fp16 holds numbers up to 65,504"
            raise TrainingError("a trained weight is no number in fp16", seen=name, mend=mend)
