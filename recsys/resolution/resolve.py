"""From generated titles to items: exact name, then normalised name, then the nearest within the threshold.

Every title keeps its rank, whatever becomes of it. What a resolver's distance means is the resolver's
business; what a reader must be told about an answer is told here, as flags.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from recsys.catalogue import Catalogue, HistoryEntry, NameMatch
from recsys.parsing import GeneratedTitle
from recsys.resolution.base import Candidate, Flag, Resolution, TitleResolver
from recsys.settings import ResolutionSettings
from recsys.titles import normalise_title, split_year

_YEARS_APART = 1
"""Release years of one movie differ by this much between sources, so a fuzzy match may too."""


def resolve_titles(
    titles: Sequence[GeneratedTitle],
    catalogue: Catalogue,
    resolver: TitleResolver,
    settings: ResolutionSettings,
    *,
    history: Sequence[HistoryEntry] = (),
    disliked: Sequence[HistoryEntry] = (),
) -> tuple[Resolution, ...]:
    """Resolves the titles of one completion.

    Args:
        titles: In rank order.
        catalogue: What can be recommended.
        resolver: Answers for titles that no exact or normalised look-up knows, all of them in one call.
        settings: Threshold (None takes the resolver's own) and force_nearest.
        history: What the person liked; such a title is flagged already_liked, free text too.
        disliked: What the person did not like; flagged already_disliked.

    Returns:
        One resolution for each title, in the same order.
    """
    by_name = [_by_name(title, catalogue) for title in titles]
    unknown = [title for title, known in zip(titles, by_name, strict=True) if known is None]
    candidates = resolver.nearest([t.title for t in unknown], [t.year for t in unknown]) if unknown else []
    nearest = iter(candidates)
    resolutions = [
        known if known is not None else _by_distance(title, next(nearest), catalogue, resolver, settings)
        for title, known in zip(titles, by_name, strict=True)
    ]
    return _with_person_flags(resolutions, catalogue, history, disliked)


def _by_name(title: GeneratedTitle, catalogue: Catalogue) -> Resolution | None:
    exact = catalogue.find_exact(title.title, title.year)
    same = catalogue.find_normalised(title.title, title.year)
    # Of two movies with nearly the same name, the one of the year written is meant.
    if exact.item_ids and (not exact.wrong_year or same.wrong_year):
        return Resolution(title, exact.item_ids[0], "exact", 0.0, 1.0, _name_flags(exact))
    if same.item_ids:
        return Resolution(title, same.item_ids[0], "normalised", 0.0, 1.0, _name_flags(same))
    return None


def _name_flags(match: NameMatch) -> frozenset[Flag]:
    flags: set[Flag] = set()
    if match.ambiguous:
        flags.add("ambiguous")
    if match.wrong_year:
        flags.add("wrong_year")
    return frozenset(flags)


def _by_distance(
    title: GeneratedTitle,
    candidate: Candidate,
    catalogue: Catalogue,
    resolver: TitleResolver,
    settings: ResolutionSettings,
) -> Resolution:
    if not candidate.item_ids:
        return Resolution(title, None, "none", None, 0.0)
    threshold = resolver.default_threshold if settings.threshold is None else settings.threshold
    nearest = candidate.item_ids[0]
    # float32 similarities of e.g. 0.8 may come out a hair under it.
    is_near = candidate.similarity >= threshold - 1e-6
    if not is_near and not settings.force_nearest:
        return Resolution(
            title, None, "none", candidate.distance, candidate.similarity, frozenset(), nearest_item_id=nearest
        )
    flags = _distance_flags(title.year, candidate, catalogue)
    if not is_near:
        flags |= {"forced"}
    return Resolution(
        title, nearest, resolver.match, candidate.distance, candidate.similarity, flags, nearest_item_id=nearest
    )


def _distance_flags(year: int | None, candidate: Candidate, catalogue: Catalogue) -> frozenset[Flag]:
    flags: set[Flag] = set()
    years = [catalogue[item_id].year for item_id in candidate.item_ids]
    if len(years) > 1 and (year is None or years.count(year) != 1):
        flags.add("ambiguous")
    if year is not None and years[0] is not None and abs(years[0] - year) > _YEARS_APART:
        flags.add("wrong_year")
    return frozenset(flags)


def _with_person_flags(
    resolutions: Iterable[Resolution],
    catalogue: Catalogue,
    history: Sequence[HistoryEntry],
    disliked: Sequence[HistoryEntry],
) -> tuple[Resolution, ...]:
    """Adds what depends on the person and on the ranks above: already liked or disliked, repeated."""
    liked_items, liked_names = _entries(history, catalogue)
    disliked_items, disliked_names = _entries(disliked, catalogue)
    seen: set[int | str] = set()
    flagged = []
    for resolution in resolutions:
        # A title out of catalogue is known by its name alone.
        key: int | str = (
            resolution.item_id if resolution.item_id is not None else normalise_title(resolution.generated.title)
        )
        flags: set[Flag] = set(resolution.flags)
        if key in liked_items or key in liked_names:
            flags.add("already_liked")
        if key in disliked_items or key in disliked_names:
            flags.add("already_disliked")
        if key in seen:
            flags.add("repeated")
        seen.add(key)
        flagged.append(replace(resolution, flags=frozenset(flags)))
    return tuple(flagged)


def _entries(entries: Sequence[HistoryEntry], catalogue: Catalogue) -> tuple[frozenset[int], frozenset[str]]:
    names = {normalise_title(split_year(entry)[0]) for entry in entries if isinstance(entry, str)}
    return frozenset(catalogue.known_items(entries)), frozenset(names)
