"""How settings and their values are called on the page, apart from their controls."""

from __future__ import annotations

SETTING_NAMES = {
    "preset": "preset",
    "model": "model",
    "precision": "precision",
    "int8_threshold": "int8 threshold",
    "adapter": "adapter",
    "temperature": "temperature",
    "top_p": "top-p",
    "top_k": "top-k",
    "num_beams": "beams",
    "repetition_penalty": "repetition penalty",
    "max_new_tokens": "max new tokens",
    "num_recommendations": "titles",
    "seed": "seed",
    "style": "style",
    "queue_symbol": "symbol",
    "list_separator": "separator",
    "include_years": "years",
    "include_disliked": "disliked",
    "num_examples": "examples",
    "details": "details",
    "resolver": "resolver",
    "threshold": "threshold",
    "force_nearest": "force nearest",
    "decoding": "catalogue decoding",
    "title_score": "title score",
    "genres": "genres",
    "year_from": "from",
    "year_to": "to",
    "num_candidates": "candidates",
    "llm_weight": "LLM weight",
}
"""Setting → its name in a line of text."""


def value_text(name: str, value: object) -> str:
    """A setting's value in a word or two.

    >>> value_text("top_k", 0), value_text("include_years", False), value_text("decoding", "catalogue_rank")
    ('off', 'no', 'rank')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "resolver's own"
    if isinstance(value, tuple):
        return ", ".join(value)
    if name == "decoding":
        return "off" if value == "free" else str(value).removeprefix("catalogue_")
    if isinstance(value, float):
        return f"{value:g}"
    return "off" if name == "top_k" and value == 0 else str(value).replace("_", " ")
