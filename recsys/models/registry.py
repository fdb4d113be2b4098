"""Which models there are: the embedded one, a few of the Hub, any local folder and any Hub id.

The registry knows names, places and licences. It reads a local folder's config.json to tell its
architecture, and never the network: whether a Hub model can be had is found out when it is loaded.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import get_args

from recsys.errors import UnknownModelError
from recsys.models.known_models import DEFAULT_MODEL, KNOWN_MODELS, SHIPPED_MODELS, SMALL_MODEL
from recsys.models.meta_weights import refuse_meta_weights
from recsys.models.spec import Architecture, ModelSpec
from recsys.named_paths import is_folder, named_path

__all__ = ["DEFAULT_MODEL", "SHIPPED_MODELS", "SMALL_MODEL", "Architecture", "ModelSpec"]

PUBLIC_MODELS_VARIABLE = "RECSYS_PUBLIC_MODELS"

_HUB_ID = re.compile(r"([A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})(?:@([A-Za-z0-9][\w./-]{0,99}))?", re.ASCII)
_LONGEST_NAME = 1024
_UNREAD_LICENCE = "see its model card"

_KNOWN = KNOWN_MODELS


def list_models(*, public: bool = False) -> tuple[ModelSpec, ...]:
    """The models that are offered by name, the default first.

    Args:
        public: Offer visitors only the embedded models and those that $RECSYS_PUBLIC_MODELS lists
            (comma-separated names, folders or Hub ids).

    Raises:
        UnknownModelError: when $RECSYS_PUBLIC_MODELS names something that is no model.
    """
    if not public:
        return _KNOWN
    allowed = [name.strip() for name in os.environ.get(PUBLIC_MODELS_VARIABLE, "").split(",")]
    return tuple(find_model(name) for name in dict.fromkeys([DEFAULT_MODEL, SMALL_MODEL, *filter(None, allowed)]))


def find_model(name: str, *, public: bool = False) -> ModelSpec:
    """The model of a registry name, a local folder or a Hub id.

    Args:
        name: What a person typed or picked.
        public: Find only what list_models(public=True) lists.

    Raises:
        UnknownModelError: when there is no such model, it is of another architecture, or visitors may
            not load it.
    """
    listed = list_models(public=public)
    for spec in listed:
        if spec.name == name:
            return spec
    if public:
        raise UnknownModelError("this page does not offer that model", seen=name, mend=_choose_one_of(listed))
    if len(name) <= _LONGEST_NAME and name.isprintable() and name.strip():
        folder = named_path(name)
        if is_folder(folder):
            return _describe_folder(name, folder)
        if (found := read_hub_id(name)) is not None:
            note = "Not listed here: whether it is a LLaMA or GPT-J is found out when it is loaded."
            location, revision = found
            return ModelSpec(name, name, "hub", location, None, None, _UNREAD_LICENCE, revision=revision, note=note)
    mend = f"{_choose_one_of(listed)}, or give a folder or a Hub id such as owner/name or owner/name@revision"
    raise UnknownModelError("there is no such model", seen=name, mend=mend)


def read_hub_id(name: str) -> tuple[str, str | None] | None:
    """Repository and revision of owner/name or owner/name@revision; None for what is no id of the Hub.

    >>> read_hub_id("me/my-adapter@v2"), read_hub_id("../adapters")
    (('me/my-adapter', 'v2'), None)
    """
    found = _HUB_ID.fullmatch(name) if ".." not in name else None
    return (found[1], found[2]) if found else None


def read_architecture(config: object, where: str) -> Architecture:
    """The architecture that a config.json names.

    Raises:
        UnknownModelError: when it is neither LLaMA nor GPT-J, or its weights are already quantised.
    """
    settings = config if isinstance(config, dict) else {}
    kind = settings.get("model_type")
    if kind not in get_args(Architecture):
        raise UnknownModelError(
            f"{where} is not a LLaMA or GPT-J model",
            seen=kind,
            mend="take one whose config.json has model_type llama (LLaMA 1 to 3, Vicuna, SmolLM2 …) or gptj",
        )
    method = settings.get("quantization_config")
    if method:
        raise UnknownModelError(
            f"{where} holds weights that are already quantised",
            seen=method.get("quant_method") if isinstance(method, dict) else method,
            mend="take the full-precision model and choose precision int8",
        )
    return "llama" if kind == "llama" else "gptj"


def _describe_folder(name: str, folder: Path) -> ModelSpec:
    from recsys.models.weights import count_parameters, model_tensor_entries

    refuse_meta_weights(folder)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        architecture = read_architecture(config, name)
        num_parameters = count_parameters(model_tensor_entries(folder)) or None
    except FileNotFoundError:
        raise UnknownModelError(
            "the folder holds no model", seen=name, mend="name a folder with config.json and model.safetensors in it"
        ) from None
    except (OSError, ValueError, KeyError) as error:
        raise UnknownModelError(
            "the folder's model cannot be read", seen=f"{name}: {error}", mend="save or download it again"
        ) from error
    return ModelSpec(name, folder.name, "folder", str(folder), architecture, num_parameters, _UNREAD_LICENCE)


def _choose_one_of(listed: tuple[ModelSpec, ...]) -> str:
    return f"choose one of {', '.join(spec.name for spec in listed)}"
