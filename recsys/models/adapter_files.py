"""Reads and checks the files of a PEFT adapter folder before anything of it is loaded.

Knows PEFT's file names and LoRA's settings; what the weights must be is in adapter_weights.py.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from recsys.errors import AdapterError
from recsys.models.weights import TensorEntry, hash_weights, read_tensor_entries

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"
NOTES_FILE = "recsys.json"
"""Ours, since PEFT drops keys that it does not know: prompt_id, base_model, base_weight_hash, title and note."""

PICKLED_FILE = "adapter_model.bin"
CONVERT = "convert it on the command line: python -m recsys adapters convert OLD_FOLDER --out NAME"

_TAKEN_OVER = (
    "r",
    "lora_alpha",
    "target_modules",
    "exclude_modules",
    "fan_in_fan_out",
    "use_rslora",
    "use_dora",
    "rank_pattern",
    "alpha_pattern",
    "layers_to_transform",
    "layers_pattern",
    "lora_bias",
)
"""Settings that shape LoRA's arithmetic. All others concern training, or are refused below."""

_WITHOUT_EFFECT = (
    *("auto_mapping", "base_model_name_or_path", "inference_mode", "lora_dropout", "peft_type", "peft_version"),
    *("revision", "task_type"),
    *("corda_config", "eva_config", "loftq_config", "lora_ga_config", "velora_config"),
    *("ensure_weight_tying", "megatron_config", "megatron_core", "qalora_group_size", "runtime_config"),
)
"""Settings that concern training, a library's bookkeeping, or something that is refused below."""

_CHANGE_THE_BASE = (
    "modules_to_save",
    "trainable_token_indices",
    "target_parameters",
    "layer_replication",
    "alora_invocation_tokens",
    "use_qalora",
    "use_bdlora",
    "arrow_config",
    "kasa_config",
    "monteclora_config",
)
_KNOWN = frozenset({*_TAKEN_OVER, *_WITHOUT_EFFECT, *_CHANGE_THE_BASE, "bias", "init_lora_weights"})
_PLAIN_INITIALISATIONS = (None, True, False, "gaussian", "eva", "orthogonal", "loftq")
"""The others (PiSSA, OLoRA, CorDA …) subtract something from the base's own weights."""

_WHY_NOT_SWITCHED = {
    "IA3": "load it with PEFT: IA³ and LoRA layers on the same weights would stand inside each other",
    "PREFIX_TUNING": "load it with PEFT: a prefix stands in the model's cache, which requests fill and share here",
}

LARGEST_JSON = 4 * 2**20
"""Bytes of any file of an adapter but its weights."""
_LARGEST_NUMBER = 1_000_000
_MOST_PATTERNS, _LONGEST_PATTERN, _MOST_REPEATS = (2000, 2000, 5)
"""PEFT matches these against the name of every module, and a pattern can take hours to fail."""

_SAVE_AGAIN = "save the adapter again with save_pretrained"


def read_adapter_config(folder: Path) -> dict[str, Any]:
    """The settings of a LoRA adapter that matter when it is used, ready for peft.LoraConfig.

    Unknown keys, which older training scripts write, are left out; base_model_name_or_path is kept.

    Raises:
        AdapterError: no such file, broken, another method than LoRA, or a setting that changes the base.
    """
    told = _read_json(folder / CONFIG_FILE, required=True)
    if told.get("peft_type") != "LORA":
        reason = _WHY_NOT_SWITCHED.get(str(told.get("peft_type")), "load it with PEFT")
        mend = f"only LoRA adapters can be switched on and off here; {reason}"
        raise AdapterError(f"adapter {folder.name} is of another method", seen=told.get("peft_type"), mend=mend)
    _refuse_changes_of_the_base(folder.name, told)
    for name, kinds in (("r", int), ("lora_alpha", (int, float))):
        value = told.get(name)
        if not isinstance(value, kinds) or isinstance(value, bool) or not 0 < value <= _LARGEST_NUMBER:
            raise AdapterError(f"{CONFIG_FILE} of {folder.name} has no usable {name}", seen=value, mend=_SAVE_AGAIN)
    targets = told.get("target_modules")
    is_named = isinstance(targets, str) or (isinstance(targets, list) and all(isinstance(t, str) for t in targets))
    if not targets or not is_named:
        raise AdapterError(f"{CONFIG_FILE} of {folder.name} names no target_modules", seen=targets, mend=_SAVE_AGAIN)
    _refuse_costly_patterns(folder.name, told)
    taken = {name: told[name] for name in _TAKEN_OVER if told.get(name) is not None}
    return {**taken, "base_model_name_or_path": told.get("base_model_name_or_path"), "inference_mode": True}


def _refuse_changes_of_the_base(adapter: str, told: dict[str, Any]) -> None:
    for name in _CHANGE_THE_BASE:
        if told.get(name):
            mend = "train it with LoRA layers alone, so that it can be switched off"
            raise AdapterError(f"adapter {adapter} needs {name}, which changes the base", seen=told[name], mend=mend)
    for name, allowed in (("bias", ("none", None)), ("init_lora_weights", _PLAIN_INITIALISATIONS)):
        if told.get(name) not in allowed:
            mend = "convert it to plain LoRA when saving it"
            raise AdapterError(f"adapter {adapter} changes the base by {name}", seen=told[name], mend=mend)


