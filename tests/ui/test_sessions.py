"""Ten sessions with other adapters and settings at the same time: each gets the answer for its own.

A session here does what a browser's does, without drawing: it sends the values of all controls to the page's own
event, under a session hash of its own, and reads the stream. The model is the real gptj-mini.
"""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from recsys.models.adapter_listing import default_adapters_folder
from recsys.models.known_models import SHIPPED_MODELS, SMALL_MODEL
from tests.browser.conftest import ROOT, _wait_until_up
from tests.fixtures.tiny_adapters import STORY_PROMPT, save_tiny_adapter

pytestmark = pytest.mark.timeout(900)
PATIENCE = 300
"""Seconds: no test is about speed, and a machine may be busy."""
SHIPPED, ODD = "gptj-mini-story", "odd"
"""An adapter that was trained, and one of random weights, whose answers nobody would take for another's."""

SESSIONS = (
    {"seed": 1},
    {"seed": 1, "adapter": SHIPPED},
    {"seed": 1, "adapter": ODD},
    {"seed": 2, "temperature": 1.4, "top_p": 1.0, "top_k": 0},
    {"seed": 2, "temperature": 1.4, "top_p": 1.0, "top_k": 0, "adapter": SHIPPED},
    {"seed": 3, "temperature": 0.0, "num_beams": 4, "num_recommendations": 6, "adapter": ODD},
    {"seed": 3, "temperature": 0.0, "num_beams": 4, "num_recommendations": 6},
    {"seed": 4, "temperature": 0.3, "repetition_penalty": 1.3, "num_recommendations": 2, "adapter": SHIPPED},
    {"seed": 5, "temperature": 1.0, "max_new_tokens": 9, "num_recommendations": 8, "adapter": ODD},
    {"seed": 6, "temperature": 1.0, "decoding": "catalogue_list", "num_recommendations": 3, "adapter": SHIPPED},
)
LIKED = (5618, 1, 2571, 260, 318, 589)
"""Each session likes the first few of these, no two sessions in a row the same number."""


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """The page on the real small model in a process of its own."""
    folder = tmp_path_factory.mktemp("sessions")
    shutil.copytree(default_adapters_folder() / SHIPPED, folder / "adapters" / SHIPPED)
    notes = {"base_model": SMALL_MODEL, "prompt_id": STORY_PROMPT}
    save_tiny_adapter(SHIPPED_MODELS / SMALL_MODEL, folder / "adapters" / ODD, seed=7, notes=notes)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--port", str(port), "--runs", str(folder / "runs"), "--adapters", str(folder / "adapters")]
    log = folder / "log.txt"
    with log.open("wb") as output:
        command = [sys.executable, "tests/ui/run_small.py", *options]
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, env=dict(os.environ))
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_until_up(address, process, log, PATIENCE)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=30)
    assert "Traceback" not in log.read_text("utf-8", errors="replace")


class Session:
    """One page that was opened: the values of its controls, and a hash that no other has."""

    def __init__(self, app, name):
        self.http = httpx.Client(base_url=f"{app}/gradio_api", timeout=PATIENCE)
        config = httpx.get(f"{app}/config", timeout=PATIENCE).json()
        self.components = {one["id"]: one["props"] for one in config["components"]}
        events = [one for one in config["dependencies"] if one["types"]["generator"] and len(one["outputs"]) == 10]
        self.event = events[0]  # the button Recommend's: its inputs are the rounds of votes, then the liked movies
        assert self.components[self.event["inputs"][1]]["elem_id"] == "liked"
        self.name = name
        self.waiting = threading.Event()

    def answer(self, **changes):
        """The cards that the page ends with after its button was pressed."""
        values = [self._value(place, changes) for place in self.event["inputs"]]
        assert not changes, "every change must have a control"
        body = {"data": values, "fn_index": self.event["id"], "session_hash": self.name, "event_data": None}
        self.http.post("/queue/join", json=body).raise_for_status()
        with self.http.stream("GET", "/queue/data", params={"session_hash": self.name}) as stream:
            for line in stream.iter_lines():
                told = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
                if told.get("msg") == "estimation":
                    self.waiting.set()
                if told.get("msg") == "process_completed":
                    assert told["success"], told
                    return told["output"]["data"][0]
        raise AssertionError("the stream ended without an answer")

    def _value(self, place, changes):
        props = self.components[place]
        return changes.pop(props.get("elem_id"), props.get("value"))


def liked_of(place):
    return LIKED[: 2 + place % 5]


def on_page(place):
    """A session's settings as its controls hold them."""
    liked = [{"item_id": item} for item in liked_of(place)]
    return {"model": SMALL_MODEL, "style": "history", "liked": liked, **SESSIONS[place]}


def plain(markup):
    return html.unescape(re.sub(r"<[^>]+>", "", markup))


def shown(cards):
    """What the cards say: the text as written, and what its titles are."""
    text = re.search(r'<pre class="wrote"[^>]*>(.*?)</pre>', cards, re.DOTALL)[1]
    titles = re.findall(r'<(?:p|summary) class="row-title">(.*?)</(?:p|summary)>', cards)
    return plain(text).strip(), [plain(title) for title in titles if title != "No title written"]


def in_words(answer):
    """The same of an API answer."""
    return answer["completion"].strip(), [
        f"{row['title']} ({row['year']})" if row["title"] else row["generated_title"]
        for row in answer["recommendations"]
    ]


def test_ten_sessions_at_once_get_the_answers_of_their_own_settings_and_the_weights_stay(app):
    from gradio_client import Client

    client = Client(app, verbose=False, httpx_kwargs={"timeout": PATIENCE})
    asked = [{"liked": list(liked_of(place)), "model": SMALL_MODEL, **s} for place, s in enumerate(SESSIONS)]
    one_by_one = [in_words(client.predict(**one, api_name="/recommend")) for one in asked]
    assert len({text for text, _ in one_by_one}) == len(SESSIONS), "no two settings may give the same answer"
    before = client.predict(api_name="/weights")

    sessions = [Session(app, f"session-{place}") for place in range(len(SESSIONS))]
    with ThreadPoolExecutor(len(SESSIONS)) as pool:
        held = client.submit(api_name="/hold")
        running = [pool.submit(one.answer, **on_page(place)) for place, one in enumerate(sessions)]
        assert all(one.waiting.wait(PATIENCE) for one in sessions), "all ten wait for the model together"
        assert not any(one.done() for one in running)
        client.predict(api_name="/release")
        at_once = [shown(one.result(PATIENCE)) for one in running]

    assert held.result()
    assert at_once == one_by_one
    assert client.predict(api_name="/weights") == before
    again = [in_words(client.predict(**one, api_name="/recommend")) for one in reversed(asked)]
    assert again[::-1] == one_by_one
