"""The settings of a training run, under the names that transformers and PEFT give them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from recsys.errors import SettingsError
from recsys.settings import Precision, Settings, SplitName, require_choice, require_number

TrainingMethod = Literal["lora", "ia3", "prefix", "full", "dpo"]
Scheduler = Literal["linear", "cosine", "constant", "constant_with_warmup"]
LossOn = Literal["answer", "titles"]
Augmentation = Literal["records", "sub_histories"]
LearnFrom = Literal["train", "train_and_validation"]

ALL_LINEAR = "all-linear"
"""PEFT's word for every linear layer but the output layer."""


@dataclass(frozen=True)
class LoraSettings(Settings):
    """What LoRA adds to the base.

    Attributes:
        r: Rank of each update.
        lora_alpha: Its scale: the update is multiplied by lora_alpha / r.
        lora_dropout: Share of its inputs that is dropped while training.
        target_modules: Names of the layers that get one; "all-linear" is every linear layer but the output layer.
        use_rslora: Scale by lora_alpha / sqrt(r) instead.
        use_dora: Train the length of each weight column apart from its direction.
    """

    r: int = 8
    lora_alpha: int = 16
    lora_dropout: float = 0.05
    target_modules: tuple[str, ...] = ("q_proj", "v_proj")
    use_rslora: bool = False
    use_dora: bool = False

    def __post_init__(self) -> None:
        require_number("r", self.r, 1, 512, integer=True)
        require_number("lora_alpha", self.lora_alpha, 1, 4096, integer=True)
        require_number("lora_dropout", self.lora_dropout, 0, 0.9)
        names: object = self.target_modules
        if not isinstance(names, (list, tuple)) or not names or not all(isinstance(n, str) and n for n in names):
            mend = "name layers such as q_proj v_proj, or all-linear"
            raise SettingsError("target_modules names no layer", seen=names, mend=mend)
        object.__setattr__(self, "target_modules", tuple(dict.fromkeys(names)))  # JSON has lists only
        require_choice("use_rslora", self.use_rslora, (True, False))
        require_choice("use_dora", self.use_dora, (True, False))

    @property
    def peft_target_modules(self) -> str | list[str]:
        """The targets as PEFT takes them: "all-linear" is a word of its own."""
        return ALL_LINEAR if ALL_LINEAR in self.target_modules else list(self.target_modules)