def _refuse_costly_patterns(adapter: str, told: dict[str, Any]) -> None:
    """Refuses regular expressions that may keep the model waiting for ever."""
    patterns = [told[name] for name in ("target_modules", "exclude_modules") if isinstance(told.get(name), str)]
    layers = told.get("layers_pattern") or []
    patterns += [layers] if isinstance(layers, str) else list(layers) if isinstance(layers, list) else []
    for name in ("rank_pattern", "alpha_pattern"):
        values = told.get(name) or {}
        is_sound = isinstance(values, dict) and all(_is_size(value) for value in values.values())
        if not is_sound or len(values) > _MOST_PATTERNS:
            raise AdapterError(f"{CONFIG_FILE} of {adapter} has no usable {name}", seen=values, mend=_SAVE_AGAIN)
        patterns += values
    for pattern in patterns:
        if not isinstance(pattern, str) or not _is_cheap(pattern):
            mend = "name the modules one by one, or by a pattern that repeats no group"
            raise AdapterError(f"a pattern of adapter {adapter} is not safe to match", seen=pattern, mend=mend)


def _is_size(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= _LARGEST_NUMBER


def _is_cheap(pattern: str) -> bool:
    """Whether a pattern is one, is short, repeats no group and little else."""
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return False
    repeats = len(re.findall(r"[*+{]", pattern))
    return len(pattern) <= _LONGEST_PATTERN and repeats <= _MOST_REPEATS and not re.search(r"\)[*+{]", pattern)


def unknown_settings(folder: Path) -> tuple[tuple[str, Any], ...]:
    """The keys of adapter_config.json that are left out since nothing here knows them, with their values.

    Old training scripts wrote some that PEFT has dropped since (``enable_lora``, ``merge_weights``), and releases to
    come will write others.

    Raises:
        AdapterError: when the file is missing or broken.
    """
    told = _read_json(folder / CONFIG_FILE, required=True)
    return tuple((name, value) for name, value in told.items() if name not in _KNOWN)


def known_settings(folder: Path) -> dict[str, Any]:
    """adapter_config.json without the keys that nothing here knows.

    Raises:
        AdapterError: when the file is missing or broken.
    """
    told = _read_json(folder / CONFIG_FILE, required=True)
    return {name: value for name, value in told.items() if name in _KNOWN}


def told_of_unknown(folder: Path) -> tuple[str, ...]:
    """A sentence where settings are left out that were set to something, and may have changed what the adapter does."""
    lost = [name for name, value in unknown_settings(folder) if value not in (None, False, {}, [], "")]
    if not lost:
        return ()
    named = ", ".join(name[:40] for name in lost[:5])
    return (f"Adapter {folder.name} was made with settings that are not known here and left out: {named}.",)


def read_adapter_notes(folder: Path) -> dict[str, Any]:
    """What recsys.json says; empty where there is none.

    Raises:
        AdapterError: when it is there and broken.
    """
    return _read_json(folder / NOTES_FILE, required=False)


def read_adapter_entries(folder: Path) -> dict[str, TensorEntry]:
    """Names and shapes of an adapter's tensors.

    Raises:
        AdapterError: when the safetensors file is missing or broken.
    """
    path = folder / WEIGHTS_FILE
    if not path.is_file() and (folder / PICKLED_FILE).is_file():
        raise AdapterError(
            f"adapter {folder.name} is pickled, and a pickle can run code",
            seen=PICKLED_FILE,
            mend=CONVERT,
        )
    try:
        return read_tensor_entries(path)
    except FileNotFoundError:
        raise AdapterError(f"adapter {folder.name} has no {WEIGHTS_FILE}", mend=_SAVE_AGAIN) from None
    except (OSError, ValueError) as error:
        mend = "copy or save the adapter again"
        raise AdapterError(f"the weights of adapter {folder.name} are broken", seen=str(error), mend=mend) from error


def hash_adapter(folder: Path) -> str:
    """An identity of an adapter: 16 hex digits over its weights and the settings that shape them.

    Raises:
        AdapterError: when its files are missing or broken.
    """
    config = read_adapter_config(folder)
    told = [hash_weights(read_adapter_entries(folder)), *(f"{name}={config.get(name)!r}" for name in _TAKEN_OVER)]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]


def signature(folder: Path) -> str:
    """Twelve hex digits that change when the folder's files are written again."""
    told = [str(folder.resolve())]
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        try:
            status = (folder / name).stat()
        except OSError:
            continue
        told.append(f"{name} {status.st_size} {status.st_mtime_ns}")
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]


def _read_json(path: Path, *, required: bool) -> dict[str, Any]:
    adapter = path.parent.name
    try:
        size = path.stat().st_size
        told = json.loads(path.read_text(encoding="utf-8")) if size <= LARGEST_JSON else None
    except FileNotFoundError:
        if not required:
            return {}
        raise AdapterError(f"adapter {adapter} has no {path.name}", mend=_SAVE_AGAIN) from None
    except (OSError, ValueError, RecursionError) as error:
        raise AdapterError(f"{path.name} of adapter {adapter} is broken", seen=str(error), mend=_SAVE_AGAIN) from error
    if size > LARGEST_JSON:
        mend = f"at most {LARGEST_JSON:,}"
        raise AdapterError(f"{path.name} of adapter {adapter} is too large", seen=f"{size:,} bytes", mend=mend)
    if not isinstance(told, dict):
        raise AdapterError(f"{path.name} of adapter {adapter} is no JSON object", seen=told, mend=_SAVE_AGAIN)
    return told
