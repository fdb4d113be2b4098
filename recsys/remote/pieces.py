"""The pieces that a server's answer comes in, whether by completion or chat, streamed or whole.

Every field is checked, since whatever calls itself compatible may answer.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from recsys.remote.faults import Asked, broken_stream, failed_inside, unreadable

if TYPE_CHECKING:
    import httpx2
    from httpx2 import ServerSentEvent

_DONE = "[DONE]"


@dataclass(frozen=True)
class Piece:
    """What one event of an answer says.

    Attributes:
        text: What was written since the last one.
        finish_reason: Why the server ended, None while it goes on.
        prompt_tokens: Length of the prompt, None where it is not told.
        completion_tokens: Tokens written so far, None where they are not told.
    """

    text: str = ""
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


async def read_pieces(response: httpx2.Response, asked: Asked) -> AsyncGenerator[Piece]:
    """The pieces of an answer of status 200, to its end.

    Raises:
        FaultError: when it breaks off, tells an error or cannot be read.
    """
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "text/event-stream":
        body = await response.aread()
        yield read_piece(_parse(body.decode("utf-8", errors="replace"), asked), asked)
        return
    from httpx2 import EventSource

    is_over = False
    stream = cast("AsyncGenerator[ServerSentEvent]", aiter(EventSource(response)))
    async with aclosing(stream) as events:
        async for event in events:
            if event.data == _DONE:
                return
            if not event.data:
                continue
            piece = read_piece(_parse(event.data, asked), asked)
            is_over = is_over or piece.finish_reason is not None
            yield piece
    if not is_over:
        raise broken_stream(asked)


def read_piece(found: object, asked: Asked) -> Piece:
    """The piece of one JSON object.

    Raises:
        FaultError: when it tells an error or is of another form.
    """
    if not isinstance(found, dict):
        raise unreadable(asked, found)
    if found.get("error"):
        error = found["error"]
        raise failed_inside(asked, str(error.get("message", error)) if isinstance(error, dict) else str(error))
    choices = found.get("choices")
    if not isinstance(choices, list):
        raise unreadable(asked, found)
    prompt_tokens, completion_tokens = _counts(found)
    if not choices:  # the event that carries the counts alone
        return Piece(prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)
    choice = choices[0]
    text = _text(choice) if isinstance(choice, dict) else None
    if text is None:
        raise unreadable(asked, found)
    reason = choice.get("finish_reason")
    return Piece(text, reason if isinstance(reason, str) else None, prompt_tokens, completion_tokens)


def _text(choice: dict[str, Any]) -> str | None:
    """Of a completion, of a piece of a chat, or of a whole chat."""
    if "text" in choice:
        text = choice["text"]
    else:
        message = choice.get("delta", choice.get("message"))
        if not isinstance(message, dict):
            return None
        text = message.get("content")
    return "" if text is None else text if isinstance(text, str) else None


def _counts(found: dict[str, Any]) -> tuple[int | None, int | None]:
    """OpenAI's usage, or what llama.cpp tells with every piece."""
    usage, timings = found.get("usage"), found.get("timings")
    if isinstance(usage, dict):
        return _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    if isinstance(timings, dict):
        parts = [_count(timings.get(name)) for name in ("prompt_n", "cache_n")]
        return sum(part or 0 for part in parts) or None, _count(timings.get("predicted_n"))
    return None, None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _parse(text: str, asked: Asked) -> object:
    try:
        found: object = json.loads(text)
    except ValueError:
        raise unreadable(asked, text) from None
    return found
