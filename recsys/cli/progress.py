"""Progress on stderr: one line that is rewritten on a terminal, sparse lines elsewhere."""

from __future__ import annotations

import sys
import time


class ProgressLine:
    """Shows a fraction and a sentence; call it as often as you like.

    Args:
        quiet: Show nothing at all.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty()
        self._last_time = 0.0
        self._last_message = ""

    def __call__(self, fraction: float, message: str) -> None:
        now = time.monotonic()
        same = message == self._last_message
        if self._quiet or (same and not self._live) or (same and now - self._last_time < 0.1):
            return
        self._last_time, self._last_message = now, message
        line = f"{fraction:4.0%} {message}"
        print(f"\r\x1b[K{line}" if self._live else line, end="" if self._live else "\n", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Ends the line."""
        if self._live and self._last_message and not self._quiet:
            print(file=sys.stderr)
        self._last_message = ""
