"""What the package raises on purpose, as a message on the page."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import gradio as gr

from recsys.errors import RecsysError
from recsys.ui.evaluation_cards import sentences

_OF_THE_DISK: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EFBIG, errno.EIO)


@contextmanager
def errors_shown() -> Iterator[None]:
    """Shows the errors of the block as messages on the page, and a disk that takes no file for it."""
    try:
        yield
    except RecsysError as error:
        raise gr.Error(sentences(error), duration=12, print_exception=False) from error
    except OSError as error:
        if error.errno not in _OF_THE_DISK:
            raise
        told = f"The file for this page cannot be written: {error.strerror}. Free the disk of temporary files."
        raise gr.Error(told, duration=12, print_exception=False) from error
