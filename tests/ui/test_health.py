from types import SimpleNamespace

import pytest

from recsys import __version__
from recsys.models.host import HostState, ModelChoice
from recsys.ui.health import Health, status_of
from tests.ui.served import serve


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (HostState(), "empty"),
        (HostState("loading", ModelChoice("m"), 0.3), "loading"),
        (HostState("ready", ModelChoice("m"), memory_bytes=5), "ok"),
        (HostState("ready", ModelChoice("served:m"), memory_bytes=0), "ok"),
        (HostState("failed", ModelChoice("m")), "failed"),
        (HostState("failed", ModelChoice("m"), memory_bytes=5), "ok"),
        (HostState("loading", ModelChoice("m"), memory_bytes=5), "ok"),
    ],
)
def test_a_page_is_well_where_some_model_can_answer(state, status):
    assert status_of(state) == status


def test_what_is_told_names_no_path_and_no_error():
    state = HostState("failed", ModelChoice("m", adapter="a"), message="/home/me/model: gone", precision=None)
    jobs = SimpleNamespace(latest=lambda: None)
    health = Health(SimpleNamespace(host=SimpleNamespace(state=lambda: state), jobs=jobs))  # type: ignore[arg-type]
    told = health.tell(3)
    assert told["model"] == {"phase": "failed", "name": "m", "adapter": "a", "precision": None, "bytes": 0}
    assert told["queue"] == {"waiting": 3, "evaluation_running": False}
    assert told["version"] == __version__
    assert told["memory"]["process_bytes"] > 10_000_000
    assert "/home" not in str(told)
    health.is_stopping = True
    assert health.tell(0)["status"] == "stopping"


def test_the_page_is_unwell_while_its_model_loads_and_well_after(tmp_path):
    page = serve(["tests/ui/run_fake.py", "--load", "20", "--public", "--runs", str(tmp_path / "runs")], tmp_path)
    try:
        answer = page.ask("/health")
        assert (answer.status, answer.json["status"]) == (503, "loading")
        page.wait_until(lambda: page.ask("/health").status == 200, seconds=60)
        assert page.ask("/health").json["queue"]["waiting"] == 0
        assert page.ask("/health", {"a": 1}).status == 405
    finally:
        page.end()
