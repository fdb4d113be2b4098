"""Serves the page on a scripted model: ``python tests/ui/run_fake.py --port 7861 --token 0.05``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from recsys.models import registry
from recsys.training import recorded_runs
from recsys.ui.demo import build_demo
from recsys.ui.serving import open_page
from tests.fixtures.tiny_adapters import history_model
from tests.ui.fake_workbench import FakeWorkbench


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    parser.add_argument("--token", type=float, default=0.0, help="seconds for each token")
    parser.add_argument("--load", type=float, default=0.0, help="seconds that the model loads")
    parser.add_argument("--write", help="what the model writes, whatever it is asked")
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--public", action="store_true")
    parser.add_argument("--mcp", action="store_true")
    parser.add_argument("--adapters", type=Path, help="PEFT folders; with them there is a model that reads lists only")
    parser.add_argument("--adapter", help="the adapter to start with")
    arguments = parser.parse_args()
    if arguments.cache is not None:
        os.environ["RECSYS_CACHE"] = str(arguments.cache)
    if arguments.adapters:
        registry._KNOWN = (*registry._KNOWN, history_model("lists"))
        recorded_runs.SHIPPED_MODELS = arguments.adapters / "no-models"  # the page shows these adapters alone
    workbench = FakeWorkbench(
        seconds_per_token=arguments.token,
        seconds_to_load=arguments.load,
        runs=arguments.runs,
        public=arguments.public,
        adapters=arguments.adapters,
    )
    workbench.generator.text = arguments.write
    choice = workbench.choices.find(adapter=arguments.adapter)
    demo = build_demo(workbench, default_choice=choice)
    open_page(demo, workbench, mcp=arguments.mcp, server_port=arguments.port, quiet=True)
    demo.block_thread()


if __name__ == "__main__":
    main()
