"""Which users a model has learnt from, by what it and its adapter say of themselves. Loads nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from recsys.models.adapter_files import read_adapter_notes
from recsys.models.adapter_listing import find_adapter
from recsys.models.registry import find_model

if TYPE_CHECKING:
    from recsys.models.host import ModelChoice


def has_learnt_from(split: str, choice: ModelChoice, adapters_folder: Path | None) -> bool:
    """Whether the model or its adapter says of itself that it was trained on users of this split.

    Args:
        split: The set of users.
        choice: The model and its adapter.
        adapters_folder: Where adapters are; None takes the repository's.

    Raises:
        InputError: when there is no such adapter, or its notes are broken.
    """
    spec = find_model(choice.model)
    folders = [Path(spec.location)] if spec.source == "folder" else []
    if choice.adapter is not None:
        folders.append(find_adapter(choice.adapter, adapters_folder).path)
    runs = [training for folder in folders if (training := read_adapter_notes(folder).get("training"))]
    return any(split in str(training.get("learn_from", "train")).split("_and_") for training in runs)


def learnt_warning(split: str, choice: ModelChoice, adapters_folder: Path | None) -> str:
    """What that means for figures on these users, in a sentence; empty where the model has not learnt from them.

    Raises:
        InputError: when there is no such adapter, or its notes are broken.
    """
    if not has_learnt_from(split, choice, adapters_folder):
        return ""
    name = choice.model if choice.adapter is None else f"{choice.model} with {choice.adapter}"
    return (
        f"{name} was trained on these very {split} users, so figures on them tell how well it remembers, and the "
        "settings that are best here need not be best for anybody else."
    )
