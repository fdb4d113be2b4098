"""The models and LoRAs of a server, described as those of this machine are."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path, PurePath

from recsys.models.adapter_listing import AdapterInfo
from recsys.models.registry import ModelSpec
from recsys.remote.server import NO_LOGITS, CompletionServer
from recsys.remote.settings import SERVED_PREFIX, as_served, is_served
from recsys.settings import GenerationSettings

PRECISION_REASON = "A server's model is as the server loaded it."
_LICENCE = "see its model card"
_ONLY_CHATS = "The server only chats, and the other styles are texts to go on with."
NO_CATALOGUE = f"{NO_LOGITS[0].upper()}{NO_LOGITS[1:]}."


class ServedListing:
    """What a server is known to serve; asks it nothing.

    Args:
        server: The server; None serves nothing.
        known: Models of this machine: one of the same name tells what prompts a served one reads.
    """

    def __init__(self, server: CompletionServer | None, known: Sequence[ModelSpec] = ()) -> None:
        self.server = server
        self._known = known

    def models(self) -> tuple[ModelSpec, ...]:
        """Its models, the opening one first."""
        return tuple(self._describe(name) for name in self.server.names()) if self.server else ()

    def find(self, name: str) -> ModelSpec | None:
        """A model of that name, whether or not it is listed; None without a server."""
        return self._describe(name) if self.server is not None and is_served(name) else None

    def adapters(self, local: Sequence[AdapterInfo]) -> tuple[AdapterInfo, ...]:
        """Its LoRAs, each with the prompt of the folder of the same name here, if there is one."""
        listing = self.server.known if self.server else None
        folders = {info.name: info for info in local if info.is_usable}
        return tuple(
            _adapter(one.name, as_served(one.parent), folders.get(one.name))
            for one in (listing.names if listing else ())
            if one.parent
        )

    def parent_of(self, adapter: str) -> str | None:
        """The served model of a LoRA; None where none of that name is known."""
        listing = self.server.known if self.server else None
        parent = listing.parent_of(adapter) if listing else None
        return None if parent is None else as_served(parent)

    def without_effect(self, model: str, settings: GenerationSettings | None = None) -> dict[str, str]:
        """The generation settings that the server does not take for a model, each with the reason."""
        listing = self.server.known if self.server else None
        if listing is None or not is_served(model):
            return {}
        return listing.kind.without_effect(settings) if settings else dict(listing.kind.idle)

    def _describe(self, name: str) -> ModelSpec:
        assert self.server is not None  # of whose model it is asked
        asked = name.removeprefix(SERVED_PREFIX)
        note = f"Computed by the server at {self.server.host}."
        unknown = ModelSpec(name, f"{asked} · served", "server", asked, None, None, _LICENCE, note=note)
        if self.server.chats_only:
            return dataclasses.replace(unknown, prompt_styles=("instruction",), prompt_reason=_ONLY_CHATS)
        twin = next((spec for spec in self._known if _is_name_of(asked, spec)), None)
        if twin is None:
            return unknown
        told = ("architecture", "num_parameters", "licence", "prompt_styles", "prompt_reason")
        return dataclasses.replace(unknown, **{name: getattr(twin, name) for name in told})


def _is_name_of(asked: str, spec: ModelSpec) -> bool:
    """Whether a served name is that of a known model: its own, its place, or a folder or file of its name."""
    path = PurePath(asked.partition("@")[0])
    return spec.name in (asked, path.name, path.stem) or spec.location == asked


def _adapter(name: str, base_model: str, folder: AdapterInfo | None) -> AdapterInfo:
    if folder is not None:
        return dataclasses.replace(folder, base_model=base_model, base_weight_hash=None)
    return AdapterInfo(
        name=name,
        path=Path(),
        base_model=base_model,
        r=None,
        lora_alpha=None,
        target_modules=(),
        prompt_id=None,
        base_weight_hash=None,
        num_parameters=None,
        title=name,
        note="Served with its model.",
    )
