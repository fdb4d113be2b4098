"""What goes wrong with a server, in a person's words, and whether asking again may help.

No message holds the key: what the server says is shown with the key struck out, and of a refused key nothing is.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from recsys.errors import HistoryError, RecsysError, ServerError, UnknownModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2

_TOO_LONG = ("context length", "context size", "maximum context", "context window", "max_model_len", "exceeds the")
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
_LONGEST_SAID = 300


@dataclass(frozen=True)
class Asked:
    """What was asked of whom, for messages.

    Attributes:
        host: The server's host and port.
        model: Name of the model; empty where the server itself was asked.
        key: The key that was sent, to be struck out of what the server says.
    """

    host: str
    model: str = ""
    key: str | None = None

    def clean(self, said: str) -> str:
        """What the server said, without the key, as one short line."""
        line = " ".join((said.replace(self.key, "…") if self.key else said).split())
        return line if len(line) <= _LONGEST_SAID else f"{line[:_LONGEST_SAID]}…"


class FaultError(Exception):
    """One failed attempt.

    Args:
        error: What a person is told when it is not tried again.
        is_transient: Whether another attempt may succeed.
        wait_seconds: How long the server asks to wait; None where it does not say.
        is_missing_path: Whether the server has nothing at that address, as one that only chats has no completions.
    """

    def __init__(
        self,
        error: RecsysError,
        *,
        is_transient: bool,
        wait_seconds: float | None = None,
        is_missing_path: bool = False,
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.is_transient = is_transient
        self.wait_seconds = wait_seconds
        self.is_missing_path = is_missing_path


def of_transport(error: httpx2.HTTPError, asked: Asked, timeout: float) -> FaultError:
    """No answer, or one that broke off."""
    import httpx2

    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
        told = ServerError(
            f"no server answers at {asked.host}",
            seen=asked.clean(str(error)) or type(error).__name__,
            mend="start it, or mend --base-url",
        )
    elif isinstance(error, httpx2.TimeoutException):
        told = ServerError(
            f"the server at {asked.host} said nothing for {timeout:g} seconds",
            mend="it may be loading its model: try again, or raise --server-timeout",
        )
    else:
        return broken_stream(asked)
    return FaultError(told, is_transient=True)


def broken_stream(asked: Asked) -> FaultError:
    """The answer ended before it was complete."""
    told = ServerError(
        f"the server at {asked.host} broke off in the middle of an answer", mend="its log may tell why; try again"
    )
    return FaultError(told, is_transient=True)


def unreadable(asked: Asked, seen: object) -> FaultError:
    """An answer that is not of OpenAI's form."""
    told = ServerError(
        f"the server at {asked.host} answers what cannot be read",
        seen=asked.clean(str(seen)),
        mend="check that --base-url is that of an OpenAI-compatible server",
    )
    return FaultError(told, is_transient=False)


def failed_inside(asked: Asked, said: str) -> FaultError:
    """An error that the server tells in the middle of a stream."""
    told = ServerError(
        f"the server at {asked.host} failed while it wrote", seen=asked.clean(said), mend="its log tells why; try again"
    )
    return FaultError(told, is_transient=True)


def of_status(status: int, headers: Mapping[str, str], body: str, asked: Asked) -> FaultError:
    """An answer of another status than 200."""
    wait = _seconds_to_wait(headers.get("retry-after"))
    said = _said(body)
    return FaultError(
        _told(status, asked, said, wait),
        is_transient=status in _TRANSIENT,
        wait_seconds=wait,
        # Of a model that it does not have, a server says so.
        is_missing_path=status in (404, 405) and "model" not in said.lower(),
    )


def _told(status: int, asked: Asked, said: str, wait: float | None) -> RecsysError:
    where, shown = f"the server at {asked.host}", asked.clean(said)
    if status in (401, 403):
        if asked.key:
            mend = "check the key in the variable that --api-key-env names"
            return ServerError(f"{where} refuses the key or what it may do", seen=status, mend=mend)
        mend = "name the environment variable that holds it with --api-key-env"
        return ServerError(f"{where} wants a key", seen=status, mend=mend)
    if status == 404 and asked.model:
        mend = "take one of those that `models list` shows for it"
        return UnknownModelError(f"{where} has no such model", seen=asked.model, mend=mend)
    if status == 429:
        pause = "later" if wait is None else f"in {wait:.0f} seconds"
        mend = f"try again {pause}, or ask for fewer at once with --parallel-requests"
        return ServerError(f"{where} takes no more requests now", seen=shown or status, mend=mend)
    if status >= 500:
        return ServerError(f"{where} failed", seen=f"{status} {shown}".strip(), mend="its log tells why; try again")
    if 300 <= status < 400:
        return ServerError(f"{where} sends elsewhere", seen=status, mend="give the final address as --base-url")
    if status in (400, 413, 422) and any(words in said.lower() for words in _TOO_LONG):
        mend = "name fewer movies, take fewer worked examples or lower max_new_tokens"
        return HistoryError("the prompt is too long for the server's model", seen=shown, mend=mend)
    return ServerError(
        f"{where} refuses the request",
        seen=f"{status} {shown}".strip(),
        mend="change the setting that it names, or tell what it is with --server-kind",
    )


def _said(body: str) -> str:
    """The message in an error's body: OpenAI's form, FastAPI's, or the text itself."""
    try:
        found = json.loads(body)
    except ValueError:
        return "" if body.lstrip().startswith("<") else body
    for name in ("error", "detail", "message"):
        if isinstance(found, dict) and found.get(name):
            found = found[name]
    return found if isinstance(found, str) else json.dumps(found)


def _seconds_to_wait(header: str | None) -> float | None:
    """Retry-After: seconds or a date."""
    if not header:
        return None
    with suppress(ValueError):
        return max(0.0, float(header))
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
