"""Cutting a line into pieces, and joining those that are one name: the longest run that is known wins.

A line is cut at every separator, and neighbouring pieces are joined again where together they are a
name of the catalogue ("The Good", "the Bad and the Ugly"). This module knows separators and names; what
within a piece is the title is title_spans' business.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from recsys.catalogue import Catalogue
from recsys.titles import normalise_title, split_year

MAX_SPAN = 250
"""Characters of the longest run that can be a title; a longer piece is text."""

Separator = str
"""";", "," or "=>"; every arrow counts as "=>"."""

_BOUNDARY = re.compile(r"(?P<semicolon>;)|(?P<arrow>=+>|->|→|⇒)|(?P<comma>(?<!\d),|,(?!\d)|，|、)")
_PROTECTED = re.compile(
    r"""(?<![^\s,;\[(>])(?:"[^"\n]{1,200}"|“[^“”\n]{1,200}”|«[^«»\n]{1,200}»)(?=\s{0,3}(?:[,;\])(=]|and\b|$))
      | (?<=\s)\([^()\n]{1,120}(?:\([^()\n]{0,60}\)[^()\n]{0,60})?\)""",
    re.VERBOSE,
)
_ARTICLE = re.compile(r"^\s*(?:the|an?|l[aeo]s?|l'|el|der|die|das|il|les)\s*(?:[(\[]\d{4}[)\]])?\s*$", re.IGNORECASE)
AND_AT_START = re.compile(r"^\s*(?:and|or|&)\s+", re.IGNORECASE)
WORDLIKE = re.compile(r"[^\W_]")
_SPACES = "".join(letter for letter in map(chr, range(0x3001)) if letter.isspace() and letter != "\n")
OPENING = _SPACES + '"“”„«*_`•–—'
CLOSING = _SPACES + '"“”„»*_`,;–—:'


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text between two separators (or from one to the line's end)."""

    start: int
    end: int
    separator: Separator = ""


@dataclass(frozen=True, eq=False)
class NameIndex:
    """The names of a catalogue as the parser needs them: is it known, and can it go on after a separator.

    Attributes:
        catalogue: Whose names.
        continued: For the first piece of every name that holds a separator, those names, normalised.
        most_pieces: For the same first pieces, the most pieces that such a name has.
    """

    catalogue: Catalogue
    continued: dict[str, tuple[str, ...]] = field(default_factory=dict)
    most_pieces: dict[str, int] = field(default_factory=dict)

    def knows(self, title: str) -> bool:
        """Whether a movie has this name, given without its year."""
        return 0 < len(title) <= MAX_SPAN and bool(self.catalogue.find_normalised(title).item_ids)

    def knows_written(self, text: str) -> bool:
        """Whether a text, with or without a year at its end, is a name of the catalogue."""
        if len(text) > MAX_SPAN:
            return False
        title, year = split_year(text)
        return self.knows(text.strip()) or (year is not None and self.knows(title))

    def knows_exactly(self, text: str) -> bool:
        """Whether a text, with or without a year at its end, is a name of the catalogue letter by letter."""
        find = self.catalogue.find_exact
        return len(text) <= MAX_SPAN and bool(find(text.strip()).item_ids or find(split_year(text)[0]).item_ids)

    def may_continue(self, text: str) -> bool:
        """Whether a longer name starts with this text, so that its title may not be finished."""
        first = _BOUNDARY.split(text, maxsplit=1)[0]
        names = self.continued.get(normalise_title(first), ()) if len(text) <= MAX_SPAN else ()
        written = normalise_title(text) if names else ""
        return any(name.startswith(written) and name != written for name in names)


_indexes: WeakKeyDictionary[Catalogue, NameIndex] = WeakKeyDictionary()


def name_index(catalogue: Catalogue) -> NameIndex:
    """The index of a catalogue, made when first asked for."""
    index = _indexes.get(catalogue)
    if index is None:
        continued: dict[str, set[str]] = defaultdict(set)
        most: dict[str, int] = {}
        for name in {name for movie in catalogue for name in movie.names}:
            boundaries = list(_BOUNDARY.finditer(name))
            if boundaries:
                first = normalise_title(name[: boundaries[0].start()])
                # Alternative titles in brackets are never waited for.
                if " (" not in name:
                    continued[first].add(normalise_title(name))
                most[first] = max(most.get(first, 1), len(boundaries) + 1)
        index = NameIndex(catalogue, {first: tuple(sorted(names)) for first, names in continued.items()}, most)
        _indexes[catalogue] = index
    return index


def cut(text: str, start: int, end: int, separators: Sequence[Separator], *, limit: int = 1000) -> list[Piece]:
    """Cuts text[start:end] at the separators that stand outside quotes and brackets; empty pieces stay.

    After ``limit`` cuts the rest is one piece.
    """
    protected = [found.span() for found in _PROTECTED.finditer(text, start, end)]
    pieces: list[Piece] = []
    begin, shield = start, 0
    for found in _BOUNDARY.finditer(text, start, end):
        name = {"semicolon": ";", "arrow": "=>", "comma": ","}[str(found.lastgroup)]
        while shield < len(protected) and protected[shield][1] <= found.start():
            shield += 1
        inside = shield < len(protected) and protected[shield][0] <= found.start()
        if len(pieces) == limit:
            break
        if name in separators and not inside:
            pieces.append(Piece(begin, found.start(), name))
            begin = found.end()
    return [*pieces, Piece(begin, end)]


def join_known(text: str, pieces: Sequence[Piece], index: NameIndex) -> list[Piece]:
    """Joins neighbouring pieces that are one name of the catalogue, the longest first, and lone articles."""
    joined: list[Piece] = []
    at = 0
    while at < len(pieces):
        last = _last_of_name(text, pieces, at, index)
        joined.append(Piece(pieces[at].start, pieces[last].end, pieces[last].separator))
        at = last + 1
    return joined


def _last_of_name(text: str, pieces: Sequence[Piece], at: int, index: NameIndex) -> int:
    first = text[pieces[at].start : pieces[at].end].strip(OPENING)
    if not first or len(first) > MAX_SPAN:
        return at
    starts = (normalise_title(first), normalise_title(AND_AT_START.sub("", first)))
    # A model may add a comma before "and" that the name does not have.
    furthest = at + max(index.most_pieces.get(start, 0) for start in starts)
    for last in range(min(furthest, len(pieces) - 1), at, -1):
        whole = text[pieces[at].start : pieces[last].end].strip(OPENING).rstrip(CLOSING)
        is_filled = WORDLIKE.search(text, pieces[last].start, pieces[last].end) is not None
        if is_filled and (index.knows_written(whole) or index.knows_written(AND_AT_START.sub("", whole))):
            return last
    following = at + 1
    if following < len(pieces) and pieces[at].separator == ",":
        written = text[pieces[following].start : pieces[following].end]
        if len(written) <= MAX_SPAN and _ARTICLE.match(written):
            return following
    return at
