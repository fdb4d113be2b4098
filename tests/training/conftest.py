"""A dozen users who like a dozen movies, and fresh tiny models, so that a whole run takes a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recsys.catalogue import Catalogue
from recsys.data.records import Record, SplitData
from recsys.models.artifacts import CACHE_VARIABLE
from recsys.models.loading import LoadedModel, load_model
from recsys.models.registry import find_model
from recsys.training.request import TrainingData

LIKES = [1, 32, 260, 318, 589, 924, 1201, 2571, 3000, 4973, 5618, 5971, 7076, 7234]


def make_records(first_user: int, num: int) -> tuple[Record, ...]:
    """Records whose windows are turned by one movie from user to user, so that no two are alike."""
    records = []
    for user in range(first_user, first_user + num):
        turned = LIKES[user % len(LIKES) :] + LIKES[: user % len(LIKES)]
        records.append(Record(f"{user}-0", user, tuple(turned[:6]), tuple(turned[6:10]), (9000,)))
    return tuple(records)


@pytest.fixture(scope="session")
def training_data(catalogue: Catalogue) -> TrainingData:
    sets = {"train": make_records(0, 12), "validation": make_records(20, 3), "test": make_records(30, 2)}
    likes = {r.user_id: (*r.history, *r.relevant) for records in sets.values() for r in records}
    users = {name: tuple(record.user_id for record in records) for name, records in sets.items()}
    return TrainingData(SplitData(users, dict(sets), likes), catalogue, "a dozen users")


@pytest.fixture
def load_tiny_gptj(tiny_gptj_folder: Path) -> Callable[[], LoadedModel]:
    """Loads the tiny GPT-J anew, since training changes it."""
    return lambda: load_model(find_model(str(tiny_gptj_folder)), "fp32", device="cpu")


@pytest.fixture
def load_tiny_llama(tiny_llama_folder: Path) -> Callable[[], LoadedModel]:
    return lambda: load_model(find_model(str(tiny_llama_folder)), "fp32", device="cpu")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: Any) -> None:
    """Runs are kept in the test's own folder."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
