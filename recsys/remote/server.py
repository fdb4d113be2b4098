"""The one server of a process: what it serves, looked up when first needed, and its models as things to ask."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from recsys.errors import AdapterError, ServerError, SettingsError, UnknownModelError
from recsys.remote.kinds import ServerKind
from recsys.remote.listing import Listing, fetch_listing
from recsys.remote.settings import SERVED_PREFIX, ServerSettings, as_served, is_served
from recsys.settings import DecodingSettings, ResolutionSettings

SECONDS_FRESH = 60.0
"""How long a list is taken as it is before a name that it lacks makes us look again."""
NO_LOGITS = "catalogue decoding chooses among the model's own logits, and a server gives text alone"
NO_EMBEDDINGS = "the embedding resolver reads the model's own embeddings, and a server gives text alone"
AS_SERVED = "as served"
"""The precision of a server's model, which no server tells."""


@dataclass(frozen=True)
class ServedModel:
    """A model of the server, ready to be asked.

    Attributes:
        server: Who serves it.
        name: Its name here, with the prefix.
        adapter: Name of the LoRA that is asked; None is the model alone.
        kind: What the server is.
    """

    server: CompletionServer
    name: str
    adapter: str | None
    kind: ServerKind

    @property
    def asked_name(self) -> str:
        """What a request names: servers take a LoRA's name in place of its model's."""
        return self.adapter or self.name.removeprefix(SERVED_PREFIX)

    @property
    def identity(self) -> str:
        """What stands for the hash of the weights, which nobody tells."""
        return f"unknown: {self.name.removeprefix(SERVED_PREFIX)} as {self.server.host} serves it ({self.kind.name})"

    @property
    def adapter_identity(self) -> str | None:
        """The same for the adapter."""
        return None if self.adapter is None else f"unknown: {self.adapter} as {self.server.host} serves it"


class CompletionServer:
    """A server of completions; safe to share between threads. Nothing is asked before it is needed.

    Args:
        settings: Where it is.
        public: Ask only models that it lists, since visitors name them.
        opening_model: The model that is asked where none is named; None takes the first that it lists.
    """

    def __init__(self, settings: ServerSettings, *, public: bool = False, opening_model: str | None = None) -> None:
        self.settings = settings
        self._public = public
        self._opening_model = opening_model.removeprefix(SERVED_PREFIX) if opening_model else None
        self._lock = threading.Lock()
        self._listing: Listing | None = None
        self._looked_at = 0.0
        self._chats_only = False

    @property
    def host(self) -> str:
        """Its host and port."""
        return self.settings.host

    @property
    def known(self) -> Listing | None:
        """What it served when it was last looked at; None before. Never waits."""
        return self._listing

    @property
    def chats_only(self) -> bool:
        """Whether it was found to have no completions, but chats alone."""
        return self._chats_only

    def note_chats_only(self) -> None:
        """Notes that it has no completions."""
        self._chats_only = True

    def look(self, *, again: bool = False) -> Listing:
        """What it serves; asked once, and anew when ``again``.

        Raises:
            SettingsError: when its key cannot be read.
            ServerError: when it does not answer.
        """
        with self._lock:
            if self._listing is None or again:
                self._listing = fetch_listing(self.settings)
                self._looked_at = time.monotonic()
            return self._listing

    def names(self) -> tuple[str, ...]:
        """The models that it is known to serve, the opening one first, with the prefix; never waits."""
        opening = (self._opening_model,) if self._opening_model else ()
        listed = self._listing.models if self._listing else ()
        return tuple(as_served(name) for name in dict.fromkeys((*opening, *listed)))

    def opening_name(self) -> str:
        """The model that is asked where none is named.

        Raises:
            ServerError: when it lists none.
        """
        if self._opening_model:
            return as_served(self._opening_model)
        listing = self.look()
        if not listing.models:
            seen = listing.problem or None
            raise ServerError(f"the server at {self.host} lists no model", seen=seen, mend="name one with --model")
        return as_served(listing.models[0])

    def opening_for(self, adapter: str | None) -> str:
        """The model that a LoRA of the server changes; the opening one without a LoRA that it lists.

        Raises:
            ServerError: when it does not answer, or lists no model.
        """
        parent = self.look().parent_of(adapter) if adapter else None
        return as_served(parent) if parent else self.opening_name()

    def open(self, name: str, adapter: str | None) -> ServedModel:
        """A model of the server with a LoRA of it, as far as can be told before it is asked.

        Raises:
            UnknownModelError: when it has no such model.
            AdapterError: when it has no such LoRA for the model.
            ServerError: when it does not answer.
        """
        if not is_served(name):
            raise UnknownModelError(
                "this is no model of a server", seen=name, mend="choose one that starts with openai:"
            )
        model, listing = name.removeprefix(SERVED_PREFIX), self.look()
        if not self._has(listing, model, adapter) and time.monotonic() - self._looked_at > SECONDS_FRESH:
            listing = self.look(again=True)
        if not self._has_model(listing, model):
            served = ", ".join(listing.models) or "none that it lists"
            raise UnknownModelError(f"the server at {self.host} has no such model", seen=model, mend=f"it has {served}")
        if adapter is not None and not self._has_adapter(listing, model, adapter):
            served = ", ".join(listing.adapters_of(model))
            mend = f"choose one of {served}" if served else "it lists no LoRA for this model: ask the model alone"
            raise AdapterError(f"the server at {self.host} has no such LoRA", seen=adapter, mend=mend)
        return ServedModel(self, name, adapter, listing.kind)

    def _has(self, listing: Listing, model: str, adapter: str | None) -> bool:
        return self._has_model(listing, model) and (adapter is None or self._has_adapter(listing, model, adapter))

    def _has_model(self, listing: Listing, model: str) -> bool:
        """Whether a model may be asked: one that is listed, was chosen by whoever started this, or cannot be told."""
        if model == self._opening_model or any(model == one.name for one in listing.names):
            return True
        # transformers serve loads what it does not list: whatever is in its cache, or on the Hub.
        return not self._public and (not listing.names or listing.kind.name == "transformers")

    def _has_adapter(self, listing: Listing, model: str, adapter: str) -> bool:
        return adapter in listing.adapters_of(model) or (not listing.kind.names_adapters and not self._public)


def require_text_alone(model: str, decoding: DecodingSettings, resolution: ResolutionSettings) -> None:
    """Refuses what needs a model's own numbers, which no server of completions gives.

    Raises:
        SettingsError: with the reason.
    """
    if not is_served(model):
        return
    if decoding.is_catalogue:
        raise SettingsError(NO_LOGITS, seen=model, mend="set decoding to free, or choose a model that is loaded here")
    if resolution.resolver == "embedding":
        mend = "choose the levenshtein resolver, or a model that is loaded here"
        raise SettingsError(NO_EMBEDDINGS, seen=model, mend=mend)
