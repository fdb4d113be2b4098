"""Asks a server over HTTP: again where that may help, never for ever, and never with the key in a message.

Requests are coroutines, so that several run at once and any of them can be stopped while it waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Self, TypeVar

from recsys import __version__
from recsys.errors import ServerError
from recsys.remote.faults import Asked, FaultError, of_status, of_transport, unreadable
from recsys.remote.pieces import Piece, read_pieces
from recsys.remote.settings import ServerSettings

if TYPE_CHECKING:
    from types import TracebackType

    import httpx2

Found = TypeVar("Found")

MAX_ATTEMPTS = 4
FIRST_PAUSE = 0.5
"""Seconds before the second attempt; each further pause is twice as long."""
LONGEST_PAUSE = 30.0
"""Seconds; a server that asks for a longer wait is not asked again."""
_LONGEST_BODY = 4_000_000
_SECONDS_TO_CONNECT = 10.0
_SECONDS_AFTER_THE_END = 2.0
"""For the counts, which come after the last piece of text."""


class _NoSuchPathError(Exception):
    """The server has no such path; never leaves this module."""


class Client:
    """Connections to one server, open for an ``async with`` block.

    Args:
        settings: Where it is and how long to wait.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._key = settings.read_key()

    async def __aenter__(self) -> Self:
        import httpx2

        headers = {"user-agent": f"recsys/{__version__}"}
        if self._key is not None:
            headers["authorization"] = f"Bearer {self._key}"
        seconds = self._settings.server_timeout
        self._http = httpx2.AsyncClient(
            headers=headers, timeout=httpx2.Timeout(seconds, connect=min(seconds, _SECONDS_TO_CONNECT))
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    def asked(self, model: str = "") -> Asked:
        """Who is asked, for messages."""
        return Asked(self._settings.host, model, self._key)

    async def get(self, path: str, *, from_root: bool = False, attempts: int = MAX_ATTEMPTS) -> object:
        """The JSON at a path.

        Args:
            path: Below ``/v1``, such as "models".
            from_root: The path is below the server's root instead.
            attempts: How often it is tried.

        Raises:
            RecsysError: when it cannot be had.
        """
        base = str(self._settings.base_url)
        url = f"{base.removesuffix('/v1') if from_root else base}/{path}"

        async def attempt() -> object:
            response = await self._http.get(url)
            if response.status_code != 200:
                raise of_status(response.status_code, response.headers, response.text, self.asked())
            try:
                found: object = response.json()
            except ValueError:
                raise unreadable(self.asked(), response.text[:200]) from None
            return found

        return await self._again_and_again(attempt, self.asked(), attempts)

    async def post(
        self, path: str, body: dict[str, Any], take: Callable[[Piece], bool], start: Callable[[], None]
    ) -> bool:
        """Asks, and hands each piece of the answer to ``take`` until it returns true or the answer ends.

        Args:
            path: Below ``/v1``.
            body: The request; its model is named in messages.
            take: Told each piece; true closes the connection, which stops the server.
            start: Told before every attempt: what came before it does not count.

        Returns:
            False where the server has no such path, so that nothing was asked.

        Raises:
            RecsysError: when no attempt gave a whole answer.
        """
        asked = self.asked(str(body.get("model", "")))

        async def attempt() -> None:
            start()
            async with self._http.stream("POST", f"{self._settings.base_url}/{path}", json=body) as response:
                if response.status_code != 200:
                    said = await _read_body(response)
                    raise of_status(response.status_code, response.headers, said, asked)
                await _hand_over(response, asked, take)

        try:
            await self._again_and_again(attempt, asked, MAX_ATTEMPTS)
        except _NoSuchPathError:
            return False
        return True

    async def _again_and_again(self, attempt: Callable[[], Awaitable[Found]], asked: Asked, attempts: int) -> Found:
        import httpx2

        pause = FIRST_PAUSE
        for number in range(1, attempts + 1):
            try:
                return await attempt()
            except FaultError as found:
                fault = found
            except httpx2.SSEError:
                fault = unreadable(asked, "an event without an end")
            except httpx2.HTTPError as error:
                fault = of_transport(error, asked, self._settings.server_timeout)
            except httpx2.InvalidURL as error:
                raise ServerError("base_url cannot be asked", seen=str(error), mend="mend --base-url") from None
            wanted = max(pause, fault.wait_seconds or 0.0)
            if fault.is_missing_path and asked.model:
                raise _NoSuchPathError
            if not fault.is_transient or number == attempts or wanted > LONGEST_PAUSE:
                raise fault.error from None
            await asyncio.sleep(wanted)
            pause *= 2
        raise AssertionError("the last attempt returns or raises")


async def _hand_over(response: httpx2.Response, asked: Asked, take: Callable[[Piece], bool]) -> None:
    """Hands each piece over; once the server has told its end, what follows is not waited for long nor missed."""
    import httpx2

    is_over = False
    try:
        async with asyncio.timeout(None) as patience, aclosing(read_pieces(response, asked)) as pieces:
            async for piece in pieces:
                if take(piece):
                    return
                if piece.finish_reason is not None and not is_over:
                    is_over = True
                    patience.reschedule(asyncio.get_running_loop().time() + _SECONDS_AFTER_THE_END)
    except (TimeoutError, FaultError, httpx2.HTTPError):
        if not is_over:
            raise


async def _read_body(response: httpx2.Response) -> str:
    """The start of an error's body."""
    parts: list[bytes] = []
    async for part in response.aiter_bytes():
        parts.append(part)
        if sum(map(len, parts)) > _LONGEST_BODY:
            break
    return b"".join(parts).decode("utf-8", errors="replace")
