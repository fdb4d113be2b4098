"""What stands in the place of a text when titles were ranked: each title's tokens and how likely they are."""

from __future__ import annotations

import math

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
