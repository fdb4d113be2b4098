"""How long a person waits for the page: ``python -m tests.pace``, beside another checkout with ``--beside FOLDER``.

Page load, click and slider, on a scripted model that writes a piece of text each ten milliseconds, or on a real one
with ``--model``. Rounds of both checkouts take turns, for a machine is seldom as busy as it was a minute ago; medians
and their ratio are told. Processor time is that of the page's own thread in the browser.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from tests.pace.page import Page
from tests.pace.server import Server

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_EXAMPLE = "#example-ghibli"

Taken = dict[str, list[float]]


def main() -> int:
    """Takes the times and prints the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.pace", description=__doc__.splitlines()[0])
    parser.add_argument("--beside", type=Path, help="the root of another checkout")
    parser.add_argument("--rounds", type=int, default=5, help="page loads of each")
    parser.add_argument("--asks", type=int, default=3, help="clicks, and slider moves, a round")
    parser.add_argument("--model", help="a real model of app.py instead of the script")
    parser.add_argument("--out", type=Path, default=Path("build/pace"))
    options = parser.parse_args()
    if CHROMIUM is None:
        print("Error: no Chromium is installed.", file=sys.stderr)
        return 1
    command = ["app.py", "--model", options.model] if options.model else ["tests/ui/run_fake.py", "--token", "0.01"]
    checkouts = {"here": ROOT} | ({"beside": options.beside.resolve()} if options.beside else {})
    taken = _take(checkouts, command, options)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "report.json").write_text(json.dumps(taken, indent=2), "utf-8")
    print("\n".join(_table(taken)))
    return 0


def _take(checkouts: Mapping[str, Path], command: Sequence[str], options: argparse.Namespace) -> dict[str, Taken]:
    from playwright.sync_api import sync_playwright

    taken: dict[str, Taken] = {name: {} for name in checkouts}
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(Server(folder, options.out.resolve() / name, command))
            for name, folder in checkouts.items()
        }
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for number in range(options.rounds + 1):
            for name, server in servers.items():
                for what, value in _round(Page(browser, server.address), options.asks):
                    if number:  # the first warms both up: imports, the model, the browser's cache of code
                        taken[name].setdefault(what, []).append(value)
        browser.close()
    return taken


def _round(page: Page, asks: int) -> list[tuple[str, float]]:
    found = [*page.load().items()]
    page.click(_EXAMPLE)
    for _ in range(asks):
        found += page.click().items()
    page.turn_live()
    for number in range(asks):
        found += page.slide("ArrowLeft" if number % 2 else "ArrowRight").items()
    page.close()
    return found


def _table(taken: Mapping[str, Taken]) -> list[str]:
    here, beside = taken["here"], taken.get("beside")
    lines = ["| | here | least |" if beside is None else "| | here | beside | here / beside |"]
    lines.append("|---|---|---|" + ("" if beside is None else "---|"))
    for what, values in here.items():
        now = median(values)
        if beside is None:
            lines.append(f"| {what} | {now:,.0f} | {min(values):,.0f} |")
        else:
            then = median(beside[what])
            lines.append(f"| {what} | {now:,.0f} | {then:,.0f} | {now / then:.2f} |")
    return lines


if __name__ == "__main__":
    sys.exit(main())
