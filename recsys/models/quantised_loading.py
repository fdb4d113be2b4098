"""Loads a model into int8 or nf4 one tensor after the other, without a copy of it in full precision.

transformers' own loader reaches the same weights but holds more at its peak (docs/LOG.md tells both figures). Here the
model is made on the meta device, where weights take no memory; transformers puts bitsandbytes' layers into it; then
each tensor is read, quantised at once and put in its place. LLaMA and GPT-J, in one file or in shards. The way to a
GPU is the same code, not measured here; several GPUs for one model are left to transformers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.models.quantising import is_quantised, place_quantised
from recsys.models.shapes import create_skeleton
from recsys.models.tensor_reading import read_tensor
from recsys.models.weights import TensorEntry

if TYPE_CHECKING:
    import torch
    from transformers import BitsAndBytesConfig, PreTrainedConfig

QUANTISED = ("int8", "nf4")
"""The precisions that take this way."""


def quantisation_config(precision: str, dtype: torch.dtype, int8_threshold: float) -> BitsAndBytesConfig:
    """What transformers is told of a quantised precision.

    nf4's scales are not quantised themselves: that would save 0.4 bits a weight, which CPUs with AVX512-BF16 undo at
    the first use, and round once more.

    Args:
        precision: int8 or nf4.
        dtype: What nf4 computes in.
        int8_threshold: Inputs above it are multiplied in half precision; 0 multiplies all in int8.
    """
    from transformers import BitsAndBytesConfig

    if precision == "int8":
        return BitsAndBytesConfig(load_in_8bit=True, llm_int8_threshold=int8_threshold)  # type: ignore[no-untyped-call]
    return BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
    )


def load_quantised(
    folder: Path,
    entries: Mapping[str, TensorEntry],
    config: BitsAndBytesConfig,
    *,
    dtype: torch.dtype,
    device: str,
    progress: Callable[[float], None] = lambda _: None,
) -> Any:
    """Loads a model whose linear layers, but for its head, are quantised; all else is in ``dtype``.

    Args:
        folder: Of the model.
        entries: Its tensors.
        config: From quantisation_config.
        dtype: Half precision.
        device: "cpu", "cuda" or "mps".
        progress: Told the share of the bytes that are read.

    Returns:
        The transformers model, as from_pretrained would return it.

    Raises:
        ValueError: when a tensor is missing or has another shape than config.json says.
        OSError: when a file cannot be read.
    """
    from transformers import AutoConfig

    settings = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    model, quantizer = _prepare(settings, config, dtype, device)
    wanted = set(model.state_dict())
    total, done = sum(entry.end - entry.start for entry in entries.values()), 0
    for name, entry in _in_file_order(model, entries, wanted):
        _place(model, name, entry, dtype, device)
        wanted.discard(name)
        done += entry.end - entry.start
        progress(done / total)
    model.tie_weights(missing_keys=wanted, recompute_mapping=False)
    if wanted:
        raise ValueError(f"{len(wanted)} tensors are missing from the files, such as {min(wanted)}")
    _fill_buffers(model, device)
    with contextlib.suppress(OSError):  # not every model comes with one
        from transformers import GenerationConfig

        model.generation_config = GenerationConfig.from_pretrained(folder, local_files_only=True)
    model.hf_quantizer = quantizer
    quantizer.postprocess_model(model)
    return model.eval()


def _prepare(
    settings: PreTrainedConfig, config: BitsAndBytesConfig, dtype: torch.dtype, device: str
) -> tuple[Any, Any]:
    """The model on the meta device with bitsandbytes' layers in it, and the object of transformers that put them."""
    from transformers.quantizers.auto import AutoHfQuantizer

    quantizer: Any = AutoHfQuantizer.from_config(config, pre_quantized=False)
    placed = {"": device}
    quantizer.validate_environment(device_map=placed)
    # Made in fp32, whatever the weights will be: buffers such as rotary angles stay in it.
    model: Any = create_skeleton(settings)
    model.config.dtype = dtype
    quantizer.preprocess_model(model=model, dtype=dtype, device_map=placed)
    return model, quantizer


def _in_file_order(
    model: Any, entries: Mapping[str, TensorEntry], wanted: set[str]
) -> Iterator[tuple[str, TensorEntry]]:
    """The tensors that the model has a place for, by its own names, in the order in which they are read fastest.

    Others are passed over, as transformers does: old checkpoints hold rotary angles and masks.
    """
    for name, entry in sorted(entries.items(), key=lambda item: (str(item[1].path), item[1].start)):
        # A model that was saved without its head has names without the prefix.
        for known in (name, f"{model.base_model_prefix}.{name}"):
            if known in wanted:
                yield known, entry
                break


def _place(model: Any, name: str, entry: TensorEntry, dtype: torch.dtype, device: str) -> None:
    from torch.nn import Parameter

    path, _, leaf = name.rpartition(".")
    layer = model.get_submodule(path)
    shape = tuple(getattr(layer, leaf).shape)
    if shape != entry.shape:
        raise ValueError(f"{name} is of shape {entry.shape} and config.json makes it {shape}")
    if leaf == "weight" and is_quantised(layer):
        place_quantised(layer, entry, dtype, device)
        return
    tensor = read_tensor(entry, dtype, device)
    setattr(layer, leaf, tensor if leaf in layer._buffers else Parameter(tensor, requires_grad=False))


def _fill_buffers(model: Any, device: str) -> None:
    """Buffers that no file holds, such as rotary angles, are computed as the model itself does when it is made."""
    import torch

    for module in model.modules():
        empty = [name for name, buffer in module._buffers.items() if buffer is not None and buffer.is_meta]
        for name in empty:
            module._buffers[name] = torch.empty_like(module._buffers[name], device=device)
        if empty:
            model._init_weights(module)
    left = [name for name, tensor in (*model.named_parameters(), *model.named_buffers()) if tensor.is_meta]
    if left:
        raise ValueError(f"{left[0]} was left without weights")
