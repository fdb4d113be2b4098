"""Where a model's weights may be: a budget for each device, and the disk for what does not fit.

accelerate puts the layers where there is room and brings those that were left on disk, or beside a GPU in the machine's
memory, to where they are computed, each time they are. LLaMA's and GPT-J's are read from the model's own files then.
int8 and nf4 cannot be left there: bitsandbytes' layers hold what they quantised. GPUs were not measured here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.errors import ModelUnavailableError, SettingsError
from recsys.machine_memory import machine_bytes_left
from recsys.models.distributed import count_processes
from recsys.settings import Settings

if TYPE_CHECKING:
    from torch.nn import Module

_BUDGET = re.compile(r"\s*(cpu|\d+)\s*:\s*(\d+(?:\.\d+)?)\s*([kmg]i?b)\s*", re.IGNORECASE | re.ASCII)
_UNITS = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_FOR_WEIGHTS = 0.8
"""Of the free memory where no budget is given: the rest is for keys, values and what is computed."""
_QUANTISED = ("int8", "nf4")


@dataclass(frozen=True)
class PlacementSettings(Settings):
    """Where the weights of models may be.

    Attributes:
        max_memory: The most memory that models take of each device, such as 0:20GB,1:20GB,cpu:30GB, where a number is a
            GPU; what is free without it.
        offload_folder: What does not fit in memory stays on disk and is read for each token, which is slow; weights
            that cannot be read from the model's own files are written to this folder. Not with int8 and nf4.
    """

    max_memory: str | None = None
    offload_folder: Path | None = None

    def __post_init__(self) -> None:
        _ = self.budgets
        if self.offload_folder is not None and self.offload_folder.is_file():
            raise SettingsError("offload_folder is a file", seen=str(self.offload_folder), mend="name a folder")

    @property
    def budgets(self) -> dict[int | str, int]:
        """Bytes by GPU index or "cpu"; empty where none are given.

        Raises:
            SettingsError: when they cannot be read.
        """
        found: dict[int | str, int] = {}
        for part in (self.max_memory or "").split(",") if self.max_memory is not None else ():
            match = _BUDGET.fullmatch(part)
            if match is None:
                mend = "give budgets such as 0:20GB,1:20GB,cpu:30GB"
                raise SettingsError("max_memory is not a list of devices and sizes", seen=self.max_memory, mend=mend)
            name = "cpu" if match[1].lower() == "cpu" else int(match[1])
            if name in found:
                raise SettingsError("max_memory names a device twice", seen=match[1], mend="give it one budget")
            found[name] = int(float(match[2]) * _UNITS[match[3].lower()])
        return found

    @property
    def is_default(self) -> bool:
        """Whether a model is where it is without these settings."""
        return self.max_memory is None and self.offload_folder is None

    def limit(self, device: str, free: int) -> int:
        """Bytes that a model may take.

        Args:
            device: "cpu", "cuda" or "mps".
            free: Bytes that are free on it, or on all GPUs.

        Raises:
            SettingsError: for a budget of a device that is not used.
        """
        self._require_devices(device)
        if device == "cuda":
            beside = machine_bytes_left() if "cpu" in self._budgets_on(device) else 0
            return min(sum(self.budgets.values()), free + beside) if self.budgets else free + beside
        return min(free, *self.budgets.values()) if self.budgets else free

    def loading_options(self, device: str, free: int, *, fits: bool, quantised: bool) -> dict[str, Any]:
        """What from_pretrained is told of where the weights go.

        Args:
            device: "cpu", "cuda" or "mps".
            free: As ``limit`` told.
            fits: Whether all weights fit in it.
            quantised: Whether bitsandbytes holds them.
        """
        if device != "cuda" and (fits or quantised or self.offload_folder is None):
            return {"device_map": {"": device}}
        budgets: dict[int | str, int] = {device: int(free * _FOR_WEIGHTS)}
        if device == "cuda":
            if not _several_gpus() and (quantised or (fits and not self.budgets)):
                return {"device_map": {"": device}}
            budgets = self._budgets_on(device)
        if quantised:
            budgets.pop("cpu", None)
        options: dict[str, Any] = {"device_map": "auto"} | ({"max_memory": budgets} if budgets else {})
        if self.offload_folder is not None and not quantised:
            options["offload_folder"] = str(self.offload_folder)
        return options

    def require_none(self, what: str) -> None:
        """Refuses what keeps all weights where they are computed.

        Raises:
            SettingsError: when a budget or a folder is given.
        """
        if not self.is_default:
            seen = "--max-memory" if self.max_memory is not None else "--offload-folder"
            mend = f"leave {seen} out; --precision bf16, int8 or nf4 takes less memory"
            raise SettingsError(f"{what} keeps all weights in memory", seen=seen, mend=mend)

    def _budgets_on(self, device: str) -> dict[int | str, int]:
        """What accelerate is told for GPUs; empty leaves it to measure them itself."""
        if self.budgets or self.offload_folder is None:
            return dict(self.budgets)
        import torch

        gpus = range(torch.cuda.device_count())
        budgets: dict[int | str, int] = {index: int(torch.cuda.mem_get_info(index)[0] * _FOR_WEIGHTS) for index in gpus}
        return budgets | {"cpu": int(machine_bytes_left() * _FOR_WEIGHTS)}

    def _require_devices(self, device: str) -> None:
        if self.is_default:
            return
        if count_processes() > 1:
            mend = "start one process, or leave --max-memory and --offload-folder out"
            raise SettingsError("several processes do not share budgets", seen=f"{count_processes()}", mend=mend)
        gpus = 0
        if device == "cuda":
            import torch

            gpus = torch.cuda.device_count()
        unknown = [name for name in self.budgets if name != "cpu" and int(name) >= gpus]
        if unknown:
            have = f"it has {gpus}" if gpus else "none is in use here"
            mend = f"name GPUs from 0 on, {have}, or cpu"
            raise SettingsError("max_memory names a GPU that is not used", seen=unknown[0], mend=mend)
        if device == "mps" and not self.is_default:
            raise SettingsError("an Apple GPU takes no budgets and no offload", mend="choose --device cpu")


def offloads(settings: PlacementSettings, precision: str) -> bool:
    """Whether weights of this precision may stay on disk."""
    return settings.offload_folder is not None and precision not in _QUANTISED


def require_offloadable(need: str, precision: str, settings: PlacementSettings) -> None:
    """Refuses to leave on disk what cannot be left there.

    Args:
        need: What the model needs and what is free.
        precision: What its weights are held in.
        settings: Where they may be.

    Raises:
        ModelUnavailableError: for int8 and nf4 with a folder.
    """
    if settings.offload_folder is not None and precision in _QUANTISED:
        mend = "choose precision bf16, fp16 or fp32 with --offload-folder"
        why = f"weights in {precision} cannot stay on disk, since bitsandbytes' layers hold what they quantised"
        raise ModelUnavailableError(f"{need}, and {why}", mend=mend)


def require_in_memory(title: str, on_disk: int, settings: PlacementSettings | None) -> None:
    """Refuses a model that was left on disk though nobody asked for that.

    Raises:
        ModelUnavailableError: with what was left there.
    """
    if on_disk and (settings is None or settings.offload_folder is None):
        mend = "give larger budgets, or --offload-folder, which reads them for each token"
        raise ModelUnavailableError(f"{on_disk / 1e9:.1f} GB of {title} do not fit in the budgets", mend=mend)


def is_offloaded(model: Module) -> bool:
    """Whether some weights of a loaded model are elsewhere than where they are computed."""
    return any(place in ("disk", "cpu") for place in _places(model).values()) and _is_spread(model)


def computing_devices(model: Module) -> int:
    """How many devices compute a loaded model's layers."""
    return max(1, len({place for place in _places(model).values() if place not in ("disk", "cpu")}))


def bytes_on_disk(model: Module) -> int:
    """Bytes of a loaded model's weights that are read from disk each time; tied weights count once."""
    places, found = _places(model), {}
    if "disk" not in places.values():
        return 0
    for name, weight in model.named_parameters():
        within = [part for part in places if part == "" or name == part or name.startswith(f"{part}.")]
        if places[max(within, key=len)] == "disk":
            found[id(weight)] = weight.numel() * weight.element_size()
    return sum(found.values())


def _places(model: Module) -> dict[str, Any]:
    return getattr(model, "hf_device_map", None) or {}


def _is_spread(model: Module) -> bool:
    places = set(_places(model).values())
    return "disk" in places or len(places) > 1


def _several_gpus() -> bool:
    import torch

    return torch.cuda.device_count() > 1 and count_processes() == 1
