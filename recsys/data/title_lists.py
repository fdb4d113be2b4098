"""A plain list of titles as people type or paste it: one a line, some with a year, some disliked.

A title is disliked when it stands under "Disliked:" or starts with a dash. Where every line starts with a
dash they are bullets, and so they are under a heading.
"""

from __future__ import annotations

import re
from pathlib import Path

from recsys.data.rating_exports import RatedTitle
from recsys.errors import DataFormatError
from recsys.titles import split_year

MAX_LINES = 5000
MAX_LINE_LENGTH = 200

_HEADING = re.compile(r"(?P<dis>dis|not |did not |didn't )?like[sd]?(?: movies| films)?\s*:", re.IGNORECASE)
_DASH = re.compile(r"^[-–—−]\s*")
_BULLET = re.compile(r"^[*•·]\s+")
_YEAR_AFTER_COMMA = re.compile(r"^(.*\S)\s*[,;\t]\s*((?:18|19|20|21)\d\d)$")
_ONLY_BULLETS = (
    "Every line starts with a dash, so the dashes are read as bullets and all titles as liked; "
    "write “Disliked:” above those that are not."
)


def read_title_list(text: str, path: Path | str) -> tuple[list[RatedTitle], tuple[str, ...]]:
    """The titles of a list in their order, liked ones with the highest rating and disliked ones with none.

    Raises:
        DataFormatError: for a line too long for a title, for a dash or heading without a title, and for more
            than MAX_LINES lines.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if len(lines) > MAX_LINES:
        raise DataFormatError(
            "the list is too long", path=path, line=lines[MAX_LINES][0], mend=f"give at most {MAX_LINES:,} titles"
        )
    headed = any(_HEADING.fullmatch(line) for _, line in lines)
    dashed = [bool(_DASH.match(line)) for _, line in lines]
    only_bullets = not headed and len(lines) > 1 and all(dashed)
    rows: list[RatedTitle] = []
    liked = True
    for number, line in lines:
        heading = _HEADING.fullmatch(line)
        if heading:
            liked = heading["dis"] is None
            continue
        is_dashed = bool(_DASH.match(line)) and not headed and not only_bullets
        title, year = _read_title(line, path, number)
        rows.append(RatedTitle(title, year, float(liked and not is_dashed), number))
    if not rows:
        raise DataFormatError("there is no title in it", path=path, mend="write one title a line")
    return rows, (_ONLY_BULLETS,) if only_bullets else ()


def _read_title(line: str, path: Path | str, number: int) -> tuple[str, int | None]:
    if len(line) > MAX_LINE_LENGTH:
        mend = f"write one title a line, of at most {MAX_LINE_LENGTH} characters"
        raise DataFormatError("the line is too long for a title", path=path, line=number, seen=line, mend=mend)
    bare = _BULLET.sub("", _DASH.sub("", line)).strip()
    if not bare:
        raise DataFormatError("there is no title in the line", path=path, line=number, seen=line, mend="delete it")
    after_comma = _YEAR_AFTER_COMMA.match(bare)
    if after_comma:
        return after_comma[1], int(after_comma[2])
    return split_year(bare)
