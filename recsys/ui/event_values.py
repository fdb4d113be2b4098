"""What a browser tells of an event: whatever a client sends may stand there, or nothing at all."""

from __future__ import annotations

import gradio as gr

from recsys.errors import SettingsError

_LONGEST_NAME = 1000
_LONGEST_NUMBER = 18


def sent(event: gr.EventData, name: str) -> object:
    """A part of what was sent, whatever it is; None where there is none."""
    return event._data.get(name) if isinstance(event._data, dict) else None


def sent_name(event: gr.EventData, name: str) -> str:
    """A part that is a short text; empty where it is none."""
    value = sent(event, name)
    return value if isinstance(value, str) and len(value) <= _LONGEST_NAME else ""


def sent_number(event: gr.EventData, name: str) -> int:
    """A part that is a whole number, which may be written as text.

    Raises:
        SettingsError: when it is none.
    """
    value = sent(event, name)
    if isinstance(value, str) and value.isdecimal() and len(value) <= _LONGEST_NUMBER:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise SettingsError("what was clicked cannot be read", seen=value, mend="reload the page and try again")
    return value
