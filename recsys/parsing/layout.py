"""How a text is laid out: where the list ends, its lines, and the elements of a numbered or bulleted list.

This module finds elements; whether one is a title is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from recsys.parsing.names import NameIndex, Piece

MAX_LINES = 400
MARKER = re.compile(r"[ \t]{0,8}(?:[-*•–—·‣▪][ \t]+|(?:\*\*)?#?(?P<number>\d{1,3})[.)](?:[ \t]+|(?=[^\W\d])))(?=\S)")
_INLINE_NUMBER = re.compile(r"(?<=\s)(\d{1,3})[.)][ \t]+(?=\S)")
NEXT_PERSON = re.compile(r"\s*(?:Liked|Disliked):")
"""How the history style names a person's lists: a model that writes one after its answer starts on somebody else."""
NEW_BLOCK = re.compile(r"\s*(?:#{2,}|<\||</?s>|\[/?INST\])")


@dataclass(frozen=True, slots=True)
class Element:
    """A line or part of one in a marked list: an element with its number, or text between elements."""

    piece: Piece
    kind: Literal["title", "text"]
    number: int | None


def end_of_list(text: str, start: int, closing: str | None) -> tuple[int, bool]:
    """Where the list ends, and whether its closing was written."""
    if closing is None:
        return len(text), False
    if closing in ("]", ")"):
        return _closing_bracket(text, start, closing)
    at = text.find(closing, start)
    while at >= 0 and closing == "\n" and MARKER.match(text, start) and MARKER.match(text, at + 1):
        # A marked list goes on over the line end that would close a list in one line.
        at = text.find("\n", at + 1)
    return (len(text), False) if at < 0 else (at, True)


def _closing_bracket(text: str, start: int, closing: str) -> tuple[int, bool]:
    opening = {"]": "[", ")": "("}[closing]
    depth = 0
    stops = re.compile(rf"[{re.escape(opening + closing)}]|\n(?=[ \t]{{0,8}}{re.escape(opening)})")
    for found in stops.finditer(text, start):
        if found.group().startswith("\n") or (found.group() == closing and depth == 0):
            return found.start(), True
        depth += 1 if found.group() == opening else -1
    return len(text), False


def without_brackets(text: str, start: int, end: int, index: NameIndex) -> tuple[int, int]:
    """Takes off the brackets around a whole list in one line."""
    closing = {"[": "]", "(": ")", "{": "}"}.get(text[start : start + 1])
    if closing is None:
        return start, end
    line_end = text.find("\n", start, end)
    line_end = end if line_end < 0 else line_end
    last = start + len(text[start:line_end].rstrip(" .;,")) - 1
    content = text[start + 1 : last]
    if last <= start or text[last] != closing or closing in content.replace("(", "").split(text[start])[0][:-1]:
        return start, end
    is_list = re.search(r"[;,]|=>", content) is not None
    return (start + 1, last) if is_list and not index.knows_written(text[start:line_end]) else (start, end)


def lines_of(text: str, start: int, end: int) -> Iterator[Piece]:
    """The lines that hold something, each with whether its line end was written."""
    for _ in range(MAX_LINES):
        if start >= end:
            return
        stop = text.find("\n", start, end)
        finished = stop >= 0
        stop = stop if finished else end
        if not text[start:stop].isspace() and stop > start:
            yield Piece(start, stop, "\n" if finished else "")
        start = stop + 1


def marked_elements(text: str, start: int, end: int, index: NameIndex, *, is_started: bool) -> list[Element] | None:
    """The elements of a numbered or bulleted list and the lines between them; None when there is no such list.

    Args:
        text: The completion.
        start: Where the list starts.
        end: Where it ends.
        index: The names of the catalogue.
        is_started: The prompt holds the first number already.
    """
    elements: list[Element] = []
    last_number: int | None = None
    for line in lines_of(text, start, end):
        marker = None if index.knows_exactly(text[line.start : line.end]) else MARKER.match(text, line.start, line.end)
        number = None if marker is None or marker["number"] is None else int(marker["number"])
        if NEW_BLOCK.match(text, line.start) or (elements and NEXT_PERSON.match(text, line.start)):
            break
        if number == 1 and last_number is not None and last_number > 1:
            break
        if number == 1 and is_started and len(elements) == 1:
            elements = [Element(elements[0].piece, "text", None)]
        if marker is not None:
            inside = Piece(marker.end(), line.end, line.separator)
        elif is_started and not elements:
            inside, number = line, 1
        else:
            elements.append(Element(line, "text", None))
            continue
        parts = list(_inline_elements(text, inside, number, index))
        elements += parts
        last_number = parts[-1].number
    marked = [element for element in elements if element.kind == "title"]
    return elements if len(marked) > 1 else None


def _inline_elements(text: str, piece: Piece, number: int | None, index: NameIndex) -> Iterator[Element]:
    """Cuts "Alien 2. Heat 3. Jaws", which followed "1.", at the numbers that go on counting."""
    begin = piece.start
    if number is not None and not index.knows_written(text[piece.start : piece.end]):
        for found in _INLINE_NUMBER.finditer(text, piece.start, piece.end):
            if int(found.group(1)) == number + 1:
                yield Element(Piece(begin, found.start(), "\n"), "title", number)
                begin, number = found.end(), number + 1
    yield Element(Piece(begin, piece.end, piece.separator), "title", number)
