"""Checks LoRA adapters against the base in memory and switches between them.

An adapter's layers are put inside the loaded base model, not around it, so the model object stays the
same whichever adapter is in effect, and the base alone is the same model with those layers switched
off. A few adapters stay in memory, so that two users who take turns do not read files each time.

Everything is checked before the base is touched: only LoRA in safetensors, only tensors whose shapes fit
the base, no settings that would change the base's own weights.
"""

from __future__ import annotations

import copy
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from recsys.errors import AdapterError
from recsys.models.adapter_files import (
    hash_adapter,
    read_adapter_config,
    read_adapter_entries,
    signature,
    told_of_unknown,
)
from recsys.models.adapter_listing import AdapterInfo
from recsys.models.adapter_weights import check_adapter_shapes
from recsys.models.placement import is_offloaded
from recsys.models.quantised_loading import QUANTISED
from recsys.models.quantising import keep_unpacked
from recsys.models.soundness import require_unaltered_adapter

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from recsys.models.loading import LoadedModel

_MOST_IN_MEMORY = 4
_PEFT_REFUSALS = (RuntimeError, ValueError, KeyError, TypeError, OSError, AttributeError, IndexError, ArithmeticError)
"""What PEFT and torch raise over settings that no adapter of theirs would have."""


def select_adapter(loaded: LoadedModel, adapter: AdapterInfo | None) -> tuple[str, ...]:
    """Puts an adapter into effect, or the base alone, without reloading the base.

    The caller holds the model: nothing may generate meanwhile.

    Args:
        loaded: The model in memory; its ``adapter`` and ``adapter_hash`` are updated.
        adapter: From list_adapters, or None for the base alone.

    Returns:
        Warnings, each one sentence: the base's weights are not those it was trained on.

    Raises:
        AdapterError: when its files are missing or broken, or do not fit this base. The adapter that was in
            effect before stays so.
    """
    if adapter is None:
        _switch_off(loaded.model)
        loaded.adapter = loaded.adapter_hash = None
        return ()
    internal = _internal_name(adapter)
    if internal not in _resident(loaded.model):
        config = read_adapter_config(adapter.path)
        entries = read_adapter_entries(adapter.path)
        check_adapter_shapes(loaded.model, adapter.name, entries)
        require_unaltered_adapter(adapter.path, entries)
        if config.get("use_dora") and is_offloaded(loaded.model):
            mend = "choose a smaller precision, a LoRA without DoRA, or a machine with more memory"
            raise AdapterError(f"adapter {adapter.name} is DoRA, which reads weights that are left on disk", mend=mend)
        _make_room(loaded.model)
        _inject(loaded.model, adapter, internal, config)
    _switch_on(loaded.model, internal)
    loaded.adapter, loaded.adapter_hash = adapter.name, hash_adapter(adapter.path)
    return _warnings(loaded, adapter)


