"""What stands in the place of a text when titles were ranked: each title's tokens and likelihood, or its two scores."""

from __future__ import annotations

import math

from recsys.baselines.hybrid import FusedTitle
from recsys.catalogue import Catalogue
from recsys.generation.hypotheses import RankedTitle
from recsys.recommend import Recommendation
from recsys.ui.markup import escape, plural


def ranking_html(recommendation: Recommendation, catalogue: Catalogue) -> str:
    """The ranked titles, open choices marked against forced tokens."""
    in_tree = recommendation.request.decoding.title_score == "tree"
    rows = "".join(
        _row(rank, title, catalogue, in_tree=in_tree) for rank, title in enumerate(recommendation.ranked, start=1)
    )
    among = "the tokens that the catalogue allows" if in_tree else "the whole vocabulary"
    legend = (
        '<p class="ranking-legend"><span class="token is-open">choice</span> the model chose here '
        '<span class="token">forced</span> the catalogue left one continuation. '
        f"Likelihoods are over {among}; none is divided by the length.</p>"
    )
    return f'<ol class="ranking" tabindex="0">{rows}</ol>{legend}'


def fused_html(recommendation: Recommendation, catalogue: Catalogue) -> str:
    """The titles of a hybrid, each with the two scores that its place is made of."""
    weight = recommendation.request.decoding.llm_weight
    rows = "".join(
        _fused_row(rank, title, catalogue, weight) for rank, title in enumerate(recommendation.fused, start=1)
    )
    among = recommendation.fused[0].num_candidates if recommendation.fused else 0
    legend = (
        '<p class="ranking-legend">The classic recommender (SLIT and half of EASE, standardised) brings '
        f"{plural(among, 'candidate')}. Its score and {weight:g} × the log-likelihood that the model gives the title "
        "as the next one make the sum.</p>"
    )
    return f'<ol class="ranking" tabindex="0">{rows}</ol>{legend}'


def _fused_row(rank: int, title: FusedTitle, catalogue: Catalogue, weight: float) -> str:
    return (
        f'<li><p class="ranking-head"><span class="rank">{rank}</span>'
        f"<b>{escape(catalogue[title.item_id].display())}</b></p>"
        f'<p class="ranking-score">classic <b>{title.classic_score:.2f}</b>, rank {title.classic_rank} · '
        f"log-likelihood <b>{title.log_likelihood:.2f}</b>, rank {title.llm_rank} of {title.num_candidates}</p>"
        f'<p class="ranking-score">{title.classic_score:.2f} + {weight:g} × {title.log_likelihood:.2f} = '
        f"<b>{title.score:.2f}</b></p></li>"
    )


def _row(rank: int, title: RankedTitle, catalogue: Catalogue, *, in_tree: bool) -> str:
    tokens = "".join(
        _token(text, log_probability, choices, in_tree=in_tree)
        for text, log_probability, choices in zip(
            title.token_texts, title.token_logprobs, title.num_choices, strict=True
        )
    )
    told = f"{plural(title.num_open, 'choice')} in {plural(len(title.tokens), 'token')}"
    return (
        f'<li><p class="ranking-head"><span class="rank">{rank}</span>'
        f"<b>{escape(catalogue[title.item_id].display())}</b></p>"
        f'<p class="tokens">{tokens}</p>'
        f'<p class="ranking-score"><b>{title.score:.2f}</b> log-likelihood · {told}</p></li>'
    )


def _token(text: str, log_probability: float, choices: int, *, in_tree: bool) -> str:
    is_open = choices > 1
    share = f"{math.exp(log_probability):.2%}"
    if is_open:
        told = f"{share} of {choices:,} allowed tokens" if in_tree else f"{share}; {choices:,} tokens were allowed"
    else:
        told = "forced by the catalogue" if in_tree else f"forced by the catalogue; {share}"
    shown = escape(text.replace("\n", "↵")) or "�"
    return f'<span class="token{" is-open" if is_open else ""}" title="{escape(told)}">{shown}</span>'
