"""Which server completes prompts, and how patiently it is asked. The key itself is never held in settings."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import urlsplit

from recsys.errors import SettingsError
from recsys.settings import Settings, require_choice, require_number

EngineName = Literal["transformers", "openai"]
KindName = Literal["auto", "vllm", "llama.cpp", "tgi", "transformers", "other"]

BASE_URL_VARIABLE = "OPENAI_BASE_URL"
SERVED_PREFIX = "openai:"
"""What the name of a server's model begins with, beside the models of this machine."""

_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


@dataclass(frozen=True)
class ServerSettings(Settings):
    """Who writes completions: transformers in this process, or a server.

    Attributes:
        engine: transformers loads models here; openai asks the models of an OpenAI-compatible server.
        base_url: Where that server is, such as http://localhost:8000/v1; $OPENAI_BASE_URL where it is not given.
        api_key_env: Name of the environment variable that holds the server's key; without it no key is sent.
        server_kind: What the server is, since each takes other parameters; auto asks it.
        parallel_requests: Requests that are asked at once.
        server_timeout: Seconds without a sign of the server after which a request is given up.
    """

    engine: EngineName = "transformers"
    base_url: str | None = None
    api_key_env: str | None = None
    server_kind: KindName = "auto"
    parallel_requests: int = 8
    server_timeout: float = 120.0

    def __post_init__(self) -> None:
        require_choice("engine", self.engine, get_args(EngineName))
        require_choice("server_kind", self.server_kind, get_args(KindName))
        require_number("parallel_requests", self.parallel_requests, 1, 256, integer=True)
        require_number("server_timeout", self.server_timeout, 0, 3600, open_low=True)
        if self.engine == "transformers":
            if self.base_url is not None:
                raise SettingsError("only the engine openai asks a server", mend="add --engine openai")
            return
        object.__setattr__(self, "base_url", _checked_url(self.base_url or os.environ.get(BASE_URL_VARIABLE)))
        if self.api_key_env is not None and not _VARIABLE_NAME.fullmatch(self.api_key_env):
            # Not shown: it may be the key itself.
            mend = "give the variable's name, such as OPENAI_API_KEY, and never the key"
            raise SettingsError("api_key_env is not the name of an environment variable", mend=mend)

    @property
    def is_remote(self) -> bool:
        """Whether there is a server."""
        return self.engine == "openai"

    @property
    def host(self) -> str:
        """The server's host and port, as messages and reports name it."""
        return urlsplit(self.base_url or "").netloc

    @property
    def words(self) -> tuple[str, ...]:
        """The words of a command line that tell where the server is; ``ModelChoice.words`` tell the rest."""
        if not self.is_remote:
            return ()
        kind = () if self.server_kind == "auto" else (f"--server-kind={self.server_kind}",)
        return (f"--base-url={self.base_url}", *kind)

    def read_key(self) -> str | None:
        """The server's key; None where none is named.

        Raises:
            SettingsError: when the variable is not set, or its text cannot be a key.
        """
        if self.api_key_env is None:
            return None
        key = os.environ.get(self.api_key_env, "").strip()
        if not key:
            mend = "set it, or leave --api-key-env out where the server wants no key"
            raise SettingsError("the environment variable that --api-key-env names is not set", mend=mend)
        if not (key.isascii() and key.isprintable()):
            raise SettingsError("the key holds characters that no header can carry", mend="copy it again")
        return key


def as_served(name: str) -> str:
    """The name of a server's model among all models.

    >>> as_served("llama-65b"), as_served("openai:llama-65b")
    ('openai:llama-65b', 'openai:llama-65b')
    """
    return SERVED_PREFIX + name.removeprefix(SERVED_PREFIX)


def is_served(model: str) -> bool:
    """Whether a model's name is that of a server's model."""
    return model.startswith(SERVED_PREFIX)


def _checked_url(url: str | None) -> str:
    """The address down to its ``/v1``, without a slash at the end.

    Raises:
        SettingsError: when it is missing or cannot be the address of a server.
    """
    if not url:
        mend = f"add --base-url http://localhost:8000/v1, or set {BASE_URL_VARIABLE}"
        raise SettingsError("the engine openai needs the address of a server", mend=mend)
    mend = "give one such as http://localhost:8000/v1"
    try:
        parts = urlsplit(url.strip())
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        seen = None if "@" in url else url  # what stands before an @ may be a password
        raise SettingsError("base_url is not the address of a server", seen=seen, mend=mend)
    if parts.username is not None or parts.password is not None:
        raise SettingsError("base_url holds a password", mend="name its variable with --api-key-env instead")
    if parts.query or parts.fragment:
        raise SettingsError("base_url holds more than an address", mend=mend)
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path if path.endswith('/v1') else path + '/v1'}"
