"""Brings the page up, with all that is served beside it: its health and, where asked for, tools for MCP clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recsys.errors import RecsysError
from recsys.server_log import take_over
from recsys.ui.demo import launch_options
from recsys.ui.health import Health
from recsys.ui.mcp_tools import keep_to_tools
from recsys.ui.visitor_sessions import keep_sessions_small

if TYPE_CHECKING:
    import gradio as gr

    from recsys.workbench import Workbench


def open_page(demo: gr.Blocks, workbench: Workbench, *, mcp: bool = False, **where: Any) -> Health:
    """Serves the page from threads of its own.

    Args:
        demo: The page.
        workbench: What it was built on.
        mcp: Serve tools as well.
        where: Address and port, as ``Blocks.launch`` takes them.

    Raises:
        RecsysError: when the tools are not up; the page is closed then.
    """
    health = Health(workbench)
    options = launch_options(public=workbench.options.public, routes=[health.route])
    demo.launch(prevent_thread_lock=True, mcp_server=mcp, **options, **where)
    keep_sessions_small(demo)
    take_over("uvicorn", "uvicorn.error", "huggingface_hub")
    if mcp:
        try:
            keep_to_tools(demo)
        except RecsysError:
            demo.close(verbose=False)
            raise
    return health
