"""No progress marks where none are shown.

Gradio tells each output of an event at each of its steps how far it is, also of one whose progress is hidden, and reads
all properties of the component, and of all that are inside it, before it tells it: on this page about 70 ms of the
browser's processor a step. An event that names no component for its progress leaves all of them alone.
"""

from __future__ import annotations

import gradio as gr


def quiet_progress(page: gr.Blocks) -> None:
    """Lets the page's events that hide their progress tell nobody of it; called when all are connected."""
    for event in page.fns.values():
        if event.show_progress == "hidden" and event.show_progress_on is None:
            event.show_progress_on = []
