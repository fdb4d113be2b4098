"""The page as a table of contents: a header, then one tab for each thing that one can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from recsys.ui.theme import WorkbenchTheme

if TYPE_CHECKING:
    from recsys.workbench import Workbench

TITLE = "recsys bench"
MAX_QUEUE = 32


def build_demo(workbench: Workbench) -> gr.Blocks:
    """The whole page. Nothing of it needs the model, the data or the network to be built."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True, delete_cache=(3600, 3600)) as demo:
        gr.HTML(f"<h1>{TITLE}</h1>")
    demo.queue(api_open=False, max_size=MAX_QUEUE)
    return demo


def launch_options() -> dict[str, Any]:
    """What ``demo.launch`` needs for the page to look right and to stay closed."""
    return {
        "theme": WorkbenchTheme(),
        "allowed_paths": [],
        "enable_monitoring": False,
        "footer_links": ["api"],
        "max_file_size": "1mb",
        "show_error": False,
        "ssr_mode": False,
        "strict_cors": True,
    }
