"""One training run from request to result: data, method, steps.

The same path trains an adapter on a base and a small model from scratch. Every process of `accelerate launch`
comes through here; only the first writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.errors import TrainingError
from recsys.models.artifacts import Progress, silent
from recsys.models.distributed import is_first_process, is_sharded
from recsys.models.precision import compute_precision
from recsys.training.checkpoints import last_checkpoint, set_damaged_aside
from recsys.training.curves import Curves
from recsys.training.examples import worked_examples
from recsys.training.request import TrainingData, TrainingRequest
from recsys.training.run_folder import RunFolder, explain_disk_error, hash_records
from recsys.training.run_notes import describe, identify
from recsys.training.settings import TrainingSettings

if TYPE_CHECKING:
    from recsys.models.loading import LoadedModel
    from recsys.prompts import PromptExample
    from recsys.training.objectives import Objective
    from recsys.training.ranking import RankingMeasure
    from recsys.training.watching import CleanStop, CurvesWriter


@dataclass(frozen=True)
class TrainingResult:
    """What a run ends with.

    Attributes:
        model: The trained model, with the method's weights.
        curves: Of the run.
        notes: For recsys.json.
        gathered: The adapter's tensors where processes share the weights, as the last checkpoint gathered them.
    """

    model: Any
    curves: Curves
    notes: dict[str, Any]
    gathered: dict[str, Any] | None = None


def run_training(
    request: TrainingRequest,
    data: TrainingData,
    loaded: LoadedModel,
    folder: Path,
    *,
    progress: Progress = silent,
    restart: bool = False,
    report_to: str = "none",
) -> TrainingResult:
    """Trains, going on where an earlier start of the same request stopped; whoever calls holds the run's folder.

    Args:
        request: What and how.
        data: What it learns from.
        loaded: The base; its model is changed.
        folder: Of the run: checkpoints, curves.
        progress: Told how far it is.
        restart: Forget an earlier start.
        report_to: none, wandb or trackio.

    Raises:
        SettingsError: settings that cannot go together, or another run of the same name.
        TrainingError: the loss is no number, or the disk is full.
        KeyboardInterrupt: after a clean stop, with a checkpoint.
    """
    from recsys.training.objectives import find_objective
    from recsys.training.run_weights import take_best

    worked = worked_examples(data.split, data.catalogue, request.prompt)
    objective = find_objective(request, data, loaded, worked)
    cases = hash_records(objective.draw(0, index) for index in range(objective.num))
    run = RunFolder(folder, identify(request, data, loaded, cases))
    if is_first_process():
        run.begin(restart=restart)
    model = _add_weights(request, loaded)
    watchers = _watch(request, data, loaded, worked, model, folder, progress)
    arguments = _arguments(request, loaded, objective, folder, report_to)
    trainer = objective.create_trainer(model, arguments, callbacks=watchers.callbacks, measure=watchers.measure)
    _take_steps(trainer, watchers.stop, folder)
    if request.training.early_stopping_patience:
        take_best(model, folder)
    trained, curves = trainer.accelerator.unwrap_model(model), watchers.curves
    told = describe(
        request, data, loaded, trainer.state.global_step, objective.num, curves.curves, curves.seconds
    ) | objective.finish(trained)
    gathered = _gathered(folder) if is_first_process() and is_sharded() else None
    return TrainingResult(trained, curves.curves, told, gathered)


def _add_weights(request: TrainingRequest, loaded: LoadedModel) -> Any:
    from transformers import set_seed

    from recsys.training.methods import add_trainable
    from recsys.training.run_weights import load_adapter_weights

    set_seed(request.training.seed)
    model = add_trainable(loaded.model, request.training.method, request.lora)
    if request.init_adapter is not None:
        load_adapter_weights(model, request.init_adapter)
    return model


def _arguments(
    request: TrainingRequest, loaded: LoadedModel, objective: Objective, folder: Path, report_to: str
) -> dict[str, Any]:
    from recsys.training.run_trainer import make_arguments

    settings = request.training
    batches = -(-objective.num // settings.per_device_train_batch_size)
    return make_arguments(
        settings,
        folder,
        steps_per_epoch=max(1, batches // settings.gradient_accumulation_steps),
        eval_strategy="epoch" if objective.can_validate else "no",
        report_to=report_to,
        run_name=request.name,
        **_device_arguments(loaded, settings),
    )


def _gathered(folder: Path) -> dict[str, Any]:
    """The adapter of the last checkpoint, which the Trainer writes at the last step with all shards together."""
    from safetensors.torch import load_file

    from recsys.models.adapter_files import WEIGHTS_FILE

    checkpoint = last_checkpoint(folder)
    if checkpoint is None:
        raise TrainingError("no checkpoint was written", seen=str(folder), mend="lower save_steps and train again")
    return load_file(checkpoint / WEIGHTS_FILE)


@dataclass(frozen=True)
class _Watchers:
    """What follows the steps of a run."""

    curves: CurvesWriter
    stop: CleanStop
    measure: RankingMeasure | None
    callbacks: list[Any]


def _watch(
    request: TrainingRequest,
    data: TrainingData,
    loaded: LoadedModel,
    worked: tuple[PromptExample, ...],
    model: Any,
    folder: Path,
    progress: Progress,
) -> _Watchers:
    from recsys.training.ranking import RankingMeasure
    from recsys.training.run_weights import keep_best
    from recsys.training.watching import CleanStop, CurvesWriter, EarlyStopping, ProgressTeller

    settings = request.training
    # A ranking calls the base model's own layers, where a prefix is not: it would be the base's.
    # One process cannot see weights that several share.
    can_rank = settings.method != "prefix" and not is_sharded()
    ranked = data.ranking_records(settings) if can_rank else ()
    measure = RankingMeasure(loaded, ranked, data.catalogue, request.prompt, worked) if ranked else None
    curves = CurvesWriter(request.name, folder, (lambda: measure.last) if measure else (lambda: None))
    stop = CleanStop()
    callbacks: list[Any] = [curves, ProgressTeller(progress), stop]
    if settings.early_stopping_patience:
        callbacks.append(EarlyStopping(settings.early_stopping_patience, lambda: keep_best(model, folder), curves))
    return _Watchers(curves, stop, measure, callbacks)


def _take_steps(trainer: Any, stop: CleanStop, folder: Path) -> None:
    """Trains to the end, from the last sound checkpoint where there is one."""
    with explain_disk_error(folder):
        if is_first_process():
            set_damaged_aside(folder)
        trainer.accelerator.wait_for_everyone()
    checkpoint = last_checkpoint(folder)
    with stop.on_signals(), explain_disk_error(folder):
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if stop.asked.is_set() and trainer.state.global_step < trainer.state.max_steps:
        raise KeyboardInterrupt


def _device_arguments(loaded: LoadedModel, settings: TrainingSettings) -> dict[str, Any]:
    """Mixed precision: where the device computes in it, and for weights in fp32 that should be used in bf16."""
    if loaded.device == "cpu" and not is_sharded():
        # Weights that are in bf16 already are fastest as they are.
        return {"use_cpu": True, "bf16": loaded.precision == "fp32" and settings.precision == "bf16"}
    held_in = compute_precision(loaded.precision, loaded.device)
    return {"fp16": held_in == "fp16", "bf16": held_in == "bf16"}
