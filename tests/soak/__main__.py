"""Load for ten minutes: ``python -m tests.soak``; ends with 1 where something did not hold.

Fifty clients mix recommendations, evaluations, switches of model and adapter, cancelled requests and hang-ups. Then a
long evaluation runs beside one person. Held: every reply is of its own request's settings and the same as asked alone
afterwards, no error but an honest refusal, memory flat within 5% after the warm-up, and a person never waits for more
than one batch of a long job.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from tests.soak.clients import Person, Tally, connect, plain
from tests.soak.server import Server

if TYPE_CHECKING:
    from gradio_client import Client

_SLACK = 1.0
"""Seconds beside a batch that a request may take on two cores: its own work, the queue's looks."""
_FLAT = 0.05
_LAPS = 5
"""The load rests between them, so that memory is compared in one and the same state; the first is the warm-up."""


def main() -> int:
    """Runs the load and writes what came of it; 0 where all held."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="of all parts together")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--models", nargs="+", default=["gptj-mini", "smollm2-135m"])
    parser.add_argument("--out", type=Path, default=Path("build/soak"))
    options = parser.parse_args()
    load = options.minutes * 60 * 0.6
    with Server(options.out / "load", "--model", options.models[0]) as server:
        choices = _choices(server.address, options.models)
        tally, memory = _load(server, choices, options.clients, load)
        waits = _beside_a_long_job(server.address, choices[0], options.minutes * 60 * 0.15)
    with Server(options.out / "alone", "--model", options.models[0]) as alone:
        again = _ask_again(alone.address, tally, options.minutes * 60 * 0.2)
    report = _report(options, tally, memory, waits, again)
    (options.out / "report.json").write_text(json.dumps(report, indent=2), "utf-8")
    print(json.dumps(report, indent=2))
    return 0 if all(report["held"].values()) else 1


def _choices(address: str, models: list[str]) -> list[dict[str, Any]]:
    client = connect(address)
    adapters = client.predict(api_name="/adapters")
    found: list[dict[str, Any]] = []
    for model in models:
        mine = [info["name"] for info in adapters if info.get("base_model") == model]
        found += [{"model": model, "adapter": name} for name in [None, *mine]]
    client.close()
    return found


def _load(server: Server, choices: list[dict[str, Any]], num: int, seconds: float) -> tuple[Tally, list[int]]:
    """What the people were told, and the server's private memory at rest after each lap, in bytes."""
    tally, memory = Tally(), []
    resting = Person(server.address, 0, choices[:1], tally)
    for choice in choices:  # every model and adapter was there once
        Person(server.address, 0, [choice], tally)._recommend()
    people = [Person(server.address, number, choices, tally) for number in range(1, num + 1)]
    for lap in range(_LAPS):
        until = time.monotonic() + seconds / _LAPS
        threads = [threading.Thread(target=person.live, args=(until,)) for person in people]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        resting._recommend()
        memory.append(server.memory_at_rest())
        print(f"lap {lap + 1} of {_LAPS}: {sum(tally.done.values())} done, {memory[-1] / 1e6:.0f} MB", file=sys.stderr)
    for person in people:
        person.client.close()
    return tally, memory


def _beside_a_long_job(address: str, choice: dict[str, Any], seconds: float) -> dict[str, float]:
    """How long one person waits while a long evaluation runs, and how long its batches take."""
    client = connect(address)
    asked = {"liked": ["Heat (1995)"], "temperature": 0, "max_new_tokens": 16, **choice}
    settings = {"choice": choice, "generation": {"temperature": 0}, "evaluation": {"batch_size": 32}}
    alone = min(_timed(client, asked) for _ in range(5))
    job = client.predict(records=0, settings=settings, wait_seconds=0, api_name="/evaluate")
    waits, batches, last, since = [], [], 0, time.monotonic()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        waits.append(_timed(client, asked))
        state = client.predict(job["job_id"], api_name="/evaluation_state")
        if state["done"] > last:
            batches.append((time.monotonic() - since) / max(1, (state["done"] - last) / 32))
            last, since = state["done"], time.monotonic()
        if state["phase"] not in ("running", "waiting", "queued", "loading", "preparing"):
            break
        time.sleep(0.2)
    client.close()
    return {"asked": len(waits), "alone": alone, "longest": max(waits), "batch": max(batches, default=0.0)}


def _timed(client: Client, asked: dict[str, Any]) -> float:
    begun = time.monotonic()
    client.predict(**asked, api_name="/recommend")
    return time.monotonic() - begun


def _ask_again(address: str, tally: Tally, seconds: float) -> dict[str, Any]:
    """The same requests one after the other, by model, on a server that nobody else uses."""
    client = connect(address)
    until, same, other = time.monotonic() + seconds, 0, []
    unique = {json.dumps(asked, sort_keys=True): (asked, answer) for asked, answer in tally.answers}
    for asked, answer in sorted(unique.values(), key=lambda pair: (pair[0]["model"], str(pair[0]["adapter"]))):
        if time.monotonic() > until:
            break
        if plain(client.predict(**asked, api_name="/recommend")) == answer:
            same += 1
        else:
            other.append(asked)
    client.close()
    return {"same": same, "other": other, "left_out": len(unique) - same - len(other)}


def _report(
    options: argparse.Namespace,
    tally: Tally,
    memory: list[int],
    waits: dict[str, float],
    again: dict[str, Any],
) -> dict[str, Any]:
    growth = memory[-1] / memory[0] - 1
    seconds = sorted(tally.seconds)
    return {
        "clients": options.clients,
        "minutes": options.minutes,
        "done": dict(tally.done),
        "refused": dict(tally.refused),
        "errors": tally.errors[:20],
        "num_errors": len(tally.errors),
        "mixed_up": tally.mixed_up[:5],
        "seconds_of_a_recommendation": {
            "median": round(median(seconds), 2) if seconds else None,
            "p95": round(seconds[int(len(seconds) * 0.95)], 2) if seconds else None,
        },
        "memory_at_rest": {"laps": memory, "growth": growth},
        "beside_a_long_job": waits,
        "asked_again": again,
        "held": {
            "no error": not tally.errors,
            "own settings": not tally.mixed_up,
            "same alone": again["same"] > 0 and not again["other"],
            "memory flat": abs(growth) < _FLAT,
            "one batch at most": waits["longest"] <= waits["batch"] + waits["alone"] + _SLACK,
        },
    }


if __name__ == "__main__":
    sys.exit(main())
