"""What fifty people do at once, and what each of them was told."""

from __future__ import annotations

import json
import random
import re
import threading
import time
import urllib.request
import uuid
from collections import Counter
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from typing import Any

from gradio_client import Client

KINDS = {"recommend": 70, "switch": 12, "evaluate": 6, "cancel": 6, "disconnect": 6}
"""What is done, by how often of a hundred; a switch is a recommendation by another model or adapter than the last."""
HONEST = (r"queue is full", r"http error 503", r"an evaluation is already running")
"""Refusals that say why, in lower case."""

_LIKED = (
    ["Toy Story (1995)", "Aladdin (1992)"], ["Heat (1995)", "The Godfather (1972)", "Goodfellas (1990)"],
    ["Spirited Away (2001)", "My Neighbor Totoro (1988)"], ["Alien (1979)", "Blade Runner (1982)"], [],
)  # fmt: skip


@dataclass
class Tally:
    """What came of it, of all clients together."""

    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    answers: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    mixed_up: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def connect(address: str) -> Client:
    """A client that waits as long as a loaded machine takes."""
    return Client(address, verbose=False, download_files=False, httpx_kwargs={"timeout": 300})


def plain(answer: dict[str, Any]) -> dict[str, Any]:
    """What must be the same whenever the same is asked."""
    movies = [(movie["item_id"], movie["match"]) for movie in answer["recommendations"]]
    return {"completion": answer["completion"], "movies": movies, "settings": answer["settings"]}


class Person:
    """One client, which asks, switches, stops and leaves until the end.

    Args:
        address: Of the server.
        number: Its seed.
        choices: Models and adapters to choose from, as arguments of /recommend; the first is asked most.
        tally: Where it tells what came of it.
    """

    def __init__(self, address: str, number: int, choices: list[dict[str, Any]], tally: Tally) -> None:
        self.address, self.tally, self.choices = address, tally, choices
        self.chance = random.Random(number)
        self.choice = choices[0]
        self.client = connect(address)

    def live(self, until: float) -> None:
        """Does one thing after the other."""
        while time.monotonic() < until:
            kind = self.chance.choices(list(KINDS), list(KINDS.values()))[0]
            begun = time.monotonic()
            try:
                getattr(self, f"_{kind}")()
                with self.tally.lock:
                    self.tally.done[kind] += 1
                    if kind == "recommend":
                        self.tally.seconds.append(time.monotonic() - begun)
            except CancelledError:
                with self.tally.lock:
                    self.tally.done["cancelled"] += 1
            except Exception as error:  # noqa: BLE001 - what went wrong is what is looked for
                self._tell(kind, str(error))
            time.sleep(self.chance.random())

    def _tell(self, kind: str, message: str) -> None:
        honest = next((pattern for pattern in HONEST if re.search(pattern, message.lower())), None)
        with self.tally.lock:
            if honest:
                self.tally.refused[kind] += 1
            else:
                self.tally.errors.append(f"{kind}: {message[:300]}")
        time.sleep(self.chance.random() * 2)

    def _asked(self) -> dict[str, Any]:
        chance = self.chance
        return {
            "liked": chance.choice(_LIKED), "temperature": chance.choice([0, 0.3, 0.7, 1.2]),
            "seed": chance.randrange(9), "top_p": chance.choice([0.8, 1.0]), "top_k": chance.choice([0, 20]),
            "num_beams": chance.choice([1, 1, 1, 2]),
            "num_recommendations": chance.choice([1, 3, 4]), "repetition_penalty": chance.choice([1.0, 1.2]),
            "decoding": chance.choice(["free", "free", "catalogue_list", "catalogue_rank"]),
            "max_new_tokens": chance.choice([16, 48]), **self.choice,
        }  # fmt: skip

    def _recommend(self) -> None:
        asked = self._asked()
        answer = self.client.predict(**asked, api_name="/recommend")
        told = answer["settings"]["generation"] | {"adapter": answer["adapter"]}
        wrong = [name for name in ("seed", "top_p", "num_recommendations") if told[name] != asked[name]]
        wrong += ["adapter"] * (answer["adapter"] != asked.get("adapter"))
        with self.tally.lock:
            if wrong:
                self.tally.mixed_up.append(f"{', '.join(wrong)} of {asked}")
            self.tally.answers.append((asked, plain(answer)))

    def _switch(self) -> None:
        self.choice = self.chance.choice(self.choices)
        self._recommend()
        self.choice = self.choices[0] if self.chance.random() < 0.7 else self.choice

    def _evaluate(self) -> None:
        settings = {"choice": {"model": "gptj-mini"}, "generation": {"temperature": 0}, "baselines": ["popularity"]}
        settings["evaluation"] = {"seed": self.chance.randrange(1000)}
        state = self.client.predict(records=16, settings=settings, wait_seconds=120, api_name="/evaluate")
        if state["phase"] != "done":
            raise RuntimeError(f"the evaluation ended in phase {state['phase']}: {state['message']}")

    def _cancel(self) -> None:
        job = self.client.submit(**self._asked(), api_name="/recommend")
        time.sleep(self.chance.random() / 2)
        job.cancel()

    def _disconnect(self) -> None:
        """Joins the queue and hangs up while it waits."""
        session = uuid.uuid4().hex
        place = next(i for i, d in self.client.endpoints.items() if d.api_name == "/search_titles")
        body = json.dumps({"data": ["heat", 5], "fn_index": place, "session_hash": session}).encode()
        head = {"Content-Type": "application/json"}
        urllib.request.urlopen(
            urllib.request.Request(f"{self.address}/gradio_api/queue/join", body, head), timeout=60
        ).close()
        urllib.request.urlopen(f"{self.address}/gradio_api/queue/data?session_hash={session}", timeout=60).close()
