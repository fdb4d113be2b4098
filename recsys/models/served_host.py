"""A model host that also knows the models of a server, which take no memory, no turn and no loading here."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recsys.errors import RecsysError, SettingsError, UnknownModelError
from recsys.models.artifacts import Progress
from recsys.models.host import ModelChoice, ModelHost
from recsys.models.loading import LoadedModel
from recsys.models.placement import PlacementSettings
from recsys.models.turns import Priority
from recsys.remote.server import AS_SERVED, CompletionServer, ServedModel
from recsys.remote.settings import is_served


class ServedHost(ModelHost):
    """The model in memory, and beside it the models of a server, if there is one.

    Args:
        server: The server; None is a host of this machine's models alone.
        public: As ModelHost takes it.
        adapters_folder: As ModelHost takes it.
        device: As ModelHost takes it.
        placement: As ModelHost takes it.
    """

    def __init__(
        self,
        server: CompletionServer | None = None,
        *,
        public: bool = False,
        adapters_folder: Path | None = None,
        device: str = "auto",
        placement: PlacementSettings | None = None,
    ) -> None:
        super().__init__(public=public, adapters_folder=adapters_folder, device=device, placement=placement)
        self.server = server

    def served(self, choice: ModelChoice) -> ServedModel | None:
        """The server's model of a choice, ready to be asked; None for a model of this machine.

        Raises:
            SettingsError: for a precision, which the server alone decides.
            UnknownModelError: without a server, or when it has no such model.
            AdapterError: when it has no such LoRA.
            ServerError: when it does not answer.
        """
        if not is_served(choice.model):
            return None
        if self.server is None:
            mend = "start with --engine openai --base-url http://…, or choose another model"
            raise UnknownModelError("there is no server to ask", seen=choice.model, mend=mend)
        if choice.precision != "auto":
            mend = "leave the precision at auto"
            raise SettingsError("a server's model is as the server loaded it", seen=choice.precision, mend=mend)
        try:
            found = self.server.open(choice.model, choice.adapter)
        except RecsysError as error:
            self._tell_failed(choice, error)
            raise
        self._tell_served(choice, found)
        return found

    def start_loading(self, choice: ModelChoice) -> None:
        """As ModelHost does; of a server's model, asks the server in the background whether it has it."""
        if not is_served(choice.model):
            super().start_loading(choice)
            return
        if not self._public:
            where = f"the server at {self.server.host}" if self.server else "a server"
            self._tell(phase="loading", choice=choice, progress=0.0, message=f"Asking {where}.")
        threading.Thread(target=self._look_quietly, args=(choice,), name="ask-server", daemon=True).start()

    def load(self, choice: ModelChoice, progress: Progress | None = None) -> None:
        """As ModelHost does; of a server's model, asks the server whether it has it."""
        if self.served(choice) is None:
            super().load(choice, progress)

    def tokenizer(self) -> Any | None:
        """As ModelHost does; a server's model has none here."""
        choice = self.state().choice
        return None if choice is not None and is_served(choice.model) else super().tokenizer()

    @contextmanager
    def use(
        self, choice: ModelChoice, *, priority: Priority = "interactive", cancel: threading.Event | None = None
    ) -> Iterator[LoadedModel]:
        """As ModelHost does.

        Raises:
            SettingsError: for a model of a server, of which only text can be had.
        """
        if is_served(choice.model):
            mend = "choose a model that is loaded here"
            raise SettingsError("this needs a model's own weights, and a server gives text alone", mend=mend)
        with super().use(choice, priority=priority, cancel=cancel) as loaded:
            yield loaded

    @contextmanager
    def reserve(self, choice: ModelChoice) -> Iterator[None]:
        """As ModelHost does; a server's model needs no place here, so that others may be loaded meanwhile."""
        if is_served(choice.model):
            yield
            return
        with super().reserve(choice):
            yield

    def _look_quietly(self, choice: ModelChoice) -> None:
        try:
            self.served(choice)
        except RecsysError as error:
            self._tell_failed(choice, error)

    def _tell_failed(self, choice: ModelChoice, error: RecsysError) -> None:
        """Tells it to everybody, but for a name that a visitor of a public page may have made up."""
        if not self._public:
            self._tell(phase="failed", choice=choice, message=str(error))

    def _tell_served(self, choice: ModelChoice, found: ServedModel) -> None:
        state = self.state()
        speed = state.tokens_per_second if state.choice == choice else None
        self._tell(
            phase="ready",
            choice=choice,
            progress=1.0,
            message=f"{found.asked_name} is served by {found.kind.title} at {found.server.host}.",
            precision=AS_SERVED,
            memory_bytes=0,
            tokens_per_second=speed,
            warnings=(),
            weight_hash=None,
        )
