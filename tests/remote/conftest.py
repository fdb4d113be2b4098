"""A server that misbehaves, and retries that do not keep a test waiting."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from recsys.remote import client
from tests.fixtures.odd_server import OddServer, odd_server


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> Iterator[OddServer]:
    monkeypatch.setattr(client, "FIRST_PAUSE", 0.01)
    with odd_server() as server:
        yield server
