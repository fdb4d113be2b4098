"""A checkout's page in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_SECONDS_TO_START = 240


class Server:
    """Starts a script of a checkout and ends it.

    Args:
        checkout: The root of the checkout, whose code is run.
        folder: Where its runs and its log go.
        command: The script and its options.
    """

    def __init__(self, checkout: Path, folder: Path, command: Sequence[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        self.log = folder / "server.log"
        environment = os.environ | {"GRADIO_ANALYTICS_ENABLED": "False", "PYTHONPATH": str(checkout)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command, "--port", str(port), "--runs", str(folder / "runs")],
                cwd=checkout,
                stdout=log,
                stderr=log,
                env=environment,
            )

    def __enter__(self) -> Self:
        deadline = time.monotonic() + _SECONDS_TO_START
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.address}/gradio_api/info", timeout=5):
                    return self
            except (urllib.error.URLError, TimeoutError, ConnectionError):
                time.sleep(0.5)
        self.process.kill()
        raise RuntimeError(f"the page did not come up: {self.log.read_text(errors='replace')[-2000:]}")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
