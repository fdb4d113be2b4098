"""One training run from request to folder: data, base, method, steps, result.

The same path trains an adapter on a base and a small model from scratch. Every process of `accelerate launch`
comes through here; only the first writes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.data.records import Record, SplitData
from recsys.data.windows import HISTORY_LENGTH, NUM_RELEVANT
from recsys.errors import TrainingError
from recsys.evaluation.summary import describe_machine
from recsys.models.artifacts import Progress, silent
from recsys.prompts import prompt_id
from recsys.settings import PromptSettings
from recsys.training.curves import Curves
from recsys.training.examples import (
    Case,
    record_cases,
    require_records,
    sub_history_cases,
    worked_examples,
)
from recsys.training.run_folder import RunFolder, hash_records
from recsys.training.settings import LoraSettings, TrainingSettings

if TYPE_CHECKING:
    from recsys.catalogue import Catalogue
    from recsys.models.loading import LoadedModel
    from recsys.prompts import PromptExample
    from recsys.training.ranking import RankingMeasure
    from recsys.training.watching import CleanStop, CurvesWriter


@dataclass(frozen=True)
class TrainingRequest:
    """What is trained, on what, and how.

    Attributes:
        name: Of the result.
        base_model: Registry name, folder or Hub id.
        prompt: The prompt's format.
        lora: The settings of LoRA.
        training: The settings of the run.
        recipe: What the settings are known as.
        num_samples: Examples of an epoch of sub-histories; 0 takes as many as there are training records.
        init_adapter: A folder of an adapter of the same shape to go on from.
        command: The command line, for the card.
    """

    name: str
    base_model: str
    prompt: PromptSettings = field(default_factory=lambda: PromptSettings(style="history"))
    lora: LoraSettings = field(default_factory=LoraSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    recipe: str = "story"
    num_samples: int = 0
    init_adapter: Path | None = None
    command: str = ""


@dataclass(frozen=True)
class TrainingData:
    """What a run learns from and is measured on.

    Attributes:
        split: User sets with their likes and records.
        catalogue: Names of the movies, popularity of training users.
        name: Of the data set and its split.
    """

    split: SplitData
    catalogue: Catalogue
    name: str

    def draw(self, request: TrainingRequest) -> tuple[Callable[[int, int], Case], int]:
        """The cases of an epoch, and how many they are.

        Raises:
            SettingsError: when training users have no record.
        """
        records = self.split.records["train"]
        settings = request.training
        if settings.augmentation == "records":
            require_records(records, "train")
            return record_cases(records), len(records)
        num = request.num_samples or len(records)
        if num < 1:
            require_records(records, "train")
        cases = sub_history_cases(
            self.split.likes_of("train"), history_length=HISTORY_LENGTH, num_relevant=NUM_RELEVANT, seed=settings.seed
        )
        return cases, num

    def validation_records(self, num: int) -> Sequence[Record]:
        """Records of validation users, spread evenly where fewer are wanted than there are."""
        records = self.split.records["validation"]
        if not num or not len(records):
            return ()
        places = [len(records) * i // min(num, len(records)) for i in range(min(num, len(records)))]
        return tuple(records[place] for place in places)


@dataclass(frozen=True)
class TrainingResult:
    """What a run ends with.

    Attributes:
        model: The trained model, with the method's weights.
        curves: Of the run.
        notes: For recsys.json.
        is_first_process: Whether this process writes the result.
        gathered: The adapter's tensors where processes share the weights, as its last checkpoint gathered them.
    """

    model: Any
    curves: Curves
    notes: dict[str, Any]
    is_first_process: bool
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
    """Trains, going on where an earlier start of the same request stopped.

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
    from transformers import set_seed

    from recsys.training.methods import add_trainable
    from recsys.training.objectives import find_objective
    from recsys.training.run_trainer import make_arguments
    from recsys.training.run_weights import load_adapter_weights, take_best

    settings = request.training
    worked = worked_examples(data.split, data.catalogue, request.prompt)
    objective = find_objective(request, data, loaded, worked)
    cases = hash_records(objective.draw(0, index) for index in range(objective.num))
    run = RunFolder(folder, _identity(request, data, loaded, cases))
    first = int(os.environ.get("RANK", "0")) == 0
    with run.hold() if first else nullcontext():
        if first:
            run.begin(restart=restart)
        set_seed(settings.seed)
        model = add_trainable(loaded.model, settings.method, request.lora)
        if request.init_adapter is not None:
            load_adapter_weights(model, request.init_adapter)
        watchers = _watch(request, data, loaded, worked, model, folder, progress)
        batches = -(-objective.num // settings.per_device_train_batch_size)
        arguments = make_arguments(
            settings,
            folder,
            steps_per_epoch=max(1, batches // settings.gradient_accumulation_steps),
            eval_strategy="epoch" if objective.can_validate else "no",
            report_to=report_to,
            run_name=request.name,
            **_device_arguments(loaded, settings),
        )
        trainer = objective.create_trainer(model, arguments, callbacks=watchers.callbacks, measure=watchers.measure)
        _take_steps(trainer, watchers.stop, folder)
        if settings.early_stopping_patience:
            take_best(model, folder)
    trained = trainer.accelerator.unwrap_model(model)
    notes = _notes(request, data, loaded, trainer.state.global_step, objective.num, watchers.curves)
    gathered = _gathered(folder) if first and is_sharded() else None
    return TrainingResult(trained, watchers.curves.curves, {**notes, **objective.finish(trained)}, first, gathered)


def is_sharded() -> bool:
    """Whether `accelerate launch` has processes share the weights (FSDP, DeepSpeed)."""
    return any(os.environ.get(name) == "true" for name in ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"))


def _gathered(folder: Path) -> dict[str, Any]:
    """The adapter of the last checkpoint, which the Trainer writes at the last step with all shards together."""
    from safetensors.torch import load_file

    from recsys.models.adapter_files import WEIGHTS_FILE
    from recsys.training.run_trainer import last_checkpoint

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
    ranked = data.validation_records(settings.ranking_records) if can_rank else ()
    measure = RankingMeasure(loaded, ranked, data.catalogue, request.prompt, worked) if ranked else None
    curves = CurvesWriter(request.name, folder, (lambda: measure.last) if measure else (lambda: None))
    stop = CleanStop()
    callbacks: list[Any] = [curves, ProgressTeller(progress), stop]
    if settings.early_stopping_patience:
        callbacks.append(EarlyStopping(settings.early_stopping_patience, lambda: keep_best(model, folder), curves))
    return _Watchers(curves, stop, measure, callbacks)


def _take_steps(trainer: Any, stop: CleanStop, folder: Path) -> None:
    """Trains to the end, from the last checkpoint where there is one."""
    from recsys.training.run_trainer import explain_disk_error, last_checkpoint

    checkpoint = last_checkpoint(folder)
    try:
        with stop.on_signals():
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except OSError as error:
        raise explain_disk_error(error, folder) from error
    if stop.asked.is_set() and trainer.state.global_step < trainer.state.max_steps:
        raise KeyboardInterrupt


def _identity(request: TrainingRequest, data: TrainingData, loaded: LoadedModel, cases: str) -> dict[str, Any]:
    return {
        "base_model": request.base_model,
        "base_weight_hash": loaded.weight_hash,
        "precision": loaded.precision,
        "prompt_id": prompt_id(request.prompt),
        "lora": request.lora.to_dict(),
        "training": {**request.training.in_effect(), "save_steps": None},
        "num_samples": request.num_samples,
        "init_adapter": str(request.init_adapter) if request.init_adapter else None,
        "data": data.name,
        "cases": cases,
        "processes": int(os.environ.get("WORLD_SIZE", "1")),
    }


def _notes(
    request: TrainingRequest, data: TrainingData, loaded: LoadedModel, steps: int, num: int, curves: Any
) -> dict[str, Any]:
    validation = data.split.records["validation"]
    settings = request.training
    told = {
        "prompt_id": prompt_id(request.prompt),
        "base_model": request.base_model,
        "base_weight_hash": loaded.weight_hash,
        "precision": loaded.precision,
        "method": settings.method,
        "recipe": request.recipe,
        "num_records": num,
        "num_validation_records": len(validation),
        "num_validation_users": len({record.user_id for record in validation}),
        "num_train_epochs": round(steps / curves.curves.steps_per_epoch, 2) if curves.curves.steps_per_epoch else 0.0,
        "steps": steps,
        "seed": settings.seed,
        "command": request.command,
        "hardware": describe_machine(),
        "seconds": round(curves.seconds, 1),
        "split": f"{data.name}, train users",
        "training": settings.in_effect(),
        "trained_at": time.strftime("%Y-%m-%d"),
    }
    if settings.method in ("lora", "dpo"):
        told["lora"] = request.lora.to_dict()
    return told


def _device_arguments(loaded: LoadedModel, settings: TrainingSettings) -> dict[str, Any]:
    """Mixed precision: where the device computes in it, and for weights in fp32 that should be used in bf16."""
    if loaded.device == "cpu" and not is_sharded():
        # Weights that are in bf16 already are fastest as they are.
        return {"use_cpu": True, "bf16": loaded.precision == "fp32" and settings.precision == "bf16"}
    return {"fp16": loaded.precision in ("fp16", "int8"), "bf16": loaded.precision == "bf16"}
