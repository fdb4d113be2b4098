"""Reads a completion: chooses how it is listed, collects the titles, and judges what is no list."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from recsys.catalogue import Catalogue
from recsys.parsing.generated import GeneratedTitle, ListFormat, ParsedCompletion, TextProblem
from recsys.parsing.layout import (
    MARKER,
    NEW_BLOCK,
    NEXT_PERSON,
    Element,
    end_of_list,
    lines_of,
    marked_elements,
    without_brackets,
)
from recsys.parsing.names import NameIndex, Piece, cut, join_known, name_index
from recsys.parsing.text_problems import count_letters, is_other_script, looks_like_code, looks_like_prose
from recsys.parsing.title_spans import TitleSpan, read_before_remark, read_pieces
from recsys.settings import ListSeparator

MAX_TITLES = 200
"""Titles that are counted in one text; no completion of 1,024 tokens holds more."""
_MAX_TEXT = 20_000
# Lower-case words tell a lead-in from a title: "Care Bears Movie II: A New Generation" is none.
_LEAD_IN = re.compile(
    r"(?:[^\n:;]{0,200}\b(?:movies?|films?|titles?|recommend[a-z]*|suggest[a-z]*|list|answer|following)\b[^\n:;]{0,80}"
    r"|(?:More |Recommended )?(?:Movies|Films|Titles|Recommendations?|List|Answer)):(?=\s)"
)
_FORMATS: dict[tuple[str, ...], ListFormat] = {(";", "=>"): "separated", (",", "=>"): "comma", ("=>",): "arrow"}


@dataclass
class _Reading:
    """What was found so far: titles, and how many letters stand in titles, prose and other scripts."""

    wanted: int
    list_format: ListFormat = "none"
    spans: list[TitleSpan] = field(default_factory=list)
    closed: bool = False
    has_other_text: bool = False
    letters: int = 0
    prose: int = 0
    foreign: int = 0

    def take(self, span: TitleSpan, text: str) -> None:
        """Adds one element of the list: a title, or text that is none."""
        written = text[span.start : span.end]
        if not span.known and is_other_script(written):
            self.drop(written, "foreign")
        elif not span.known and looks_like_prose(written):
            self.drop(written, "prose")
        elif len(self.spans) < MAX_TITLES:
            self._count(written, None)
            self.spans.append(span)
            self.has_other_text |= span.remark and len(self.spans) <= self.wanted

    def drop(self, written: str, why: Literal["prose", "foreign"] | None) -> None:
        """Notes text that is no title; only what stands before the N-th title counts."""
        if len(self.spans) < self.wanted and self._count(written, why):
            self.has_other_text = True

    def _count(self, written: str, why: str | None) -> int:
        letters, foreign = count_letters(written)
        if len(self.spans) < self.wanted:
            self.letters += letters
            self.prose += letters if why == "prose" else 0
            self.foreign += foreign if why == "foreign" else 0
        return letters

    @property
    def num_known(self) -> int:
        return sum(span.known for span in self.spans)


def parse_completion(
    text: str,
    catalogue: Catalogue,
    *,
    num_recommendations: int,
    list_separator: ListSeparator = ";",
    closing: str | None = None,
    answer_prefix: str = "",
    cut_off: bool = False,
) -> ParsedCompletion:
    """Reads the titles out of a completion.

    Args:
        text: What the model wrote after the prompt; only the first 20,000 characters are read.
        catalogue: Whose names decide where a title with separators in it ends.
        num_recommendations: N, the titles asked for.
        list_separator: What the prompt asked to put between titles; other lists are read as well.
        closing: What ends the list, such as a closing bracket or a line end.
        answer_prefix: The part of the answer that the prompt already holds ("1.").
        cut_off: Generation ended at max_new_tokens, so a last title that nothing follows is not complete.
    """
    reading = _read(text[:_MAX_TEXT], catalogue, num_recommendations, list_separator, closing, answer_prefix)
    problem = _problem(text[:_MAX_TEXT], reading)
    if problem is not None:
        return ParsedCompletion((), "none", problem)
    titles = tuple(
        GeneratedTitle(rank, span.title, span.year, span.start, span.end)
        for rank, span in enumerate(reading.spans[:num_recommendations], start=1)
    )
    complete = sum(span.finished or not cut_off or text[span.end - 1] in ")]" for span in reading.spans)
    return ParsedCompletion(titles, reading.list_format, None, complete, reading.has_other_text)


def is_list_complete(
    text: str,
    catalogue: Catalogue,
    *,
    num_recommendations: int,
    list_separator: ListSeparator = ";",
    closing: str | None = None,
    answer_prefix: str = "",
) -> bool:
    """Whether N titles are finished or the list is closed, so that generation may stop.

    A title is finished when a separator or a line end follows it and no longer name of the catalogue
    starts with what stands there. In a list of another form than the prompt asked for only known titles
    count, because a comma may belong to a title.
    """
    reading = _read(text[:_MAX_TEXT], catalogue, num_recommendations, list_separator, closing, answer_prefix)
    if reading.closed:
        return True
    asked: dict[ListSeparator, ListFormat] = {";": "separated", ",": "comma"}
    as_asked = reading.list_format in (asked.get(list_separator), "newline", "numbered")
    finished = [span for span in reading.spans if span.finished and (span.known or as_asked)]
    if len(finished) < num_recommendations:
        return False
    index = name_index(catalogue)
    tail = text[finished[num_recommendations - 1].start :]
    return "\n" in tail or not index.may_continue(tail.rstrip(" ,"))


def _problem(text: str, reading: _Reading) -> TextProblem | None:
    spans = reading.spans[: reading.wanted]
    known = sum(span.known for span in spans)
    if not re.search(r"[^\W_]", text):
        return "empty"
    if 2 * known < max(len(spans), 1) and looks_like_code(text):
        return "code"
    if 2 * reading.foreign > reading.letters:
        return "other_script"
    marked = reading.list_format in ("numbered", "newline") and len(spans) > 1
    if not spans or (not marked and 2 * reading.prose > reading.letters):
        return "prose" if reading.letters else "code"
    return None


def _read(
    text: str, catalogue: Catalogue, wanted: int, asked: ListSeparator, closing: str | None, prefix: str
) -> _Reading:
    index = name_index(catalogue)
    reading = _Reading(wanted)
    start = len(text) - len(text.lstrip())
    end, closed = end_of_list(text, start, closing)
    start, end = without_brackets(text, start, end, index)
    marked = marked_elements(text, start, end, index, is_started=bool(prefix))
    if marked is not None:
        _read_marked(text, marked, index, reading)
    else:
        first = MARKER.match(text, start, end)
        if first is not None and not index.knows_exactly(text[start : min(end, start + 250)].split("\n")[0]):
            start = first.end()
        _read_lines(text, list(lines_of(text, start, end)), index, reading, asked)
        if prefix and reading.list_format == "single":
            reading.list_format = "numbered"
    reading.closed = closed and bool(reading.spans)
    if reading.closed:
        reading.spans[-1:] = [_finish(reading.spans[-1])]
    return reading


def _finish(span: TitleSpan) -> TitleSpan:
    return TitleSpan(span.start, span.end, span.title, span.year, span.known, True, span.remark)


def _read_marked(text: str, elements: Iterable[Element], index: NameIndex, reading: _Reading) -> None:
    reading.list_format = "newline"
    for element in elements:
        written = text[element.piece.start : element.piece.end]
        if element.kind == "text":
            reading.drop(written, "foreign" if is_other_script(written) else "prose")
            continue
        if element.number is not None:
            reading.list_format = "numbered"
        before = read_before_remark(text, element.piece, index, is_marked=True)
        for span in [before] if before is not None else read_pieces(text, [element.piece], index):
            _take(span, text, reading)


def _read_lines(text: str, lines: list[Piece], index: NameIndex, reading: _Reading, asked: ListSeparator) -> None:
    """Reads a list without markers: cut at its separator, or one title on each line."""
    separators: tuple[str, ...] | None = None
    has_arrow = False
    for number, line in enumerate(lines):
        whole = text[line.start : line.end]
        if NEW_BLOCK.match(whole) or (reading.spans and (NEXT_PERSON.match(whole) or _is_heading(whole, index))):
            break
        if _is_heading(whole, index):
            reading.drop(whole, None)
            continue
        lead_in = None if reading.spans or index.knows_written(whole) else _LEAD_IN.match(whole)
        if lead_in is not None:
            reading.drop(lead_in.group(), None)
            line = Piece(line.start + lead_in.end(), line.end, line.separator)
        if separators is None:
            separators = _choose_separators(text, lines[number:], line, index, asked)
            reading.list_format = _FORMATS.get(separators, "newline")
            has_arrow = "=>" in whole
        elif reading.spans and not has_arrow and "=>" in whole and not index.knows_written(whole):
            break
        _read_line(text, line, separators, index, reading)
        if len(reading.spans) >= MAX_TITLES:
            break
    if len(reading.spans) == 1 and reading.list_format != "separated":
        reading.list_format = "single"
    elif len(lines) == 1 and reading.list_format == "newline":
        reading.list_format = "separated"


def _read_line(text: str, line: Piece, separators: tuple[str, ...], index: NameIndex, reading: _Reading) -> None:
    if reading.list_format == "newline":
        before = read_before_remark(text, line, index, is_marked=False)
        if before is not None:
            reading.take(before, text)
            return
    pieces = join_known(text, cut(text, line.start, line.end, separators, limit=MAX_TITLES), index)
    pieces[-1] = Piece(pieces[-1].start, pieces[-1].end, line.separator)
    whole = text[line.start : line.end]
    if ";" not in separators and looks_like_prose(whole):
        known = sum(index.knows_written(text[piece.start : piece.end]) for piece in pieces)
        if 2 * known < len(pieces):
            reading.drop(whole, "foreign" if is_other_script(whole) else "prose")
            return
    titles = []
    for piece in pieces:
        written = text[piece.start : piece.end]
        if looks_like_prose(written) and not index.knows_written(written):
            reading.drop(written, "prose")
        else:
            titles.append(piece)
    for span in read_pieces(text, titles, index):
        _take(span, text, reading)


def _take(span: TitleSpan | Piece, text: str, reading: _Reading) -> None:
    if isinstance(span, TitleSpan):
        reading.take(span, text)
    else:
        written = text[span.start : span.end]
        reading.drop(written, "foreign" if is_other_script(written) else "prose")


def _is_heading(line: str, index: NameIndex) -> bool:
    return line.rstrip(" *_").endswith(":") and not index.knows_written(line)


def _choose_separators(
    text: str, lines: list[Piece], line: Piece, index: NameIndex, asked: ListSeparator
) -> tuple[str, ...]:
    """What separates the titles: what stands in the first line outside the names that the catalogue knows."""
    pieces = join_known(text, cut(text, line.start, line.end, (";", ",", "=>"), limit=MAX_TITLES), index)
    filled = [piece for piece in pieces if text[piece.start : piece.end].strip()]
    present = [piece.separator for piece in pieces]
    if ";" in present and (asked == ";" or present.count(";") > 1 or ";" in _inner(filled)):
        return (";", "=>")
    if "," in _inner(filled) or (asked == "," and "," in present):
        on_lines = asked in ("newline", "numbered") and len(lines) > 1
        if not on_lines and (len(lines) == 1 or 2 * sum("," in text[p.start : p.end] for p in lines) > len(lines)):
            return (",", "=>")
        return ()
    return ("=>",) if "=>" in present else ()


def _inner(pieces: list[Piece]) -> set[str]:
    return {piece.separator for piece in pieces[:-1]}
