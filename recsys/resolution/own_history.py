"""Which movies a person's own titles are: sure, doubtful with candidates, or unknown.

A title is sure when the catalogue has exactly that name, case and accents aside, with the year written.
Anything else that is found is doubtful and waits for the person's word. This module reads no files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import Literal

from recsys.catalogue import Catalogue, HistoryEntry, NameMatch
from recsys.data.own_history import Opinion, OwnHistory, OwnTitle
from recsys.parsing import GeneratedTitle
from recsys.resolution.base import Resolution, TitleResolver
from recsys.resolution.resolve import resolve_titles
from recsys.settings import MAX_HISTORY, ResolutionSettings

Verdict = Literal["sure", "doubtful", "unknown"]

MAX_CANDIDATES = 5
MAX_TITLES_READ = 2000
"""Titles that are looked up at most, the most recent first: an export may hold a whole life's."""

YEARS_APART = 2
"""Sources differ by so much in the year of one movie; with more it is probably another of that name."""

HINT_SIMILARITY = 0.6
"""How near a name must be to be offered for a title that is not in the catalogue."""

_AT_ONCE = 100
_YEAR_AFTER_SPACE = re.compile(r"^(.*\S)\s+((?:18|19|20|21)\d\d)$")


@dataclass(frozen=True)
class ReviewRow:
    """One title and the movies that it may be.

    Attributes:
        written: The title in the person's file.
        verdict: sure, doubtful or unknown.
        candidates: Item ids, the likeliest first; the movie itself when sure, at most a hint when unknown.
        reason: Why it is not sure, in a few words; empty when it is.
        suggested: The movie to take unless the person says otherwise; None when unknown, or of a year far off.
    """

    written: OwnTitle
    verdict: Verdict
    candidates: tuple[int, ...]
    reason: str = ""
    suggested: int | None = None


@dataclass(frozen=True)
class HistoryReview:
    """A person's history, ready to be looked through.

    Attributes:
        source: The format that was read.
        rows: In time order, the oldest first; each movie once.
        notices: What a reader must know, as sentences.
    """

    source: str
    rows: tuple[ReviewRow, ...]
    notices: tuple[str, ...] = ()

    def count(self, verdict: Verdict) -> int:
        """How many titles have that verdict."""
        return sum(row.verdict == verdict for row in self.rows)

    def suggestions(self) -> dict[int, int]:
        """The item to take for each doubtful row that has one, by the row's place."""
        return {
            place: row.suggested
            for place, row in enumerate(self.rows)
            if row.verdict == "doubtful" and row.suggested is not None
        }

    def entries(
        self,
        opinion: Opinion,
        *,
        chosen: Mapping[int, int] = MappingProxyType({}),
        keep_unknown: bool = False,
        most: int = MAX_HISTORY,
    ) -> tuple[HistoryEntry, ...]:
        """The history of one opinion, the most recent in time order.

        Args:
            opinion: liked or disliked.
            chosen: The person's word on rows that are not sure: place of the row → item, as ``suggestions``
                gives them; rows without one are left out.
            keep_unknown: Keep an unknown title as it is written; without it they are left out.
            most: How many at the most.
        """
        last: dict[HistoryEntry, Opinion] = {}
        for place, row in enumerate(self.rows):
            entry: HistoryEntry | None = row.suggested if row.verdict == "sure" else chosen.get(place)
            if entry is None and row.verdict == "unknown" and keep_unknown:
                entry = row.written.display()
            if entry is not None:
                last.pop(entry, None)
                last[entry] = row.written.opinion
        return tuple(entry for entry, side in last.items() if side == opinion)[-most:]


@dataclass
class _Kept:
    """Rows chosen so far, the most recent first."""

    most: int
    rows: list[ReviewRow] = field(default_factory=list)
    sure: set[int] = field(default_factory=set)
    found: dict[Opinion, set[int]] = field(default_factory=lambda: {"liked": set(), "disliked": set()})

    def is_full(self, opinion: Opinion) -> bool:
        return len(self.found[opinion]) >= self.most

    @property
    def is_complete(self) -> bool:
        return self.is_full("liked") and self.is_full("disliked")

    def add(self, row: ReviewRow) -> None:
        """Adds a row unless its side is full, or its movie is sure already: a later opinion counts."""
        if row.suggested in self.sure:
            return
        if row.verdict == "sure" and row.suggested is not None:
            self.sure.add(row.suggested)
        if self.is_full(row.written.opinion):
            return
        if row.suggested is not None:
            self.found[row.written.opinion].add(row.suggested)
        self.rows.append(row)


