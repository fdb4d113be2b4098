"""What a run learns, put together from its request: examples, validation and the trainer with the loss.

Titles by their likelihood, or, with method dpo, liked titles preferred to disliked ones.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from recsys.errors import SettingsError
from recsys.training.examples import Case, EpochExamples, ExampleWriter, require_records
from recsys.training.preferences import PreferenceMeasure, preference_cases, validation_cases, write_pairs
from recsys.training.teacher import Teachers
from recsys.training.title_targets import TitleTargets

if TYPE_CHECKING:
    from recsys.models.loading import LoadedModel
    from recsys.prompts import PromptExample
    from recsys.training.request import TrainingData, TrainingRequest
    from recsys.training.settings import TrainingSettings

_TRL = "run: pip install -e '.[dpo]'"


class CreateTrainer(Protocol):
    """Makes the trainer of an objective."""

    def __call__(self, model: Any, arguments: dict[str, Any], *, callbacks: list[Any], measure: Any) -> Any:
        """Makes it for a model, from the values of make_arguments."""


@dataclass(frozen=True)
class Objective:
    """What is learnt.

    Attributes:
        draw: The case of (epoch, index).
        num: Cases of an epoch.
        can_validate: Whether validation users have anything to measure a loss on.
        create_trainer: Makes the trainer.
        finish: Tidies the trained model, and tells what recsys.json says beside every run's notes.
    """

    draw: Callable[[int, int], Any]
    num: int
    can_validate: bool
    create_trainer: CreateTrainer
    finish: Callable[[Any], dict[str, Any]] = lambda _model: {}


def find_objective(
    request: TrainingRequest, data: TrainingData, loaded: LoadedModel, worked: tuple[PromptExample, ...]
) -> Objective:
    """The objective of a request's method.

    Raises:
        SettingsError: when the data has nothing to learn it from.
    """
    is_dpo = request.training.method == "dpo"
    loss_on = "answer" if is_dpo else request.training.loss_on
    write = ExampleWriter(loaded.tokenizer, data.catalogue, request.prompt, loss_on=loss_on, worked=worked)
    objective = (_preferences if is_dpo else _titles)(request, data, loaded, write)
    if request.training.early_stopping_patience and not objective.can_validate:
        require_records((), "validation")
    return objective


def require_trl() -> None:
    """Refuses method dpo where the package that computes its loss is missing.

    Raises:
        SettingsError: with the command that installs it.
    """
    if importlib.util.find_spec("trl") is None:
        raise SettingsError("method dpo needs the package trl, which is not installed", seen="dpo", mend=_TRL)


def _titles(request: TrainingRequest, data: TrainingData, loaded: LoadedModel, write: ExampleWriter) -> Objective:
    draw, num = data.draw(request)
    targets = _ask_teachers(request.training, data, write)
    validation = [write(Case(r.history, r.relevant, r.disliked)) for r in data.held_out(request.training)]

    def create(model: Any, arguments: dict[str, Any], *, callbacks: list[Any], measure: Any) -> Any:
        from transformers import TrainingArguments

        from recsys.training.trainer import TitleTrainer

        return TitleTrainer(
            model,
            EpochExamples(draw, num, write),
            validation,
            TrainingArguments(**arguments),
            pad_token_id=loaded.tokenizer.pad_token_id or 0,
            callbacks=callbacks,
            measure=measure,
            targets=targets,
        )

    return Objective(draw, num, bool(validation), create)


def _ask_teachers(settings: TrainingSettings, data: TrainingData, write: ExampleWriter) -> TitleTargets | None:
    if not settings.teacher_share:
        return None
    likes = data.split.likes_of(*settings.learnt_users)
    teachers = Teachers(likes, settings.teacher_temperature, num_folds=settings.teacher_folds, seed=settings.seed)
    trie = write.trie(teachers.item_ids)
    return TitleTargets(trie, teachers, settings.teacher_share, settings.unlikelihood)


def _preferences(request: TrainingRequest, data: TrainingData, loaded: LoadedModel, write: ExampleWriter) -> Objective:
    settings, write_pair = request.training, write_pairs(write)
    draw, num = preference_cases(data.split.records["train"], seed=settings.seed)
    pairs = [write_pair(case) for case in validation_cases(data.split.records["validation"])]
    measure_pairs = PreferenceMeasure(
        pairs,
        beta=settings.beta,
        pad_token_id=loaded.tokenizer.pad_token_id or 0,
        batch_size=settings.per_device_train_batch_size,
    )

    def create(model: Any, arguments: dict[str, Any], *, callbacks: list[Any], measure: Any) -> Any:
        from trl import DPOConfig

        from recsys.training.preference_trainer import PreferenceTrainer

        return PreferenceTrainer(
            model,
            EpochExamples(draw, num, write_pair),
            measure_pairs if pairs else None,
            # Dropout would move both sides of each ratio by chance; trl takes it out, we say so.
            DPOConfig(**arguments, beta=settings.beta, max_length=None, disable_dropout=True),
            tokenizer=loaded.tokenizer,
            starts_tuned=request.init_adapter is not None,
            callbacks=callbacks,
            measure=measure,
        )

    def finish(model: Any) -> dict[str, Any]:
        from recsys.training.preference_trainer import drop_reference

        drop_reference(model)
        return {"preferences": measure_pairs.notes(model)} if pairs else {}

    return Objective(draw, num, bool(pairs), create, finish)
