"""The server's log on stderr: one line for each request and whatever else happens, for people or as JSON.

A request is told by its kind, model, adapter, seconds and outcome. What people typed and what a model wrote
is never told, and secrets of the environment are blotted out wherever they turn up.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from recsys.errors import CancelledError, InputError, ModelBusyError, RecsysError

LogFormat = Literal["text", "json"]
Outcome = Literal["done", "stopped", "refused", "failed", "broken"]
"""done; stopped by a person, a limit or the end of the process; refused for a wrong value or a busy model; failed with
an error that is expected now and then; broken by a bug."""

_SECRETS = ("TOKEN", "KEY", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL")
"""A variable of the environment with one of these words in its name holds a secret."""
_IN_AN_ADDRESS = re.compile(r"(?<=://)[^\s/@]+@")
"""Name and password before a host, such as those of a proxy."""
_named: set[str] = set()
"""Further variables that hold secrets."""
_SHORTEST_SECRET = 8
_BLOT = "•••"
_LONGEST_NAME = 80
_log = logging.getLogger("recsys.requests")
_errors = logging.getLogger("recsys.errors")


@dataclass
class Note:
    """What is told of a request once it is over.

    Attributes:
        outcome: How it ended, where no error tells.
    """

    outcome: Outcome | None = None


class JsonLines(logging.Formatter):
    """One JSON object a line; an error is its type and where it came from: its words may quote people."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        kind, _, trace = record.exc_info or (None, None, None)
        if kind is not None:
            frames = traceback.extract_tb(trace)
            line |= {"error": kind.__name__, "trace": [f"{f.filename}:{f.lineno} {f.name}" for f in frames]}
        return json.dumps(_cleaned(line), ensure_ascii=False)


class PlainLines(logging.Formatter):
    """One line for people, with the trace of an error beneath; without its words where visitors may be quoted."""

    def __init__(self, *, words: bool = True) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S")
        self._words = words

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802  # logging's own name
        if self._words:
            return super().formatException(ei)
        return "".join(traceback.format_tb(ei[2])) + str(ei[0].__name__)


def set_up_log(log_format: LogFormat, stream: TextIO | None = None, *, words: bool = True) -> None:
    """Sends warnings of everybody and what this package tells to stderr, in place of any handler that was there.

    Args:
        log_format: For people, or one JSON object a line.
        stream: Where to; None takes stderr.
        words: Whether the log for people tells the words of an unexpected error, which may quote them.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if log_format == "json" else PlainLines(words=words))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.captureWarnings(log_format == "json")
    logging.getLogger("recsys").setLevel(logging.INFO)


def log_printed_errors() -> None:
    """Sends what ``traceback.print_exc`` would print to the log: Gradio prints errors with the values sent to it."""

    def print_exc(*_: object, **__: object) -> None:
        _errors.error("an error that was not expected", exc_info=True)

    traceback.print_exc = print_exc


def take_over(*names: str) -> None:
    """Makes loggers of libraries that write by themselves write to this log."""
    for name in names:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


@contextmanager
def noted(kind: str, *, model: str, adapter: str | None) -> Iterator[Note]:
    """Writes a line about the block when it is over, however it ends.

    Args:
        kind: What is asked, such as recommend.
        model: What answers.
        adapter: On top of it.
    """
    note, begun = Note(), time.monotonic()
    outcome: Outcome = "done"
    error: str | None = None
    try:
        yield note
    except BaseException as stop:
        outcome, error = _outcome_of(stop), type(stop).__name__
        raise
    finally:
        _tell(kind, _name(model), _name(adapter), time.monotonic() - begun, note.outcome or outcome, error)


def _outcome_of(error: BaseException) -> Outcome:
    if isinstance(error, CancelledError | GeneratorExit):
        return "stopped"
    if isinstance(error, InputError | ModelBusyError):
        return "refused"
    return "failed" if isinstance(error, RecsysError) else "broken"


def _tell(
    kind: str, model: str | None, adapter: str | None, seconds: float, outcome: Outcome, error: str | None
) -> None:
    facts = {"kind": kind, "model": model, "adapter": adapter, "seconds": round(seconds, 3), "outcome": outcome}
    if error is not None and outcome != "stopped" and outcome != "done":
        facts["error"] = error
    by = f"{model} with {adapter}" if adapter else model
    told = f" ({facts['error']})" if "error" in facts else ""
    level = logging.ERROR if outcome == "broken" else logging.INFO
    _log.log(level, "%s by %s: %s in %.2f s%s", kind, by, outcome, seconds, told, extra={"facts": facts})


def _name(name: str | None) -> str | None:
    """A name as one short line: it comes from a visitor."""
    if name is None:
        return None
    shown = "".join(letter if letter.isprintable() else "?" for letter in str(name)[:_LONGEST_NAME])
    return shown if len(str(name)) <= _LONGEST_NAME else f"{shown}…"


def hold_secret(variable: str) -> None:
    """Tells that a variable of the environment holds a secret, whatever its name."""
    _named.add(variable)


def without_secrets(line: str) -> str:
    """A line for people or for the log, with the secrets of the environment and of addresses blotted out.

    >>> without_secrets("asked https://me:open-sesame@proxy:3128")
    'asked https://•••@proxy:3128'
    """
    for name, secret in os.environ.items():
        is_secret = name in _named or any(word in name.upper() for word in _SECRETS)
        if is_secret and len(secret) >= _SHORTEST_SECRET:
            line = line.replace(secret, _BLOT)
    return _IN_AN_ADDRESS.sub(f"{_BLOT}@", line)


def _cleaned(value: Any) -> Any:
    """Every text of a value, before JSON writes it in another way than the secret is written."""
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, dict):
        return {name: _cleaned(one) for name, one in value.items()}
    return [_cleaned(one) for one in value] if isinstance(value, list) else value