def review_history(
    history: OwnHistory, catalogue: Catalogue, resolver: TitleResolver, *, most: int = MAX_HISTORY
) -> HistoryReview:
    """Looks a person's titles up, from the most recent back, until ``most`` of each opinion are found.

    A movie that comes twice under different names counts once, with the last opinion.

    Args:
        history: What was read.
        catalogue: What can be found.
        resolver: Finds the nearest names, LevenshteinResolver as a rule.
        most: Movies kept of each opinion.
    """
    kept = _Kept(most)
    waiting = iter(history.titles[::-1][:MAX_TITLES_READ])
    while not kept.is_complete and (batch := list(islice(waiting, _AT_ONCE))):
        for row in _judge(batch, catalogue, resolver):
            kept.add(row)
    rows = tuple(reversed(kept.rows))
    return HistoryReview(history.source, rows, (*history.notices, *_notices(history, kept)))


def _judge(titles: Sequence[OwnTitle], catalogue: Catalogue, resolver: TitleResolver) -> list[ReviewRow]:
    generated = [GeneratedTitle(rank, own.title, own.year, 0, 0) for rank, own in enumerate(titles, start=1)]
    resolutions = resolve_titles(generated, catalogue, resolver, ResolutionSettings())
    return [_row(own, resolution, catalogue) for own, resolution in zip(titles, resolutions, strict=True)]


def _row(own: OwnTitle, resolution: Resolution, catalogue: Catalogue) -> ReviewRow:
    item_id = resolution.item_id
    by_name = resolution.match in ("exact", "normalised")
    if item_id is not None and by_name and not resolution.flags & {"ambiguous", "wrong_year"}:
        return ReviewRow(own, "sure", (item_id,), suggested=item_id)
    other = _under_another_name(own, catalogue)
    if other is not None:
        return ReviewRow(own, "sure", (other,), suggested=other)
    if item_id is None:
        nearest = resolution.nearest_item_id
        hint = nearest if (resolution.similarity or 0.0) >= HINT_SIMILARITY else None
        return ReviewRow(own, "unknown", () if hint is None else (hint,), "not in the catalogue")
    same_name = catalogue.find_normalised(own.title, own.year).item_ids if by_name else ()
    candidates = tuple(dict.fromkeys((item_id, *same_name)))[:MAX_CANDIDATES]
    year = catalogue[item_id].year
    is_far = own.year is not None and year is not None and abs(year - own.year) > YEARS_APART
    return ReviewRow(own, "doubtful", candidates, _reason(own, resolution, catalogue), None if is_far else item_id)


def _under_another_name(own: OwnTitle, catalogue: Catalogue) -> int | None:
    """The one movie that another name of the row, or the title without a year at its end, surely is."""
    names = [(name, own.year) for name in own.other_titles]
    year_at_end = _YEAR_AFTER_SPACE.match(own.title) if own.year is None else None
    if year_at_end:
        names.append((year_at_end[1], int(year_at_end[2])))
    for name, year in names:
        found: NameMatch = catalogue.find_normalised(name, year)
        if found.item_ids and not found.ambiguous and not found.wrong_year:
            return found.item_ids[0]
    return None


def _reason(own: OwnTitle, resolution: Resolution, catalogue: Catalogue) -> str:
    assert resolution.item_id is not None  # a doubtful title has a movie
    if "wrong_year" in resolution.flags:
        return f"the catalogue has it from {catalogue[resolution.item_id].year}"
    if resolution.match in ("exact", "normalised"):
        return "several movies have this name"
    edits = round(resolution.distance or 0)
    return "the nearest name" if edits == 0 else f"{edits} letter{'' if edits == 1 else 's'} away"


def _notices(history: OwnHistory, kept: _Kept) -> list[str]:
    told = []
    for opinion in ("liked", "disliked"):
        total = sum(title.opinion == opinion for title in history.titles)
        if kept.is_full(opinion) and total > kept.most:
            told.append(f"Of {total:,} {opinion} movies the {kept.most} most recent that the catalogue has are kept.")
    if len(history.titles) > MAX_TITLES_READ and not kept.is_complete:
        told.append(f"Only the {MAX_TITLES_READ:,} most recent titles were looked up.")
    return told
