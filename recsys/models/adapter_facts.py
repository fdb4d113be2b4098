"""What a trained model's recsys.json may say of its making, read with patience.

Every fact may be missing, since adapters come from many places; one of the wrong type counts as missing. Knows no
files and no weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

_LONGEST_TEXT = 4000
_MOST_SCORES = 20
METHOD_TITLES = {"lora": "LoRA", "ia3": "IA³", "prefix": "Prefix", "full": "All weights", "dpo": "DPO with LoRA"}


@dataclass(frozen=True)
class LoraFacts:
    """How large a LoRA is and where it sits.

    Attributes:
        r: Rank.
        lora_alpha: Scale.
        lora_dropout: Share of inputs dropped while it was trained.
        target_modules: The modules it changes.
        use_rslora: Whether it is scaled by the root of its rank.
        use_dora: Whether column lengths are trained apart.
    """

    r: int | None = None
    lora_alpha: float | None = None
    lora_dropout: float | None = None
    target_modules: tuple[str, ...] = ()
    use_rslora: bool = False
    use_dora: bool = False


@dataclass(frozen=True)
class AdapterScore:
    """MAP@K of one evaluation.

    Attributes:
        map: Mean over records.
        split: Whose records.
        decoding: free, catalogue_list, catalogue_rank or hybrid.
        low: Lower end of the 95% interval.
        high: Its upper end.
        map_users: Mean over users, each weighing the same.
        k: The rank cut.
        num_records: Records that were scored.
        num_users: Users that they are of.
        command: What measured it.
    """

    map: float
    split: str | None = None
    decoding: str | None = None
    low: float | None = None
    high: float | None = None
    map_users: float | None = None
    k: int | None = None
    num_records: int | None = None
    num_users: int | None = None
    command: str | None = None

    @property
    def label(self) -> str:
        """The metric's name with its rank cut."""
        return f"MAP@{self.k}" if self.k is not None else "MAP"

    @property
    def interval(self) -> str:
        """The interval as text, empty without one."""
        return "" if self.low is None or self.high is None else f"[{self.low:.4f}, {self.high:.4f}]"

    @property
    def told_of(self) -> str:
        """Which records, asked how: "test, catalogue rank, 716 records of 95 users"."""
        counted = _counted(self.num_records, "record")
        if counted and self.num_users is not None:
            counted += f" of {_counted(self.num_users, 'user')}"
        return ", ".join(filter(None, (self.split, (self.decoding or "").replace("_", " "), counted)))


@dataclass(frozen=True)
class Forgetting:
    """Perplexity on a text that has nothing to do with movies: higher afterwards is language forgotten.

    Attributes:
        before: Of the base alone.
        after: With the adapter.
        text: Name of the text.
    """

    before: float
    after: float
    text: str | None = None


@dataclass(frozen=True)
class AdapterCard:
    """The facts of one trained model; None, or nothing, where its folder does not tell.

    Attributes:
        name: The folder's name.
        base_model: What it was trained on: a registry name, Hub id or folder.
        base_weight_hash: LoadedModel.weight_hash of that base.
        prompt_id: The prompt that it was trained with.
        note: A sentence of whoever made it.
        method: lora, ia3, prefix, full or dpo.
        recipe: Name of the training recipe.
        num_records: Training records.
        num_validation_records: Records that the validation loss is of.
        num_validation_users: Users that those are of.
        num_train_epochs: Times that they were seen.
        steps: Optimizer steps.
        seed: Of the run.
        command: What trained it.
        hardware: Where.
        seconds: How long.
        split: Data set and the part of its users that was trained on.
        lora: Size and place of a LoRA; None for other methods.
        training: The other settings of the run, plain values by name.
        scores: MAP@K of evaluations.
        forgetting: Perplexity before and after.
    """

    name: str
    base_model: str | None = None
    base_weight_hash: str | None = None
    prompt_id: str | None = None
    note: str | None = None
    method: str | None = None
    recipe: str | None = None
    num_records: int | None = None
    num_validation_records: int | None = None
    num_validation_users: int | None = None
    num_train_epochs: float | None = None
    steps: int | None = None
    seed: int | None = None
    command: str | None = None
    hardware: str | None = None
    seconds: float | None = None
    split: str | None = None
    lora: LoraFacts | None = None
    training: Mapping[str, Any] = field(default_factory=dict)
    scores: tuple[AdapterScore, ...] = ()
    forgetting: Forgetting | None = None

    @classmethod
    def from_notes(cls, name: str, notes: Mapping[str, Any], config: Mapping[str, Any] | None = None) -> Self:
        """The card of what recsys.json holds, completed from PEFT's adapter_config.json."""
        config = config or {}
        peft_type = _text(config.get("peft_type"))
        method = _text(notes.get("method")) or (peft_type.lower() if peft_type else None)
        training = notes.get("training")
        plain = training if isinstance(training, dict) else {}
        return cls(
            name=name,
            base_model=_text(notes.get("base_model")) or _text(config.get("base_model_name_or_path")),
            base_weight_hash=_text(notes.get("base_weight_hash")),
            prompt_id=_text(notes.get("prompt_id")),
            note=_text(notes.get("note")),
            method=method,
            recipe=_text(notes.get("recipe")),
            num_records=_count(notes.get("num_records")),
            num_validation_records=_count(notes.get("num_validation_records")),
            num_validation_users=_count(notes.get("num_validation_users")),
            num_train_epochs=_number(notes.get("num_train_epochs")),
            steps=_count(notes.get("steps")),
            seed=_count(notes.get("seed")),
            command=_text(notes.get("command")),
            hardware=_text(notes.get("hardware")),
            seconds=_number(notes.get("seconds")),
            split=_text(notes.get("split")),
            lora=_lora(notes.get("lora"), config),
            training={str(key): value for key, value in plain.items() if _is_plain(value)},
            scores=_scores(notes.get("scores")),
            forgetting=_forgetting(notes.get("forgetting")),
        )

    def facts(self) -> tuple[tuple[str, str], ...]:
        """What is known, as labels and texts in the order in which people ask; the same in app and README."""
        told = (
            ("Base model", self.base_model),
            ("Recipe", self.recipe),
            ("Method", METHOD_TITLES.get(self.method, self.method) if self.method else None),
            ("LoRA", _lora_in_words(self.lora)),
            ("Target modules", ", ".join(self.lora.target_modules) if self.lora else None),
            ("Prompt", self.prompt_id),
            ("Data", self.split),
            ("Training records", None if self.num_records is None else f"{self.num_records:,}"),
            ("Epochs", _epochs_in_words(self.num_train_epochs, self.steps)),
            ("Seed", None if self.seed is None else str(self.seed)),
            ("Time", None if self.seconds is None else _time_in_words(self.seconds)),
            ("Hardware", self.hardware),
        )
        return tuple((label, text) for label, text in told if text)


