"""Lists PEFT folders and what their files say of themselves; loads none of their weights."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from recsys.errors import AdapterError, SettingsError
from recsys.models.adapter_files import CONFIG_FILE, read_adapter_config, read_adapter_entries, read_adapter_notes
from recsys.models.weights import count_parameters
from recsys.prompt_ids import prompt_id, read_prompt_id
from recsys.settings import PromptSettings

ADAPTERS_VARIABLE = "RECSYS_ADAPTERS"
_LONGEST_TITLE, _LONGEST_TEXT = 100, 1000


@dataclass(frozen=True)
class AdapterInfo:
    """An adapter folder as its files describe it.

    Attributes:
        name: The folder's name.
        path: The folder.
        base_model: What it was trained on: a registry name, Hub id or folder; empty when not told.
        r: LoRA rank.
        lora_alpha: LoRA scale.
        target_modules: The modules it changes.
        prompt_id: The prompt that it was trained with, or None when not told.
        base_weight_hash: LoadedModel.weight_hash of its base, or None when not told.
        num_parameters: Weights of the adapter.
        note: Why it cannot be used, or what the folder's recsys.json says about it.
        title: What a page shows, as recsys.json says; its name where it says nothing.
        is_usable: Whether it can be chosen; if not, the note tells why.
        taken_for: The model of the same shape that whoever added it has it for, where its base is no model here.
    """

    name: str
    path: Path
    base_model: str
    r: int | None
    lora_alpha: float | None
    target_modules: tuple[str, ...]
    prompt_id: str | None
    base_weight_hash: str | None
    num_parameters: int | None
    note: str = ""
    title: str = ""
    is_usable: bool = True
    taken_for: str = ""

    def require_prompt(self, prompt: PromptSettings) -> None:
        """Refuses a prompt other than the one that the adapter was trained with, where that is told.

        Raises:
            AdapterError: naming both prompts.
        """
        if self.prompt_id is not None and self.prompt_id != prompt_id(prompt):
            raise AdapterError(
                f"the adapter {self.name} was trained with the prompt {self.prompt_id}",
                seen=prompt_id(prompt),
                mend="set the prompt to that format or choose the base model alone",
            )


def default_adapters_folder() -> Path:
    """$RECSYS_ADAPTERS, or adapters/ of the repository."""
    return Path(os.environ.get(ADAPTERS_VARIABLE) or Path(__file__).resolve().parents[2] / "adapters")


def list_adapters(folder: Path | None = None) -> tuple[AdapterInfo, ...]:
    """Every folder that holds an adapter_config.json, by name; broken ones are listed with the reason.

    Args:
        folder: Where to look; None takes default_adapters_folder(). A missing folder holds none.
    """
    root = folder or default_adapters_folder()
    if not root.is_dir():
        return ()
    visible = (path for path in sorted(root.iterdir()) if not path.name.startswith("."))
    found = (path for path in visible if (path / CONFIG_FILE).is_file())
    return tuple(describe_adapter(path) for path in found)


def find_adapter(name: str, folder: Path | None = None) -> AdapterInfo:
    """The adapter of that name.

    Raises:
        AdapterError: when there is none.
    """
    listed = list_adapters(folder)
    for adapter in listed:
        if adapter.name == name:
            return adapter
    names = ", ".join(adapter.name for adapter in listed)
    mend = f"choose one of {names}" if names else "none are installed: choose the base model alone"
    raise AdapterError("there is no such adapter", seen=name, mend=mend)


def describe_adapter(path: Path) -> AdapterInfo:
    """Reads an adapter folder's description; what is wrong with it goes into the note."""
    try:
        config = read_adapter_config(path)
        notes = read_adapter_notes(path)
        num_parameters = count_parameters(read_adapter_entries(path))
        if notes.get("prompt_id") is not None:
            read_prompt_id(str(notes["prompt_id"]))
    except (AdapterError, SettingsError) as error:
        note = f"Cannot be used: {error}"
        return AdapterInfo(path.name, path, "", None, None, (), None, None, None, note, path.name, is_usable=False)
    targets = config.get("target_modules") or ()
    return AdapterInfo(
        name=path.name,
        path=path,
        base_model=_text(notes.get("base_model")) or _text(config.get("base_model_name_or_path")),
        r=config["r"],
        lora_alpha=float(config["lora_alpha"]),
        target_modules=(targets,) if isinstance(targets, str) else tuple(sorted(targets)),
        prompt_id=notes.get("prompt_id"),
        base_weight_hash=_text(notes.get("base_weight_hash")) or None,
        num_parameters=num_parameters,
        note=_text(notes.get("note")),
        title=_text(notes.get("title"), most=_LONGEST_TITLE) or path.name,
        taken_for=_text(notes.get("taken_for")),
    )


def _text(value: object, most: int = _LONGEST_TEXT) -> str:
    """A text of a stranger's file, on one line; nothing where it is none."""
    return " ".join(value[:most].split()) if isinstance(value, str) else ""
