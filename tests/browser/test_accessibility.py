"""What axe-core finds on every tab, and the page without a mouse."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TABS = ("evaluate", "tune", "training", "map", "about")
GRADIOS_OWN = ".empty.unpadded_box[aria-label='Empty value']"
"""Gradio's place of a figure without a value yet, a label on a div without a role: we cannot change it."""
PLOTLYS_OWN = ".js-plotly-plot"
"""What is inside a figure is plotly's; the map's 9,000 points would also take axe minutes."""
GRAVE = ("serious", "critical")


def axe_source():
    carrier = pytest.importorskip("axe_playwright_python")
    return (Path(carrier.__file__).parent / "axe.min.js").read_text("utf-8")


def findings(page):
    """The serious and critical findings, one line each."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(axe_source())
    page.evaluate("figures => document.querySelectorAll(figures).forEach(figure => figure.remove())", PLOTLYS_OWN)
    run = "own => axe.run({include: [['body']], exclude: [[own]]}, {resultTypes: ['violations']})"
    return [
        f"{rule['id']}: {node['target']} {node['html'][:160]} {node['failureSummary'][:200]}"
        for rule in page.evaluate(run, GRADIOS_OWN)["violations"]
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]


def open_tab(page, name):
    button = page.locator(f"#tab-{name}-button")
    if not button.is_visible():
        page.click("#tabs .overflow-menu > button")
        page.click(f"#tabs .overflow-dropdown button:has-text('{name.capitalize()}')")
    else:
        button.click()
    page.wait_for_timeout(1500)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_tab(open_page, serve, theme, width):
    page = open_page(f"{serve()}/?__theme={theme}", width=width)
    page.set_default_timeout(90_000)
    found = {"empty": findings(page)}
    page.click("#example-ghibli")
    page.locator("[data-phase=done]").wait_for()
    for fold in page.query_selector_all(".fold > button, .fold .label-wrap:not(.open), #details summary"):
        fold.evaluate("element => element.click()")
    page.wait_for_timeout(1000)
    found["answer and folds"] = findings(page)
    for name in TABS:
        open_tab(page, name)
        found[name] = findings(page)
    assert {name: lines for name, lines in found.items() if lines} == {}


def press_until(page, is_there, *, key="Tab", most=150):
    """Presses a key until the focus is where it should be, and no mouse helps."""
    for _ in range(most):
        if page.evaluate(f"() => document.activeElement?.{is_there} ?? false"):
            return
        page.keyboard.press(key)
    raise AssertionError(f"the keyboard does not get there: {is_there}")


def is_outlined(page):
    style = "e => [getComputedStyle(e).outlineStyle, getComputedStyle(e).boxShadow]"
    outline, shadow = page.evaluate_handle("() => document.activeElement").evaluate(style)
    return outline != "none" or shadow != "none"


def test_from_the_empty_page_to_an_answer_and_a_vote_by_keyboard_alone(open_page, serve):
    page = open_page(serve())
    press_until(page, "matches('#liked input[role=combobox]')")
    assert is_outlined(page)
    page.keyboard.type("totoro")
    page.locator("#liked .hit").first.wait_for()
    page.keyboard.press("Enter")
    expect(page.locator("#liked .chip-name")).to_have_text(["My Neighbor Totoro (1988)"])
    press_until(page, "matches('#temperature input[type=range]')")
    assert is_outlined(page)
    page.keyboard.press("ArrowRight")
    press_until(page, "matches('#go')")
    assert is_outlined(page)
    page.keyboard.press("Enter")
    page.locator("[data-phase=done]").wait_for()
    press_until(page, "matches('#answer .votes button')")
    assert is_outlined(page)
    page.keyboard.press("Enter")
    expect(page.locator("#liked .chip-name")).to_have_count(2)


def test_a_request_is_stopped_by_keyboard(open_page, serve):
    page = open_page(serve("--token", "0.3"))
    press_until(page, "matches('#go')")
    page.keyboard.press("Enter")
    page.locator("#stop").wait_for()
    press_until(page, "matches('#stop')", key="Shift+Tab")
    page.keyboard.press("Enter")
    page.locator("[data-phase=done]").wait_for()
    expect(page.locator(".card-wrote .card-note")).to_have_text("stopped by you")


def test_tabs_and_folds_open_by_keyboard(open_page, serve):
    page = open_page(serve())
    press_until(page, "matches('#fold-prompt button')")
    assert is_outlined(page)
    page.keyboard.press("Enter")
    expect(page.locator("#style")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#style")).to_be_hidden()
    press_until(page, "matches('#tab-about-button')", key="Shift+Tab")
    assert is_outlined(page)
    page.keyboard.press("Enter")
    expect(page.locator("#tab-about")).to_be_visible()
