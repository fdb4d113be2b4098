"""Bodies of requests: what no page takes, and how a gate before Gradio reads one and hands it on.

Gradio reads a body of any size and depth whole, walks through it many times, and breaks over what its own page would
not send.
"""

from __future__ import annotations

import json
import logging
import re
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 10_000_000
"""Of a request that is no upload: the file of titles that is pasted at most has half of that."""
MAX_DEPTH = 40
"""Of lists and objects in each other; no value of the page has ten."""
_MOST_TO_DROP = 50_000_000
_LARGEST_INTEGER = 2**63
_TOO_DEEP = "The body is nested too deeply."
_UPLOAD = re.compile(r"/gradio_api/upload/?")
_log = logging.getLogger("recsys.requests")

Refusal = tuple[int, str]
"""Status and sentence."""

_TOO_LARGE: Refusal = (413, "This is more than the page takes at once.")


class BodyGate:
    """ASGI middleware that refuses bodies which no page takes, in a sentence.

    Args:
        app: What is behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS") or is_upload(scope):
            await self._app(scope, receive, send)
            return
        refusal: Refusal | None = _TOO_LARGE if length_of(scope) > MAX_BODY_BYTES else None
        if refusal is None:
            body = await read_body(receive, MAX_BODY_BYTES)
            if body is None:
                return  # the client left
            refusal = _TOO_LARGE if len(body) > MAX_BODY_BYTES else refusal_of(body, scope)
            receive = replay(body, receive)
        if refusal is None:
            await self._app(scope, receive, send)
            return
        if refusal is _TOO_LARGE:
            await drop_body(receive)
        _log.info("a request was refused: %s", refusal[1])
        await PlainTextResponse(refusal[1], status_code=refusal[0])(scope, receive, send)


def is_upload(scope: Scope) -> bool:
    """Whether a request brings a file."""
    return _UPLOAD.fullmatch(path_of(scope)) is not None


def refusal_of(body: bytes, scope: Scope) -> Refusal | None:
    """Why a body is not taken; None for one that is.

    Args:
        body: All of it.
        scope: The request that it came with.
    """
    if not body:
        return None
    if _header(scope, b"content-type").startswith(b"multipart/"):
        return 415, "Files are only uploaded."
    try:
        value = json.loads(body)
    except RecursionError:
        return 400, _TOO_DEEP
    except ValueError:
        return 400, "The body is no JSON."
    problem = _problem_of(value)
    if problem is not None:
        return 400, problem
    if path_of(scope).rstrip("/").endswith("/component_server"):
        return _problem_of_call(value, scope)
    return None


def _problem_of(value: Any) -> str | None:
    """Depth and numbers, without recursion."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            return _TOO_DEEP
        below: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                below.extend(one.values())
            elif isinstance(one, list):
                below.extend(one)
            elif isinstance(one, int) and not -_LARGEST_INTEGER <= one < _LARGEST_INTEGER:
                return "A whole number of the body is too large."
        level = below
    return None


def _problem_of_call(value: Any, scope: Scope) -> Refusal | None:
    """Gradio looks a component and its function up without a look at what names them."""
    if not isinstance(value, dict) or not {"data", "component_id", "session_hash", "fn_name"} <= set(value):
        return 400, "A call needs data, component_id, session_hash and fn_name."
    component, session, function = (value[name] for name in ("component_id", "session_hash", "fn_name"))
    if isinstance(component, bool) or not isinstance(component, int):
        return 400, "component_id is not a whole number."
    if not isinstance(session, str) or not isinstance(function, str):
        return 400, "session_hash and fn_name are texts."
    if component not in scope["app"].get_blocks().blocks:
        return 404, "There is no such component."
    return None


def length_of(scope: Scope) -> int:
    """The length that a request tells of its body; 0 where it tells none."""
    told = _header(scope, b"content-length")
    return int(told) if told.isdigit() and len(told) < 20 else 0


def _header(scope: Scope, name: bytes) -> bytes:
    return bytes(dict(scope["headers"]).get(name, b"")).lower()


def path_of(scope: Scope) -> str:
    """The path behind a proxy's prefix."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(root) :] if root and path.startswith(root) else path


async def read_body(receive: Receive, most: int) -> bytes | None:
    """The whole body; more than ``most`` bytes of one that is longer, None when the client left before its end."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most or not message.get("more_body", False):
            return b"".join(parts)


async def drop_body(receive: Receive) -> None:
    """Takes a body of some size in and keeps nothing of it: a browser that is still sending sees no answer."""
    left = _MOST_TO_DROP
    while left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return


def replay(body: bytes, receive: Receive) -> Receive:
    """Gives the body once, then whatever comes next."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
