"""The switch "Live" in a real browser: on a scripted model, and how fast it is on the model that the app opens with."""

import os
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ROOT, _wait_until_up

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WATCH = """() => {
  window.runs = 0;
  document.addEventListener('run-ended', () => window.runs++);
}"""
FIRST_TOKEN = """() => new Promise(resolve => {
  const slider = document.querySelector('#temperature input[type=range]');
  let started = null;
  slider.addEventListener('input', () => { started = performance.now(); }, {once: true});
  let busy = false;
  const observer = new MutationObserver(() => {
    const cards = document.querySelector('#answer [data-phase]');
    busy ||= started !== null && cards.dataset.phase === 'busy';
    if (!busy || !document.querySelector('#answer pre.wrote')?.textContent.trim()) return;
    observer.disconnect();
    resolve(performance.now() - started);
  });
  observer.observe(document.querySelector('#answer'), {subtree: true, childList: true, characterData: true});
  window.watching = true;
})"""
DRAG = """() => {
  const slider = document.querySelector('#temperature input[type=range]');
  for (const value of [1, 1.2, 1.4, 1.6]) {
    slider.value = String(value);
    slider.dispatchEvent(new Event('input', {bubbles: true}));
  }
}"""
LENIENT_MS = 10_000
"""What a slider's first token may take on a machine that runs many tests at once; the aim on a quiet one is 400."""


def temperature(page):
    return page.locator("#temperature input[type=range]")


def in_effect(page):
    return page.locator(".settings-in-effect li", has_text="temperature")


def first_answer(page):
    page.click("#example-ghibli")
    page.locator("[data-phase=done]").wait_for(timeout=120_000)
    page.evaluate(WATCH)


def turn_on(page):
    page.locator("#live [role=switch]").click()


def test_off_a_slider_asks_nothing(open_page, serve):
    page = open_page(serve())
    first_answer(page)
    temperature(page).press("ArrowRight")
    page.wait_for_timeout(1_000)
    assert page.evaluate("window.runs") == 0
    expect(in_effect(page)).to_have_text("temperature 0.7")


def test_on_a_slider_asks_again_and_the_tokens_are_open(open_page, serve):
    page = open_page(serve())
    first_answer(page)
    turn_on(page)
    expect(page.locator("#tokens details")).to_have_attribute("open", "")
    temperature(page).press("ArrowRight")
    expect(in_effect(page)).to_have_text("temperature 0.75")
    expect(page.locator("#tokens .tok[data-index='0']")).to_be_visible()
    page.locator("#live [role=switch]").click()
    temperature(page).press("ArrowRight")
    page.wait_for_timeout(1_000)
    expect(in_effect(page)).to_have_text("temperature 0.75")


def test_the_older_run_is_stopped_and_the_last_settings_win(open_page, serve):
    page = open_page(serve("--token", "0.3"))
    first_answer(page)
    turn_on(page)
    temperature(page).press("ArrowRight")
    page.locator("#stop").wait_for()
    page.evaluate(DRAG)
    expect(in_effect(page)).to_have_text("temperature 1.6", timeout=60_000)
    page.locator("[data-phase=done]").wait_for()
    expect(page.locator(".card-wrote .card-note")).to_have_text("list complete")
    assert page.evaluate("window.runs") == 2
    expect(page.locator("#go")).to_be_visible()


def test_a_preset_that_moves_five_sliders_asks_once_with_all_of_them(open_page, serve):
    page = open_page(serve())
    first_answer(page)
    turn_on(page)
    page.locator("#presets select").select_option("shipped:Beam search")
    expect(in_effect(page)).to_have_text("temperature 0")
    expect(page.locator(".settings-in-effect")).to_contain_text("beams 4")


def test_the_switch_is_worked_by_keyboard_and_remembered_in_its_tab(open_page, serve):
    address = serve()
    page = open_page(address)
    page.locator("#live [role=switch]").focus()
    page.keyboard.press("Space")
    switch = page.locator("#live [role=switch]")
    expect(switch).to_have_attribute("aria-checked", "true")
    page.wait_for_timeout(500)
    page.reload()
    expect(switch).to_have_attribute("aria-checked", "true")
    page.wait_for_timeout(1_000)
    expect(page.locator("#answer [data-phase]")).to_have_attribute("data-phase", "empty")  # nothing asks by itself
    other = open_page(address)
    expect(other.locator("#live [role=switch]")).to_have_attribute("aria-checked", "false")


@pytest.mark.model
def test_the_first_token_after_a_slider_moved(open_page, tmp_path, capsys):
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path / "log.txt"
    command = [sys.executable, "app.py", "--host", "127.0.0.1", "--port", str(port), "--runs", str(tmp_path / "runs")]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, env=dict(os.environ))
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_until_up(address, process, log)
        page = open_page(address)
        first_answer(page)
        turn_on(page)
        page.locator("#tokens .tok[data-index='0']").wait_for()
        took = [_first_token_ms(page) for _ in range(8)]
        page.close()  # before its server goes
    finally:
        process.terminate()
        process.wait(timeout=30)
    with capsys.disabled():
        told = ", ".join(f"{one:.0f}" for one in sorted(took))
        print(f"\nslider to first token on gptj-mini, ms, 150 of them waiting for the slider to rest: {told}")
    assert min(took) < LENIENT_MS


def _first_token_ms(page):
    page.evaluate(f"() => {{ window.took = null; ({FIRST_TOKEN})().then(ms => {{ window.took = ms; }}); }}")
    temperature(page).press("ArrowRight")
    page.wait_for_function("window.took !== null", timeout=60_000)
    page.locator("[data-phase=done]").wait_for()
    page.wait_for_timeout(1_000)
    return page.evaluate("window.took")
