"""What a visitor of a public page may ask the server for at all: the ways that the page itself takes, and no more.

Gradio serves much that this page does not use (links to a session's state, recordings, a proxy for addresses and
Spaces, an editor), takes bodies of any size, and fetches a file from any address that a value names. All of that
ends here, before Gradio reads it.
"""

from __future__ import annotations

import json
import re
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from recsys.data.own_history import MAX_FILE_BYTES
from recsys.ui.request_bodies import drop_body, is_upload, path_of, read_body, replay

MAX_BODY_BYTES = 2_000_000
"""Of a request that is no upload; pasted titles are its largest part."""
MAX_UPLOAD_BYTES = MAX_FILE_BYTES + 65_536
"""Of one upload: a file and the form around it."""
MAX_UPLOADS_PER_HOUR = 200_000_000
"""Bytes of all visitors together; what was uploaded is removed within two hours."""

_PAGE = re.compile(
    r"/(?:|config|theme\.css|favicon\.ico|robots\.txt|manifest\.json|health"
    r"|(?:assets|static|svelte)/.*"
    r"|gradio_api/(?:info|openapi\.json|app_id|startup-events|upload_progress|reset|cancel|upload|component_server"
    r"|queue/(?:join|data)|heartbeat/\w+|(?:run|api)/\w+|call/(?:v2/)?\w+(?:/\w+)?"
    r"|file=(?!\s*https?:).*|mcp(?:/|/http/?|/schema)?))/?",
    re.IGNORECASE | re.DOTALL,
)
"""Paths of the page, of the endpoints that its API panel documents, of MCP and of watchers."""


@dataclass
class UploadBudget:
    """Bytes that were let in within the last hour.

    Attributes:
        most: In an hour.
        taken: When, and how many.
    """

    most: int = MAX_UPLOADS_PER_HOUR
    taken: deque[tuple[float, int]] = field(default_factory=deque)

    def take(self, num_bytes: int, now: float) -> bool:
        """Notes an upload and tells whether there is room for it."""
        while self.taken and now - self.taken[0][0] > 3600:
            self.taken.popleft()
        if sum(size for _, size in self.taken) + num_bytes > self.most:
            return False
        self.taken.append((now, num_bytes))
        return True


class PublicGate:
    """ASGI middleware that lets only the page's own requests through.

    Args:
        app: What is behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._uploads = UploadBudget()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None and scope["method"] == "POST" and not is_upload(scope):
            body = await read_body(receive, MAX_BODY_BYTES)
            if body is None:
                return  # the visitor left
            refusal = (400, "A file may not be named by an address.") if names_an_address(body) else None
            receive = replay(body, receive)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            if refusal[0] in (413, 503):
                await drop_body(receive)
            await PlainTextResponse(refusal[1], status_code=refusal[0])(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and sentence for what is not let in; None lets it in."""
        path = path_of(scope)
        if scope["type"] != "http" or not _PAGE.fullmatch(path):
            return 404, "Not found."
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return None
        if scope["method"] != "POST":
            return 405, "Not allowed."
        length = dict(scope["headers"]).get(b"content-length", b"")
        if not length.isdigit():
            return 411, "Tell the length of the body."
        brings_file = is_upload(scope)
        if int(length) > (MAX_UPLOAD_BYTES if brings_file else MAX_BODY_BYTES):
            return 413, "This is more than the page takes at once."
        if brings_file and not self._uploads.take(int(length), time.monotonic()):
            return 503, "Too much was uploaded within the last hour. Paste your titles instead."
        return None


def names_an_address(body: bytes) -> bool:
    """Whether a JSON body holds one of Gradio's files that is to be fetched from elsewhere.

    What is no JSON, which Gradio refuses, holds none.
    """
    try:
        waiting: list[Any] = [json.loads(body)]
    except RecursionError:
        return True
    except ValueError:
        return False
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "path" in value and "meta" in value and not _is_local(value["path"]):
                return True
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return False


def _is_local(path: object) -> bool:
    return (
        not isinstance(path, str) or re.match(r"\s*\w+:", path) is None or re.match(r"[a-zA-Z]:[\\/]", path) is not None
    )
