"""What a person waits for on the Recommend tab, taken in a real browser."""

from __future__ import annotations

from typing import Any

REST_MS = 150
"""What Live waits for a slider to rest: recsys/ui/live.py."""
_PATIENCE = 120_000

# From the moment that the browser got the event, so that a page which is busy with something else is told too.
_WATCH = """([selector, kind]) => {
  window.pace = {};
  const answer = document.querySelector("#answer");
  let start = null, busy = false;
  const asked = document.querySelector(selector);
  asked.addEventListener(kind, (event) => { start = event.timeStamp; }, {once: true, capture: true});
  const observer = new MutationObserver(() => {
    const phase = answer.querySelector("[data-phase]")?.dataset.phase;
    const now = performance.now() - start;
    if (start === null) return;
    if (phase === "busy") { busy = true; window.pace.seen ??= now; }
    if (busy && answer.querySelector("pre.wrote")?.textContent.trim()) window.pace.text ??= now;
    if (busy && phase === "done") { window.pace.done = now; observer.disconnect(); }
  });
  observer.observe(answer, {subtree: true, childList: true, characterData: true, attributes: true});
}"""
_TRAFFIC = """() => {
  const asked = performance.getEntriesByType("resource").filter((one) => one.name.includes("/gradio_api/"));
  const told = asked.filter((one) => !one.name.includes("queue/data"));
  return [told.length, asked.reduce((sum, one) => sum + one.decodedBodySize, 0)];
}"""


class Page:
    """One tab of the browser on one server.

    Args:
        browser: A Chromium of Playwright.
        address: Of the server.
    """

    def __init__(self, browser: Any, address: str) -> None:
        self._page = browser.new_page(viewport={"width": 1440, "height": 950})
        self._devtools = self._page.context.new_cdp_session(self._page)
        # Its own processor time, whatever else the machine does.
        self._devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._address = address

    def load(self) -> dict[str, float]:
        """Opens the page: until the answer's place is drawn, and the processor time until all handlers are through."""
        self._page.goto(self._address)
        shown = self._page.wait_for_function(
            "document.querySelector('#liked .picker') && document.querySelector('#answer [data-phase]') "
            "&& performance.now()"
        ).json_value()
        self._page.wait_for_timeout(3_500)
        size = self._page.evaluate("performance.getEntriesByType('navigation')[0].decodedBodySize")
        return {"load: shown, ms": shown, "load: processor, ms": self._processor(), "page, bytes": size}

    def click(self, selector: str = "#go") -> dict[str, float]:
        """Presses a button that asks."""
        return self._ask("click", selector, lambda: self._page.click(selector), "click")

    def turn_live(self) -> None:
        """Turns Live on, with the tokens open as it does."""
        self._page.locator("#live [role=switch]").click()
        self._page.wait_for_timeout(2_000)

    def slide(self, key: str) -> dict[str, float]:
        """Moves the temperature by a key."""
        slider = "#temperature input[type=range]"
        took = self._ask("slider", slider, lambda: self._page.locator(slider).press(key), "input")
        return took | {"slider → first text, after the rest, ms": took["slider → first text, ms"] - REST_MS}

    def close(self) -> None:
        self._page.close()

    def _ask(self, name: str, selector: str, act: Any, kind: str) -> dict[str, float]:
        self._page.evaluate("performance.clearResourceTimings()")
        self._page.evaluate(_WATCH, [selector, kind])
        before = self._processor()
        act()
        self._page.wait_for_function("window.pace.done", timeout=_PATIENCE)
        self._page.wait_for_timeout(1_200)  # what follows an answer
        took, (requests, _) = self._page.evaluate("window.pace"), self._page.evaluate(_TRAFFIC)
        return {
            f"{name} → seen, ms": took["seen"],
            f"{name} → first text, ms": took.get("text", took["done"]),
            f"{name} → done, ms": took["done"],
            f"{name}: processor of the page, ms": self._processor() - before,
            f"{name}: requests": requests,
        }

    def _processor(self) -> float:
        told = self._devtools.send("Performance.getMetrics")["metrics"]
        return 1000 * next(one["value"] for one in told if one["name"] == "TaskDuration")
