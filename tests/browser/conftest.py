"""A server in a process of its own and a headless Chromium, for tests of the page."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SECONDS_TO_START = 90
PATIENCE = 30_000
"""Milliseconds that an expectation may take: a busy machine draws late, and no test is about speed."""
SETTLE = 500
"""Milliseconds for the handlers of a page's load; the status chip asks for ever, so the network is never idle."""

Serve = Callable[..., str]


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Starts the page on a scripted model; the same options give the same server.

    A module's servers end with it: one that nobody uses still takes a twentieth of a core.
    """
    servers: dict[tuple[str, ...], tuple[str, subprocess.Popen[bytes]]] = {}

    def start(*options: str) -> str:
        if options not in servers:
            folder = tmp_path_factory.mktemp("server")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            log = (folder / "log.txt").open("wb")
            command = [sys.executable, "tests/ui/run_fake.py", "--port", str(port), "--runs", str(folder / "runs")]
            environment = os.environ | {"GRADIO_ANALYTICS_ENABLED": "False", "OMP_NUM_THREADS": "2"}
            process = subprocess.Popen([*command, *options], cwd=ROOT, stdout=log, stderr=log, env=environment)
            address = f"http://127.0.0.1:{port}"
            servers[options] = (address, process)
            _wait_until_up(address, process, folder / "log.txt")
        return servers[options][0]

    yield start
    for _, process in servers.values():
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture(scope="module")
def serve_evaluations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[float], str]]:
    """Starts servers that evaluate, each with runs of its own and so many seconds for each batch."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(seconds: float) -> str:
        folder = tmp_path_factory.mktemp("evaluations")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        options = ["--port", str(port), "--runs", str(folder / "runs"), "--batch", str(seconds)]
        command = [sys.executable, "tests/ui/run_fake_evaluation.py", *options]
        with (folder / "log.txt").open("wb") as log:
            environment = os.environ | {"OMP_NUM_THREADS": "2"}
            processes.append(subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=environment))
        _wait_until_up(f"http://127.0.0.1:{port}", processes[-1], folder / "log.txt")
        return f"http://127.0.0.1:{port}"

    yield start
    for process in processes:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless browser of the system."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Opens a page of a given size; what went wrong in the browser fails the test at its end.

    A page may neither log an error, nor throw, nor open a dialog, nor ask another server for anything.
    """
    pages, problems = [], []

    def open_at(address: str, *, width: int = 1440, height: int = 950, touch: bool = False) -> Any:
        page = chromium.new_page(viewport={"width": width, "height": height}, has_touch=touch)
        pages.append(page)
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: _is_elsewhere(request.url) and problems.append(f"asked {request.url}"))

        def dismiss(dialog: Any) -> None:
            problems.append(f"dialog: {dialog.message}")
            dialog.dismiss()

        page.on("dialog", dismiss)
        page.goto(address)
        for part in ("#go", "#liked .picker"):  # a link may open another tab, so they need not be in sight
            page.wait_for_selector(part, state="attached")
        page.wait_for_timeout(SETTLE)
        return page

    yield open_at
    for page in pages:
        page.close()
    assert problems == []


def _is_elsewhere(address: str) -> bool:
    return not address.startswith(("http://127.0.0.1:", "data:", "blob:"))


def _wait_until_up(
    address: str, process: subprocess.Popen[bytes], log: Path, seconds: float = SECONDS_TO_START
) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{address}/gradio_api/info", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise RuntimeError(f"the page did not come up:\n{log.read_text(errors='replace')}")