@dataclass(frozen=True)
class TrainingSettings(Settings):
    """How a model is trained. The defaults are the story's recipe.

    Attributes:
        method: lora, ia3, prefix (few weights beside a frozen base), full (all weights) or dpo (LoRA, liked titles
            preferred to disliked ones).
        num_train_epochs: Times that the training records are seen.
        max_steps: Optimizer steps after which training ends whatever the epochs; 0 is no limit.
        learning_rate: The highest learning rate of AdamW.
        lr_scheduler_type: How it changes after the warm-up.
        warmup_ratio: Share of the steps in which it rises from 0.
        weight_decay: AdamW's.
        max_grad_norm: Gradients longer than this are cut to it.
        per_device_train_batch_size: Records of one forward pass; pairs of titles with dpo.
        gradient_accumulation_steps: Passes of one optimizer step.
        beta: How firmly dpo holds to the model that it starts from; the other methods ignore it.
        loss_on: What is learnt: the answer's titles, or every title of the history too (history style alone). dpo
            ignores it: it learns one title of the answer.
        augmentation: The records as they are, or in each epoch other time-ordered parts of each user's likes.
        teacher_share: Share of each title's target that is what a classic recommender expects after the titles before
            it; the rest is what the person liked next. 0 asks none.
        teacher_temperature: The lower, the more it expects its favourites alone.
        teacher_folds: One teacher for each fold of users, fitted on all others; 1 is one teacher for everybody, which
            knows what they liked: it expects what they liked soon after as much as what others did.
        unlikelihood: With a teacher, how much it weighs that a title which the list holds already is unlikely.
        learn_from: Whose likes are learnt, by the model and its teacher. With validation users among them nothing is
            measured while training: choose settings without them first.
        precision: What the frozen base is held in.
        early_stopping_patience: Epochs without a lower validation loss after which training stops; 0 never.
        ranking_records: Records of validation users ranked after each epoch for MAP@4; 0 ranks none, as does a
            prefix, which catalogue decoding cannot use.
        save_steps: Optimizer steps between checkpoints.
        gradient_checkpointing: Compute activations twice instead of keeping them: less memory, more time.
        seed: Of the new weights, the order of records, dropout and augmentation.
    """

    method: TrainingMethod = "lora"
    num_train_epochs: float = 10
    max_steps: int = 0
    learning_rate: float = 1e-3
    lr_scheduler_type: Scheduler = "linear"
    warmup_ratio: float = 0.03
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    per_device_train_batch_size: int = 16
    gradient_accumulation_steps: int = 1
    beta: float = 0.1
    loss_on: LossOn = "answer"
    augmentation: Augmentation = "records"
    teacher_share: float = 0.0
    teacher_temperature: float = 1.0
    teacher_folds: int = 1
    unlikelihood: float = 0.0
    learn_from: LearnFrom = "train"
    precision: Precision = "auto"
    early_stopping_patience: int = 0
    ranking_records: int = 128
    save_steps: int = 200
    gradient_checkpointing: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        require_choice("method", self.method, get_args(TrainingMethod))
        require_number("num_train_epochs", self.num_train_epochs, 0, 1000, open_low=True)
        require_number("max_steps", self.max_steps, 0, 10_000_000, integer=True)
        require_number("learning_rate", self.learning_rate, 0, 1, open_low=True)
        require_choice("lr_scheduler_type", self.lr_scheduler_type, get_args(Scheduler))
        require_number("warmup_ratio", self.warmup_ratio, 0, 1)
        require_number("weight_decay", self.weight_decay, 0, 1)
        require_number("max_grad_norm", self.max_grad_norm, 0, 1000, open_low=True)
        require_number("per_device_train_batch_size", self.per_device_train_batch_size, 1, 4096, integer=True)
        require_number("gradient_accumulation_steps", self.gradient_accumulation_steps, 1, 4096, integer=True)
        require_number("beta", self.beta, 0, 100, open_low=True)
        require_choice("loss_on", self.loss_on, get_args(LossOn))
        require_choice("augmentation", self.augmentation, get_args(Augmentation))
        require_number("teacher_share", self.teacher_share, 0, 1)
        require_number("teacher_temperature", self.teacher_temperature, 0, 100, open_low=True)
        require_number("teacher_folds", self.teacher_folds, 1, 1000, integer=True)
        require_number("unlikelihood", self.unlikelihood, 0, 1000)
        require_choice("learn_from", self.learn_from, get_args(LearnFrom))
        require_choice("precision", self.precision, get_args(Precision))
        require_number("early_stopping_patience", self.early_stopping_patience, 0, 1000, integer=True)
        require_number("ranking_records", self.ranking_records, 0, 1_000_000, integer=True)
        require_number("save_steps", self.save_steps, 1, 10_000_000, integer=True)
        require_choice("gradient_checkpointing", self.gradient_checkpointing, (True, False))
        require_number("seed", self.seed, 0, 2**32 - 1, integer=True)

    def in_effect(self) -> dict[str, Any]:
        """The settings as plain values, without those that are ignored whatever they are."""
        ignored = set()
        if self.method != "dpo":
            ignored.add("beta")
        if not self.teacher_share:
            ignored |= {"teacher_temperature", "teacher_folds", "unlikelihood"}
        return {name: value for name, value in self.to_dict().items() if name not in ignored}

    @property
    def learnt_users(self) -> tuple[SplitName, ...]:
        """The user sets that are learnt from."""
        return ("train",) if self.learn_from == "train" else ("train", "validation")
