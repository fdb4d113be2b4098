"""The end of the app: on SIGTERM or Ctrl-C what runs is stopped with all that it has, and the port is free.

Evaluations keep each finished batch and sweeps each finished cell, so there is nothing to write at the end but
what is under way; training runs in processes of its own.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    import gradio as gr

    from recsys.ui.health import Health
    from recsys.workbench import Workbench

LONGEST = 4.5
"""Seconds after which the process ends whatever is left; a supervisor that waits five kills nothing."""
_SECONDS_FOR_JOBS = 2.5
_SECONDS_FOR_VISITORS = 1
_SECONDS_BETWEEN_LOOKS = 0.05
_log = logging.getLogger(__name__)


def end_on_sigterm() -> None:
    """Makes SIGTERM end the process as Ctrl-C does, with exit code 0; also before the page is up."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _leave)


def serve_until_stopped(demo: gr.Blocks, workbench: Workbench, health: Health) -> NoReturn:
    """Waits until the process is asked to end, then stops what runs and ends it with exit code 0."""
    try:
        while demo.is_running:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
    except (KeyboardInterrupt, SystemExit):
        _log.info("stopping")
    guard = threading.Timer(LONGEST, _end)
    guard.daemon = True
    guard.start()
    health.is_stopping = True
    try:
        stop_jobs(workbench, _SECONDS_FOR_JOBS)
        _close(demo)
    finally:
        _end()


def stop_jobs(workbench: Workbench, seconds: float) -> bool:
    """Stops the evaluation under way, with the sweep that it belongs to, and the map; tells whether they ended in time.

    A sweep starts the next cell when one is over, so whatever job is the latest is stopped until none is left.
    """
    workbench.map_task.cancel()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        job = workbench.jobs.latest()
        if job is None or job.state().is_over:
            return True
        job.cancel()
        job.wait(_SECONDS_BETWEEN_LOOKS)
    _log.warning("an evaluation did not stop in time; its finished batches are kept")
    return False


def _close(demo: gr.Blocks) -> None:
    server: Any = demo.server
    if server is not None:
        # Without it the server waits for visitors who watch a stream.
        server.config.timeout_graceful_shutdown = _SECONDS_FOR_VISITORS
    demo.close(verbose=False)


def _leave(number: int, frame: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
    raise SystemExit(0)


def _end() -> NoReturn:
    """Ends the process at once: threads of torch cannot be joined, and tearing Python down under them aborts."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)
