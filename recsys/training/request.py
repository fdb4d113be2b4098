"""What is trained, on what and how: the request of a run, and the data that it learns from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.data.records import Record, SplitData
from recsys.data.windows import HISTORY_LENGTH, NUM_RELEVANT
from recsys.settings import PromptSettings
from recsys.training.examples import Case, record_cases, require_records, sub_history_cases
from recsys.training.settings import LoraSettings, TrainingSettings

if TYPE_CHECKING:
    from recsys.catalogue import Catalogue


@dataclass(frozen=True)
class TrainingRequest:
    """What is trained, on what, and how.

    Attributes:
        name: Of the result.
        base_model: Registry name, folder or Hub id.
        prompt: The prompt's format.
        lora: The settings of LoRA.
        training: The settings of the run.
        is_from_scratch: The model has random weights, and base_model is its own name.
        num_samples: Examples of an epoch of sub-histories; 0 takes as many as there are training records.
        init_adapter: A folder of an adapter of the same shape to go on from.
        command: The command line, for the card.
    """

    name: str
    base_model: str
    prompt: PromptSettings = field(default_factory=lambda: PromptSettings(style="history"))
    lora: LoraSettings = field(default_factory=LoraSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    is_from_scratch: bool = False
    num_samples: int = 0
    init_adapter: Path | None = None
    command: str = ""

    @property
    def recipe(self) -> str:
        """What the settings are known as: "story" for the story's LoRA and records, whatever epochs, rate and scale."""
        if self.training.method == "full":
            return "pretrain" if self.is_from_scratch else "custom"
        training = self.training
        its_own = (training.method, training.augmentation, training.teacher_share) == ("lora", "records", 0)
        free = self.lora.replace(lora_alpha=LoraSettings.lora_alpha, lora_dropout=LoraSettings.lora_dropout)
        return "story" if its_own and free == LoraSettings() else "custom"


@dataclass(frozen=True)
class TrainingData:
    """What a run learns from and is measured on.

    Attributes:
        split: User sets with their likes and records.
        catalogue: Names of the movies, popularity of training users.
        name: Of the data set and its split.
    """

    split: SplitData
    catalogue: Catalogue
    name: str

    def draw(self, request: TrainingRequest) -> tuple[Callable[[int, int], Case], int]:
        """The cases of an epoch, and how many they are.

        Raises:
            SettingsError: when training users have no record.
        """
        settings = request.training
        records = [self.split.records[name] for name in settings.learnt_users]
        num = sum(map(len, records))
        if settings.augmentation == "records" or not request.num_samples:
            require_records(records[0], "train")
        likes = self.split.likes_of(*settings.learnt_users)
        if settings.augmentation == "records":
            cases = record_cases([record for part in records for record in part])
        else:
            num = request.num_samples or num
            cases = sub_history_cases(
                likes, history_length=HISTORY_LENGTH, num_relevant=NUM_RELEVANT, seed=settings.seed
            )
        return cases, num

    def held_out(self, settings: TrainingSettings) -> Sequence[Record]:
        """Records of validation users; none where the run learns from them, since they would measure nothing."""
        return () if "validation" in settings.learnt_users else self.split.records["validation"]

    def ranking_records(self, settings: TrainingSettings) -> Sequence[Record]:
        """Those that are ranked after each epoch, spread evenly where fewer are wanted than there are."""
        records = self.held_out(settings)
        kept = min(settings.ranking_records, len(records))
        return tuple(records[len(records) * i // kept] for i in range(kept))
