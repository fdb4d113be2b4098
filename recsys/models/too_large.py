"""What would run a model that fits in no precision, with numbers: its weights on disk, or a server that has it."""

from __future__ import annotations

import shutil
from pathlib import Path

from recsys.models.memory_plan import MemoryPlan, ModelPlans, amount
from recsys.models.spec import ModelSpec

_ON_DISK = "bf16"
_SERVER = "--engine openai --base-url http://HOST:8000/v1"


def ways_out(plans: ModelPlans, spec: ModelSpec, free_on_disk: int | None = None) -> str:
    """The options to start with, as words that follow a semicolon.

    Args:
        plans: Of the model.
        spec: The model: the files of a local folder are on disk already.
        free_on_disk: Bytes; None asks the disk that downloads go to.
    """
    plan = plans.of(_ON_DISK)
    free = _free_for_downloads() if free_on_disk is None else free_on_disk
    asks = f"{_SERVER} asks a server that has the {amount(plans.smallest.needed)} of memory"
    if plan.least > plan.available:
        return f"even with its weights on disk {plan.precision} needs {amount(plan.least)} of memory; {asks}"
    if spec.source != "folder" and plan.weights > free:
        return f"its {amount(plan.weights)} in {plan.precision} are more than the {amount(free)} free on disk; {asks}"
    return f"{_reads_from_disk(plan, spec, free)}, or {asks}"


def _reads_from_disk(plan: MemoryPlan, spec: ModelSpec, free: int) -> str:
    there = "" if spec.source == "folder" else f" (of {amount(free)} free there)"
    return (
        f"--offload-folder FOLDER --precision {plan.precision} leaves about {amount(plan.on_disk)} of "
        f"{amount(plan.weights)} on disk{there} and reads them for each token, which is slow"
    )


def _free_for_downloads() -> int:
    """Of the disk of the Hub's cache, or of the nearest folder above that exists."""
    from huggingface_hub.constants import HF_HUB_CACHE

    folder = Path(HF_HUB_CACHE).expanduser()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free
