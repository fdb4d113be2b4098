"""What within a piece is the title: quotes, bold marks, a leading "and" and the year are told from it.

This module reads one piece at a time; which pieces a text has is for names and layout to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from recsys.parsing.names import AND_AT_START, CLOSING, MAX_SPAN, OPENING, WORDLIKE, NameIndex, Piece
from recsys.parsing.text_problems import looks_like_prose
from recsys.titles import split_year

_YEAR_INSIDE = re.compile(r"[(\[]\s?(?:18|19|20|21)\d\d\s?[)\]][*_\"”]{0,3}(?=\s)")
_BARE_YEAR = re.compile(r"^[(\[]?((?:18|19|20|21)\d\d)[)\]]?[.\s]*$")
_YEAR_WORD_AT_END = re.compile(r"(?<=[^\s,])[,]?\s((?:18|19|20|21)\d\d)$")
_AND_INSIDE = re.compile(r"\s(?:and|&)\s", re.IGNORECASE)
_MOST_YEARS = 200
_LETTER = re.compile(r"[^\W\d_]")
_PAIRS = {"[": "]", "(": ")", "'": "'", "‘": "’", "{": "}", "<": ">"}


_YEAR = re.compile(r"[*_\"”]{0,3}\s?[(\[]((?:18|19|20|21)\d\d)[)\]]")
_REMARK = re.compile(r"\s[-–—]\s|:\s|\*\*|\.\s")


@dataclass(frozen=True, slots=True)
class TitleSpan:
    """One title in a text.

    Attributes:
        start: Where it starts.
        end: Where it ends, its year included.
        title: The title as written, without its year.
        year: The year written with it.
        known: The catalogue has a movie of this name.
        finished: A separator or line end follows, so that no more of it can come.
        remark: Other text follows it in its element, such as a description.
    """

    start: int
    end: int
    title: str
    year: int | None
    known: bool
    finished: bool = True
    remark: bool = False


def read_pieces(text: str, pieces: Sequence[Piece], index: NameIndex) -> Iterator[TitleSpan | Piece]:
    """Reads each piece as a title; what cannot be one comes back as the piece it was.

    A piece that is only a year after a comma belongs to the title before it, a piece with several years in brackets
    holds several titles, and "and" is dropped before the last title of a list.
    """
    previous: TitleSpan | None = None
    for place, piece in enumerate(pieces):
        follows_comma = place > 0 and pieces[place - 1].separator == ","
        year = _lone_year(text, piece, previous, index) if follows_comma else None
        if year is not None and previous is not None:
            end = piece.start + len(text[piece.start : piece.end].rstrip(" .*_"))
            previous = TitleSpan(
                previous.start, end, previous.title, year, previous.known, piece.separator != "", previous.remark
            )
            continue
        if previous is not None:
            yield previous
            previous = None
        spans = list(_read_piece(text, piece, index, is_last=place >= len(pieces) - 2))
        yield from spans[:-1]
        if spans and isinstance(spans[-1], TitleSpan):
            previous = spans[-1]
        elif spans:
            yield spans[-1]
    if previous is not None:
        yield previous


def _lone_year(text: str, piece: Piece, previous: TitleSpan | None, index: NameIndex) -> int | None:
    """The year that a piece adds to the title before it, or None when the piece stands for itself."""
    if previous is None or previous.year is not None or piece.end - piece.start > MAX_SPAN:
        return None
    written = text[piece.start : piece.end].strip()
    found = _BARE_YEAR.match(written)
    if found is None or previous.title == found.group(1):
        return None
    year = int(found.group(1))
    of_previous = index.catalogue.find_normalised(previous.title, year)
    fits = bool(of_previous.item_ids) and not of_previous.wrong_year
    return year if fits or not index.knows(found.group(1)) else None


def _read_piece(text: str, piece: Piece, index: NameIndex, *, is_last: bool) -> Iterator[TitleSpan | Piece]:
    start, end = _skip_and(text, piece, index)
    finished = piece.separator != ""
    halves = _two_known(text, start, end, index) if is_last else None
    if halves is not None:
        (first_start, first_end), (second_start, second_end) = halves
        yield from _read_titles(text, Piece(first_start, first_end), index, finished=True)
        yield from _read_titles(text, Piece(second_start, second_end), index, finished=finished)
        return
    yield from _read_titles(text, Piece(start, end), index, finished=finished)


def _skip_and(text: str, piece: Piece, index: NameIndex) -> tuple[int, int]:
    written = text[piece.start : piece.end]
    found = AND_AT_START.match(written[: MAX_SPAN + 10])
    if found is None or index.knows_written(written):
        return piece.start, piece.end
    return piece.start + found.end(), piece.end


def _two_known(text: str, start: int, end: int, index: NameIndex) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """The two halves of "Alien and Heat", when each is a name of the catalogue and the whole is not."""
    written = text[start:end]
    if len(written) > 2 * MAX_SPAN or index.knows_written(written):
        return None
    for found in _AND_INSIDE.finditer(written):
        left, right = written[: found.start()], written[found.end() :].rstrip(" .")
        if index.knows_written(left) and index.knows_written(right):
            return (start, start + found.start()), (start + found.end(), end)
    return None


def _read_titles(text: str, piece: Piece, index: NameIndex, *, finished: bool) -> Iterator[TitleSpan | Piece]:
    """One title, or one for each year in brackets when the whole is not a name of the catalogue."""
    whole = read_title(text, piece.start, piece.end, index, finished=finished)
    if whole is not None and whole.known:
        yield whole
        return
    begin, found_one = piece.start, False
    for found in islice(_YEAR_INSIDE.finditer(text, piece.start, piece.end), _MOST_YEARS):
        span = read_title(text, begin, found.end(), index, finished=True)
        if span is not None:
            rest = text[found.end() : min(piece.end, found.end() + 2 * MAX_SPAN)]
            more = _YEAR_INSIDE.search(rest + " ") is not None
            yield (
                span
                if more
                else TitleSpan(
                    span.start, span.end, span.title, span.year, span.known, True, bool(WORDLIKE.search(rest))
                )
            )
            found_one = True
        begin = found.end()
    if not found_one:
        yield whole if whole is not None else piece
        return
    rest_span = read_title(text, begin, piece.end, index, finished=finished)
    if rest_span is not None and rest_span.year is not None:
        yield rest_span


def read_title(text: str, start: int, end: int, index: NameIndex, *, finished: bool) -> TitleSpan | None:
    """Reads text[start:end] as one title: quotes, bold marks and its year taken off; None when it is none."""
    if not text[start:end].strip() or end - start > 4 * MAX_SPAN:
        return None
    start, end = _trim(text, start, end, index)
    if end - start > MAX_SPAN or not WORDLIKE.search(text, start, end):
        return None
    written = text[start:end]
    if index.catalogue.find_exact(written).item_ids:
        return TitleSpan(start, end, written, None, known=True, finished=finished)
    title, year = split_year(written)
    if year is not None:
        first, last = _trim(text, start, start + len(title), index)
        title, start = text[first:last], first
        if not WORDLIKE.search(title):
            return None
        return TitleSpan(start, end, title, year, index.knows(title), finished)
    known = index.knows(title)
    if not known and not _LETTER.search(title):
        return None
    bare = None if known else _YEAR_WORD_AT_END.search(written)
    if bare is not None:
        # "Alien 1979" is Alien, but "Blade Runner 2049" is no film of that year.
        match = index.catalogue.find_normalised(written[: bare.start()], int(bare.group(1)))
        if match.item_ids and not match.wrong_year:
            return TitleSpan(start, end, written[: bare.start()], int(bare.group(1)), True, finished)
    return TitleSpan(start, end, title, None, known, finished)


def _trim(text: str, start: int, end: int, index: NameIndex) -> tuple[int, int]:
    """Takes space, quotes, bold marks and a closing dot off both ends, unless the catalogue has them."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if index.knows_exactly(text[start:end]):
        return start, end
    while start < end and text[start] in OPENING:
        start += 1
    while end > start and text[end - 1] in CLOSING:
        end -= 1
    if (
        end - start > 2
        and _PAIRS.get(text[start]) == text[end - 1]
        and text.find(text[end - 1], start + 1, end) == end - 1
    ):
        return _trim(text, start + 1, end - 1, index)
    if end - start > 1 and text[end - 1] == "." and text[end - 2] != ".":
        return start, end - (0 if index.catalogue.find_exact(text[start:end]).item_ids else 1)
    return start, end


def read_before_remark(text: str, piece: Piece, index: NameIndex, *, is_marked: bool) -> TitleSpan | None:
    """The title that "Alien (1979) - a crew is hunted" or, in a marked list, "**Alien**: a crew…" starts with.

    Without a year only a title that the catalogue knows is told from the remark after it.
    """
    if index.knows_written(text[piece.start : piece.end]):
        return None
    for found in _REMARK.finditer(text, piece.start, min(piece.end, piece.start + 200)):
        span = read_title(text, piece.start, found.start(), index, finished=True)
        if span is None:
            continue
        after = _YEAR.match(text, span.end, piece.end) if span.year is None else None
        year, end = (span.year, span.end) if after is None else (int(after.group(1)), after.end())
        is_bold = found.group() == "**"
        if (year is not None and not is_bold and not looks_like_prose(span.title)) or (
            is_marked and span.known and (is_bold or looks_like_prose(text[found.end() : piece.end]))
        ):
            has_more = re.search(r"\w", text[end : piece.end]) is not None
            return TitleSpan(span.start, end, span.title, year, span.known, True, has_more)
    return None
