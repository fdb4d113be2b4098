"""A page that tells a client in one sentence what is wrong with a value, whichever way the value came.

Gradio prints a trace for every value that a component does not take, and tells the client nothing or lists all choices.
Errors of this package that a handler lets through are told as well; what else is raised there is a bug and stays one.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from recsys.errors import RecsysError

_LONGEST_TOLD = 300
_UNREADABLE = "A value cannot be read: it is of the wrong type or size. Reload the page and try again."


class ToldError(gr.Error):
    """An error whose text is its sentence; Gradio's own puts it in quotes, which MCP clients are shown."""

    def __init__(self, told: str) -> None:
        super().__init__(told, print_exception=False)

    def __str__(self) -> str:
        return str(self.message)


class CheckedBlocks(gr.Blocks):
    """Blocks whose refusals are sentences and leave no trace in the log."""

    async def preprocess_data(self, *values: Any, **named: Any) -> Any:
        """As Gradio's: what a component makes of a client's values.

        Raises:
            ToldError: for a value that its component does not take.
        """
        try:
            return await super().preprocess_data(*values, **named)
        except gr.Error as error:
            raise ToldError(_shortened(str(error.message))) from error
        except Exception as error:
            raise ToldError(_UNREADABLE) from error

    async def call_function(self, *values: Any, **named: Any) -> Any:
        """As Gradio's: runs a handler.

        Raises:
            ToldError: for an error of this package.
        """
        try:
            return await super().call_function(*values, **named)
        except RecsysError as error:
            raise ToldError(str(error)) from error


def _shortened(told: str) -> str:
    """Gradio quotes the value and every choice that there is."""
    return told if len(told) <= _LONGEST_TOLD else f"{told[: _LONGEST_TOLD - 1]}…"
