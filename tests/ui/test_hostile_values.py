"""Wrong, huge and odd values for everything that can be set, by every way in: each ends in an answer or a sentence.

The page's own list of endpoints and the API's own list of parameters are gone through, so one that is added is held to
the same. No way may leave a trace in the log, and after all of it the page answers as before.
"""

import re

import pytest

from tests.ui.hostile_client import EVENTS, VALUES, by_queue, by_run, endpoints, nested, traces, variations
from tests.ui.served import serve

ASK_SEVERAL = ("compare", "ask_adapters", "ask_models", "ask_again")
"""These read the same controls as Recommend by the same function, and take long over a value that is right."""
QUICK = (float("nan"), 1e308, -1, "hostile", None, {"a": 1}, nested(30))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A private page, where nothing is closed beforehand, on a scripted model."""
    folder = tmp_path_factory.mktemp("page")
    served = serve(["tests/ui/run_fake_evaluation.py", "--runs", str(folder / "runs")], folder)
    yield served
    served.end()


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """The real app with the small model, its tools and its log."""
    folder = tmp_path_factory.mktemp("bench")
    options = ["--model", "gptj-mini", "--mcp", "--runs", str(folder / "runs")]
    served = serve(["app.py", *options], folder)
    served.wait_until(lambda: served.ask("/health").status == 200)
    yield served
    served.end()


def log_of(served):
    return served.log.read_text("utf-8", errors="replace")


def kinds(endpoint):
    """The name without the number that Gradio gives the further uses of one handler."""
    return re.sub(r"_\d+$", "", endpoint["api_name"])


def sweep(page, chosen, values):
    """Sends every variation of every input; the endpoints whose log then held a trace, with what it said."""
    found, num_asked = {}, 0
    for endpoint in chosen:
        before = len(log_of(page))
        tried = values[:2] if kinds(endpoint) in ASK_SEVERAL else values
        asked = [(data, {}) for data in variations(endpoint["usual"], tried)]
        asked += [(endpoint["usual"], event) for event in EVENTS]
        num_asked += len(asked)
        if endpoint["queue"]:
            for start in range(0, len(asked), 24):
                answers = by_queue(page, endpoint["id"], asked[start : start + 24], f"v{endpoint['id']}-{start}")
                for answer in answers:
                    told = answer if isinstance(answer, str) else str(answer["output"].get("error"))
                    assert len(told) < 2_000, (endpoint["api_name"], told[:300])
        else:
            for data, event in asked:
                answer = by_run(page, endpoint["api_name"], data, event)
                assert "Traceback" not in answer.text
        if left := traces(log_of(page)[before:]):
            found[endpoint["api_name"]] = sorted(set(left))
    return found, num_asked


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_value_for_any_handler_of_the_page_leaves_a_trace(page):
    chosen = {kinds(each) + str(len(each["inputs"])): each for each in endpoints(page)}
    found, num_asked = sweep(page, chosen.values(), VALUES)
    assert found == {}, found
    assert num_asked > 10_000
    assert_it_answers(page)


def test_no_value_for_the_settings_of_a_request_leaves_a_trace(page):
    chosen = [each for each in endpoints(page) if each["api_name"] in ("answer", "keep", "vote", "save")]
    assert len(chosen) == 4
    found, _ = sweep(page, chosen, QUICK)
    assert found == {}
    assert_it_answers(page)


def assert_it_answers(served):
    event = served.ask("/gradio_api/call/v2/recommend", {"liked": ["Heat"], "style": "history"}).json["event_id"]
    told = served.ask(f"/gradio_api/call/recommend/{event}").text
    assert "event: complete" in told
    assert '"recommendations"' in told
