"""What the page shows at a click that asks, before the server has heard of it."""

from __future__ import annotations

import json
from typing import Any

from recsys.settings import GenerationSettings
from recsys.ui.answer_cards import waiting_cards

MOST_ROWS = 20
"""How many rows a place is kept for; a wrong N is told by the answer."""
BEGIN = "(num) => document.beginAnswer(num)"
"""Calls it from an event whose outputs are those of a view."""
_SCRIPT = """
document.beginAnswer = (num) => {
  const rows = Math.max(1, Math.min(%(most)d, Math.trunc(Number(num ?? %(usual)d)) || 1));
  const draw = (_, at) => %(row)s.replace(">1<", `>${at + 1}<`);
  const cards = %(cards)s.replace(%(row)s, () => Array.from({ length: rows }, draw).join(""));
  const is = (name, value) => ({ __type__: "update", [name]: value });
  const answer = document.getElementById("answer");
  const isAbove = answer.getBoundingClientRect().top < 0;
  if (window.innerWidth < 900 || isAbove) answer.scrollIntoView({ behavior: "smooth" });
  return [cards, "", ...[false, false, false, true].map((shown) => is("visible", shown)),
    ...[false, false].map((free) => is("interactive", free))];
};
"""


def begin_script() -> str:
    """Defines what makes of N the view of waiting cards and ``leave``, and shows their place; run once in a page."""
    cards = waiting_cards("Waiting for a turn…", 1)
    row = cards[cards.index("<li") : cards.index("</li>") + len("</li>")]
    parts: dict[str, Any] = {
        "most": MOST_ROWS,
        "usual": GenerationSettings().num_recommendations,
        "row": json.dumps(row),
        "cards": json.dumps(cards),
    }
    return _SCRIPT % parts
