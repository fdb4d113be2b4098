"""From the command line to a page that is up: options, workbench, page, then the model in the background."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from recsys.arguments import add_settings, read_settings
from recsys.data.splits import SplitSettings
from recsys.engine import find_choice
from recsys.errors import InputError, RecsysError, ServerError
from recsys.models.placement import PlacementSettings
from recsys.models.registry import SMALL_MODEL
from recsys.remote.settings import ServerSettings
from recsys.server_log import LogFormat, hold_secret, log_printed_errors, set_up_log, without_secrets
from recsys.settings import Precision
from recsys.ui.logged_workbench import LoggedWorkbench
from recsys.ui.mcp_tools import require_mcp
from recsys.ui.shutdown import end_on_sigterm, serve_until_stopped
from recsys.workbench import Workbench
from recsys.workbench_options import KNOWN_FILMS_HELP, WorkbenchOptions

OPENING_MODEL = SMALL_MODEL
"""The best recommender of the shipped ones (README), and it comes with the repository."""


def launch(arguments: Sequence[str] | None = None) -> None:
    """Opens the app and serves until it is stopped."""
    options = read_options(sys.argv[1:] if arguments is None else arguments)
    end_on_sigterm()
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from recsys.ui.demo import build_demo
    from recsys.ui.serving import open_page

    try:
        if options.mcp:
            require_mcp()
        if options.api_key_env:
            hold_secret(options.api_key_env)
        workbench = LoggedWorkbench(_workbench_options(options))
        _look_at_server(workbench)
        choice = find_choice(workbench.choices, options.model, options.precision, options.adapter)
        demo = build_demo(workbench, default_choice=choice)
        set_up_log(options.log_format, words=not options.public)
        log_printed_errors()
        health = open_page(
            demo,
            workbench,
            mcp=options.mcp,
            server_name=options.host,
            server_port=options.port,
            root_path=options.root_path,
            inbrowser=options.open and _has_screen(),
        )
    except RecsysError as error:
        print(without_secrets(f"Error: {error}"), file=sys.stderr)
        raise SystemExit(2 if isinstance(error, InputError) else 1) from None
    # The page is up first: reading torch and the weights takes longer than all the rest.
    workbench.host.start_loading(choice)
    serve_until_stopped(demo, workbench, health)


def _workbench_options(options: argparse.Namespace) -> WorkbenchOptions:
    return WorkbenchOptions(
        data=options.data,
        adapters=options.adapters,
        runs=options.runs,
        public=options.public,
        device=options.device,
        descriptions=options.descriptions,
        known_films=options.known_films,
        split=read_settings(options, SplitSettings),
        default_model=options.model or OPENING_MODEL,
        server=read_settings(options, ServerSettings),
        placement=read_settings(options, PlacementSettings),
        opening_model=options.model,
    )


def _look_at_server(workbench: Workbench) -> None:
    """Asks the server what it serves, for the page to offer; one that is not up yet keeps the page from nothing."""
    server = workbench.host.server
    if server is None:
        return
    try:
        server.look()
    except ServerError as error:
        print(without_secrets(f"Warning: {error}"), file=sys.stderr)


def read_options(arguments: Sequence[str]) -> argparse.Namespace:
    """Parses the app's command line."""
    parser = argparse.ArgumentParser(prog="app.py", description="LLMs as movie recommenders: the app.")
    parser.add_argument("--host", help="address to serve on (default: 127.0.0.1; all addresses on a Space)")
    parser.add_argument("--port", type=int, help="port to serve on (default: the first free one from 7860)")
    parser.add_argument("--root-path", help="path of the page behind a proxy")
    parser.add_argument("--open", action="store_true", help="open a browser")
    usual = f"(default: the one that the adapter was made for, else {OPENING_MODEL})"
    served = "with --engine openai, a name that the server lists (default: its first)"
    parser.add_argument("--model", help=f"registry name, local folder or Hub id to start with {usual}; {served}")
    parser.add_argument("--precision", default="auto", choices=get_args(Precision))
    parser.add_argument("--adapter", help="name of a folder under adapters/, or of a served LoRA, to start with")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    parser.add_argument(
        "--data", type=Path, help="a MovieLens folder or zip, 100K to 32M (default: the embedded latest-small)"
    )
    parser.add_argument("--descriptions", type=Path, help="a csv file of movieId,description for prompts")
    parser.add_argument("--known-films", type=Path, help=KNOWN_FILMS_HELP)
    parser.add_argument("--adapters", type=Path, help="a folder of PEFT folders (default: adapters/)")
    parser.add_argument("--runs", type=Path, help="where evaluations are kept (default: the user's cache)")
    parser.add_argument(
        "--public",
        action=argparse.BooleanOptionalAction,
        default=bool(os.environ.get("SPACE_ID")),
        help="lock the registry and limit length, records and time (default: on a Space)",
    )
    parser.add_argument("--mcp", action="store_true", help='also serve tools for MCP clients (needs the extra "mcp")')
    parser.add_argument(
        "--log-format", default="text", choices=get_args(LogFormat), help="of the log on stderr (default: text)"
    )
    add_settings(parser, SplitSettings)
    add_settings(parser, ServerSettings)
    add_settings(parser, PlacementSettings)
    return parser.parse_args(arguments)


def _has_screen() -> bool:
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
