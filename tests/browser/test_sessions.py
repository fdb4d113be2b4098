"""Ten browsers with other adapters and settings at the same time: each gets the answer for its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager
from urllib.parse import urlencode

import pytest

from recsys.models.adapter_listing import default_adapters_folder
from recsys.models.known_models import SHIPPED_MODELS, SMALL_MODEL
from tests.browser.conftest import ROOT, _wait_until_up
from tests.fixtures.tiny_adapters import STORY_PROMPT, save_tiny_adapter

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
PATIENCE = 300_000
"""Milliseconds: ten pages that start at once keep two cores busy for long, and no test is about speed."""

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
            _wait_until_up(address, process, log, PATIENCE / 1000)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=30)
    assert "Traceback" not in log.read_text("utf-8", errors="replace")


@contextmanager
def ten_sessions(chromium, app):
    """Ten browsers, none of which knows another's cookies, each with its own settings on the page."""
    contexts, pages = [], []
    for place, settings in enumerate(SESSIONS):
        contexts.append(chromium.new_context())
        contexts[-1].set_default_timeout(PATIENCE)
        page = contexts[-1].new_page()
        liked = str(list(liked_of(place))).replace(" ", "")
        query = urlencode({"model": SMALL_MODEL, "liked": liked, **settings})
        page.goto(f"{app}/?{query}", wait_until="commit")
        page.wait_for_selector("#liked .chip-name")
        expect(page.locator("#seed input")).to_have_value(str(settings["seed"]), timeout=PATIENCE)
        pages.append(page)
    yield pages
    for context in contexts:
        context.close()


def liked_of(place):
    return LIKED[: 2 + place % 5]


def shown(page):
    """What the cards say: the text as written, and what its titles are."""
    page.locator("[data-phase=done], [data-phase=error]").wait_for()
    text = page.locator(".card-wrote pre.wrote").text_content()
    return text.strip(), page.locator(".card-means .answer-row:not(.is-missing) .row-title").all_text_contents()


def in_words(answer):
    """The same of an API answer."""
    titles = [
        f"{row['title']} ({row['year']})" if row["title"] else row["generated_title"]
        for row in answer["recommendations"]
    ]
    return answer["completion"].strip(), titles


def test_ten_sessions_at_once_get_the_answers_of_their_own_settings_and_the_weights_stay(app, chromium):
    from gradio_client import Client

    client = Client(app, verbose=False, httpx_kwargs={"timeout": PATIENCE / 1000})
    asked = [{"liked": list(liked_of(place)), "model": SMALL_MODEL, **s} for place, s in enumerate(SESSIONS)]
    one_by_one = [in_words(client.predict(**one, api_name="/recommend")) for one in asked]
    before = client.predict(api_name="/weights")

    with ten_sessions(chromium, app) as pages:
        held = client.submit(api_name="/hold")
        for page in pages:
            page.evaluate("document.getElementById('go').click()")
        for page in pages:
            page.locator("#leave").wait_for()  # all ten wait for the model together
        client.predict(api_name="/release")
        assert held.result()
        at_once = [shown(page) for page in pages]

    assert at_once == one_by_one
    assert len({text for text, _ in one_by_one}) == len(SESSIONS), "no two settings may give the same answer"
    assert client.predict(api_name="/weights") == before
    again = [in_words(client.predict(**one, api_name="/recommend")) for one in reversed(asked)]
    assert again[::-1] == one_by_one
