"""What an evaluation found, as HTML: headline and text quality, and the states that are no result.

Every text of models, data and people is escaped here, for markup and for the template code that gradio's
HTML component would run. The functions are given reports and return strings; they know no job and no event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from recsys.errors import DataFormatError, RecsysError
from recsys.evaluation.intervals import Interval
from recsys.evaluation.metrics import HEADLINE, METRICS
from recsys.evaluation.report import PairedDifference, Report
from recsys.evaluation.text_quality import DESCRIPTIONS, MATCH_SHARES, Share
from recsys.ui.markup import escape, plural

SYSTEM_TITLES: Final[Mapping[str, str]] = {
    "popularity": "Popularity",
    "ease": "EASE",
    "item_knn": "Item-kNN",
    "bm25_knn": "BM25 item-kNN",
    "co_occurrence": "Co-occurrence",
    "slit": "SLIT",
    "similarity": "Similar by meaning",
    "random": "Random",
}
"""Baselines as pages name them."""

_SHARE_TITLES: Final[Mapping[str, str]] = {
    "exact": "Exact",
    "normalised": "Same name",
    "fuzzy": "Edited",
    "semantic": "Semantic",
    "out_of_catalogue": "Out of catalogue",
    "well_formed": "Clean list",
    "exactly_n": "Exactly N titles",
    "repeated": "Repeated",
    "already_liked": "Already liked",
    "already_disliked": "Already disliked",
    "wrong_year": "Wrong year",
    "ambiguous": "Ambiguous",
    "prose": "Prose",
    "code": "Code",
    "other_script": "Another script",
    "empty": "Empty",
}
_ALWAYS_METERED = ("well_formed", "exactly_n", "repeated", "already_liked", "wrong_year")
_METERED_WHEN_SEEN = ("already_disliked", "ambiguous", "prose", "code", "other_script", "empty")


def duration(seconds: float) -> str:
    """A duration as people say it.

    >>> duration(8.2), duration(95), duration(4000)
    ('8 s', '1 min 35 s', '1 h 6 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def sentences(error: RecsysError) -> str:
    """An error as whole sentences, each with a capital letter.

    >>> sentences(RecsysError("no such run", seen="x", mend="open one of the list"))
    "No such run (seen: 'x'). Open one of the list."
    """
    text = str(error)
    if error.mend:
        text = text.removesuffix(f"{error.mend}.") + error.mend[:1].upper() + error.mend[1:] + "."
    # A file's name starts the sentence and keeps its letters.
    return text if isinstance(error, DataFormatError) else text[:1].upper() + text[1:]


def system_title(name: str) -> str:
    """A system as bars and tables name it: baselines by their title, models by their own name."""
    return SYSTEM_TITLES.get(name, name)


def headline_html(report: Report) -> str:
    """The figure that the run was made for, what it means, and how it stands against the baselines."""
    score = report.model.metrics[HEADLINE]
    label = METRICS[HEADLINE].label(report.k)
    # The interval is the claim: the mean alone would be read to four digits.
    interval = _interval_in_words(score.mean, score.interval, "95% interval", "one user: no interval")
    raw = report.model.raw[HEADLINE].mean if report.model.raw else None
    facts = [("over users", f"{score.mean_over_users:.4f}")]
    if raw is not None:
        facts.insert(0, ("raw exact titles", f"{raw:.4f}"))
    speed = f"{report.tokens_per_second:.1f}" if report.tokens else "not told"
    facts += [("tokens / s", speed), ("generation", duration(report.seconds))]
    told = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    verdicts = "".join(f"<li>{_verdict(difference)}</li>" for difference in report.differences)
    return (
        '<section class="ev-headline">'
        f'<p class="ev-kicker">{label} · {escape(report.model.name)}</p>'
        f'<p class="ev-figure"><strong>{score.mean:.4f}</strong><span>{interval}</span></p>'
        f'<p class="ev-definition">{escape(METRICS[HEADLINE].definition(report.k))}. '
        f"{plural(report.num_records, 'record')} of {plural(report.num_users, 'user')}, "
        f"{report.request.evaluation.split} split.</p>"
        f'<dl class="ev-facts">{told}</dl>'
        f"{f'<ul class=ev-verdicts>{verdicts}</ul>' if verdicts else ''}"
        "</section>"
    )


def _verdict(difference: PairedDifference) -> str:
    """One baseline against the run, in a sentence that claims no more than the interval and the corrected test do."""
    name = escape(system_title(difference.against))
    interval = difference.interval
    if interval is None:
        told, tone = f"Too few users to compare with {name}", "quiet"
    elif difference.clear_sign > 0:
        told, tone = f"Better than {name}", "ok"
    elif difference.clear_sign < 0:
        told, tone = f"Worse than {name}", "off"
    else:
        told, tone = f"No clear difference from {name}", "quiet"
    spread = interval if interval is not None and interval.low < interval.high else None
    figure = f"{_signed(difference.mean)} {_range(spread, signed=True) if spread else ''}".strip()
    if difference.permutation is not None:
        figure += f", p {_probability(difference.permutation.p_value)}"
    if difference.adjusted_p_value is not None:
        figure += f", adjusted {_probability(difference.adjusted_p_value)}"
    seen = difference.minimum_detectable_effect
    hint = "" if not seen else f' title="The smallest true difference that 80% of such studies would find: {seen:.4f}"'
    return f'<span class="ev-tone-{tone}">{told}</span> <span class="ev-number"{hint}>{figure}</span>'


def _probability(value: float) -> str:
    """A p-value as it is written.

    >>> _probability(0.00004), _probability(0.0312)
    ('&lt; 0.0001', '= 0.0312')
    """
    return "&lt; 0.0001" if value < 0.0001 else f"= {value:.4f}"


def text_quality_html(report: Report) -> str:
    """What the written titles are, as one stacked bar, and the other shares as meters."""
    shares = report.text_quality
    parts = [(name, shares[name]) for name in MATCH_SHARES if shares[name].numerator]
    denominator = shares[MATCH_SHARES[0]].denominator
    asked = report.request.generation.num_recommendations * report.num_records
    told = f"{plural(denominator, 'generated title')} of {asked:,} asked for, in {plural(report.num_records, 'record')}"
    metered = [*_ALWAYS_METERED, *(name for name in _METERED_WHEN_SEEN if shares[name].numerator)]
    return (
        f'<p class="ev-quiet">{told}</p>{_stacked_bar(parts)}'
        f'<ul class="ev-meters">{"".join(_meter(name, shares[name]) for name in metered)}</ul>'
    )


def _stacked_bar(parts: Sequence[tuple[str, Share]]) -> str:
    if not parts:
        return '<p class="ev-empty-line">The model wrote no title at all.</p>'
    bar = "".join(
        f'<span class="ev-part ev-part-{name}" style="flex-grow:{share.numerator}" '
        f'title="{escape(f"{_SHARE_TITLES[name]}: {share}")}"></span>'
        for name, share in parts
    )
    legend = "".join(
        f'<li><i class="ev-part-{name}"></i><span>{_SHARE_TITLES[name]}</span>'
        f"<b>{_percent(share)}</b><small>{share.numerator:,}</small></li>"
        for name, share in parts
    )
    spoken = "; ".join(f"{_SHARE_TITLES[name]} {share}" for name, share in parts)
    return (
        f'<div class="ev-stack" role="img" aria-label="{escape(spoken)}">{bar}</div><ul class="ev-legend">{legend}</ul>'
    )


def _meter(name: str, share: Share) -> str:
    value = share.value or 0.0
    return (
        f'<li title="{escape(DESCRIPTIONS[name])}"><span>{_SHARE_TITLES[name]}</span>'
        f'<span class="ev-meter" aria-hidden="true"><i style="width:{value:.1%}"></i></span>'
        f"<b>{_percent(share)}</b><small>{share.numerator:,} of {share.denominator:,} "
        f"{'titles' if share.of == 'generated titles' else share.of}</small></li>"
    )


def moment(iso: str) -> str:
    """A time in UTC as lists show it.

    >>> moment("2026-11-22T21:05:09+00:00")
    '22 Nov 2026, 21:05 UTC'
    """
    try:
        return f"{datetime.fromisoformat(iso):%-d %b %Y, %H:%M} UTC"
    except ValueError:
        return iso


def notice_html(tone: str, title: str, text: str) -> str:
    """A state that is not a result: nothing yet, waiting, cancelled or failed."""
    heading = f"<strong>{escape(title)}</strong>"
    return f'<div class="ev-notice ev-notice-{tone}" role="status">{heading}<p>{escape(text)}</p></div>'


def progress_html(title: str, fraction: float, facts: Sequence[str]) -> str:
    """A run under way: what it does, how far it is, and what is left."""
    percent = min(max(fraction, 0.0), 1.0)
    return (
        f'<div class="ev-progress" role="status"><p><strong>{escape(title)}</strong>'
        f'<span class="ev-number">{percent:.0%}</span></p>'
        f'<div class="ev-track" role="progressbar" aria-label="Records done" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{percent * 100:.0f}"><i style="width:{percent:.1%}"></i></div>'
        f'<p class="ev-quiet">{" · ".join(escape(fact) for fact in facts if fact)}</p></div>'
    )


def running_headline_html(label: str, value: float | None, interval: Interval | None, num_records: int) -> str:
    """The figure so far, in the place where the headline will stand."""
    figure = "–" if value is None else f"{value:.4f}"
    told = _interval_in_words(value or 0.0, interval, "95% interval so far", "the interval needs two users")
    return (
        '<section class="ev-headline ev-headline-running">'
        f'<p class="ev-kicker">{label} so far, {plural(num_records, "record")}</p>'
        f'<p class="ev-figure"><strong>{figure}</strong><span>{told}</span></p></section>'
    )


def _interval_in_words(value: float, interval: Interval | None, name: str, without: str) -> str:
    """The interval; resampling users who all missed says nothing of how rare a hit is, so then that is said."""
    if interval is None:
        return without
    return "no hit, so no interval" if not value else f"{name} {_range(interval)}"


def _range(interval: Interval, *, signed: bool = False) -> str:
    low, high = (_signed(end) if signed else f"{end:.4f}" for end in (interval.low, interval.high))
    return f"[{low}, {high}]"


def _signed(value: float) -> str:
    """With its sign, a true minus among them.

    >>> _signed(-0.01), _signed(0.0)
    ('−0.0100', '+0.0000')
    """
    return f"{value:+.4f}".replace("-", "−")


def _percent(share: Share) -> str:
    return "–" if share.value is None else f"{share.value:.0%}"
