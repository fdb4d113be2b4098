"""The two cards of an answer: what the model wrote, and what that resolves to.

Plain functions from values to HTML. Every word of a person or of a model goes through `escape`. The
cards keep their places from the first token to the last, so that nothing jumps while text streams in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from recsys.catalogue import Catalogue, Movie
from recsys.errors import RecsysError
from recsys.generation.completion import Completion
from recsys.parsing import GeneratedTitle, TextProblem
from recsys.recommend import Recommendation
from recsys.resolution.base import Resolution
from recsys.settings import ResolverName
from recsys.ui.markup import escape
from recsys.ui.movie_about import about_html
from recsys.ui.ranking_card import fused_html, ranking_html
from recsys.ui.statuses import Badge, badges, distance_text, leading_badge, legend

_PROBLEMS: dict[TextProblem, tuple[str, str]] = {
    "empty": ("The model wrote nothing", "Try a temperature above 0, or another prompt style."),
    "code": ("This is code, not a list of titles", "Worked examples in the prompt usually mend it."),
    "prose": ("This is prose, not a list of titles", "Worked examples in the prompt usually mend it."),
    "other_script": ("This is mostly another script", "Titles of the catalogue are in Latin letters."),
}
_NO_MARKS: Mapping[int, str] = MappingProxyType({})
_CURSOR = '<span class="cursor" aria-hidden="true"></span>'


def empty_cards() -> str:
    """Before the first answer: what the two cards will show, and the shortest way there."""
    examples = "".join(
        f'<button type="button" class="start" data-press="{target}">'
        f"<strong>{title}</strong><span>{line}</span></button>"
        for target, title, line in (
            ("example-ghibli", "Studio Ghibli", "Two films by Miyazaki, three titles asked for"),
            ("example-action", "90s action", "Four blockbusters, temperature 0.7"),
            ("example-record", "A held-out user", "Real history; the true next four are shown after"),
        )
    )
    marks = "".join(f"<li>{badge_html(badge)}<span>{escape(words)}</span></li>" for badge, words in legend())
    wrote = (
        '<div class="answer-empty"><p class="empty-lead">A language model reads the history and writes titles.</p>'
        "<p>It may misspell, repeat or invent them. What it writes appears here, word for word, with each title "
        f'marked:</p><ul class="legend">{marks}</ul></div>'
    )
    means = (
        '<div class="answer-empty"><p class="empty-lead">Each title is looked up in the catalogue.</p>'
        f"<p>Exact, a few edits away, or not there at all. Start with one click:</p>{examples}</div>"
    )
    return _cards(_wrote_card(wrote, ""), _means_card(means, ""), "", phase="empty")


def waiting_cards(message: str, num_recommendations: int, *, progress: float | None = None) -> str:
    """After the click and before the first token: queued, or the model is loading."""
    bar = ""
    if progress is not None:
        bar = f'<span class="load-bar"><i style="width:{max(0.0, min(1.0, progress)):.0%}"></i></span>'
    wrote = f'<div class="wrote is-waiting"><p class="waiting-line">{escape(message)}</p>{bar}</div>'
    rows = "".join(_skeleton(rank) for rank in range(1, num_recommendations + 1))
    return _cards(
        _wrote_card(wrote, "waiting"), _means_card(f'<ol class="rows">{rows}</ol>', ""), message, phase="busy"
    )


def streaming_cards(text: str, titles: Sequence[GeneratedTitle], num_recommendations: int) -> str:
    """While the text grows: titles are underlined as they are read, and resolved at the end."""
    marks = [(title.start, title.end, "reading", "") for title in titles]
    wrote = f'<pre class="wrote" tabindex="0">{_marked(text, marks)}{_CURSOR}</pre>'
    read = {title.rank: _written(title) for title in titles}
    rows = "".join(_skeleton(rank, read.get(rank, "")) for rank in range(1, num_recommendations + 1))
    means = f'<ol class="rows">{rows}</ol>'
    return _cards(_wrote_card(wrote, "writing"), _means_card(means, ""), "The model is writing.", phase="busy")


def answer_cards(recommendation: Recommendation, catalogue: Catalogue, marks: Mapping[int, str] = _NO_MARKS) -> str:
    """The finished answer; marks are HTML beside the badges of a rank."""
    request, completion = recommendation.request, recommendation.completion
    resolver = request.resolution.resolver
    resolutions = recommendation.resolutions
    found = sum(item is not None for item in recommendation.item_ids)
    asked = recommendation.prompt.num_recommendations
    summary = f"{found} of {asked} recommended"
    rows = [_row(r, catalogue, resolver, marks.get(r.generated.rank, "")) for r in resolutions]
    rows += [_missing_row(rank) for rank in range(len(resolutions) + 1, asked + 1)]
    if recommendation.ranked:
        body = _callout(recommendation) + ranking_html(recommendation, catalogue)
        wrote = _card("card-wrote", "How the model ranks them", body, "likeliest first")
    elif recommendation.request.decoding.is_hybrid:
        body = _callout(recommendation) + fused_html(recommendation, catalogue)
        wrote = _card("card-wrote", "How both rank them", body, "best sum first")
    else:
        body = _callout(recommendation) + wrote_text(recommendation, resolver)
        wrote = _wrote_card(body, _finish(completion, len(resolutions), asked))
    return _cards(
        wrote,
        _means_card(f'<ol class="rows">{"".join(rows)}</ol>', summary),
        f"Done: {summary}.",
        phase="done",
    )


def cancelled_cards() -> str:
    """Stopped before the first token."""
    wrote = '<div class="wrote is-waiting"><p class="waiting-line">Stopped before anything was written.</p></div>'
    means = '<div class="answer-empty"><p>Nothing to resolve. Your movies and settings are as you left them.</p></div>'
    return _cards(_wrote_card(wrote, "stopped"), _means_card(means, ""), "Stopped.", phase="done")


def error_cards(error: RecsysError) -> str:
    """What went wrong, in the words of the error, with everything typed still in place."""
    told = escape(error.problem[:1].upper() + error.problem[1:])
    seen = (
        "" if error.seen is None else f'<p class="error-seen">Seen: <code>{escape(repr(error.seen)[:200])}</code></p>'
    )
    mend = "" if not error.mend else f"<p>{escape(error.mend[:1].upper() + error.mend[1:])}.</p>"
    wrote = f'<div class="answer-error" role="alert"><p class="error-lead">{told}</p>{seen}{mend}</div>'
    means = '<div class="answer-empty"><p>No answer. Your movies and settings are as you left them.</p></div>'
    return _cards(_wrote_card(wrote, ""), _means_card(means, ""), "", phase="error")


def badge_html(badge: Badge) -> str:
    """One badge."""
    return (
        f'<span class="badge st-{badge.status}" title="{escape(badge.meaning)}">'
        f'<i aria-hidden="true">{badge.mark}</i>{escape(badge.label)}</span>'
    )


def _cards(wrote: str, means: str, spoken: str, *, phase: str) -> str:
    status = f'<p class="visually-hidden" role="status">{escape(spoken)}</p>'
    return f'<div class="answer-cards" data-phase="{phase}">{wrote}{means}</div>{status}'


def _wrote_card(body: str, note: str) -> str:
    return _card("card-wrote", "What the model wrote", body, note)


def _means_card(body: str, note: str) -> str:
    return _card("card-means", "What it resolves to", body, note)


def _card(name: str, title: str, body: str, note: str) -> str:
    return (
        f'<section class="card {name}" aria-label="{title}"><header><h2>{title}</h2>'
        f'<span class="card-note">{escape(note)}</span></header>{body}</section>'
    )


def wrote_text(recommendation: Recommendation, resolver: ResolverName) -> str:
    """What the model wrote, each title in the colour of what it is."""
    marks = []
    for resolution in recommendation.resolutions:
        badge = leading_badge(resolution, resolver)
        title = resolution.generated
        marks.append((title.start, title.end, f"st-{badge.status}", f"{title.rank}. {badge.label}: {badge.meaning}"))
    text = recommendation.completion.text
    shown = _marked(text, marks) if text.strip() else '<span class="nothing">(empty)</span>'
    return f'<pre class="wrote" tabindex="0">{shown}</pre>'


def _marked(text: str, marks: Sequence[tuple[int, int, str, str]]) -> str:
    """The text with its spans marked; overlapping spans give way to the first."""
    pieces, at = [], len(text) - len(text.lstrip())
    for start, end, name, told in sorted(marks):
        if start < at:
            continue
        hint = f' title="{escape(told)}"' if told else ""
        pieces.append(f'{escape(text[at:start])}<mark class="{name}"{hint}>{escape(text[start:end])}</mark>')
        at = end
    pieces.append(escape(text[at:]))
    return "".join(pieces)


def _callout(recommendation: Recommendation) -> str:
    lines = []
    if recommendation.prompt.cold_start:
        lines.append(
            ("note", "Cold start", "No history was given, so the prompt asks for what nearly everybody likes.")
        )
    if recommendation.request.decoding.is_catalogue:
        lines.append(("note", "Catalogue decoding", "Nothing else could come out than movies new to this person."))
    if recommendation.parsed.problem is not None:
        lines.append(("problem", *_PROBLEMS[recommendation.parsed.problem]))
    return "".join(
        f'<p class="callout callout-{kind}"><strong>{escape(lead)}.</strong> {escape(rest)}</p>'
        for kind, lead, rest in lines
    )


def _finish(completion: Completion, written: int, asked: int) -> str:
    if completion.finish_reason == "stopped":
        return "stopped by you"
    if completion.finish_reason == "max_new_tokens":
        return f"cut at {completion.settings.max_new_tokens} tokens"
    if written < asked:
        return f"ended after {written} of {asked}"
    return "list complete" if completion.finish_reason == "titles_complete" else "ended by the model"


def _row(resolution: Resolution, catalogue: Catalogue, resolver: ResolverName, mark: str) -> str:
    movie = None if resolution.item_id is None else catalogue[resolution.item_id]
    title, below = _known(movie, resolution) if movie else _unknown(resolution, catalogue)
    named = f'<p class="row-title">{title}</p>' if movie is None else about_html(movie, title, catalogue)
    shown = "".join(badge_html(badge) for badge in badges(resolution, resolver))
    shown += mark + _distance(resolution, resolver)
    quiet = "" if resolution.is_recommendation else " is-miss"
    return (
        f'<li class="answer-row{quiet}"><span class="rank">{resolution.generated.rank}</span>'
        f'<div class="row-main">{named}{below}<p class="row-badges">{shown}</p></div>{_votes(movie)}</li>'
    )


def _known(movie: Movie, resolution: Resolution) -> tuple[str, str]:
    year = f' <span class="year">({movie.year})</span>' if movie.year is not None else ""
    below = " · ".join(movie.genres) or "No genres listed"
    if resolution.match != "exact" or "wrong_year" in resolution.flags:
        below = f"from “{_written(resolution.generated)}” · {below}"
    return f"{escape(movie.title)}{year}", f'<p class="row-genres" title="{escape(below)}">{escape(below)}</p>'


def _unknown(resolution: Resolution, catalogue: Catalogue) -> tuple[str, str]:
    nearest = resolution.nearest_item_id
    hint = "Not in the catalogue"
    if nearest is not None:
        hint += f"; nearest is {catalogue[nearest].display()}"
    return escape(_written(resolution.generated)), f'<p class="row-genres">{escape(hint)}</p>'


def _distance(resolution: Resolution, resolver: ResolverName) -> str:
    alike = max(0.0, min(1.0, resolution.similarity))
    return (
        f'<span class="distance" title="{alike:.0%} alike"><span class="distance-bar" aria-hidden="true">'
        f'<i style="width:{alike:.0%}"></i></span>{escape(distance_text(resolution, resolver))}</span>'
    )


# Drawn, since many machines have no font with the emoji; the style sheet turns it for a dislike.
THUMB = (
    '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M5 7v6.5H2.5V7zM5 7l2.6-4.6a1.3 1.3 0 0 1 2.4.9L9.5 6h3'
    'a1.4 1.4 0 0 1 1.4 1.7l-1 4.6a1.5 1.5 0 0 1-1.5 1.2H5"/></svg>'
)


def press(cards: str, item_id: int, vote: str) -> str:
    """The cards with the button of a vote pressed, and the other one of that movie not."""
    for name in ("like", "dislike"):
        start = f'data-vote="{name}" data-of="{item_id}" aria-pressed='
        for old in ("true", "false"):
            cards = cards.replace(f'{start}"{old}"', f'{start}"{str(name == vote).lower()}"')
    return cards


def _votes(movie: Movie | None) -> str:
    if movie is None:
        return '<span class="votes"></span>'
    return f'<span class="votes" data-item="{movie.item_id}">{_vote(movie, "like")}{_vote(movie, "dislike")}</span>'


def _vote(movie: Movie, vote: str) -> str:
    return (
        f'<button type="button" data-vote="{vote}" data-of="{movie.item_id}" aria-pressed="false" '
        f'aria-label="Add {escape(movie.display())} to {vote}d" title="Add to {vote}d">{THUMB}</button>'
    )


def _missing_row(rank: int) -> str:
    return (
        f'<li class="answer-row is-miss is-missing"><span class="rank">{rank}</span><div class="row-main">'
        '<p class="row-title">No title written</p><p class="row-genres">Counts as a miss</p></div></li>'
    )


def _skeleton(rank: int, read: str = "") -> str:
    line = f'<p class="row-title">{escape(read)}</p>' if read else '<p class="bone"></p>'
    return (
        f'<li class="answer-row is-bone"><span class="rank">{rank}</span>'
        f'<div class="row-main">{line}<p class="bone bone-short"></p></div></li>'
    )


def _written(title: GeneratedTitle) -> str:
    return f"{title.title} ({title.year})" if title.year is not None else title.title
