"""The titles of an answer as lines for a terminal."""

from __future__ import annotations

from recsys.catalogue import Catalogue
from recsys.recommend import Recommendation


def title_lines(recommendation: Recommendation, catalogue: Catalogue) -> list[str]:
    """What each title resolves to, one line each; one line that says what the text is where it holds none."""
    lines = []
    for resolution in recommendation.resolutions:
        movie = None if resolution.item_id is None else catalogue[resolution.item_id]
        name = movie.display() if movie else f"{resolution.generated.title} - out of catalogue"
        notes = [resolution.match, *(flag.replace("_", " ") for flag in sorted(resolution.flags))]
        lines.append(f"  {resolution.generated.rank}. {name}  [{', '.join(notes) if movie else 'no match'}]")
    return lines or [f"  nothing: the text is {recommendation.parsed.problem or 'not a list'}"]
