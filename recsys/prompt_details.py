"""The details of a movie as a prompt may carry them: on one line, with nothing in them that means something else.

Part of the prompt text, so that changing a byte here changes what an adapter was trained on, as in
recsys.prompts. Where genres, tags and descriptions come from is the data's business.
"""

from __future__ import annotations

import re
import unicodedata

from recsys.catalogue import Movie
from recsys.settings import MovieDetails, PromptSettings

MAX_DETAILS_LENGTH = 160
"""Characters of one movie's details that a prompt takes, cut at a word's end."""

DETAILS_IN_WORDS: dict[MovieDetails, str] = {
    "none": "",
    "genres": ", each with its genres",
    "tags": ", each with what people tagged it",
    "description": ", each with what it is about",
}
"""How an instruction announces them."""

_MARK = " -- "
_MEANS_SOMETHING = re.compile(r"[\[\](){}<>|=#]|-{2,}")
"""What stands for something else in a prompt: queue symbols, the disliked block, headings, the mark of details."""
_SPACE_OR_CONTROL = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def with_details(title: str, movie: Movie | str, settings: PromptSettings) -> str:
    """A title of a history with the details that the settings ask for; bare where the movie has none.

    >>> with_details("Heat", Movie(6, "Heat", 1995, ("Action", "Crime")), PromptSettings(details="genres"))
    'Heat -- Action/Crime'
    """
    details = render_details(movie, settings) if isinstance(movie, Movie) else ""
    return f"{title}{_MARK}{details}" if details else title


def render_details(movie: Movie, settings: PromptSettings) -> str:
    """A movie's details on one line of at most MAX_DETAILS_LENGTH characters, without the list separator."""
    parts = movie.details(settings.details)
    if len(parts) > 1:
        parts = tuple(part.replace("/", " ") for part in parts)
    text = _MEANS_SOMETHING.sub(" ", "/".join(parts)).replace(";", ",")
    if settings.list_separator == ",":
        text = text.replace(",", " ")
    text = _cut(_without_gaps(clean_line(text)))
    return text if any(c.isalnum() for c in text) else ""


def clean_line(text: str) -> str:
    """The text on one line: white space and control characters become single spaces."""
    without_controls = "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text)
    return _SPACE_OR_CONTROL.sub(" ", without_controls).strip()


def _without_gaps(text: str) -> str:
    """Without the spaces and empty parts that taking a character out leaves behind."""
    return re.sub(r" ([,.!?:])", r"\1", "/".join(part.strip() for part in text.split("/") if part.strip()))


def _cut(text: str) -> str:
    if len(text) <= MAX_DETAILS_LENGTH:
        return text
    at_word = max(text.rfind(end, 0, MAX_DETAILS_LENGTH + 1) for end in " /")
    return text[: at_word if at_word > 0 else MAX_DETAILS_LENGTH].rstrip(" ,/")
