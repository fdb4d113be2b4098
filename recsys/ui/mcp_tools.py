"""What MCP clients may call where the app was started with ``--mcp``.

Gradio's own server stands behind it. It makes a tool of every public endpoint, writes answers as Python values
and only prints what keeps it from starting; here it is kept to TOOLS, answers in JSON, and does not fail in
silence. Endpoints check their values themselves, since Gradio's validators do not stand on this way.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from recsys.errors import RecsysError, SettingsError

if TYPE_CHECKING:
    import gradio as gr
    from gradio.mcp import GradioMCPServer

TOOLS = ("recommend", "models", "adapters", "search_titles")
"""Endpoints that are tools: each ends by itself, within the limits of a request. /evaluate starts a job that may take
hours and that no tool could stop, so it is none."""

_MEND = 'pip install "recsys[mcp]"'


def require_mcp() -> None:
    """Refuses to serve tools where the package mcp is missing, or is one that Gradio does not know.

    Raises:
        SettingsError: with the command that installs it.
    """
    try:
        found = version("mcp")
    except PackageNotFoundError:
        raise SettingsError("--mcp needs the package mcp, which is not installed", mend=_MEND) from None
    major, minor = (int(part) for part in found.split(".")[:2])
    if major != 1 or minor < 29:
        raise SettingsError("--mcp needs mcp from 1.29 and below 2", seen=found, mend=_MEND)


def keep_to_tools(demo: gr.Blocks) -> None:
    """Keeps the MCP server of a page that is up to TOOLS, and its answers to JSON.

    Raises:
        RecsysError: when the server did not start.
    """
    server: GradioMCPServer | None = demo.mcp_server_obj
    if server is None or not demo.mcp_server:
        raise RecsysError("the MCP server did not start", seen=demo.mcp_error, mend=_MEND)
    server.tool_to_endpoint = {
        tool: endpoint for tool, endpoint in server.tool_to_endpoint.items() if endpoint.lstrip("/") in TOOLS
    }
    if len(server.tool_to_endpoint) != len(TOOLS):
        found = sorted(server.tool_to_endpoint)
        raise RecsysError("the MCP server lacks tools", seen=found, mend="install the versions of requirements.txt")
    server.postprocess_output_data = _as_json


def _as_json(outputs: Sequence[Any], root_url: str) -> list[Any]:
    """The values that an endpoint returned, each as one text."""
    from mcp.types import TextContent

    return [TextContent(type="text", text=json.dumps(output, ensure_ascii=False)) for output in outputs]
