"""What the package raises on purpose, as a message on the page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from recsys.errors import RecsysError
from recsys.ui.evaluation_cards import sentences


@contextmanager
def errors_shown() -> Iterator[None]:
    """Shows the errors of the block as messages on the page."""
    try:
        yield
    except RecsysError as error:
        raise gr.Error(sentences(error), duration=12, print_exception=False) from error
