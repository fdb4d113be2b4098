"""Serves the page on the real gptj-mini, with endpoints that hold its queue and tell the hash of its weights.

``python tests/ui/run_small.py --port 7861 --adapters folder --runs folder``
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import gradio as gr

from recsys.models.host import ModelChoice
from recsys.models.registry import SMALL_MODEL
from recsys.ui.demo import build_demo, launch_options
from recsys.ui.recommend_tab import MODEL_QUEUE
from recsys.workbench import Workbench
from recsys.workbench_options import WorkbenchOptions
from tests.fixtures.base_weights import hash_base_weights

LONGEST_HOLD = 900
"""Seconds."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--adapters", type=Path)
    arguments = parser.parse_args()
    choice = ModelChoice(SMALL_MODEL)
    workbench = Workbench(WorkbenchOptions(adapters=arguments.adapters, runs=arguments.runs, default_model=SMALL_MODEL))
    released = threading.Event()

    def hold() -> bool:
        """Keeps everybody else waiting for the model until it is released."""
        return released.wait(LONGEST_HOLD)

    def release() -> None:
        released.set()

    def weights() -> dict[str, Any]:
        """The base weights in memory, and which model object has them."""
        with workbench.host.use(choice) as loaded:
            return {"sha256": hash_base_weights(loaded.model), "object": id(loaded.model)}

    demo = build_demo(workbench, default_choice=choice)
    with demo:
        gr.api(hold, api_name="hold", concurrency_id=MODEL_QUEUE, concurrency_limit=1)
        gr.api(release, api_name="release", queue=False)
        gr.api(weights, api_name="weights", concurrency_limit=None)
    demo.launch(server_port=arguments.port, quiet=True, **launch_options())


if __name__ == "__main__":
    main()
