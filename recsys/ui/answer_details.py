"""What stands below the two cards of an answer.

The true four of a held-out user, the settings in effect, the prompt, and the request to take away as
Python, as a command or as a link.
"""

from __future__ import annotations

from collections.abc import Sequence

from recsys.catalogue import Catalogue
from recsys.data.records import Record
from recsys.presets import shipped_name
from recsys.recommend import Recommendation
from recsys.settings import Settings
from recsys.ui.markup import escape, plural
from recsys.ui.setting_names import SETTING_NAMES, value_text
from recsys.ui.share import as_command, as_python, as_query


def answer_details(recommendation: Recommendation, catalogue: Catalogue, record: Record | None, address: str) -> str:
    """Everything below the cards."""
    truth = record_truth(recommendation, catalogue, record) if record else ""
    notes = "".join(f'<p class="callout callout-note">{escape(warning)}</p>' for warning in recommendation.warnings)
    return f'<div class="details">{truth}{notes}{_facts(recommendation)}{_prompt(recommendation)}</div>' + _share(
        recommendation, catalogue, address
    )


def record_truth(recommendation: Recommendation, catalogue: Catalogue, record: Record) -> str:
    """What the held-out user really liked next, and which of it the answer holds."""
    ranks = {item: rank for rank, item in enumerate(recommendation.item_ids, start=1) if item is not None}
    rows = "".join(_truth_row(item, ranks.get(item), catalogue) for item in record.relevant)
    hits = sum(item in ranks for item in record.relevant)
    lead = f"User {record.user_id} went on to like these: {plural(hits, 'hit')} of {len(record.relevant)}"
    return (
        f'<section class="card truth"><header><h2>The truth</h2><span class="card-note">{lead}</span></header>'
        f'<ol class="truth-rows">{rows}</ol></section>'
    )


def _truth_row(item_id: int, rank: int | None, catalogue: Catalogue) -> str:
    movie = catalogue[item_id]
    hit = rank is not None
    told = f"✓ hit at rank {rank}" if hit else "not recommended"
    return (
        f'<li class="{"is-hit" if hit else ""}"><span>{escape(movie.display())}</span>'
        f'<span class="badge st-{"exact" if hit else "out"}">{told}</span></li>'
    )


def _facts(recommendation: Recommendation) -> str:
    completion = recommendation.completion
    told, prompt_told = completion.tokens_told, completion.tokens_told or completion.prompt_tokens > 0
    facts = (
        ("Time", f"{completion.seconds:.2f}", "s"),
        ("Written", str(completion.completion_tokens), "tokens") if told else ("Written", "–", "not told"),
        ("Speed", f"{completion.tokens_per_second:.1f}", "tokens/s") if told else ("Speed", "–", "not told"),
        ("Prompt", str(completion.prompt_tokens), "tokens") if prompt_told else ("Prompt", "–", "not told"),
    )
    figures = "".join(
        f"<div><dt>{name}</dt><dd>{value} <small>{unit}</small></dd></div>" for name, value, unit in facts
    )
    adapter = completion.adapter or "no adapter"
    model = f"{completion.base_model} · {completion.precision} · {adapter}"
    return (
        f'<dl class="facts">{figures}<div class="fact-model"><dt>Model</dt><dd>{escape(model)}</dd></div></dl>'
        f'<ul class="settings-in-effect" aria-label="Settings in effect">{_settings(recommendation)}</ul>'
    )


def _settings(recommendation: Recommendation) -> str:
    idle = recommendation.completion.without_effect
    groups: tuple[Settings, ...] = (
        recommendation.completion.settings,
        recommendation.request.prompt,
        recommendation.request.resolution,
    )
    request = recommendation.request
    decoding, preset = request.decoding, shipped_name(request.generation, request.resolution, request.decoding)
    chips = []
    values: list[tuple[str, object]] = [("preset", preset)] if preset else []
    values += [pair for group in groups for pair in group.to_dict().items()]
    if decoding.is_catalogue:
        values += [pair for pair in decoding.in_effect().items() if pair[1] not in (None, ())]  # filters that are set
    else:
        values.append(("decoding", decoding.decoding))
    if recommendation.completion.precision == "int8":
        values.append(("int8_threshold", request.choice.int8_threshold))
    for name, value in values:
        reason = idle.get(name)
        hint = f' class="is-idle" title="No effect: {escape(reason)}"' if reason else ""
        chips.append(f"<li{hint}>{SETTING_NAMES[name]} <b>{escape(value_text(name, value))}</b></li>")
    return "".join(chips)


def _prompt(recommendation: Recommendation) -> str:
    completion = recommendation.completion
    tokens = plural(completion.prompt_tokens, "token") if completion.prompt_tokens or completion.tokens_told else ""
    return (
        f'<details class="prompt-fold"><summary>The prompt, as the model read it <small>{tokens}</small></summary>'
        f'<pre tabindex="0">{escape(recommendation.completion.prompt_text)}</pre></details>'
    )


def _share(recommendation: Recommendation, catalogue: Catalogue, address: str) -> str:
    request = recommendation.request
    texts = (
        ("Copy as Python", as_python(request, address)),
        ("Copy as command", as_command(request, catalogue)),
        ("Copy link", f"{address.rstrip('/')}/?{as_query(request)}"),
    )
    return share_buttons(texts)


def share_buttons(texts: Sequence[tuple[str, str]]) -> str:
    """A button for each text to be copied."""
    buttons = "".join(
        f'<button type="button" class="copy" data-copy="{escape(text)}">{label}</button>' for label, text in texts
    )
    return f'<div class="share">{buttons}<span class="visually-hidden" role="status"></span></div>'
