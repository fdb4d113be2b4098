"""Files that a command writes for people, each whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recsys.data.atomic import open_atomically
from recsys.errors import InputError


@contextmanager
def writing(what: str) -> Iterator[None]:
    """Words what the file system refuses.

    Args:
        what: What is written, as in "the sweep".

    Raises:
        InputError: naming the file, with the reason.
    """
    try:
        yield
    except OSError as error:
        raise InputError(f"{what} cannot be written", seen=error.filename, mend=str(error.strerror)) from error


def write_texts(what: str, texts: Mapping[Path | None, str]) -> None:
    """Writes each text to its file; none where there is no file.

    Raises:
        InputError: naming the file that cannot be written, with the reason.
    """
    with writing(what):
        for path, text in texts.items():
            if path is not None:
                with open_atomically(path) as file:
                    file.write(text.encode("utf-8"))


def json_text(values: Mapping[str, Any]) -> str:
    """Values as the JSON that commands print and write."""
    return json.dumps(values, ensure_ascii=False, indent=2) + "\n"
