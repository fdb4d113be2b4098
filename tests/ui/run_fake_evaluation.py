"""Serves the page with evaluations on a scripted model: ``python tests/ui/run_fake_evaluation.py --runs runs``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from recsys.evaluation.jobs import EvaluationJob
from recsys.evaluation.request import EvaluationRequest
from recsys.ui.demo import build_demo
from recsys.ui.serving import open_page
from tests.ui.fake_evaluation import ScriptedWorkbench
from tests.ui.fake_workbench import FakeWorkbench


class EvaluatingWorkbench(FakeWorkbench):
    """The scripted workbench of the Recommend tab with the scripted evaluations beside it."""

    def __init__(self, runs: Path, *, seconds: float, public: bool) -> None:
        super().__init__(runs=runs, public=public)
        self.evaluations = ScriptedWorkbench(runs, seconds=seconds, public=public)
        self.jobs = self.evaluations.jobs

    def start_evaluation(self, request: EvaluationRequest, *, group: str = "") -> EvaluationJob:
        return self.evaluations.start_evaluation(request, group=group)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--batch", type=float, default=0.0, help="seconds for each batch")
    parser.add_argument("--public", action="store_true")
    arguments = parser.parse_args()
    workbench = EvaluatingWorkbench(arguments.runs, seconds=arguments.batch, public=arguments.public)
    demo = build_demo(workbench)
    open_page(demo, workbench, server_port=arguments.port, quiet=True)
    demo.block_thread()


if __name__ == "__main__":
    main()
