"""The app in a process of its own, with its memory looked at while it works."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

ROOT = Path(__file__).resolve().parents[2]
_SECONDS_TO_START = 240


class Server:
    """Starts ``app.py`` and ends it.

    Args:
        folder: Where its runs and its log go.
        options: Of app.py.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        self.log = folder / "server.log"
        command = [sys.executable, "app.py", "--port", str(port), "--runs", str(folder / "runs"), *options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=os.environ.copy())

    def __enter__(self) -> Self:
        deadline = time.monotonic() + _SECONDS_TO_START
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the app ended: {self.log.read_text()[-2000:]}")
            try:
                with urllib.request.urlopen(f"{self.address}/gradio_api/info", timeout=5):
                    return self
            except (urllib.error.URLError, TimeoutError, ConnectionError):
                time.sleep(0.5)
        raise RuntimeError("the app did not come up")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def memory_at_rest(self, seconds: float = 3.0) -> int:
        """The process's private memory in bytes, the least of some looks while nobody asks for anything."""
        process = psutil.Process(self.process.pid)
        looks = []
        for _ in range(6):
            time.sleep(seconds / 6)
            looks.append(process.memory_full_info().uss)
        return int(min(looks))
