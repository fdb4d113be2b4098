"""Holds the one model of a process and shares it between people and long jobs.

Everything that uses the model goes through ``ModelHost.use``: it waits for its turn, loads what was
chosen where another model is in memory (which is freed first), selects the adapter and holds the model
for one block. People go before batches, so a long job that takes the model one batch at a time never
keeps them waiting longer than that.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from recsys.errors import ModelBusyError, RecsysError
from recsys.models.adapter_listing import find_adapter
from recsys.models.adapters import select_adapter
from recsys.models.artifacts import Progress
from recsys.models.distributed import take_device
from recsys.models.heap import give_memory_back
from recsys.models.loading import LoadedModel, fetch_model, load_model
from recsys.models.memory import available_bytes
from recsys.models.model_choice import ModelChoice
from recsys.models.placement import PlacementSettings
from recsys.models.planning import fit_model
from recsys.models.registry import find_model
from recsys.models.turns import Priority, Turns
from recsys.models.zerogpu import is_zerogpu

__all__ = ["HostState", "ModelChoice", "ModelHost", "give_memory_back"]

_SECONDS_BETWEEN_LOOKS = 0.1


@dataclass(frozen=True)
class HostState:
    """What the host is doing, for a status chip.

    Attributes:
        phase: empty, loading, ready or failed.
        choice: What is loaded or being loaded, or what failed.
        progress: Of loading, from 0 to 1.
        message: One sentence for people; the whole error where loading failed.
        precision: What the weights are held in; None while nothing is loaded.
        memory_bytes: Size of the model in memory; 0 while nothing is loaded.
        tokens_per_second: Of the last generation with this model; None before the first.
        warnings: About the adapter in effect.
        weight_hash: Of the weights in memory; None while nothing is loaded.
    """

    phase: Literal["empty", "loading", "ready", "failed"] = "empty"
    choice: ModelChoice | None = None
    progress: float = 0.0
    message: str = "No model is loaded."
    precision: str | None = None
    memory_bytes: int = 0
    tokens_per_second: float | None = None
    warnings: tuple[str, ...] = ()
    weight_hash: str | None = None


class ModelHost:
    """The one model in memory, its adapter, and the queue of those who want it. Safe to share between threads.

    Args:
        public: Load only what the registry offers to visitors.
        adapters_folder: Where adapters are; None takes the repository's.
        device: auto, cpu, cuda or mps.
        placement: Budgets of devices, and whether weights may stay on disk.
    """

    def __init__(
        self,
        *,
        public: bool = False,
        adapters_folder: Path | None = None,
        device: str = "auto",
        placement: PlacementSettings | None = None,
    ) -> None:
        self._public = public
        self._adapters_folder = adapters_folder
        self._placing: dict[str, Any] = {"device": device, "placement": placement}
        self._turns = Turns()
        self._loaded: LoadedModel | None = None  # replaced only by the holder of the turn
        self._base: ModelChoice | None = None  # the choice that it was loaded for
        self._reserved: ModelChoice | None = None
        self._lock = threading.Lock()  # of the state and the reservation; held for moments only
        self._state = HostState()

    def state(self) -> HostState:
        """What the host is doing now; never waits."""
        return self._state

    def tokenizer(self) -> Any | None:
        """The tokenizer of the model in memory, None without one; never waits, since it is only ever read."""
        loaded = self._loaded
        return None if loaded is None else loaded.tokenizer

    def free_bytes(self) -> int:
        """Memory that a model may take here once the present one is freed."""
        return available_bytes(take_device(self._placing["device"])) + self._state.memory_bytes

    def report_speed(self, tokens_per_second: float) -> None:
        """Notes the speed of the last generation for the state; 0, of which nothing was counted, is passed over."""
        if tokens_per_second > 0:
            self._tell(tokens_per_second=tokens_per_second)

    def start_loading(self, choice: ModelChoice) -> None:
        """Loads a model in the background; what goes wrong is told by the state.

        On ZeroGPU it is loaded at once instead, by the calling thread, as the platform wants it.

        Raises:
            UnknownModelError: for a model that visitors may not load, where the page is public.
            ModelBusyError: while the model is reserved for another base.
        """
        self._require_offered(choice)
        self._require_free(choice)
        if not self._is_base_of(choice):
            self._tell(phase="loading", choice=choice, progress=0.0, message=f"{choice.model} will be loaded.")
        if is_zerogpu():
            self._load_quietly(choice)
        else:
            threading.Thread(target=self._load_quietly, args=(choice,), name="load-model", daemon=True).start()

    def load(self, choice: ModelChoice, progress: Progress | None = None) -> None:
        """Loads a model now and tells how far it is; the app loads in the background instead.

        Raises:
            RecsysError: when it cannot be loaded.
        """
        self.start_loading(choice)
        while (state := self.state()).phase == "loading":
            if progress:
                progress(state.progress, state.message)
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        with self.use(choice):  # raises what went wrong in the thread
            pass

    @contextmanager
    def use(
        self, choice: ModelChoice, *, priority: Priority = "interactive", cancel: threading.Event | None = None
    ) -> Iterator[LoadedModel]:
        """Holds the model for a block: waits for the turn, loads and selects the adapter where need be.

        A long job takes one batch a block with priority "batch" and never nests blocks.

        Raises:
            CancelledError: when ``cancel`` is set before the turn came.
            ModelBusyError: while the model is reserved for another base.
            RecsysError: whatever load_model and select_adapter raise; the next call tries again.
        """
        self._require_offered(choice)
        self._require_free(choice)
        with self._turns.take(priority, cancel):
            yield self._prepare(choice)

    @contextmanager
    def reserve(self, choice: ModelChoice) -> Iterator[None]:
        """Pins base model and precision for a long job; adapters may still change.

        Raises:
            ModelBusyError: while another job has pinned one.
        """
        with self._lock:
            if self._reserved is not None:
                raise _busy(self._reserved)
            self._reserved = choice
        try:
            yield
        finally:
            with self._lock:
                self._reserved = None

    def free(self) -> None:
        """Lets go of the model in memory, once nobody holds it."""
        with self._turns.take("batch"):
            self._free()

    def forget_catalogues(self) -> None:
        """Lets go of the decoders of a catalogue that is not in use any more, at the next free turn."""

        def forget() -> None:
            with self._turns.take("batch"):
                if self._loaded is not None:
                    self._loaded.decoders.clear()

        threading.Thread(target=forget, name="forget-catalogues", daemon=True).start()

    def _require_offered(self, choice: ModelChoice) -> None:
        """Refuses what a visitor made up before the state tells all others of it."""
        if self._public:
            find_model(choice.model, public=True)
            if choice.adapter is not None:
                find_adapter(choice.adapter, self._adapters_folder)

    def _require_free(self, choice: ModelChoice) -> None:
        with self._lock:
            reserved = self._reserved
        if reserved is None or reserved.base == choice.base:
            return
        if not (self._is_base_of(reserved) and self._is_base_of(choice)):
            raise _busy(reserved)

    def _is_base_of(self, choice: ModelChoice) -> bool:
        """Whether the model in memory is what the choice would load."""
        loaded, base = self._loaded, self._base
        if loaded is None or base is None or base.model != choice.model:
            return False
        if loaded.precision == "int8" and base.int8_threshold != choice.int8_threshold:
            return False
        return choice.precision in {base.precision, loaded.precision}

    def _load_quietly(self, choice: ModelChoice) -> None:
        try:
            with self.use(choice):
                pass
        except RecsysError as error:
            self._tell(phase="failed", choice=choice, message=str(error))

    def _prepare(self, choice: ModelChoice) -> LoadedModel:
        """Makes the choice what is in memory; called by the holder of the turn."""
        self._require_free(choice)  # it may have been reserved while we waited
        try:
            loaded = self._loaded if self._is_base_of(choice) else None
            if loaded is None:
                loaded = self._replace(choice)
            warnings = self._select(loaded, choice)
        except BaseException as error:
            message = str(error) if isinstance(error, RecsysError) else f"{type(error).__name__}: {error}"
            self._tell(phase="failed", choice=choice, message=message)
            raise
        self._tell(
            phase="ready",
            choice=choice,
            progress=1.0,
            message=f"{loaded.spec.title} is ready. {loaded.precision_reason}",
            precision=loaded.precision,
            memory_bytes=loaded.memory_bytes,
            warnings=warnings,
            weight_hash=loaded.weight_hash,
        )
        return loaded

    def _select(self, loaded: LoadedModel, choice: ModelChoice) -> tuple[str, ...]:
        if choice.adapter is None:
            return select_adapter(loaded, None)
        return select_adapter(loaded, find_adapter(choice.adapter, self._adapters_folder))

    def _replace(self, choice: ModelChoice) -> LoadedModel:
        """Fetches the chosen model, frees the one in memory, then loads."""

        def tell(fraction: float, message: str) -> None:
            self._tell(phase="loading", choice=choice, progress=fraction, message=message)

        spec = find_model(choice.model, public=self._public)
        tell(0.0, f"Looking for {spec.title}.")
        fit = fit_model(spec, choice.precision, available=self.free_bytes(), ask_hub=True, **self._placing)
        if fit is not None:
            fit.require()  # before gigabytes are fetched for nothing, and before the present model is let go
        folder = fetch_model(spec, tell)
        self._free()
        loaded = load_model(
            spec, choice.precision, progress=tell, folder=folder, int8_threshold=choice.int8_threshold, **self._placing
        )
        self._loaded, self._base = loaded, choice
        self._tell(tokens_per_second=None)
        return loaded

    def _free(self) -> None:
        if self._loaded is None:
            return
        self._loaded = self._base = None
        self._tell(precision=None, memory_bytes=0, tokens_per_second=None, warnings=(), weight_hash=None)
        give_memory_back()

    def _tell(self, **changes: Any) -> None:
        with self._lock:
            self._state = dataclasses.replace(self._state, **changes)


def _busy(reserved: ModelChoice) -> ModelBusyError:
    return ModelBusyError(
        f"a long job is using {reserved.model} ({reserved.precision})",
        mend="choose the same model and precision, or wait for the job or stop it",
    )
