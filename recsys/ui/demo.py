"""The page as a table of contents: a header, then one tab for each thing that one can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr
from starlette.middleware import Middleware

from recsys.data.own_history import MAX_FILE_BYTES
from recsys.models.host import ModelChoice
from recsys.ui.about_tab import create_about_tab
from recsys.ui.adapter_adding import create_adapter_adding
from recsys.ui.api import add_api
from recsys.ui.checked_blocks import CheckedBlocks
from recsys.ui.data_choice import MAX_UPLOAD_BYTES
from recsys.ui.data_follow import Following, follow_data
from recsys.ui.evaluate_tab import create_evaluate_tab
from recsys.ui.header import NAME, create_header
from recsys.ui.map_tab import create_map_tab
from recsys.ui.public_gate import PublicGate
from recsys.ui.quiet_progress import quiet_progress
from recsys.ui.recommend_tab import create_recommend_tab
from recsys.ui.request_bodies import BodyGate
from recsys.ui.theme import WorkbenchTheme
from recsys.ui.training_tab import create_training_tab
from recsys.ui.tune_tab import create_tune_tab

if TYPE_CHECKING:
    from recsys.workbench import Workbench

MAX_QUEUE = 32
"""Requests that may wait; one more is told that the queue is full."""


def build_demo(workbench: Workbench, *, default_choice: ModelChoice | None = None) -> gr.Blocks:
    """The whole page. Nothing of it needs the model, torch or the network to be built."""
    with CheckedBlocks(title=NAME, analytics_enabled=False, fill_width=True, delete_cache=(3600, 3600)) as demo:
        data_changed = create_header(workbench)
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Recommend", id="recommend", elem_id="tab-recommend"):
                asked = create_recommend_tab(workbench, default_choice)
            with gr.Tab("Evaluate", id="evaluate", elem_id="tab-evaluate"):
                form = create_evaluate_tab(workbench, default_choice, tabs)
            with gr.Tab("Tune", id="tune", elem_id="tab-tune") as tune:
                create_tune_tab(workbench, tune, tabs, form)
            with gr.Tab("Training", id="training", elem_id="tab-training") as training:
                create_training_tab(workbench, training, tabs, asked)
            with gr.Tab("Map", id="map", elem_id="tab-map") as item_map:
                draw_map_after = create_map_tab(workbench, item_map, asked)
            with gr.Tab("About", id="about", elem_id="tab-about") as about:
                cards = create_about_tab(workbench, about)
        create_adapter_adding(workbench, asked.panel, form.panel)
        draw_map_after(follow_data(workbench, data_changed, Following(asked, form, cards)))
        add_api(workbench)
    quiet_progress(demo)
    demo.queue(api_open=False, max_size=MAX_QUEUE)
    return demo


def launch_options(*, public: bool = False, routes: Sequence[Any] = ()) -> dict[str, Any]:
    """What ``demo.launch`` needs for the page to look right and to stay closed.

    Args:
        public: Let visitors reach nothing that the page does not use.
        routes: Further ones of the server.
    """
    gates = [*([Middleware(PublicGate)] if public else []), Middleware(BodyGate)]
    return {
        "theme": WorkbenchTheme(),
        "allowed_paths": [],
        "app_kwargs": {"routes": list(routes), "middleware": gates},
        "enable_monitoring": False,
        "footer_links": ["api"],
        "run_history": False,
        # Only where a data set may be uploaded is a file of its size let in.
        "max_file_size": MAX_FILE_BYTES if public else MAX_UPLOAD_BYTES,
        "show_error": False,
        "ssr_mode": False,
        "strict_cors": True,
    }
