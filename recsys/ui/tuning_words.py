"""Settings and measures of sweeps and searches as the page names them, and the values that a setting takes at first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from recsys.evaluation.metrics import METRICS
from recsys.tuning.axes import Value, write_value


@dataclass(frozen=True)
class SettingWords:
    """A setting that the page offers to vary.

    Attributes:
        title: As the sliders and folds of the other tabs call it.
        group: What it is a part of.
        values: What it takes until somebody writes other ones.
    """

    title: str
    group: str
    values: str


SETTINGS: Final[Mapping[str, SettingWords]] = {
    "temperature": SettingWords("Temperature", "Sliders", "0, 0.3, 0.7, 1, 1.3"),
    "top_p": SettingWords("Top-p", "Sliders", "0.3, 0.6, 0.9, 1"),
    "top_k": SettingWords("Top-k", "Sliders", "0, 10, 50, 200"),
    "num_beams": SettingWords("Beams", "Sliders", "1, 2, 4"),
    "repetition_penalty": SettingWords("Repetition penalty", "Sliders", "1, 1.1, 1.3, 1.5"),
    "max_new_tokens": SettingWords("Most new tokens", "Sliders", "24, 48, 96, 160"),
    "decoding": SettingWords("Decoding", "Decoding", "free, catalogue_list, catalogue_rank"),
    "title_score": SettingWords("Title score", "Decoding", "tree, full"),
    "num_candidates": SettingWords("Candidates", "Decoding", "20, 50, 100, 200"),
    "llm_weight": SettingWords("LLM weight", "Decoding", "0, 1, 2, 4, 8"),
    "style": SettingWords("Prompt style", "Prompt", "zero_shot, few_shot, instruction"),
    "queue_symbol": SettingWords("Queue symbol", "Prompt", "=>, [], (), words"),
    "list_separator": SettingWords("List separator", "Prompt", ";, newline, numbered"),
    "include_years": SettingWords("Years in titles", "Prompt", "false, true"),
    "include_disliked": SettingWords("Disliked movies named", "Prompt", "false, true"),
    "num_examples": SettingWords("Worked examples", "Prompt", "1, 3, 5"),
    "details": SettingWords("Details of titles", "Prompt", "none, genres, tags"),
    "resolver": SettingWords("Resolver", "Matching", "levenshtein, embedding, common_characters"),
    "threshold": SettingWords("Threshold", "Matching", "0.5, 0.6, 0.7, 0.8, 0.9"),
    "force_nearest": SettingWords("Force nearest", "Matching", "false, true"),
}
"""The settings that the page offers, in its order. The seed of one answer is none: each record has its own."""

MEASURE_TITLES: Final[Mapping[str, str]] = {
    "map": "MAP",
    "ndcg": "NDCG",
    "raw_map": "MAP of exact titles",
    "well_formed": "Clean lists",
    "exactly_n": "Exactly N titles",
    "exact": "Exact titles",
    "out_of_catalogue": "Out of catalogue",
    "repeated": "Repeated",
    "already_liked": "Already liked",
    "wrong_year": "Wrong year",
    "prose_or_code": "Prose or code",
    "diversity": "Diversity",
    "novelty": "Novelty",
    "decade_drift": "Drift in years",
    "seconds": "Seconds a record",
    "tokens": "Tokens a record",
}
SCORES: Final = ("map", "ndcg", "raw_map")
"""Measures that are cut at K."""
LESS_IS_BETTER: Final = (
    *("out_of_catalogue", "repeated", "already_liked", "wrong_year", "prose_or_code"),
    *("seconds", "tokens"),
)
NEITHER_IS_BETTER: Final = ("diversity", "novelty", "decade_drift")
OBJECTIVES: Final[Mapping[str, str]] = {"ndcg": "NDCG", "map": "MAP", "pareto": "NDCG, clean lists and time"}


def setting_title(name: str) -> str:
    """A setting as the page calls it.

    >>> setting_title("top_p"), setting_title("seed")
    ('Top-p', 'seed')
    """
    return SETTINGS[name].title if name in SETTINGS else name


def measure_title(name: str, k: int | None = None) -> str:
    """A measure as figures and tables call it.

    >>> measure_title("map", 4), measure_title("seconds", 4)
    ('MAP@4', 'Seconds a record')
    """
    if k is not None and name in METRICS:
        return METRICS[name].label(k)
    cut = f"@{k}" if k is not None and name in SCORES else ""
    title = MEASURE_TITLES.get(name, name)
    return title.replace("MAP", f"MAP{cut}", 1) if cut else title


def values_text(values: Mapping[str, Value]) -> str:
    """A combination in words.

    >>> values_text({"temperature": 0.3, "num_beams": 4})
    'Temperature 0.3, Beams 4'
    """
    return ", ".join(f"{setting_title(name)} {write_value(value)}" for name, value in values.items())
