"""What each method of fine-tuning adds to a base model: the one place that makes PEFT's configurations.

The count of trainable parameters, the memory estimate and the training run all call ``add_trainable``, so that
what a dry run prints is what a run trains. Knows no data and no optimizer.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from recsys.errors import SettingsError
from recsys.models.shapes import create_skeleton
from recsys.training.settings import ALL_LINEAR, LoraSettings, TrainingMethod

if TYPE_CHECKING:
    from peft import PeftConfig

NUM_VIRTUAL_TOKENS = 20
"""Positions of keys and values that prefix tuning puts before every prompt."""


def make_peft_config(method: TrainingMethod, lora: LoraSettings) -> PeftConfig | None:
    """PEFT's configuration of a method; None for "full", which adds nothing.

    IA3 scales the layers that PEFT knows as its targets for the architecture (keys, values and the MLP's second
    half), whatever ``lora`` names.
    """
    from peft import IA3Config, LoraConfig, PrefixTuningConfig

    if method == "full":
        return None
    if method == "ia3":
        return IA3Config(task_type="CAUSAL_LM")
    if method == "prefix":
        return PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=NUM_VIRTUAL_TOKENS)
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=lora.r,
        lora_alpha=lora.lora_alpha,
        lora_dropout=lora.lora_dropout,
        target_modules=lora.peft_target_modules,
        use_rslora=lora.use_rslora,
        use_dora=lora.use_dora,
    )


def add_trainable(model: Any, method: TrainingMethod, lora: LoraSettings) -> Any:
    """The model with a method's weights added and exactly those requiring gradients.

    Args:
        model: A base model, in memory or on the meta device; it is changed.
        method: How it is trained.
        lora: The settings of LoRA, for the methods that use it (lora, dpo).

    Returns:
        A PeftModel, or the model itself for "full".

    Raises:
        SettingsError: when LoRA's targets are not layers of the model.
    """
    from peft import get_peft_model

    config = make_peft_config(method, lora)
    if config is None:
        return model.requires_grad_(True)
    if method in ("lora", "dpo"):
        require_targets(model, lora.target_modules)
    with warnings.catch_warnings():
        # PEFT asks the model under a name that transformers is about to drop, which is no news to whoever trains.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
        return get_peft_model(model, config)


def require_targets(model_or_config: Any, targets: Iterable[str]) -> None:
    """Refuses target modules that the model does not have; PEFT passes over them while one of them matches.

    Args:
        model_or_config: A model, in memory or on the meta device, or a transformers configuration.
        targets: The end of module names ("q_proj", "3.self_attn.q_proj"), or "all-linear".

    Raises:
        SettingsError: naming the first that is missing, with the names that there are.
    """
    model = model_or_config if hasattr(model_or_config, "named_modules") else create_skeleton(model_or_config)
    layers = _list_layers(model)
    for target in targets:
        if target != ALL_LINEAR and not any(name == target or name.endswith(f".{target}") for name in layers):
            names = dict.fromkeys(name.rpartition(".")[2] for name in layers)
            mend = f"choose from {', '.join(names)}, or {ALL_LINEAR}"
            raise SettingsError("target_modules names a layer that the model does not have", seen=target, mend=mend)


def _list_layers(model: Any) -> list[str]:
    """Names of the modules that LoRA can adapt; quantised linear layers are linear layers too."""
    from torch import nn

    return [name for name, module in model.named_modules() if isinstance(module, (nn.Linear, nn.Embedding))]
