"""A page in a process of its own, and how to ask it, for tests of what is served."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SECONDS_TO_START = 240


@dataclass(frozen=True)
class Answer:
    status: int
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class Served:
    """A process that serves a page on a port of its own."""

    process: subprocess.Popen[str]
    port: int
    log: Path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, body: Any = None, *, data: bytes | None = None, headers: dict[str, str] | None = None):
        """GETs a path, or POSTs a JSON body or bytes to it."""
        sent = json.dumps(body).encode() if body is not None else data
        given = ({"Content-Type": "application/json"} if body is not None else {}) | (headers or {})
        request = urllib.request.Request(f"{self.address}{path}", sent, given)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return Answer(answer.status, answer.read().decode(errors="replace"))
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read().decode(errors="replace"))

    def wait_until(self, is_so: Any, seconds: float = SECONDS_TO_START) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            assert self.process.poll() is None, self.log.read_text("utf-8", errors="replace")
            try:
                if is_so():
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                pass
            time.sleep(0.1)
        raise AssertionError(f"it did not come to that:\n{self.log.read_text('utf-8', errors='replace')}")

    def end(self) -> None:
        self.process.kill()
        self.process.wait(timeout=10)


def serve(command: Sequence[str], folder: Path, **environment: str) -> Served:
    """Starts ``python COMMAND --port …`` and waits until its page is up."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "log.txt"
    with log.open("w", encoding="utf-8") as written:
        process = subprocess.Popen(
            [sys.executable, *command, "--port", str(port)],
            cwd=ROOT,
            stdout=written,
            stderr=written,
            text=True,
            env=os.environ | {"GRADIO_ANALYTICS_ENABLED": "False", "OMP_NUM_THREADS": "1"} | environment,
        )
    served = Served(process, port, log)
    served.wait_until(lambda: served.ask("/gradio_api/info").status == 200)
    return served
