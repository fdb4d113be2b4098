"""A trained model's card: its facts read from its folder, and written as the README.md that the Hub shows.

Knows no weights: what of an adapter is loaded is the business of adapters.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recsys.errors import AdapterError, UnknownModelError
from recsys.models.adapter_facts import METHOD_TITLES, AdapterCard, AdapterScore
from recsys.models.adapter_files import CONFIG_FILE, NOTES_FILE, read_adapter_notes
from recsys.models.registry import find_model

__all__ = ["AdapterCard", "read_adapter_card", "render_card"]

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_HUB_LICENCES = {"Apache-2.0": "apache-2.0", "Llama 3.2 Community License": "llama3.2"}
_EMBEDDED_ON_THE_HUB = "HuggingFaceTB/SmolLM2-135M-Instruct"
"""The original of the embedded model, which itself is not on the Hub."""


def read_adapter_card(folder: Path) -> AdapterCard:
    """The card of an adapter's or a trained model's folder.

    Raises:
        AdapterError: when its recsys.json is there and no JSON object.
    """
    try:
        notes = read_adapter_notes(folder)
    except RecursionError:  # what json raises for brackets nested by the thousand
        mend = "write it again, or delete it"
        raise AdapterError(f"{NOTES_FILE} of {folder.name} is nested too deeply", mend=mend) from None
    return AdapterCard.from_notes(folder.name, notes, _read_config(folder))


def render_card(card: AdapterCard) -> str:
    """The README.md of the folder: a model card of the Hub, front matter first."""
    parts = [_front_matter(card), f"# {_line(card.name)}", _lead(card), _use(card), _training_section(card)]
    parts += [_scores_section(card), _forgetting_section(card), _limits(card)]
    return "\n\n".join(filter(None, parts)) + "\n"


def _front_matter(card: AdapterCard) -> str:
    base, licence = _base_on_the_hub(card.base_model)
    is_peft = card.method != "full"
    tags = ["recommender-system", "movielens", "movies", *([card.method] if card.method else [])]
    lines = [] if base is None else [f"base_model: {json.dumps(base)}"]
    lines += [f"library_name: {'peft' if is_peft else 'transformers'}", f"license: {licence}"]
    lines += ["pipeline_tag: text-generation", "tags:", *(f"- {json.dumps(tag)}" for tag in tags)]
    return "\n".join(["---", *lines, "---"])


def _base_on_the_hub(name: str | None) -> tuple[str | None, str]:
    """The base's Hub id and licence as front matter names them; the embedded model goes by its original."""
    if name is None:
        return None, "other"
    try:
        spec = find_model(name)
    except UnknownModelError:
        return None, "other"
    licence = _HUB_LICENCES.get(spec.licence, "other")
    if spec.source == "package":
        return _EMBEDDED_ON_THE_HUB, licence
    is_hub = spec.source == "hub" and _HUB_ID.fullmatch(spec.location) is not None
    return (spec.location if is_hub else None), licence


def _lead(card: AdapterCard) -> str:
    method = METHOD_TITLES.get(card.method or "", card.method or "PEFT")
    base = f" of {_line(card.base_model)}" if card.base_model else ""
    kind = "All weights" if card.method == "full" else f"{_line(method)} adapter"
    told = f"{kind}{base}, trained to name the movies that a person will like next."
    return f"{told} {_line(card.note)}" if card.note else told


def _use(card: AdapterCard) -> str:
    if card.method == "full":
        return ""
    if card.method in ("ia3", "prefix"):
        return "## Use\nLoad it with `peft.PeftModel.from_pretrained`; the app switches between LoRA adapters alone."
    name = re.sub(r"[^\w.-]", "_", card.name)
    command = f'python -m recsys recommend --adapter {name} "Spirited Away" "Princess Mononoke"'
    told = f"## Use\nPut this folder under `adapters/` and ask:\n\n{_fenced(command)}"
    return told + (f"\n\nIt reads the prompt `{_code(card.prompt_id)}` and no other." if card.prompt_id else "")


def _training_section(card: AdapterCard) -> str:
    rows = [*card.facts(), *((name, str(value)) for name, value in card.training.items())]
    if card.base_weight_hash:
        rows.insert(1, ("Hash of its weights", card.base_weight_hash))
    if not rows:
        return ""
    section = "## Training\n" + _table(("Fact", "Value"), rows)
    return section + (f"\n\n{_fenced(card.command)}" if card.command else "")


def _scores_section(card: AdapterCard) -> str:
    if not card.scores:
        return ""
    rows = [(s.told_of, f"{s.label} {s.map:.4f}", s.interval, _mean_over_users(s)) for s in card.scores]
    table = _table(("Records", "Mean over records", "95% interval, by user", "Mean over users"), rows)
    commands = dict.fromkeys(score.command for score in card.scores if score.command)
    return "\n\n".join(["## Scores\n" + table, *map(_fenced, commands)])


def _mean_over_users(score: AdapterScore) -> str:
    return "" if score.map_users is None else f"{score.map_users:.4f}"


def _forgetting_section(card: AdapterCard) -> str:
    if card.forgetting is None:
        return ""
    on = f" on {_line(card.forgetting.text)}" if card.forgetting.text else ""
    figures = f"{card.forgetting.before:.2f} before, {card.forgetting.after:.2f} after"
    return f"## Forgetting\nPerplexity{on}: {figures}. Higher is language forgotten."


def _limits(card: AdapterCard) -> str:
    told = "It knows the movies and the taste of its training data, and names titles that do not exist as well."
    if card.split and "movielens" in card.split.casefold():
        told += " The data is MovieLens of GroupLens, whose terms ask for permission before commercial use."
    return f"## Limits\n{told}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([_cell(text) for text in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")


def _line(text: str) -> str:
    """Text on one line that Markdown shows as it is.

    >>> _line("a <b>\\n *c*")
    'a &lt;b> \\\\*c\\\\*'
    """
    return re.sub(r"([\\`*\[\]])", r"\\\1", " ".join(text.split())).replace("<", "&lt;")


def _code(text: str) -> str:
    return " ".join(text.replace("`", "'").split())


def _fenced(code: str) -> str:
    """A code block whose fence is longer than any in the code."""
    longest = max((len(run) for run in re.findall("`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{code}\n{fence}"


def _read_config(folder: Path) -> dict[str, Any]:
    """PEFT's settings; nothing where they are missing or broken, which whoever loads the adapter will say."""
    try:
        told = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
