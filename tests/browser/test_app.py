"""The app as it is shipped: app.py, the embedded model and the embedded data, in a browser and over the API."""

import os
import socket
import subprocess
import sys
import time

import pytest

from tests.browser.conftest import ROOT, _wait_until_up

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = [pytest.mark.browser, pytest.mark.model]

SECONDS_FOR_THE_MODEL = 240


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """app.py on a free port, and the seconds until its page was up."""
    folder = tmp_path_factory.mktemp("app")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "log.txt"
    command = [sys.executable, "app.py", "--host", "127.0.0.1", "--port", str(port), "--runs", str(folder / "runs")]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, env=dict(os.environ))
        address = f"http://127.0.0.1:{port}"
        _wait_until_up(address, process, log)
        yield address
        process.terminate()
        process.wait(timeout=30)
    assert "Traceback" not in log.read_text("utf-8", errors="replace")


@pytest.fixture(scope="module")
def ready(app):
    """The same app once its model is in memory."""
    from gradio_client import Client

    client = Client(app, verbose=False)
    until = time.monotonic() + SECONDS_FOR_THE_MODEL
    client.predict(liked=["Alien"], max_new_tokens=1, api_name="/recommend")
    assert time.monotonic() < until
    return app, client


def test_one_click_gives_a_real_answer_in_both_cards(ready, open_page):
    page = open_page(ready[0])
    page.click("text=Studio Ghibli >> nth=0")
    expect(page.locator(".answer-row").first).to_be_visible(timeout=180_000)
    expect(page.locator("body")).to_contain_text("tokens/s", timeout=180_000)
    expect(page.locator(".answer-row")).to_have_count(3)


def test_an_evaluation_of_four_records_reports_the_baselines_on_the_same_records(ready):
    short = {"generation": {"max_new_tokens": 16, "temperature": 0}}
    report = ready[1].predict(records=4, settings=short, wait_seconds=240, api_name="/evaluate")
    assert report["phase"] == "done"
    assert report["num_records"] == 4
    assert [system["name"] for system in report["systems"]][1:] == ["popularity", "ease"]
    assert report["text_quality"]["well_formed"]["denominator"] == 4


def test_a_missing_adapter_is_told_by_the_api(ready):
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError, match="no such adapter"):
        ready[1].predict(liked=["Alien"], adapter="missing", api_name="/recommend")


def test_the_embedding_resolver_works_on_the_shipped_index(ready):
    asked = {"liked": ["Alien"], "model": "smollm2-135m", "resolver": "embedding", "max_new_tokens": 32}
    answer = ready[1].predict(**asked, api_name="/recommend")
    assert all(0 <= row["similarity"] <= 1 for row in answer["recommendations"])


def test_the_map_marks_what_was_liked_and_recommended_and_lists_what_is_similar(open_page, serve):
    page = open_page(serve())
    page.click("#example-ghibli")
    page.locator("[data-phase=done]").wait_for(timeout=30_000)
    page.get_by_role("tab", name="Map").click()
    page.locator("#map-plot .legend .traces").first.wait_for(timeout=30_000)
    legend = page.locator("#map-plot .legend").text_content()
    assert all(name in legend for name in ("Liked", "Similar by meaning", "Recommended by the model"))
    assert page.locator("#map-nearest li").count() == 8
    page.fill("#map-find textarea, #map-find input", "alien")
    page.keyboard.press("Enter")
    page.locator("#map-plot .legend", has_text="Found").wait_for(timeout=30_000)
