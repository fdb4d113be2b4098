"""The card of an answer's tokens: what each was chosen among, before and after the sliders.

Its value is plain JSON, which assets/ui/tokens.js writes as text and never as markup. The browser asks for it when the
card is open: after each answer, and when a slider moved, which shows what it makes of the same text without a new one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr
from gradio.components import Component

from recsys.errors import RecsysError
from recsys.generation.token_view import Alternative, CompletionView, Knob, TokenView
from recsys.recommend import Recommendation
from recsys.settings import GenerationSettings
from recsys.ui.markup import plural
from recsys.ui.running_requests import LastAnswers
from recsys.ui.setting_controls import as_whole
from recsys.ui.theme import ASSETS

View = Callable[[Recommendation, GenerationSettings], CompletionView]
TokenCard = dict[str, Any]

_NO_ANSWER = "Ask for a recommendation: its tokens appear here, each with what else the model thought of."
_NO_TOKENS = "The model wrote nothing, so there is no token to look at."
_CUT_BY: dict[Knob, str] = {"temperature": "not the likeliest", "top_k": "cut by top-k", "top_p": "cut by top-p"}
_NAMES = {
    "temperature": "temperature",
    "top_p": "top-p",
    "top_k": "top-k",
    "num_beams": "beams",
    "repetition_penalty": "repetition penalty",
}
_TEMPLATE = """
<details class="card tokens-card">
  <summary>
    <h2>Tokens</h2><span class="card-note">what each was chosen among, before and after the sliders</span>
  </summary>
  <p class="tokens-message" role="status"></p>
  <div class="tokens-body" hidden>
    <p class="tokens-summary"></p>
    <div class="tokens-text" role="group" aria-label="Tokens of the answer. Arrow keys move, Escape closes."></div>
    <div class="tokens-pop" id="tokens-pop" role="tooltip" hidden></div>
    <p class="tokens-legend"><span>chance after the sliders</span>
      <i class="tok is-0">under 5 %</i><i class="tok is-1">20 %</i><i class="tok is-2">50 %</i>
      <i class="tok is-3">80 %</i><i class="tok is-4">above</i><i class="tok is-0 is-cut">cut</i></p>
  </div>
</details>
"""


def create_token_card() -> gr.HTML:
    """Makes the card, closed and empty; its custom event "look" asks for the tokens."""
    return gr.HTML(
        {"message": _NO_ANSWER},
        html_template=_TEMPLATE,
        js_on_load=(ASSETS / "tokens.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id="tokens",
    )


def connect_token_card(
    card: Any, generation: Mapping[str, Component], answers: LastAnswers, view: View, queue: Mapping[str, Any]
) -> None:
    """Answers the card's "look".

    Args:
        card: The card.
        generation: The sliders by the name of their setting.
        answers: What each browser session was answered last.
        view: Views it.
        queue: How events wait for the model.
    """
    names = tuple(generation)

    def look(request: gr.Request, *values: Any) -> TokenCard:
        answer = answers.answer_of(request.session_hash or "")
        return look_through(answer, dict(zip(names, values, strict=True)), view)

    card.look(look, list(generation.values()), card, trigger_mode="always_last", **queue)


def look_through(answer: Recommendation | None, sliders: Mapping[str, Any], view: View) -> TokenCard:
    """The card's value for an answer, seen through the page's sliders; what is in the way is its message."""
    if answer is None:
        return {"message": _NO_ANSWER}
    try:
        settings = GenerationSettings.from_dict({name: as_whole(name, value) for name, value in sliders.items()})
        seen = view(answer, settings)
    except RecsysError as error:
        return {"message": f"{error.problem[:1].upper()}{error.problem[1:]}. {_sentence(error.mend)}".strip()}
    if not seen.tokens:
        return {"message": _NO_TOKENS}
    return card_of(seen, answer.completion.settings)


def card_of(seen: CompletionView, written_with: GenerationSettings) -> TokenCard:
    """The card's value for a view.

    Args:
        seen: The view.
        written_with: The settings that the text was written with, which may be others.
    """
    return {
        "summary": " ".join((*_summary(seen, written_with), *seen.notes)),
        "tokens": [_token(token) for token in seen.tokens],
    }


def _summary(seen: CompletionView, written_with: GenerationSettings) -> list[str]:
    tokens = seen.tokens
    before, after = (
        2 ** (sum(getattr(token, name) for token in tokens) / len(tokens))
        for name in ("entropy_before", "entropy_after")
    )
    told = [
        f"{plural(len(tokens), 'token')}. On average as open as a choice among {before:,.1f} equal ones before the "
        f"sliders, and among {after:,.1f} after them."
    ]
    changed = [name for name in _NAMES if getattr(seen.settings, name) != getattr(written_with, name)]
    if changed:
        was = ", ".join(f"{_NAMES[name]} {getattr(written_with, name):g}" for name in changed)
        told.append(f"Written with {was}; shown with the sliders as they are now.")
    num_cut = sum(token.written.cut_by is not None for token in tokens)
    if num_cut:
        told.append(f"{plural(num_cut, 'token')} of this text could not be drawn so.")
    return told


def _token(token: TokenView) -> dict[str, Any]:
    kept = plural(token.num_kept, "token")
    bits = f"{token.entropy_before:.1f} → {token.entropy_after:.1f} bits"
    return {
        **_alternative(token.written),
        "step": _step(token.written.after),
        "told": f"rank {token.rank:,} · {kept} can be drawn · {bits}",
        "likeliest_before": [_alternative(one, token.written) for one in token.likeliest_before],
        "likeliest_after": [_alternative(one, token.written) for one in token.likeliest_after],
    }


def _alternative(one: Alternative, written: Alternative | None = None) -> dict[str, Any]:
    """With the marks that stand beside it: what cut it, and whether it is penalised."""
    marks = [*([_CUT_BY[one.cut_by]] if one.cut_by else []), *(["penalised"] if one.is_penalised else [])]
    return {
        "text": one.text,
        "before": _rounded(one.before),
        "after": _rounded(one.after),
        "marks": marks,
        "is_cut": one.cut_by is not None,
        "is_written": written is None or one.token_id == written.token_id,
    }


def _step(probability: float) -> int:
    """One of five, least likely first; the bounds are those of the legend."""
    return sum(probability >= bound for bound in (0.05, 0.2, 0.5, 0.8))


def _rounded(probability: float) -> float:
    """Four significant digits: twenty alternatives of each token go to the browser."""
    return 0.0 if probability <= 0 else round(probability, 3 - math.floor(math.log10(probability)))


def _sentence(text: str | None) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""