def _lora(told: object, config: Mapping[str, Any]) -> LoraFacts | None:
    """What recsys.json tells of a LoRA, each fact else from PEFT's own settings."""
    mine = told if isinstance(told, dict) else {}
    if not mine and config.get("peft_type") != "LORA":
        return None
    known = {**{key: value for key, value in config.items() if value is not None}, **mine}
    return LoraFacts(
        r=_count(known.get("r")),
        lora_alpha=_number(known.get("lora_alpha")),
        lora_dropout=_number(known.get("lora_dropout")),
        target_modules=_names(known.get("target_modules")),
        use_rslora=known.get("use_rslora") is True,
        use_dora=known.get("use_dora") is True,
    )


def _lora_in_words(lora: LoraFacts | None) -> str | None:
    if lora is None:
        return None
    numbers = (("r", lora.r), ("lora_alpha", lora.lora_alpha), ("lora_dropout", lora.lora_dropout))
    told = [f"{name} {value:g}" for name, value in numbers if value is not None]
    return ", ".join(told + ["rsLoRA"] * lora.use_rslora + ["DoRA"] * lora.use_dora)


def _epochs_in_words(epochs: float | None, steps: int | None) -> str:
    counted = _counted(steps, "step")
    if epochs is None:
        return counted
    return f"{epochs:g} ({counted})" if counted else f"{epochs:g}"


def _time_in_words(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _counted(number: int | None, noun: str) -> str:
    return "" if number is None else f"{number:,} {noun}{'' if number == 1 else 's'}"


def _scores(told: object) -> tuple[AdapterScore, ...]:
    listed = told[:_MOST_SCORES] if isinstance(told, list) else []
    return tuple(score for score in map(_score, listed) if score is not None)


def _score(told: object) -> AdapterScore | None:
    value = _number(told.get("map")) if isinstance(told, dict) else None
    if value is None or not isinstance(told, dict):
        return None
    return AdapterScore(
        map=value,
        split=_text(told.get("split")),
        decoding=_text(told.get("decoding")),
        low=_number(told.get("low")),
        high=_number(told.get("high")),
        map_users=_number(told.get("map_users")),
        k=_count(told.get("k")),
        num_records=_count(told.get("num_records")),
        num_users=_count(told.get("num_users")),
        command=_text(told.get("command")),
    )


def _forgetting(told: object) -> Forgetting | None:
    if not isinstance(told, dict):
        return None
    before, after = _number(told.get("before")), _number(told.get("after"))
    return None if before is None or after is None else Forgetting(before, after, _text(told.get("text")))


def _is_plain(value: object) -> bool:
    return isinstance(value, str | bool) or _number(value) is not None


def _text(value: object) -> str | None:
    return value.strip()[:_LONGEST_TEXT] or None if isinstance(value, str) else None


def _names(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    named = [name for name in map(_text, value) if name] if isinstance(value, (list, tuple)) else []
    return tuple(sorted(named))


def _number(value: object) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < 1e300 and math.isfinite(value) else None  # type: ignore[arg-type]


def _count(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number >= 0 and number.is_integer() else None
