"""The settings that cross every boundary: app, command line, API, training and evaluation.

All are frozen and checked when they are made, so a settings object that exists is valid. Names are
those of transformers and PEFT where those have one. This module knows no model and no data.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from recsys.errors import SettingsError

PromptStyle = Literal["zero_shot", "few_shot", "instruction", "history"]
QueueSymbol = Literal["=>", "[]", "()", "words"]
ListSeparator = Literal[";", ",", "newline", "numbered"]
MovieDetails = Literal["none", "genres", "tags", "description"]
ResolverName = Literal["levenshtein", "common_characters", "embedding"]
SplitName = Literal["train", "validation", "test"]
Precision = Literal["auto", "fp32", "bf16", "fp16", "int8", "nf4"]
DecodingMode = Literal["free", "catalogue_list", "catalogue_rank", "hybrid"]
TitleScoreName = Literal["full", "tree"]

INT8_THRESHOLD = 6.0
"""In int8, inputs of a layer above it are multiplied in half precision: what LLM.int8() was published with."""
FIRST_YEAR, LAST_YEAR = 1870, 2100
"""Years that a filter may name."""
HYBRID_SETTINGS = ("num_candidates", "llm_weight")
"""Decoding settings that act in the mode hybrid alone."""
_NOT_IN_RANKING = ("temperature", "top_p", "top_k", "repetition_penalty", "max_new_tokens", "seed")
MAX_HISTORY = 50
"""The most liked (or disliked) movies that one request may hold."""


def require_number(
    name: str, value: object, low: float, high: float, *, integer: bool = False, open_low: bool = False
) -> None:
    """Raises SettingsError unless ``value`` is a finite number in [low, high] (or (low, high])."""
    kind = "a whole number" if integer else "a number"
    bounds = f"{name} must be {kind} {'above' if open_low else 'from'} {low:g} "
    bounds += f"{'and at most' if open_low else 'to'} {high:g}"
    allowed = (int,) if integer else (int, float)
    if isinstance(value, bool) or not isinstance(value, allowed):
        raise SettingsError(f"{name} has the wrong type", seen=value, mend=bounds)
    # True of no number for NaN, and without a float of an integer that has none.
    if not (low < value or (value == low and not open_low)) or value > high:
        raise SettingsError(f"{name} is out of range", seen=value, mend=bounds)


def require_choice(name: str, value: object, choices: tuple[Any, ...]) -> None:
    """Raises SettingsError unless ``value`` is one of ``choices``."""
    if value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise SettingsError(f"{name} is not known", seen=value, mend=f"choose one of {listed}")


class Settings:
    """What all settings share: conversion from and to plain JSON values."""

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Makes the settings from plain values.

        Raises:
            SettingsError: for a name that is not a setting, or a value out of range.
        """
        known = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        unknown = sorted(set(values) - known)
        if unknown:
            mend = f"known are {', '.join(sorted(known))}"
            raise SettingsError(f"{cls.__name__} has no such setting", seen=unknown[0], mend=mend)
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain JSON values."""
        return dataclasses.asdict(self)  # type: ignore[call-overload, no-any-return]

    def replace(self, **changes: Any) -> Self:
        """A copy with some settings changed, checked anew."""
        return self.from_dict({**self.to_dict(), **changes})


@dataclass(frozen=True)
class GenerationSettings(Settings):
    """How the next token is chosen, in the order penalty → catalogue mask → temperature → top-k → top-p.

    Attributes:
        temperature: 0 is greedy search (or plain beam search) and switches top_p and top_k off; above 0
            tokens are sampled, within beams too when num_beams > 1.
        top_p: Probability mass that sampling keeps; 1 keeps all.
        top_k: Number of tokens that sampling keeps; 0 keeps all.
        num_beams: Hypotheses searched side by side; 1 is no beam search.
        repetition_penalty: Divides the score of tokens already written (the prompt is spared); 1 is none.
        max_new_tokens: The longest completion in tokens.
        num_recommendations: N, the titles asked for; generation ends when they are complete.
        seed: Same seed, model and settings: same completion.
    """

    temperature: float = 0.7
    top_p: float = 0.9
    top_k: int = 50
    num_beams: int = 1
    repetition_penalty: float = 1.0
    max_new_tokens: int = 96
    num_recommendations: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        require_number("temperature", self.temperature, 0, 2)
        require_number("top_p", self.top_p, 0, 1, open_low=True)
        require_number("top_k", self.top_k, 0, 1000, integer=True)
        require_number("num_beams", self.num_beams, 1, 16, integer=True)
        require_number("repetition_penalty", self.repetition_penalty, 1, 2)
        require_number("max_new_tokens", self.max_new_tokens, 1, 1024, integer=True)
        require_number("num_recommendations", self.num_recommendations, 1, 20, integer=True)
        require_number("seed", self.seed, 0, 2**32 - 1, integer=True)

    @property
    def do_sample(self) -> bool:
        """Whether tokens are drawn at random: exactly when the temperature is above 0."""
        return self.temperature > 0

    def without_effect(self) -> dict[str, str]:
        """The settings that change nothing in this mode, each with the reason in one sentence."""
        reason = "Temperature 0 always takes the likeliest token, so there is nothing to cut off."
        return {} if self.do_sample else {"top_p": reason, "top_k": reason}


@dataclass(frozen=True)
class PromptSettings(Settings):
    """How a history becomes the text that the model reads.

    Attributes:
        style: zero_shot (the bare list), few_shot (worked examples of training users first), instruction, or history
            (one list of liked titles that the answer goes on with: for models that were trained on such lists).
        queue_symbol: What stands between what was liked and what is asked for; "words" is a plain sentence. The
            instruction and history styles have none.
        list_separator: What stands between titles.
        include_years: Whether titles carry their year.
        include_disliked: Whether disliked movies are named in the prompt.
        num_examples: Worked examples of the few-shot prompt.
        details: What each liked or disliked title carries besides its year: its genres, its most given tags, or
            its description; titles of an answer stay bare.
    """

    style: PromptStyle = "few_shot"
    queue_symbol: QueueSymbol = "=>"
    list_separator: ListSeparator = ";"
    include_years: bool = False
    include_disliked: bool = False
    num_examples: int = 3
    details: MovieDetails = "none"

    def __post_init__(self) -> None:
        require_choice("style", self.style, get_args(PromptStyle))
        require_choice("queue_symbol", self.queue_symbol, get_args(QueueSymbol))
        require_choice("list_separator", self.list_separator, get_args(ListSeparator))
        require_choice("include_years", self.include_years, (True, False))
        require_choice("include_disliked", self.include_disliked, (True, False))
        require_number("num_examples", self.num_examples, 1, 8, integer=True)
        require_choice("details", self.details, get_args(MovieDetails))


@dataclass(frozen=True)
class DecodingSettings(Settings):
    """Whether the model writes freely or can only answer with real, new movies.

    Attributes:
        decoding: free (any text), catalogue_list (one completion of N distinct catalogue titles),
            catalogue_rank (the N titles likeliest as the next one, found with at least N beams; nothing is
            sampled) or hybrid (the best candidates of a classic recommender, put in order by its scores and
            their likelihoods together).
        title_score: What likelihood means in the catalogue modes: full (over the whole vocabulary, forced
            tokens included) or tree (over the tokens that the catalogue allows, forced tokens free).
        genres: In the catalogue modes, only movies of any of these genres; none allows all.
        year_from: In the catalogue modes, only movies of this year or later.
        year_to: In the catalogue modes, only movies of this year or earlier.
        num_candidates: In the mode hybrid, how many candidates the model scores; at least N are taken.
        llm_weight: In the mode hybrid, what a log-likelihood counts beside a classic score of 1. The default
            was chosen by user folds of training and validation users, with the embedded model gptj-mini.
    """

    decoding: DecodingMode = "free"
    title_score: TitleScoreName = "tree"
    genres: tuple[str, ...] = ()
    year_from: int | None = None
    year_to: int | None = None
    num_candidates: int = 100
    llm_weight: float = 2.0

    def __post_init__(self) -> None:
        require_choice("decoding", self.decoding, get_args(DecodingMode))
        require_choice("title_score", self.title_score, get_args(TitleScoreName))
        if not isinstance(self.genres, (list, tuple)) or not all(isinstance(genre, str) for genre in self.genres):
            raise SettingsError("genres is not a list of names", seen=self.genres, mend='give ["Comedy", "Drama"]')
        object.__setattr__(self, "genres", tuple(dict.fromkeys(self.genres)))  # JSON has lists only
        for name in ("year_from", "year_to"):
            if (year := getattr(self, name)) is not None:
                require_number(name, year, FIRST_YEAR, LAST_YEAR, integer=True)
        if self.year_from is not None and self.year_to is not None and self.year_from > self.year_to:
            seen = f"{self.year_from} to {self.year_to}"
            raise SettingsError("no year is that late and that early", seen=seen, mend="swap year_from and year_to")
        require_number("num_candidates", self.num_candidates, 1, 2000, integer=True)
        require_number("llm_weight", self.llm_weight, 0, 1e6)

    @property
    def is_catalogue(self) -> bool:
        """Whether only titles of the catalogue can come out."""
        return self.decoding != "free"

    @property
    def is_hybrid(self) -> bool:
        """Whether a classic recommender brings the candidates."""
        return self.decoding == "hybrid"

    @property
    def has_filter(self) -> bool:
        """Whether some movies of the catalogue are left out."""
        return bool(self.genres) or self.year_from is not None or self.year_to is not None

    def without_effect(self, generation: GenerationSettings) -> dict[str, str]:
        """The generation settings that change nothing in this mode, each with the reason in one sentence."""
        if self.decoding == "catalogue_rank":
            idle = dict.fromkeys(_NOT_IN_RANKING, "A ranking draws and cuts nothing.")
            if (beams := self.beams_of(generation)) != generation.num_beams:
                idle["num_beams"] = f"Ranking {generation.num_recommendations} titles takes {beams} beams."
            return idle
        if self.is_hybrid:
            return dict.fromkeys((*_NOT_IN_RANKING, "num_beams"), "A hybrid draws and searches nothing.")
        idle = generation.without_effect()
        if self.decoding == "catalogue_list":
            idle["max_new_tokens"] = "Catalogue decoding ends with the last title, however long the list."
        return idle

    def beams_of(self, generation: GenerationSettings) -> int:
        """The beams that are searched: a ranking of N titles takes at least N, and a hybrid searches none."""
        if self.decoding == "catalogue_rank":
            return max(generation.num_beams, generation.num_recommendations)
        return 1 if self.is_hybrid else generation.num_beams

    def candidates_of(self, generation: GenerationSettings) -> int:
        """The candidates that a hybrid scores: N titles take at least N."""
        return max(self.num_candidates, generation.num_recommendations)

    def in_effect(self) -> dict[str, Any]:
        """The settings as plain values without those that change nothing in this mode."""
        return {name: value for name, value in self.to_dict().items() if self.is_hybrid or name not in HYBRID_SETTINGS}


@dataclass(frozen=True)
class ResolutionSettings(Settings):
    """How a generated title becomes a catalogue item.

    Attributes:
        resolver: Which resolver answers when no exact or normalised match exists.
        threshold: The least similarity (0 to 1) that counts as a match; below it the title is out of
            catalogue. None takes the resolver's own default.
        force_nearest: Take the nearest item whatever its similarity.
    """

    resolver: ResolverName = "levenshtein"
    threshold: float | None = None
    force_nearest: bool = False

    def __post_init__(self) -> None:
        require_choice("resolver", self.resolver, get_args(ResolverName))
        if self.threshold is not None:
            require_number("threshold", self.threshold, 0, 1)
        require_choice("force_nearest", self.force_nearest, (True, False))


@dataclass(frozen=True)
class EvaluationSettings(Settings):
    """Which records are evaluated, how much of each is shown, and how far down the list.

    Attributes:
        split: The user set that the records come from.
        num_records: How many records, drawn without replacement with ``seed``; 0 takes all.
        k: The rank cut of every metric.
        batch_size: Records asked together; 0 takes what suits the decoding.
        seed: Draws the records, and with each record's id seeds its generation.
        history_length: The latest liked movies of each record that anybody is shown; 0 is a cold start, None shows all.
    """

    split: SplitName = "test"
    num_records: int = 50
    k: int = 4
    batch_size: int = 0
    seed: int = 0
    history_length: int | None = None

    def __post_init__(self) -> None:
        require_choice("split", self.split, get_args(SplitName))
        require_number("num_records", self.num_records, 0, 1_000_000, integer=True)
        require_number("k", self.k, 1, 20, integer=True)
        require_number("batch_size", self.batch_size, 0, 256, integer=True)
        require_number("seed", self.seed, 0, 2**32 - 1, integer=True)
        if self.history_length is not None:
            require_number("history_length", self.history_length, 0, MAX_HISTORY, integer=True)
