import asyncio
import json

import pytest

from recsys.ui.public_gate import MAX_BODY_BYTES, MAX_UPLOAD_BYTES, PublicGate, UploadBudget, names_an_address

OPEN = [
    "/", "/config", "/theme.css", "/health", "/assets/index-abc.js", "/static/fonts/a.woff2", "/gradio_api/info",
    "/gradio_api/queue/join", "/gradio_api/queue/data", "/gradio_api/run/predict", "/gradio_api/call/recommend",
    "/gradio_api/call/v2/recommend", "/gradio_api/call/recommend/0123abc", "/gradio_api/component_server/",
    "/gradio_api/heartbeat/abc", "/gradio_api/file=/tmp/gradio/a/list.csv", "/gradio_api/upload",
    "/gradio_api/mcp", "/gradio_api/mcp/", "/gradio_api/mcp/schema",
]  # fmt: skip
CLOSED = [
    "/gradio_api/deep_link", "/gradio_api/proxy=https://x.hf.space/a", "/gradio_api/process_recording",
    "/gradio_api/runs", "/gradio_api/run-history/records", "/gradio_api/vibe-edit", "/gradio_api/vibe-code",
    "/gradio_api/custom_component/a/client/b/c", "/gradio_api/stream/a/b/1/playlist.m3u8", "/gradio_api/queue/status",
    "/gradio_api/file=https://example.com/x", "/gradio_api/file= HTTP://example.com/x", "/gradio_api/file/etc/passwd",
    "/gradio_api/mcp/sse", "/gradio_api/mcp/messages/", "/gradio_api/dev/reload", "/gradio_api/token", "/login",
    "/monitoring", "/monitoring/summary", "/gradio_api/profiling/traces", "/docs", "/openapi.json", "/health/x",
    "/gradio_api/run/a/b", "/gradio_api/runx/a",
]  # fmt: skip


def ask(path, body=None, **headers):
    """The status of a request; 200 where it came through, with what the app behind was given."""
    given, sent = [], []

    async def app(scope, receive, send):
        given.append((await receive())["body"] if scope["method"] == "POST" else None)
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive():
        return {"type": "http.request", "body": body or b"", "more_body": False}

    async def send(message):
        sent.append(message)

    length = {} if body is None else {"content_length": str(len(body))}
    scope = {
        "type": "http",
        "method": "GET" if body is None else "POST",
        "path": path,
        "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in (length | headers).items() if v],
    }
    asyncio.run(PublicGate(app)(scope, receive, send))
    return sent[0]["status"], given


@pytest.mark.parametrize("path", OPEN)
def test_the_page_and_its_endpoints_are_let_through(path):
    assert ask(path) == (200, [None])


@pytest.mark.parametrize("path", CLOSED)
def test_what_the_page_does_not_use_is_not_there(path):
    assert ask(path) == (404, [])
    assert ask(path, b"{}") == (404, [])


def test_a_body_comes_through_whole():
    body = json.dumps({"data": ["Amélie", 5]}).encode()
    assert ask("/gradio_api/run/predict", body) == (200, [body])


def test_a_body_that_is_too_large_or_has_no_length_is_not_read():
    assert ask("/gradio_api/run/predict", b"x" * (MAX_BODY_BYTES + 1)) == (413, [])
    assert ask("/gradio_api/upload", b"x" * (MAX_UPLOAD_BYTES + 1)) == (413, [])
    assert ask("/gradio_api/upload", b"x" * (MAX_BODY_BYTES + 1))[0] == 200
    assert ask("/gradio_api/run/predict", b"{}", content_length="") == (411, [])
    assert ask("/gradio_api/run/predict", b"{}", content_length="-5") == (411, [])


def test_uploads_of_an_hour_have_a_limit():
    budget = UploadBudget(most=100)
    assert budget.take(60, now=0)
    assert not budget.take(60, now=10)
    assert budget.take(40, now=20)
    assert not budget.take(1, now=3599)
    assert budget.take(60, now=3601)


FILE = {"path": "https://evil.example/a", "meta": {"_type": "gradio.FileData"}}


@pytest.mark.parametrize(
    ("body", "is_one"),
    [
        ({"data": [FILE]}, True),
        ({"data": [{"deep": [[{"er": FILE}]]}]}, True),
        ({"data": [FILE | {"path": " HTTP://evil.example/a"}]}, True),
        ({"data": [FILE | {"path": "ftp://evil.example/a"}]}, True),
        ({"data": [FILE | {"path": "/tmp/gradio/ab/list.csv"}]}, False),
        ({"data": [FILE | {"path": "C:\\Temp\\list.csv"}]}, False),
        ({"data": ["https://evil.example", {"path": "https://evil.example"}]}, False),
        ({"data": [5, None, float("nan")]}, False),
    ],
)
def test_a_file_by_its_address_is_found_wherever_it_hides(body, is_one):
    assert names_an_address(json.dumps(body).encode()) is is_one
    assert ask("/gradio_api/queue/join", json.dumps(body).encode())[0] == (400 if is_one else 200)


def test_escapes_and_depth_hide_nothing():
    assert names_an_address(json.dumps({"data": [FILE]}).replace("path", "p\\u0061th").encode())
    assert names_an_address(b"[" * 100_000 + b"]" * 100_000)
    assert not names_an_address(b"no json")
    assert not names_an_address(b"\xff\xfe\x00")


def test_behind_a_proxys_prefix_the_same_is_open():
    from recsys.ui.request_bodies import path_of

    assert path_of({"path": "/bench/config", "root_path": "/bench"}) == "/config"
    assert path_of({"path": "/config", "root_path": "/bench"}) == "/config"
