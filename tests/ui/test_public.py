"""Every endpoint of the real public page, asked by a visitor who means harm.

The page's own list of endpoints is gone through, so one that is added is held to the same.
"""

import json
import time
from types import SimpleNamespace

import pytest

from tests.ui.served import ROOT, serve

SECRET = "the content of a file of this machine"
PRIVATE = "Qwxz Private Film"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The public app with a model, a file that nobody may read, and a list of what was opened or looked up."""
    folder = tmp_path_factory.mktemp("public")
    hidden, seen = folder / "not-for-visitors", folder / "seen.txt"
    (hidden / "model").mkdir(parents=True)
    (hidden / "model" / "config.json").write_text(f'{{"model_type": "llama", "a": "{SECRET}"}}', "utf-8")
    (hidden / "secret.txt").write_text(SECRET, "utf-8")
    seen.touch()
    options = ["--public", "--model", "gptj-mini", "--runs", str(folder / "runs"), "--watch", str(seen)]
    served = serve(["tests/ui/run_watched.py", *options], folder)
    try:
        served.wait_until(lambda: served.ask("/health").status == 200)
        config = served.ask("/config").json
        values = {part["id"]: part["props"].get("value") for part in config["components"]}
        yield SimpleNamespace(
            served=served,
            hidden=hidden,
            seen=seen,
            endpoints=[each for each in config["dependencies"] if each["backend_fn"]],
            usual=lambda endpoint: [values.get(place) for place in endpoint["inputs"]],
        )
    finally:
        served.end()


def ask(page, endpoint, data, session="visitor"):
    """What an endpoint answers, by the queue where it has one, else directly."""
    name = endpoint["api_name"]
    if not endpoint["queue"]:
        body = {"data": data, "session_hash": session, "event_data": {"run": "x", "item_id": 1, "vote": "like"}}
        return page.served.ask(f"/gradio_api/run/{name}", body)
    joined = page.served.ask(f"/gradio_api/call/{name}", {"data": data, "session_hash": session})
    if joined.status != 200:
        return joined
    return page.served.ask(f"/gradio_api/call/{name}/{joined.json['event_id']}")


def find(page, name):
    return next(endpoint for endpoint in page.endpoints if endpoint["api_name"] == name)


def hostile_values(page):
    path = str(page.hidden / "secret.txt")
    return [
        path,
        str(page.hidden / "model"),
        f"../../../../..{path}",
        "evil/model",
        "https://evil.example/model",
        {"path": path, "meta": {"_type": "gradio.FileData"}},
        1e308,
        -(10**30),
        None,
        ["x" * 1000] * 60,
        {"item_id": 10**30, "text": path},
    ]


@pytest.mark.timeout(1200)
def test_no_endpoint_reads_a_path_or_asks_the_network(page):
    num_asked = 0
    for endpoint in page.endpoints:
        for value in hostile_values(page):
            answer = ask(page, endpoint, [value] * len(endpoint["inputs"]))
            num_asked += 1
            assert SECRET not in answer.text, (endpoint["api_name"], value)
            assert "Traceback" not in answer.text
            assert f"{ROOT}/recsys" not in answer.text
    assert num_asked > 1000
    assert page.seen.read_text("utf-8") == ""
    health = page.served.ask("/health").json
    assert (health["status"], health["model"]["name"]) == ("ok", "gptj-mini")


@pytest.mark.parametrize("name", ["recommend", "answer", "compare", "load_model", "evaluate"])
def test_models_come_from_the_registry_alone(page, name):
    endpoint = find(page, name)
    for model in (
        str(page.hidden / "model"),
        "evil/model",
        "https://evil.example/m",
        "../not-for-visitors/model",
        "served:x",
    ):
        if name == "recommend":
            told = page.served.ask("/gradio_api/call/v2/recommend", {"liked": ["Heat"], "model": model})
            told = page.served.ask(f"/gradio_api/call/recommend/{told.json['event_id']}")
        elif name == "evaluate":
            told = ask(page, endpoint, [2, 4, "test", {"choice": {"model": model}}, 60])
        else:
            told = ask(page, endpoint, [model if value == "gptj-mini" else value for value in page.usual(endpoint)])
        assert SECRET not in told.text
        assert "model.safetensors" not in told.text
    assert page.seen.read_text("utf-8") == ""
    assert page.served.ask("/health").json["model"]["name"] == "gptj-mini"


@pytest.mark.parametrize(
    "beyond",
    [
        {"max_new_tokens": 161},
        {"num_beams": 9},
        {"num_recommendations": 11},
        {"liked": ["Heat"] * 2 + [f"Film {number}" for number in range(20)]},
        {"disliked": [f"Film {number}" for number in range(21)]},
        {"decoding": "hybrid", "num_candidates": 201},
    ],
)
def test_a_request_stays_within_the_limits(page, beyond):
    body = {"liked": ["Heat"], "model": "gptj-mini", "style": "history"} | beyond
    event = page.served.ask("/gradio_api/call/v2/recommend", body).json["event_id"]
    told = page.served.ask(f"/gradio_api/call/recommend/{event}").text
    assert told.startswith("event: error")
    assert "at most" in told


@pytest.mark.parametrize("records", [0, 101, 10**9, -1])
def test_an_evaluation_stays_within_the_limits(page, records):
    told = ask(page, find(page, "evaluate"), [records, 4, "test", None, 0]).text
    assert told.startswith("event: error")


def test_sweeps_searches_maps_and_data_sets_cannot_be_begun(page):
    names = {endpoint["api_name"] for endpoint in page.endpoints}
    assert not {"start_choosing", "begin_choice"} & names
    for endpoint in page.endpoints:
        if endpoint["api_name"].startswith(("begin", "_begin", "_prove")):
            ask(page, endpoint, page.usual(endpoint))
    time.sleep(1)
    assert not list(page.served.log.parent.glob("runs/tuning/**/*.json"))


@pytest.mark.timeout(1200)
def test_nobody_sees_what_another_session_typed(page):
    answer = find(page, "answer")
    rounds, _, *others = page.usual(answer)
    typed = [rounds, [{"item_id": None, "text": PRIVATE}], *others]
    mine = ask(page, answer, typed, session="mine")
    assert PRIVATE in mine.text
    page.served.ask("/gradio_api/call/v2/recommend", {"liked": [PRIVATE], "model": "gptj-mini", "style": "history"})
    for endpoint in page.endpoints:
        for data in (page.usual(endpoint), [None] * len(endpoint["inputs"])):
            for session in ("other", ""):
                assert PRIVATE not in ask(page, endpoint, data, session).text, endpoint["api_name"]
    for path in ("deep_link?session_hash=mine", "run-history/records", "runs", "queue/status", "queue/data"):
        told = page.served.ask(f"/gradio_api/{path}")
        assert told.status in (404, 422), path
    assert PRIVATE not in page.served.log.read_text("utf-8")


def test_a_file_of_the_machine_is_served_to_nobody(page):
    for path in (page.hidden / "secret.txt", ROOT / "pyproject.toml", "/etc/passwd", "../../etc/passwd"):
        told = page.served.ask(f"/gradio_api/file={path}")
        assert told.status in (403, 404)
        assert SECRET not in told.text


def form(name, content):
    head = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()
    return {
        "data": head + content + b"\r\n--x--\r\n",
        "headers": {"Content-Type": "multipart/form-data; boundary=x"},
    }


def test_an_upload_is_small_is_read_once_and_is_gone(page):
    assert page.served.ask("/gradio_api/upload", **form("big.csv", b"x" * 5_100_000)).status == 413
    (path,) = page.served.ask("/gradio_api/upload", **form("list.txt", b"Heat (1995)\n")).json
    endpoint = next(each for each in page.endpoints if each["targets"][0][1] == "upload")
    file = {"path": path, "meta": {"_type": "gradio.FileData"}, "orig_name": "list.txt"}
    assert "Heat" in ask(page, endpoint, [file]).text
    assert page.served.ask(f"/gradio_api/file={path}").status in (403, 404)
    assert "no longer" in ask(page, endpoint, [file]).text or "error" in ask(page, endpoint, [file]).text


def test_a_file_is_fetched_from_no_address(page):
    file = {"path": "https://evil.example/huge", "meta": {"_type": "gradio.FileData"}}
    for endpoint in page.endpoints[:40]:
        if endpoint["inputs"]:
            assert ask(page, endpoint, [file] * len(endpoint["inputs"])).status == 400
    told = page.served.ask("/gradio_api/file=https://evil.example/huge")
    assert told.status == 404
    assert "evil.example" not in page.seen.read_text("utf-8")


def test_functions_of_components_are_the_pickers_search_alone(page):
    config = page.served.ask("/config").json
    functions = [
        (part["id"], name) for part in config["components"] for name in part["props"].get("server_fns", []) or []
    ]
    assert {name for _, name in functions} == {"search_titles"}
    for place, name in functions:
        for query in ("totoro", "x" * 100_000, 5, None, {"path": "/etc/passwd"}, ["a"], -1e308):
            body = {"component_id": place, "fn_name": name, "session_hash": "v", "data": query}
            told = page.served.ask("/gradio_api/component_server", body)
            assert told.status == 200
            assert len(json.loads(told.text)) <= 20
    for name in ("postprocess", "preprocess", "__init__", "get_config", "server"):
        body = {"component_id": functions[0][0], "fn_name": name, "session_hash": "v", "data": "/etc/passwd"}
        assert page.served.ask("/gradio_api/component_server", body).status == 404
