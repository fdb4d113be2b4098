"""How a resolution is named on the page: its badges, the colour of each, and the sentence behind it.

A badge carries a mark besides its colour, so that no status is told by hue alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from recsys.resolution.base import Flag, Resolution
from recsys.settings import ResolverName
from recsys.ui.theme import Status


@dataclass(frozen=True)
class Badge:
    """One status of a title.

    Attributes:
        status: Decides the colour.
        mark: One character that tells the status without colour.
        label: One to three words.
        meaning: One sentence.
    """

    status: Status
    mark: str
    label: str
    meaning: str


_FLAG_BADGES: dict[Flag, Badge] = {
    "repeated": Badge("repeated", "↻", "repeated", "Named earlier in this list: its rank counts as a miss."),
    "already_liked": Badge("liked", "♥", "already liked", "It stands in the history: its rank counts as a miss."),
    "already_disliked": Badge("liked", "×", "already disliked", "It stands among the disliked: counts as a miss."),
    "wrong_year": Badge("year", "!", "wrong year", "A movie of this name exists, but of another year."),
    "ambiguous": Badge("year", "?", "ambiguous", "Several movies have this name; the most liked one was taken."),
    "forced": Badge("out", "→", "forced", "Below the threshold; taken because “force nearest” is on."),
}
_EXACT = Badge("exact", "=", "exact", "Written exactly as in the catalogue.")
_NORMALISED = Badge("exact", "=", "same title", "The same title but for case, accents, punctuation or an article.")
_OUT = Badge(
    "out", "∅", "out of catalogue", "No catalogue title is near enough: perhaps a discovery, perhaps invented."
)


_LEGEND = (
    (_EXACT, "as the catalogue writes it"),
    (Badge("edited", "≈", "edited 2", ""), "two letters off"),
    (Badge("semantic", "~", "semantic", ""), "near in meaning"),
    (_OUT, "a discovery, or invented"),
    (_FLAG_BADGES["repeated"], "named before: a miss"),
    (_FLAG_BADGES["wrong_year"], "the name exists, not the year"),
)


def legend() -> tuple[tuple[Badge, str], ...]:
    """The badges that most people meet, each with a few words."""
    return _LEGEND


def match_badge(resolution: Resolution, resolver: ResolverName) -> Badge:
    """How the title was matched."""
    if resolution.match == "exact":
        return _EXACT
    if resolution.match == "normalised":
        return _NORMALISED
    if resolution.match == "semantic":
        return Badge("semantic", "~", "semantic", "Nearest in meaning by the model's own embeddings.")
    if resolution.match == "fuzzy":
        return _fuzzy_badge(resolution, resolver)
    return _OUT


def badges(resolution: Resolution, resolver: ResolverName) -> tuple[Badge, ...]:
    """All badges of a title: how it was matched, then what else a reader must know."""
    flags = tuple(badge for flag, badge in _FLAG_BADGES.items() if flag in resolution.flags)
    return (match_badge(resolution, resolver), *flags)


def leading_badge(resolution: Resolution, resolver: ResolverName) -> Badge:
    """The badge that colours the title in the text: what makes it a miss, else how it was matched."""
    all_badges = badges(resolution, resolver)
    if resolution.item_id is None:
        return all_badges[0]
    return all_badges[1] if len(all_badges) > 1 else all_badges[0]


def distance_text(resolution: Resolution, resolver: ResolverName) -> str:
    """The distance in the resolver's own unit: "2 edits", "cosine 0.83", "71 % shared"."""
    if resolution.distance is None:
        return "nothing near"
    if resolution.match in ("exact", "normalised"):
        return "0 edits" if resolver == "levenshtein" else "same"
    if resolver == "levenshtein":
        edits = round(resolution.distance)
        return f"{edits} edit{'' if edits == 1 else 's'}"
    if resolver == "embedding":
        return f"cosine {1 - resolution.distance:.2f}"
    return f"{1 - resolution.distance:.0%} shared".replace("%", " %")


def _fuzzy_badge(resolution: Resolution, resolver: ResolverName) -> Badge:
    if resolver == "levenshtein" and resolution.distance is not None:
        edits = round(resolution.distance)
        return Badge("edited", "≈", f"edited {edits}", "Characters to change between what was written and the title.")
    return Badge("edited", "≈", "approximate", "The catalogue title that shares the most characters.")