def merged_copy(loaded: LoadedModel) -> LoadedModel:
    """A private copy of the model with the adapter in effect folded into its weights; the model itself stays.

    Long evaluations may use it: a merged model runs at the speed of the base alone. Its weights are rounded
    once more than those of base and adapter apart, so answers may differ in their last bits.

    Raises:
        AdapterError: when no adapter is in effect, or the base is quantised, whose weights have no room for one.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer

    active = _active(loaded.model)
    if active is None:
        raise AdapterError("no adapter is in effect", mend="select one before it is merged")
    if loaded.precision in QUANTISED:
        raise AdapterError(
            "an adapter cannot be merged into quantised weights",
            seen=loaded.precision,
            mend="load the base in bf16 or fp32",
        )
    if is_offloaded(loaded.model):
        raise AdapterError("an adapter cannot be merged into weights that are not all in memory", mend="load them all")
    model: Any = copy.deepcopy(loaded.model)
    for name, module in list(model.named_modules()):
        if isinstance(module, BaseTunerLayer):
            module.merge(adapter_names=[active])
            model.set_submodule(name, module.get_base_layer())
    model.peft_config = {}
    return replace(loaded, model=model, decoders={})


def _internal_name(adapter: AdapterInfo) -> str:
    """Names the adapter inside PEFT after its place and version, so that a folder trained anew is read anew."""
    return f"adapter_{signature(adapter.path)}"


def _resident(model: Module) -> dict[str, Any]:
    found: dict[str, Any] = getattr(model, "peft_config", None) or {}
    return found


def _make_room(model: Module) -> None:
    """Drops the adapter that was loaded longest ago and is not in effect."""
    if len(_resident(model)) >= _MOST_IN_MEMORY:
        active = _active(model)
        _delete(model, next(name for name in _resident(model) if name != active))


def _delete(model: Module, internal: str) -> None:
    from peft.functional import delete_adapter

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PEFT tells which adapter it makes active next; we choose that ourselves
        delete_adapter(model, internal, prefix="lora_")
    _resident(model).pop(internal, None)


def _inject(model: Module, adapter: AdapterInfo, internal: str, config: dict[str, Any]) -> None:
    from peft import LoraConfig
    from peft.functional import inject_adapter_in_model, set_peft_model_state_dict
    from safetensors.torch import load_file

    before = _active(model)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PEFT's hints to trainers: nothing here is trained
            weights = load_file(adapter.path / "adapter_model.safetensors")
            state = {name.removeprefix("base_model.model."): tensor.float() for name, tensor in weights.items()}
            if config.get("use_dora"):
                keep_unpacked(model)
            inject_adapter_in_model(LoraConfig(**config), model, internal, low_cpu_mem_usage=True)
            result: Any = set_peft_model_state_dict(model, state, internal, low_cpu_mem_usage=True)
            if is_offloaded(model):
                _put_beside_offloaded(model, internal, state)
        without_weights = [name for name in result.missing_keys if f".{internal}" in name]
        if without_weights or result.unexpected_keys:
            seen = (without_weights or result.unexpected_keys)[0].replace(f".{internal}", "")
            raise AdapterError(
                f"the weights of adapter {adapter.name} are not those that its adapter_config.json describes",
                seen=seen,
                mend="save the adapter again with save_pretrained",
            )
    except _PEFT_REFUSALS as error:
        _undo(model, internal, before)
        raise AdapterError(
            f"adapter {adapter.name} cannot be loaded", seen=str(error), mend="save it again with save_pretrained"
        ) from error
    except AdapterError:
        _undo(model, internal, before)
        raise


def _put_beside_offloaded(model: Module, internal: str, state: dict[str, Tensor]) -> None:
    """Puts LoRA's weights where their base layer is computed.

    PEFT moves them to where the layer's own weights are. For those on disk that is torch's meta device, where a weight
    is a shape alone: the adapter would be lost without an error.
    """
    from torch.nn import Parameter

    for layer_name, layer in model.named_modules():
        hook: Any = getattr(getattr(layer, "base_layer", None), "_hf_hook", None)
        for name, weight in list(layer.named_parameters()) if hook is not None else ():
            told = state.get(f"{layer_name}.{name}".replace(f".{internal}", ""))
            if told is not None and f".{internal}" in f".{name}":
                path, _, leaf = name.rpartition(".")
                moved = Parameter(told.to(hook.execution_device, weight.dtype), requires_grad=False)
                setattr(layer.get_submodule(path), leaf, moved)


def _active(model: Module) -> str | None:
    """Internal name of the adapter in effect, or None for the base alone."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for module in model.modules():
        if isinstance(module, BaseTunerLayer) and not module.disable_adapters and module.active_adapters:
            return str(module.active_adapters[0])
    return None


def _undo(model: Module, internal: str, before: str | None) -> None:
    _delete(model, internal)
    if before is None:
        _switch_off(model)
    else:
        _switch_on(model, before)


def _switch_on(model: Module, internal: str) -> None:
    from peft.functional import set_adapter
    from peft.tuners.tuners_utils import BaseTunerLayer

    for module in model.modules():
        if isinstance(module, BaseTunerLayer):
            module.enable_adapters(True)
    set_adapter(model, internal, inference_mode=True)
    model.requires_grad_(False)
    model.eval()


def _switch_off(model: Module) -> None:
    if not _resident(model):
        return
    from peft.tuners.tuners_utils import BaseTunerLayer

    for module in model.modules():
        if isinstance(module, BaseTunerLayer):
            module.enable_adapters(False)


def _warnings(loaded: LoadedModel, adapter: AdapterInfo) -> tuple[str, ...]:
    told = []
    if adapter.base_weight_hash is not None:
        if adapter.base_weight_hash != loaded.weight_hash:
            told.append(
                f"Adapter {adapter.name} was trained on other weights of {adapter.base_model or 'this shape'}: "
                f"its recommendations on {loaded.spec.title} may be worse."
            )
    elif adapter.base_model and adapter.base_model not in {loaded.spec.name, loaded.spec.location}:
        told.append(f"Adapter {adapter.name} was trained on {adapter.base_model}, not on {loaded.spec.name}.")
    return (*told, *told_of_unknown(adapter.path))
