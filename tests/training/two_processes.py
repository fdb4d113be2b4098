"""A tiny run that a test starts in one process, and again in two under `accelerate launch`."""

from __future__ import annotations

from pathlib import Path

from recsys.catalogue import Catalogue, Movie
from recsys.data.records import SplitData
from recsys.training.fine_tuning import fine_tune
from recsys.training.request import TrainingData, TrainingRequest
from recsys.training.settings import LoraSettings, TrainingSettings
from tests.training.conftest import LIKES, make_records


def train(base: Path, out: Path, *, accumulation: int) -> None:
    """Trains for two epochs of 16 records in batches of 2."""
    movies = tuple(Movie(item, f"Movie {'number ' * (item % 3)}{item}", 2000) for item in (*LIKES, 9000))
    records = {"train": make_records(0, 16), "validation": make_records(20, 3), "test": ()}
    users = {name: tuple(record.user_id for record in part) for name, part in records.items()}
    likes = {r.user_id: (*r.history, *r.relevant) for part in records.values() for r in part}
    data = TrainingData(SplitData(users, dict(records), likes), Catalogue(movies, {}), "sixteen users")
    settings = TrainingSettings(
        num_train_epochs=2,
        per_device_train_batch_size=2,
        gradient_accumulation_steps=accumulation,
        learning_rate=0.01,
        ranking_records=0,
        save_steps=3,
    )
    # No dropout: each process draws its own.
    request = TrainingRequest("tiny", str(base), lora=LoraSettings(lora_dropout=0), training=settings)
    fine_tune(request, data, out=out, device="cpu")
