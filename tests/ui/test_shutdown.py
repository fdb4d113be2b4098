"""The real app is asked to end while it works."""

import contextlib
import http.client
import json
import signal
import socket
import sqlite3
import time
from types import SimpleNamespace

import pytest

from recsys.ui.shutdown import stop_jobs
from tests.ui.served import serve

SETTINGS = {
    "choice": {"model": "gptj-mini"},
    "generation": {"temperature": 0, "max_new_tokens": 24},
    "evaluation": {"batch_size": 4},
    "baselines": [],
}


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """An app that was sent SIGTERM while it evaluated and a visitor watched: how it ended, and what it left."""
    folder = tmp_path_factory.mktemp("ended")
    app = serve(["app.py", "--model", "gptj-mini", "--log-format", "json", "--runs", str(folder / "runs")], folder)
    try:
        app.wait_until(lambda: app.ask("/health").status == 200)
        visitor = http.client.HTTPConnection("127.0.0.1", app.port, timeout=30)
        visitor.request("GET", "/gradio_api/heartbeat/visitor")
        assert visitor.getresponse().status == 200
        started = app.ask("/gradio_api/call/evaluate", {"data": [0, 4, "test", SETTINGS, 0]}).json
        told = app.ask(f"/gradio_api/call/evaluate/{started['event_id']}").text
        job = json.loads(told.split("data: ")[-1])[0]["job_id"]

        def records_done():
            answer = app.ask("/gradio_api/run/evaluation_state", {"data": [job]}).json
            return answer["data"][0]["done"]

        app.wait_until(lambda: records_done() >= 8)
        assert app.ask("/health").json["queue"]["evaluation_running"] is True
        done, begun = records_done(), time.monotonic()
        app.process.send_signal(signal.SIGTERM)
        code = app.process.wait(timeout=30)
        yield SimpleNamespace(
            code=code,
            seconds=time.monotonic() - begun,
            done=done,
            port=app.port,
            runs=folder / "runs",
            log=app.log.read_text("utf-8"),
        )
    finally:
        app.end()


def test_it_ends_within_five_seconds_and_well(ended):
    assert ended.code == 0
    assert ended.seconds < 5


def test_its_port_is_free(ended):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", ended.port))


def test_what_was_evaluated_is_kept_and_goes_on(ended):
    with contextlib.closing(sqlite3.connect(next(ended.runs.glob("*.sqlite*")))) as runs:
        (kept,) = runs.execute("SELECT COUNT(*) FROM results").fetchone()
        assert runs.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert ended.done <= kept < 716


def test_its_log_is_json_and_tells_the_end(ended):
    lines = [json.loads(line) for line in ended.log.splitlines() if line.startswith("{")]
    assert "stopping" in [line["message"] for line in lines]
    stopped = [line for line in lines if line.get("kind") == "evaluate"]
    assert [(line["model"], line["outcome"]) for line in stopped] in ([("gptj-mini", "stopped")], [])
    assert "Traceback" not in ended.log


def test_sigterm_before_the_page_is_up_ends_it_as_well(tmp_path):
    import subprocess
    import sys

    from tests.ui.served import ROOT

    process = subprocess.Popen(
        [sys.executable, "-u", "-X", "importtime", "app.py", "--runs", str(tmp_path / "runs"), "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:  # gradio is read after SIGTERM was provided for
        if line.endswith(" gradio_client.utils\n"):
            break
    process.send_signal(signal.SIGTERM)
    process.stderr.read()
    assert process.wait(timeout=30) == 0


class Job:
    """A job that is over after so many looks, and then is followed by the next of a sweep."""

    def __init__(self, looks):
        self.looks, self.is_cancelled = looks, False

    def state(self):
        return SimpleNamespace(is_over=self.is_cancelled and self.looks <= 0)

    def cancel(self):
        self.is_cancelled = True

    def wait(self, seconds):
        self.looks -= 1


def bench_of(jobs):
    task = SimpleNamespace(cancel=lambda: None)
    latest = SimpleNamespace(
        latest=lambda: next((job for job in jobs if not job.state().is_over), jobs[-1] if jobs else None)
    )
    return SimpleNamespace(map_task=task, jobs=latest)


def test_every_cell_that_a_sweep_starts_meanwhile_is_stopped():
    jobs = [Job(2), Job(1)]
    assert stop_jobs(bench_of(jobs), 5) is True  # type: ignore[arg-type]
    assert all(job.is_cancelled for job in jobs)


def test_a_job_that_does_not_stop_holds_nobody_up():
    begun = time.monotonic()
    assert stop_jobs(bench_of([Job(10**9)]), 0.2) is False  # type: ignore[arg-type]
    assert time.monotonic() - begun < 2
    assert stop_jobs(bench_of([]), 5) is True  # type: ignore[arg-type]
