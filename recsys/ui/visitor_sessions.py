"""What Gradio keeps of each visitor, less a copy of the whole page.

Gradio holds the settings of every component anew for each session, so that a deep link can bring them back; on this
page that is most of a megabyte a visitor, for up to ten thousand visitors. The page's own links carry their settings
in the address, so the copy is never read.
"""

from __future__ import annotations

from copy import copy
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from gradio.state_holder import SessionState, StateHolder

if TYPE_CHECKING:
    import gradio as gr

MOST_SESSIONS: Final = 2000
"""Past them the one that was used longest ago starts anew."""


def keep_sessions_small(demo: gr.Blocks) -> None:
    """Makes the running page keep of each visitor only what differs."""
    holder = VisitorSessions()
    holder.set_blocks(demo)
    holder.capacity = MOST_SESSIONS
    demo.app.state_holder = holder


class VisitorSessions(StateHolder):
    """All sessions, by their hash."""

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = VisitorSession(self.blocks)
        return super().__getitem__(session_id)


class VisitorSession(SessionState):
    """States and changed components of one visitor."""

    def __init__(self, blocks: gr.Blocks) -> None:
        # Not the parent's: nearly all that it does is that copy.
        self.blocks_config = copy(blocks.default_config)
        self.config_values: dict[int, dict[str, Any]] = {}
        self.state_data: dict[int, Any] = {}
        self._state_ttl: dict[int, tuple[int | float | None, datetime]] = {}
        self.is_closed = False
        self.STATE_TTL_WHEN_CLOSED = 3600

    def _update_config(self, key: int) -> None:
        """Kept for deep links alone."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """Kept for deep links alone."""
