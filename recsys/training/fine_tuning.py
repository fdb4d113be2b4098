"""Fine-tuning an adapter: loads the base, checks what cannot go together, trains, writes the adapter's folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.errors import SettingsError
from recsys.models.artifacts import Progress, silent
from recsys.models.distributed import is_first_process, is_sharded, take_device
from recsys.models.loading import fetch_model, load_model
from recsys.models.memory import available_bytes
from recsys.models.quantising import keep_unpacked
from recsys.models.registry import find_model
from recsys.models.shapes import find_shape
from recsys.models.tokenizer_loading import load_tokenizer
from recsys.settings import Precision
from recsys.training.dry_run import make_load
from recsys.training.examples import ExampleWriter, worked_examples
from recsys.training.forgetting import FORGETTING_TEXT, perplexity
from recsys.training.memory import estimate_training_memory, require_training_memory
from recsys.training.methods import require_targets
from recsys.training.objectives import require_trl
from recsys.training.request import TrainingData, TrainingRequest
from recsys.training.run import TrainingResult, run_training
from recsys.training.run_folder import hold_run, require_name, training_folder
from recsys.training.saving import save_adapter, save_model
from recsys.training.settings import TrainingSettings

if TYPE_CHECKING:
    from recsys.models.loading import LoadedModel

_SAMPLED = 256
"""Examples that are looked at to tell how long they get."""


def fine_tune(
    request: TrainingRequest,
    data: TrainingData,
    *,
    out: Path,
    device: str = "auto",
    progress: Progress = silent,
    restart: bool = False,
    report_to: str = "none",
) -> Path | None:
    """Trains one adapter, or all weights with method "full".

    Args:
        request: What and how.
        data: What it learns from.
        out: The result is a folder of the request's name in it.
        device: auto, cpu, cuda or mps.
        progress: Told how far it is.
        restart: Forget an earlier start.
        report_to: none, wandb or trackio.

    Returns:
        The folder that was written; None in all processes but the first.

    Raises:
        RecsysError: for whatever is wrong; nothing is written then but the run's checkpoints.
        KeyboardInterrupt: after a clean stop.
    """
    require_name(request.name)
    settings = request.training
    spec = find_model(request.base_model)
    spec.require_prompt(request.prompt)
    where = take_device(device)
    _require_possible(request, where)
    base = fetch_model(spec, progress)
    _require_memory(request, data, base, where)
    precision: Precision = "fp32" if settings.method == "full" else settings.precision
    loaded = load_model(spec, precision, device=where, progress=progress, folder=base)
    if precision == "nf4":
        keep_unpacked(loaded.model)
    if settings.method in ("lora", "dpo"):
        require_targets(loaded.model, request.lora.target_modules)
    before = None if is_sharded() else perplexity(loaded, loaded.model)
    folder = training_folder() / request.name
    with hold_run(folder):
        result = run_training(request, data, loaded, folder, progress=progress, restart=restart, report_to=report_to)
        if not is_first_process():
            return None
        notes = dict(result.notes)
        if before is not None:  # one process cannot read a text with weights that several share
            after = perplexity(loaded, result.model)
            notes["forgetting"] = {"text": FORGETTING_TEXT, "before": before, "after": after}
        _save(request, loaded, result, out / request.name, notes)
    return out / request.name


def _require_possible(request: TrainingRequest, device: str) -> None:
    """Refuses settings that cannot go together, before anything is loaded."""
    settings = request.training
    if device == "cpu" and settings.precision == "fp16":
        mend = "choose bf16, fp32 or auto"
        raise SettingsError("a CPU cannot train in fp16", seen=settings.precision, mend=mend)
    if settings.method == "full" and settings.precision not in ("auto", "fp32"):
        mend = "choose precision fp32 or auto, or a method that leaves the base as it is"
        raise SettingsError("all weights are trained in fp32", seen=settings.precision, mend=mend)
    if settings.method == "dpo":
        _require_pairs(settings)
    if settings.method == "full" and is_sharded():
        mend = "choose method lora, or let each process hold all weights"
        raise SettingsError("all weights cannot be saved while processes share them", seen="full", mend=mend)
    if settings.early_stopping_patience and is_sharded():
        mend = "leave early_stopping_patience out: the weights of the last step are kept"
        raise SettingsError("the best weights cannot be kept while processes share them", seen=True, mend=mend)
    if settings.method == "full" and request.init_adapter is not None:
        mend = "choose method lora, or leave init_adapter out"
        raise SettingsError("training all weights adds no adapter", seen=request.init_adapter.name, mend=mend)
    if settings.method == "prefix" and settings.gradient_checkpointing:
        mend = "leave gradient_checkpointing out; a lower per_device_train_batch_size saves memory too"
        raise SettingsError("a prefix is kept in a cache, which gradient_checkpointing drops", seen=True, mend=mend)


def _require_pairs(settings: TrainingSettings) -> None:
    """Refuses what pairs of titles cannot be drawn by."""
    require_trl()
    if settings.augmentation != "records":
        mend = "take augmentation records: titles of a record are drawn anew in each epoch already"
        raise SettingsError("pairs of titles are drawn from records", seen=settings.augmentation, mend=mend)
    if settings.learn_from != "train":
        mend = "take learn_from train"
        raise SettingsError("pairs are drawn from training users alone", seen=settings.learn_from, mend=mend)
    if settings.teacher_share:
        mend = "take teacher_share 0"
        raise SettingsError("a teacher tells nothing of pairs", seen=settings.teacher_share, mend=mend)


def _require_memory(request: TrainingRequest, data: TrainingData, base: Path, device: str) -> None:
    """Refuses a run that will not fit, before the weights are read; processes that share weights are not judged."""
    if is_sharded():
        return
    load = make_load(request.training, _longest_example(request, data, base), device)
    estimate = estimate_training_memory(find_shape(str(base)), request.lora, request.training, load)
    batch = request.training.per_device_train_batch_size
    require_training_memory(estimate, available_bytes(device), load, batch=batch)


def _longest_example(request: TrainingRequest, data: TrainingData, base: Path) -> int:
    """Tokens of the longest of a sample of the first epoch's examples."""
    worked = worked_examples(data.split, data.catalogue, request.prompt)
    tokenizer = load_tokenizer(base)
    write = ExampleWriter(tokenizer, data.catalogue, request.prompt, loss_on=request.training.loss_on, worked=worked)
    draw, num = data.draw(request)
    return max(len(write(draw(0, index))) for index in range(0, num, max(1, num // _SAMPLED)))


def _save(
    request: TrainingRequest, loaded: LoadedModel, result: TrainingResult, folder: Path, notes: dict[str, Any]
) -> None:
    model, curves = result.model, result.curves
    if request.training.method == "full":
        save_model(model, loaded.tokenizer, folder, notes=notes, curves=curves)
        return
    save_adapter(model, folder, base_model=request.base_model, notes=notes, curves=curves, tensors=result.gathered)
