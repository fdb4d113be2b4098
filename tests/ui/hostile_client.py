"""A client that sends what no page would send, by each of the ways that Gradio has."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Sequence
from typing import Any

from tests.ui.served import Answer, Served


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


VALUES = (
    float("nan"), float("inf"), float("-inf"), 1e308, -1, 0, 2.5, 2**62, "hostile", "", "9" * 5000, "\x00\u202e${7*7}",
    None, True, [], ["x"], [None, {"item_id": "x"}], {}, {"a": 1}, {"__proto__": {"x": 1}}, nested(30),
)  # fmt: skip
"""What a setting is given in place of its own value."""
EVENTS = (None, "x", [], {}, {"run": 5}, {"run": {}, "cell": "x", "index": "x"}, {"cell": 10**9, "item_id": "x"})
"""What an event is said to be about."""


def endpoints(served: Served) -> list[dict[str, Any]]:
    """The page's own, each with the values that it has when the page is opened."""
    config = served.ask("/config").json
    values = {part["id"]: part["props"].get("value") for part in config["components"]}
    found = [each for each in config["dependencies"] if each["backend_fn"]]
    return [each | {"usual": [values.get(place) for place in each["inputs"]]} for each in found]


def variations(usual: Sequence[Any], values: Sequence[Any] = VALUES) -> list[list[Any]]:
    """The usual values with each of them in turn replaced by each hostile one."""
    changed = [[*usual[:place], value, *usual[place + 1 :]] for place in range(len(usual)) for value in values]
    return changed or [[]]


def by_run(served: Served, name: str, data: Sequence[Any], event: Any = None) -> Answer:
    """Directly, beside the queue."""
    body = {"data": list(data), "session_hash": "hostile", "event_data": event}
    return served.ask(f"/gradio_api/run/{name}", body)


def by_queue(served: Served, fn_index: int, asked: Sequence[tuple[Sequence[Any], Any]], session: str) -> list[Any]:
    """By the queue, one visitor's requests at once; each answer is a message of its end, or a refusal's text."""
    waiting: dict[str, int] = {}
    found: list[Any] = [None] * len(asked)
    for place, (data, event) in enumerate(asked):
        body = {"fn_index": fn_index, "data": list(data), "session_hash": session, "event_data": event}
        joined = served.ask("/gradio_api/queue/join", body)
        if joined.status == 200:
            waiting[joined.json["event_id"]] = place
        else:
            found[place] = joined.text
    if not waiting:
        return found
    stream = http.client.HTTPConnection("127.0.0.1", served.port, timeout=120)
    stream.request("GET", f"/gradio_api/queue/data?session_hash={session}")
    for line in stream.getresponse():
        message = json.loads(line[6:]) if line.startswith(b"data: ") else {}
        if message.get("msg") == "process_completed":
            found[waiting.pop(message["event_id"])] = message
        if not waiting:
            break
    stream.close()
    assert not waiting
    return found


def call_tool(served: Served, name: str, arguments: str) -> Answer:
    """Calls an MCP tool with arguments as they are written, numbers that JSON does not know included."""
    body = f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}","arguments":{arguments}}}}}'
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    return served.ask("/gradio_api/mcp/", data=body.encode(), headers=headers)


def traces(log: str) -> list[str]:
    """The traces in a log, each by its last line and the package's last place in it."""
    found = []
    for part in re.split(r"(?=Traceback \(most recent)", log)[1:]:
        places = re.findall(r'File "[^"]*/recsys/([^"]+)", line (\d+), in (\S+)', part)
        end = re.search(r"^(\w[\w.]*(?:Error|Exception|Group)\b.*)$", part, re.MULTILINE)
        found.append(f"{places[-1] if places else ''} {end[1][:150] if end else part[-150:]}")
    return found
