"""The strip of rounds below an answer: what was voted in each, where the movies went, and what became likelier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from recsys.catalogue import Catalogue
from recsys.feedback import Move, Movement, Vote
from recsys.recommend import RecommendationRequest
from recsys.ui.answer_cards import THUMB
from recsys.ui.markup import escape
from recsys.ui.rounds import GivenVote, KeptRound, Rounds

_VOTES: Final[dict[Vote, tuple[str, str]]] = {
    "like": ("liked", THUMB),
    "dislike": ("disliked", THUMB),
    "open": ("opened", ""),
    "none": ("taken back", ""),
}
_SUMMED: Final[dict[Move, str]] = {"up": "up", "down": "down", "same": "same", "new": "new", "gone": "gone"}
_CHANCE: Final = (
    "Titles are drawn at this temperature, so part of what moves is chance; temperature 0 or a ranking is not."
)
_SHARES: Final = (
    "Likelihoods are over the tokens that the catalogue still allows: what a voted movie leaves goes to the others."
)
_OTHER_SETTINGS: Final = "Settings were changed as well, so it is not the votes alone that moved these."


def rounds_html(rounds: Rounds, catalogue: Catalogue, *, asking: bool = False, note: str = "") -> str:
    """The strip; before the first vote only the number of votes that the page has seen.

    Args:
        rounds: Of the session.
        catalogue: Has their movies.
        asking: Whether an answer to the latest votes is on its way.
        note: What else the reader should know, in plain text.
    """
    seen = f'data-votes="{rounds.num_votes}"'
    if not rounds.can_restart:
        return f'<div class="rounds-none" {seen}></div>'
    shown = [_round_html(kept, catalogue, is_open=kept is rounds.kept[-1]) for kept in reversed(rounds.kept)]
    busy = " data-asking" if asking else ""
    return (
        f'<section class="card rounds" aria-label="Rounds" {seen}{busy}>'
        f'<header><h2>Rounds</h2><span class="rounds-tools">{_tools(rounds, catalogue)}</span></header>'
        f"{_waiting(rounds, catalogue, asking=asking)}{_note(note)}"
        f'<ol class="round-list">{"".join(shown)}</ol>'
        f'<p class="visually-hidden" role="status">{escape("" if asking else _spoken(rounds))}</p></section>'
    )


def _tools(rounds: Rounds, catalogue: Catalogue) -> str:
    given = rounds.votes or (rounds.kept[-1].votes if rounds.can_undo else ())
    undo = ""
    if given:
        told = escape(f"Undo: {catalogue[given[-1].item_id].display()} {_VOTES[given[-1].vote][0]}")
        undo = f'<button type="button" data-rounds="undo" aria-label="{told}" title="{told}">Undo</button>'
    return f'{undo}<button type="button" data-rounds="restart" title="Back to round 0">Start over</button>'


def _waiting(rounds: Rounds, catalogue: Catalogue, *, asking: bool) -> str:
    """The votes that no answer has read yet."""
    if not rounds.votes:
        return ""
    rest = "asking again…" if asking else "not asked again yet: press Recommend."
    votes = _votes_html(rounds.votes, catalogue)
    return f'<p class="rounds-waiting">{votes}<span class="round-rest">{rest}</span></p>'


def _note(note: str) -> str:
    return f'<p class="rounds-note">{escape(note)}</p>' if note else ""


def _votes_html(votes: Sequence[GivenVote], catalogue: Catalogue) -> str:
    return "".join(_vote_html(given, catalogue) for given in votes)


def _vote_html(given: GivenVote, catalogue: Catalogue) -> str:
    word, sign = _VOTES[given.vote]
    said = f'<span class="visually-hidden">{word}</span>{sign}' if sign else f"<small>{word}</small>"
    return f'<span class="round-vote is-{given.vote}">{said}{escape(catalogue[given.item_id].display())}</span>'


def _round_html(kept: KeptRound, catalogue: Catalogue, *, is_open: bool) -> str:
    request = kept.shown.round.request
    if kept.number == 0:
        said, body = f'<span class="round-rest">{_asked_of(request)}</span>', _first_html(kept, catalogue)
        summed = ""
    else:
        said = _votes_html(kept.votes, catalogue)
        body = f'<ol class="moves">{"".join(_move_html(one, catalogue) for one in kept.movements)}</ol>' + _legend(kept)
        summed = f'<span class="round-sum">{escape(_summed(kept.movements))}</span>'
    opened = " open" if is_open else ""
    return (
        f'<li class="round"><details{opened}><summary><b>Round {kept.number}</b>'
        f'<span class="round-said">{said}</span>{summed}</summary>{body}</details></li>'
    )


def _asked_of(request: RecommendationRequest) -> str:
    disliked = f", {len(request.disliked)} disliked" if request.disliked else ""
    return f"{len(request.history)} liked{disliked}"


def _first_html(kept: KeptRound, catalogue: Catalogue) -> str:
    rows = "".join(
        f'<li class="move"><span class="rank">{item.rank}</span>'
        f'<span class="move-title">{escape(catalogue[item.item_id].display())}</span>'
        f"{_nats(item.log_likelihood, '')}</li>"
        for item in kept.shown.round.items
    )
    return f'<ol class="moves">{rows}</ol>'


def _move_html(one: Movement, catalogue: Catalogue) -> str:
    rank = one.new_rank if one.new_rank is not None else "–"
    return (
        f'<li class="move is-{one.move}"><span class="rank">{rank}</span>'
        f'<span class="move-title">{escape(catalogue[one.item_id].display())}</span>'
        f'<span class="move-mark">{_mark(one)}</span>{_nats(one.likelihood_change, "+")}</li>'
    )


def _mark(one: Movement) -> str:
    if one.move in ("up", "down"):
        arrow = "↑" if one.move == "up" else "↓"
        return (
            f'<span aria-hidden="true">{arrow}{abs(one.places)}</span><span class="visually-hidden">{_said(one)}</span>'
        )
    told = {"same": "=", "new": "new", "gone": f"gone, was {one.old_rank}", "voted": f"voted, was {one.old_rank}"}
    return told[one.move]


def _said(one: Movement) -> str:
    return f"{one.move} by {abs(one.places)}"


def _nats(value: float | None, sign: str) -> str:
    return "" if value is None else f'<span class="move-nats">{value:{sign}.2f} nats</span>'


def _summed(movements: Sequence[Movement]) -> str:
    counts = Counter(one.move for one in movements)
    return " · ".join(f"{counts[move]} {word}" for move, word in _SUMMED.items() if counts[move])


def _legend(kept: KeptRound) -> str:
    request = kept.shown.round.request
    lines = []
    if not kept.same_settings:
        lines.append(_OTHER_SETTINGS)
    is_ranked = request.decoding.is_hybrid or request.decoding.decoding == "catalogue_rank"
    if not is_ranked and request.generation.do_sample:
        lines.append(_CHANCE)
    compared = [one for one in kept.movements if one.likelihood_change is not None]
    if compared and request.decoding.title_score == "tree":
        lines.append(_SHARES)
    return "".join(f'<p class="round-legend">{escape(line)}</p>' for line in lines)


def _spoken(rounds: Rounds) -> str:
    if rounds.votes or not rounds.kept[-1].movements:
        return ""
    return f"Round {rounds.kept[-1].number}: {_summed(rounds.kept[-1].movements)}."
