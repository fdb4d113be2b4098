"""What a run says of itself: its identity, which a stopped one is found by, and the notes beside its result."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from recsys.evaluation.summary import describe_machine
from recsys.models.distributed import count_processes
from recsys.prompt_ids import prompt_id
from recsys.training.curves import Curves

if TYPE_CHECKING:
    from recsys.models.loading import LoadedModel
    from recsys.training.request import TrainingData, TrainingRequest


def identify(request: TrainingRequest, data: TrainingData, loaded: LoadedModel, cases: str) -> dict[str, Any]:
    """Everything that changes the result of a run, so that two runs never mix."""
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
        "processes": count_processes(),
    }


def describe(
    request: TrainingRequest,
    data: TrainingData,
    loaded: LoadedModel,
    steps: int,
    num: int,
    curves: Curves,
    seconds: float,
) -> dict[str, Any]:
    """What recsys.json says of a run.

    Args:
        request: Of the run.
        data: What it learnt from.
        loaded: Its base.
        steps: Optimizer steps done.
        num: Examples of an epoch.
        curves: Its curves.
        seconds: Spent training.
    """
    settings = request.training
    validation = data.held_out(settings)
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
        "num_train_epochs": round(steps / curves.steps_per_epoch, 2),
        "steps": steps,
        "seed": settings.seed,
        "command": request.command,
        "hardware": describe_machine(),
        "seconds": round(seconds, 1),
        "split": f"{data.name}, {' and '.join(settings.learnt_users)} users",
        "training": settings.in_effect(),
        "trained_at": time.strftime("%Y-%m-%d"),
    }
    if settings.method in ("lora", "dpo"):
        told["lora"] = request.lora.to_dict()
    return told
