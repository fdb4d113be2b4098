"""Serves the real app while whoever opens a file named not-for-visitors or looks up another machine is written down.

``python tests/ui/run_watched.py --watch FILE …``, the rest as ``app.py`` takes it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

MARK = "not-for-visitors"
_HERE = ("127.0.0.1", "localhost", "::1", "0.0.0.0", "", None)


def watch(told: Path) -> None:
    kept = told.open("a", encoding="utf-8", buffering=1)

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("open", "os.listdir", "os.scandir") and MARK in str(arguments[0]):
            kept.write(f"{event} {arguments[0]}\n")
        elif event == "socket.getaddrinfo" and arguments[0] not in _HERE:
            kept.write(f"looked up {arguments[0]}\n")

    sys.addaudithook(look)


if __name__ == "__main__":
    place = sys.argv.index("--watch")
    watch(Path(sys.argv[place + 1]))
    from recsys.ui.app import launch

    launch(sys.argv[1:place] + sys.argv[place + 2 :])
