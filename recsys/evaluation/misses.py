"""Every rank that was asked for, classed: a hit, a near miss, a discovery, no such film, or a failure with its reason.

A miss may be a good guess that generalises or a plain failure, and the hit rate tells neither from the other. Each
rank is in exactly one class, ranks without a title included, so the shares of a system add up to 1. What shares
genres is near by chance often enough: read a near share beside those of popularity and of a random order. This
module ranks nothing and knows no text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from recsys.evaluation.text_quality import Share

if TYPE_CHECKING:
    from recsys.evaluation.context import EvaluationContext
    from recsys.evaluation.metrics import Ranked
    from recsys.evaluation.results import RecordResult, ResolvedTitle

NEAR_OVERLAP: Final = 0.5
"""|common genres| / |genres of either| from which a movie is near a relevant one: half of what either has."""


@dataclass(frozen=True)
class MissClass:
    """What a rank can be.

    Attributes:
        name: Key in reports.
        title: As tables name it.
        formula: What belongs to it, in one line.
        is_failure: Whether it is a reason of failure.
        is_ranked: Whether a recommender that writes no text can come to it.
    """

    name: str
    title: str
    formula: str
    is_failure: bool = False
    is_ranked: bool = False


FAILURE: Final = MissClass("failure", "Failure", "the sum of the failures below, each of one reason", is_failure=True)
"""All reasons of failure together; a sum and no class of its own."""

MISS_CLASSES: Final[Mapping[str, MissClass]] = MappingProxyType(
    {
        one.name: one
        for one in (
            MissClass("hit", "Hit", "a movie that the person liked next", is_ranked=True),
            MissClass(
                "near",
                "Near",
                "a movie that the person did not like next, but that shares genres with one of those: "
                f"|common genres| / |genres of either| ≥ {NEAR_OVERLAP:g}; compare it with popularity and random",
                is_ranked=True,
            ),
            MissClass("discovery", "Discovery", "out of catalogue, but a film, by name and year written, of {films}"),
            MissClass(
                "no_such_film",
                "No such film",
                "a list of titles and nothing else, but this title is no film of {films}",
            ),
            MissClass(
                "other_kind",
                "Another kind",
                "a movie of the catalogue, neither hit nor near; one without genres is never near",
                is_failure=True,
                is_ranked=True,
            ),
            MissClass("repeated", "Repeated", "named at a rank above", is_failure=True),
            MissClass(
                "already_liked",
                "Already liked",
                "liked or disliked already, named at a rank above as well or not",
                is_failure=True,
            ),
            MissClass(
                "malformed",
                "Malformed",
                "out of catalogue, in a text that is more than a list of titles",
                is_failure=True,
            ),
            MissClass(
                "unfilled",
                "Unfilled",
                "no title at this rank; prose and code hold none",
                is_failure=True,
                is_ranked=True,
            ),
        )
    }
)
"""Every class by name; each rank is in one of them."""

_UNCHECKED: Final = "not in the catalogue, and nothing to check it against: no list of known films was given"


def miss_title(name: str, known_films: str) -> str:
    """What tables call a class; ``known_films`` names the list that titles were checked against, if any."""
    if name == "no_such_film" and not known_films:
        return "Not in the catalogue"
    return (FAILURE if name == FAILURE.name else MISS_CLASSES[name]).title


def miss_definitions(known_films: str) -> dict[str, str]:
    """The definition of each class, and of failures together, in one line.

    Args:
        known_films: Names the list that titles were checked against; empty where there was none, and then
            nothing is a discovery.
    """
    told = {}
    classes = MISS_CLASSES.values()
    for one in (*(c for c in classes if not c.is_failure), FAILURE, *(c for c in classes if c.is_failure)):
        formula = one.formula.format(films=known_films or "a list")
        if not known_films and one.name == "discovery":
            continue
        if not known_films and one.name == "no_such_film":
            formula = f"a list of titles and nothing else, but this title is {_UNCHECKED}"
        told[one.name] = f"{miss_title(one.name, known_films)}: {formula}; denominator: ranks asked for"
    return told


def is_reason(name: str) -> bool:
    """Whether a class is one of the reasons of failure; their sum is not."""
    return name in MISS_CLASSES and MISS_CLASSES[name].is_failure


def class_of_item(item_id: int, relevant: Collection[int], context: EvaluationContext) -> str:
    """What a recommended movie is: hit, near or other_kind."""
    if item_id in relevant:
        return "hit"
    overlaps = (context.genre_similarity((item_id, other)) for other in relevant)
    return "near" if any(overlap is not None and overlap >= NEAR_OVERLAP for overlap in overlaps) else "other_kind"


def classify_answer(result: RecordResult, context: EvaluationContext) -> tuple[str, ...]:
    """The class of each rank that the model was asked for, by name."""
    written = zip(result.titles, result.item_ids, strict=True)
    found = [
        _class_of_uncounted(title, result, context)
        if item_id is None
        else class_of_item(item_id, result.relevant, context)
        for title, item_id in written
    ]
    return _filled_up(found, result.num_asked)


def classify_ranking(
    item_ids: Ranked, relevant: Collection[int], context: EvaluationContext, *, num_asked: int
) -> tuple[str, ...]:
    """The class of each rank of a recommender that writes no text; a rank without a movie is unfilled."""
    found = ["unfilled" if item is None else class_of_item(item, relevant, context) for item in item_ids]
    return _filled_up(found, num_asked)


def count_answers(results: Sequence[RecordResult], context: EvaluationContext) -> dict[str, Share]:
    """The share of each class over all ranks that a model was asked for.

    Without a list of known films nothing can be told to be a discovery, so that class is left out.
    """
    names = [name for name in MISS_CLASSES if name != "discovery" or context.known_films is not None]
    return _shares(names, (classify_answer(result, context) for result in results))


def count_rankings(
    results: Sequence[RecordResult], rankings: Sequence[Ranked], context: EvaluationContext
) -> dict[str, Share]:
    """The share of each class that a recommender without a text can come to.

    Args:
        results: Tell each record's relevant items and how many titles were asked for.
        rankings: The items on the same records in the same order.
        context: Of the same records.
    """
    return _shares(
        [name for name, one in MISS_CLASSES.items() if one.is_ranked],
        (
            classify_ranking(ranked, result.relevant, context, num_asked=result.num_asked)
            for result, ranked in zip(results, rankings, strict=True)
        ),
    )


def with_failure(shares: Mapping[str, Share]) -> dict[str, Share]:
    """The shares with the sum of all failures before its reasons, as tables show them."""
    reasons = [share for name, share in shares.items() if MISS_CLASSES[name].is_failure]
    if not reasons:
        return dict(shares)
    total = Share(sum(share.numerator for share in reasons), reasons[0].denominator, "ranks asked for")
    others = {name: share for name, share in shares.items() if not MISS_CLASSES[name].is_failure}
    return {**others, FAILURE.name: total, **{name: shares[name] for name in shares if name not in others}}


def _class_of_uncounted(title: ResolvedTitle, result: RecordResult, context: EvaluationContext) -> str:
    """What a title is that counts as a miss whatever is relevant."""
    # What is liked already is no recommendation at any rank, so that reason goes first.
    if "already_liked" in title.flags or "already_disliked" in title.flags:
        return "already_liked"
    if "repeated" in title.flags:
        return "repeated"
    if context.known_films is not None and context.known_films.holds(title.title, title.year):
        return "discovery"
    return "no_such_film" if result.well_formed else "malformed"


def _filled_up(found: Sequence[str], num_asked: int) -> tuple[str, ...]:
    return (*found[:num_asked], *["unfilled"] * (num_asked - len(found)))


def _shares(names: Iterable[str], classes: Iterable[Sequence[str]]) -> dict[str, Share]:
    counts = Counter(chain.from_iterable(classes))
    return {name: Share(counts[name], counts.total(), "ranks asked for") for name in names}
