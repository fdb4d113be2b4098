"""What the shipped effect report found, as a card: each question and its answer. Reads the file, asks nothing."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Final

from recsys.ui.markup import escape

FILE: Final = Path("effects") / "effects.json"
_log = logging.getLogger(__name__)
_LEAD: Final = (
    "Measured on test users, each answer worded by its figures: a difference is clear where its interval leaves out 0 "
    "and the test agrees. Tables, intervals and the command stand in <code>assets/reports/effects/effects.md</code>."
)


def effects_card(shipped_reports: Path) -> str:
    """The card; empty where there is no report, or one that cannot be read.

    Args:
        shipped_reports: The folder of reports that come with the repository.
    """
    try:
        questions = json.loads((shipped_reports / FILE).read_text(encoding="utf-8"))["questions"]
        answers = [(str(one["title"]), str(one["answer"])) for one in questions.values()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        _log.warning("the effect report is left out: %s", error)
        return ""
    told = "".join(f"<li><b>{escape(title)}</b> {escape(answer)}</li>" for title, answer in answers)
    return (
        f'<section class="card prose-card" id="effects-card"><h2>What generator settings do</h2><p>{_LEAD}</p>'
        f"<ul>{told}</ul></section>"
    )
