"""What a server says that it serves, and which kind of server it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from recsys.errors import RecsysError
from recsys.remote.client import Client
from recsys.remote.kinds import KINDS, RealKind, ServerKind
from recsys.remote.running import run_coroutine
from recsys.remote.settings import ServerSettings

MAX_LISTED = 1_000
_LONGEST_NAME = 300
_ATTEMPTS = 2
_SECONDS_TO_ANSWER = 15.0
_OWNERS: dict[str, RealKind] = {"vllm": "vllm", "llamacpp": "llama.cpp"}


@dataclass(frozen=True)
class ServedName:
    """One name that the server answers to.

    Attributes:
        name: As a request says it.
        parent: Of a LoRA, the model that it changes; None of a model.
    """

    name: str
    parent: str | None = None


@dataclass(frozen=True)
class Listing:
    """What a server serves.

    Attributes:
        kind: What it is.
        names: The models and LoRAs, in its own order.
        problem: Why there is no list where it answers but lists nothing; empty else.
    """

    kind: ServerKind
    names: tuple[ServedName, ...] = ()
    problem: str = ""

    @property
    def models(self) -> tuple[str, ...]:
        """The models alone."""
        return tuple(one.name for one in self.names if one.parent is None)

    def adapters_of(self, model: str) -> tuple[str, ...]:
        """The LoRAs of a model."""
        return tuple(one.name for one in self.names if one.parent == model)

    def parent_of(self, adapter: str) -> str | None:
        """The model that a LoRA changes; None for a name that is no LoRA's."""
        return next((one.parent for one in self.names if one.name == adapter and one.parent), None)


def fetch_listing(settings: ServerSettings) -> Listing:
    """Asks a server what it serves and what it is.

    Raises:
        SettingsError: when its key cannot be read.
        ServerError: when it does not answer, or refuses the key.
    """
    patience = min(settings.server_timeout, _SECONDS_TO_ANSWER)
    return run_coroutine(_fetch(settings.replace(server_timeout=patience)))


async def _fetch(settings: ServerSettings) -> Listing:
    async with Client(settings) as client:
        problem, found = "", None
        try:
            found = await client.get("models", attempts=_ATTEMPTS)
        except RecsysError as error:
            # transformers serve fails to list where nothing was ever downloaded, and still answers.
            if await _get(client, "health") is None:
                raise
            problem = str(error)
        entries = read_entries(found)
        kind = settings.server_kind
        known: RealKind = await _find_kind(client, entries) if kind == "auto" else kind
    return Listing(KINDS[known], read_names(entries), problem)


def read_entries(found: object) -> list[dict[str, Any]]:
    """The entries of a list of models, as far as they are of OpenAI's form."""
    data = found.get("data") if isinstance(found, dict) else None
    entries = data if isinstance(data, list) else []
    return [one for one in entries[:MAX_LISTED] if isinstance(one, dict) and _is_name(one.get("id"))]


def read_names(entries: Sequence[dict[str, Any]]) -> tuple[ServedName, ...]:
    """The names of entries; what claims to change a model that is not listed stands for itself."""
    names = {entry["id"] for entry in entries}
    parents = {entry["id"]: entry.get("parent") for entry in entries}
    return tuple(
        ServedName(name, parent if parent in names and parent != name else None) for name, parent in parents.items()
    )


async def _find_kind(client: Client, entries: Sequence[dict[str, Any]]) -> RealKind:
    """By who owns its models, else by what it tells of itself."""
    for entry in entries:
        if isinstance(owner := entry.get("owned_by"), str) and owner in _OWNERS:
            return _OWNERS[owner]
    info = await _get(client, "info")
    if isinstance(info, dict) and {"model_id", "max_concurrent_requests"} <= info.keys():
        return "tgi"
    openapi = await _get(client, "openapi.json")
    paths = openapi.get("paths") if isinstance(openapi, dict) else None
    if isinstance(paths, dict) and {"/load_model", "/v1/completions"} <= paths.keys():
        return "transformers"
    return "other"


async def _get(client: Client, path: str) -> object:
    """What is at a path of the root; None where nothing is."""
    try:
        return await client.get(path, from_root=True, attempts=_ATTEMPTS)
    except RecsysError:
        return None


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME and value.isprintable()
